/** Alert rules as Kibana's API takes them (POST /api/alerting/rule/ID). They come without actions: whom to tell is for each site to say. */
import { type KibanaOptions, type ViewName, viewPattern } from './data-views.ts';

export interface AlertRule {
  readonly id: string;
  readonly name: string;
  readonly view: ViewName;
  /** What is looked at, in the query language of Elasticsearch. */
  readonly query: object;
  readonly aggregation: { readonly type: 'count' } | { readonly type: 'avg' | 'sum'; readonly field: string };
  readonly groupBy?: string;
  readonly comparator: '>' | '>=' | '<';
  readonly threshold: number;
  /** Of event time. Sessions are known some minutes after their end, so windows are not shorter than half an hour. */
  readonly windowMinutes: number;
  readonly tags: readonly string[];
}

const match = (field: string, value: string | number): object => ({ term: { [field]: value } });
const all = { match_all: {} };

export const ALERT_RULES: readonly AlertRule[] = [
  {
    id: 'imapwhy-success-rate',
    name: 'imapwhy: connection success rate below 98 %',
    view: 'profiles',
    query: all,
    aggregation: { type: 'avg', field: 'imapwhy.indicators.success' },
    comparator: '<',
    threshold: 0.98,
    windowMinutes: 30,
    tags: ['imapwhy', 'indicator'],
  },
  {
    id: 'imapwhy-setup-time',
    name: 'imapwhy: mean session set-up time above 8 s',
    view: 'profiles',
    query: all,
    aggregation: { type: 'avg', field: 'imapwhy.indicators.setup_ms' },
    comparator: '>',
    threshold: 8000,
    windowMinutes: 30,
    tags: ['imapwhy', 'indicator'],
  },
  {
    id: 'imapwhy-tls-time',
    name: 'imapwhy: mean TLS handshake above 4 s',
    view: 'profiles',
    query: all,
    aggregation: { type: 'avg', field: 'imapwhy.indicators.tls_ms' },
    comparator: '>',
    threshold: 4000,
    windowMinutes: 30,
    tags: ['imapwhy', 'indicator'],
  },
  {
    id: 'imapwhy-many-sessions-of-one-scope',
    name: 'imapwhy: twenty sessions failed for what they have in common',
    view: 'profiles',
    query: match('imapwhy.indicators.success', 0),
    aggregation: { type: 'count' },
    groupBy: 'imapwhy.cause.scope',
    comparator: '>=',
    threshold: 20,
    windowMinutes: 30,
    tags: ['imapwhy', 'incident'],
  },
  {
    id: 'imapwhy-waf-false-positive',
    name: 'imapwhy: a WAF rule turns legitimate users away',
    view: 'profiles',
    query: match('imapwhy.cause.label', 'security.waf_false_positive'),
    aggregation: { type: 'count' },
    groupBy: 'imapwhy.cause.scope',
    comparator: '>=',
    threshold: 3,
    windowMinutes: 60,
    tags: ['imapwhy', 'security'],
  },
  {
    id: 'imapwhy-dead-letters',
    name: 'imapwhy: documents went to the dead letters',
    view: 'pipeline',
    query: all,
    aggregation: { type: 'sum', field: 'imapwhy.pipeline.dead_letters' },
    comparator: '>',
    threshold: 0,
    windowMinutes: 30,
    tags: ['imapwhy', 'pipeline'],
  },
  {
    id: 'imapwhy-silence',
    name: 'imapwhy: no lines arrive',
    view: 'events',
    query: all,
    aggregation: { type: 'count' },
    comparator: '<',
    threshold: 1,
    windowMinutes: 30,
    tags: ['imapwhy', 'pipeline'],
  },
];

/** The body of the request. */
export function ruleBody(rule: AlertRule, { namespace }: KibanaOptions): object {
  return {
    name: rule.name,
    tags: rule.tags,
    rule_type_id: '.es-query',
    consumer: 'stackAlerts',
    enabled: true,
    schedule: { interval: '5m' },
    actions: [],
    params: {
      searchType: 'esQuery',
      index: [viewPattern(rule.view, namespace)],
      timeField: '@timestamp',
      esQuery: JSON.stringify({ query: rule.query }),
      size: 100,
      aggType: rule.aggregation.type,
      ...('field' in rule.aggregation ? { aggField: rule.aggregation.field } : {}),
      groupBy: rule.groupBy === undefined ? 'all' : 'top',
      ...(rule.groupBy === undefined ? {} : { termField: rule.groupBy, termSize: 50 }),
      thresholdComparator: rule.comparator,
      threshold: [rule.threshold],
      timeWindowSize: rule.windowMinutes,
      timeWindowUnit: 'm',
      excludeHitsFromPreviousRun: false,
    },
  };
}
