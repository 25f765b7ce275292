import type { Dashboard } from '../panel.ts';
import { setupTime, successRate, tlsTime } from './indicators.ts';

const failed = 'imapwhy.indicators.success: 0';

export const overview: Dashboard = {
  name: 'overview',
  title: 'Overview',
  description: 'How IMAP is doing, why sessions fail, and whose job it is.',
  timeFrom: 'now-24h',
  controls: [
    { view: 'profiles', field: 'host.name', title: 'Server' },
    { view: 'profiles', field: 'imapwhy.cause.layer', title: 'Layer' },
    { view: 'profiles', field: 'imapwhy.indicators.finding', title: 'Finding' },
  ],
  rows: [
    [
      { width: 12, height: 8, panel: successRate },
      { width: 12, height: 8, panel: setupTime },
      { width: 12, height: 8, panel: tlsTime },
      {
        width: 12,
        height: 8,
        panel: {
          kind: 'metric',
          id: 'failed-attempts',
          title: 'Failed attempts',
          view: 'profiles',
          metric: { label: 'of legitimate users', op: 'count', filter: failed },
        },
      },
    ],
    [
      {
        width: 32,
        height: 14,
        panel: {
          kind: 'chart',
          id: 'causes-over-time',
          title: 'Causes over time',
          view: 'profiles',
          filter: failed,
          shape: 'bar_stacked',
          x: { kind: 'time' },
          split: { kind: 'terms', field: 'imapwhy.indicators.finding', label: 'Cause', size: 20 },
          metrics: [{ label: 'Failed sessions', op: 'count' }],
          drilldown: 'session',
        },
      },
      {
        width: 16,
        height: 14,
        panel: {
          kind: 'chart',
          id: 'owners',
          title: 'Whose job it is',
          view: 'profiles',
          filter: failed,
          shape: 'bar_horizontal',
          x: { kind: 'terms', field: 'imapwhy.cause.owner', label: 'Owner', size: 10 },
          metrics: [{ label: 'Failed sessions', op: 'count' }],
          drilldown: 'session',
        },
      },
    ],
    [
      {
        width: 24,
        height: 14,
        panel: {
          kind: 'table',
          id: 'causes',
          title: 'Causes',
          view: 'profiles',
          filter: failed,
          rows: [{ kind: 'terms', field: 'imapwhy.indicators.finding', label: 'Cause', size: 30 }],
          metrics: [
            { label: 'Sessions', op: 'count' },
            { label: 'Users', op: 'unique_count', field: 'user.name' },
            { label: 'Addresses', op: 'unique_count', field: 'client.ip' },
            { label: 'Probability', op: 'average', field: 'imapwhy.cause.probability', format: 'percent' },
          ],
          drilldown: 'session',
        },
      },
      {
        width: 24,
        height: 14,
        panel: {
          kind: 'table',
          id: 'scopes',
          title: 'What failures have in common',
          view: 'profiles',
          filter: failed,
          rows: [
            { kind: 'terms', field: 'imapwhy.cause.scope', label: 'Scope', size: 20 },
            { kind: 'terms', field: 'imapwhy.cause.label', label: 'Cause', size: 3 },
          ],
          metrics: [
            { label: 'Sessions', op: 'count' },
            { label: 'Users', op: 'unique_count', field: 'user.name' },
          ],
          drilldown: 'session',
        },
      },
    ],
    [{ width: 48, height: 14, search: 'incidents' }],
    [
      { width: 24, height: 14, search: 'anomalies' },
      { width: 24, height: 14, search: 'likely' },
    ],
    [{ width: 48, height: 16, search: 'failed-sessions' }],
  ],
};
