/** The three indicators, on more than one dashboard. Limits as in processors/profile/limits.ts; a test compares them. */
import type { Panel, Threshold } from '../panel.ts';

const rising = (watch: number, warning: number, alarm: number): readonly Threshold[] => [
  { from: 0, level: 'normal' },
  { from: watch, level: 'watch' },
  { from: warning, level: 'warning' },
  { from: alarm, level: 'alarm' },
];

export const successRate: Panel = {
  kind: 'metric',
  id: 'success-rate',
  title: 'Connection success rate',
  view: 'profiles',
  metric: {
    label: 'of legitimate attempts succeeded',
    op: 'average',
    field: 'imapwhy.indicators.success',
    format: 'percent',
  },
  thresholds: [
    { from: 0, level: 'alarm' },
    { from: 0.98, level: 'warning' },
    { from: 0.995, level: 'watch' },
    { from: 0.9995, level: 'normal' },
  ],
};

export const setupTime: Panel = {
  kind: 'metric',
  id: 'setup-time',
  title: 'Session set-up time',
  view: 'profiles',
  metric: {
    label: 'mean, connection to login',
    op: 'average',
    field: 'imapwhy.indicators.setup_ms',
    format: 'milliseconds',
  },
  thresholds: rising(4200, 5500, 8000),
};

export const tlsTime: Panel = {
  kind: 'metric',
  id: 'tls-time',
  title: 'TLS handshake',
  view: 'profiles',
  metric: {
    label: 'mean, completed handshakes',
    op: 'average',
    field: 'imapwhy.indicators.tls_ms',
    format: 'milliseconds',
  },
  thresholds: rising(1800, 2500, 4000),
};
