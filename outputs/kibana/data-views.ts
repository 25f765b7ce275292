import type { DocumentSet } from '../elasticsearch/setup/templates.ts';
import type { SavedObject } from './saved-object.ts';

export type ViewName = DocumentSet;

export interface KibanaOptions {
  /** `*` for all. */
  readonly namespace: string;
  /** Address of a session's page of `imapwhy serve`, with `{{value}}` for its id. */
  readonly sessionUrl: string;
}

export const KIBANA_DEFAULTS: KibanaOptions = {
  namespace: '*',
  sessionUrl: 'http://127.0.0.1:8180/session/{{value}}',
};

export const viewId = (name: ViewName): string => `imapwhy-${name}`;

/** Index patterns, as a search takes them too. */
export function viewPattern(name: ViewName, namespace: string): string {
  if (name === 'events') return `logs-imapwhy.*-${namespace}`;
  if (name === 'pipeline') return `metrics-imapwhy.pipeline-${namespace}`;
  return namespace === '*' ? `imapwhy-${name}-*` : `imapwhy-${name}-${namespace}-*`;
}

export function dataViews(options: KibanaOptions): readonly SavedObject[] {
  const sessionLink = {
    id: 'url',
    params: { urlTemplate: options.sessionUrl, labelTemplate: '{{value}}', openLinkInCurrentTab: false },
  };
  const seconds = (unit: string) => ({
    id: 'duration',
    params: { inputFormat: unit, outputFormat: 'humanizePrecise', outputPrecision: 1, useShortSuffix: true },
  });
  const percent = { id: 'percent', params: { pattern: '0.[00]%' } };
  const views: readonly (readonly [ViewName, string, object])[] = [
    [
      'anomalies',
      'imapwhy: anomalies',
      {
        'event.duration': seconds('nanoseconds'),
        'imapwhy.anomaly.example_sessions': sessionLink,
      },
    ],
    ['events', 'imapwhy: events', { 'event.duration': seconds('nanoseconds'), 'source.bytes': { id: 'bytes' } }],
    [
      'feedback',
      'imapwhy: feedback',
      { 'imapwhy.feedback.model_probability': percent, 'imapwhy.feedback.session': sessionLink },
    ],
    [
      'incidents',
      'imapwhy: incidents',
      {
        'event.duration': seconds('nanoseconds'),
        'imapwhy.incident.example_sessions': sessionLink,
        'imapwhy.incident.probability': percent,
      },
    ],
    ['likely', 'imapwhy: likely to fail', { 'imapwhy.likely.risk': percent, 'imapwhy.likely.tries': percent }],
    [
      'pipeline',
      'imapwhy: pipeline',
      {
        'imapwhy.pipeline.pending_bytes': { id: 'bytes' },
        'imapwhy.pipeline.rss_bytes': { id: 'bytes' },
        'imapwhy.pipeline.watermark_lag_ms': seconds('milliseconds'),
      },
    ],
    [
      'profiles',
      'imapwhy: sessions',
      {
        'event.duration': seconds('nanoseconds'),
        'imapwhy.cause.probability': percent,
        'imapwhy.context.pool_used': percent,
        'imapwhy.indicators.setup_ms': seconds('milliseconds'),
        'imapwhy.indicators.success': percent,
        'imapwhy.indicators.tls_ms': seconds('milliseconds'),
        'imapwhy.prediction.risk': percent,
        'imapwhy.session.id': sessionLink,
        'network.bytes': { id: 'bytes' },
      },
    ],
  ];
  return views.map(([name, title, formats]) => ({
    id: viewId(name),
    type: 'index-pattern',
    attributes: {
      title: viewPattern(name, options.namespace),
      name: title,
      timeFieldName: '@timestamp',
      allowNoIndex: true,
      fieldFormatMap: JSON.stringify(formats),
    },
    references: [],
  }));
}
