import type { Dashboard } from '../panel.ts';
import { setupTime, successRate, tlsTime } from './indicators.ts';

const failed = 'imapwhy.indicators.success: 0';

export const week: Dashboard = {
  name: 'week',
  title: 'Week',
  description:
    'The last seven days for a review: the indicators, what failed most, who was hit, which incidents there were.',
  timeFrom: 'now-7d/d',
  controls: [{ view: 'profiles', field: 'host.name', title: 'Server' }],
  rows: [
    [
      { width: 16, height: 8, panel: successRate },
      { width: 16, height: 8, panel: setupTime },
      { width: 16, height: 8, panel: tlsTime },
    ],
    [
      {
        width: 48,
        height: 12,
        panel: {
          kind: 'chart',
          id: 'week-success',
          title: 'Success rate over time',
          view: 'profiles',
          shape: 'line',
          x: { kind: 'time' },
          metrics: [{ label: 'Success rate', op: 'average', field: 'imapwhy.indicators.success', format: 'percent' }],
        },
      },
    ],
    [
      {
        width: 24,
        height: 14,
        panel: {
          kind: 'table',
          id: 'week-owners',
          title: 'Whose job',
          view: 'profiles',
          filter: failed,
          rows: [
            { kind: 'terms', field: 'imapwhy.cause.owner', label: 'Owner', size: 10 },
            { kind: 'terms', field: 'imapwhy.cause.label', label: 'Cause', size: 10 },
          ],
          metrics: [
            { label: 'Failed sessions', op: 'count' },
            { label: 'Users', op: 'unique_count', field: 'user.name' },
          ],
          drilldown: 'session',
        },
      },
      {
        width: 24,
        height: 14,
        panel: {
          kind: 'table',
          id: 'week-users',
          title: 'Users with most failures',
          view: 'profiles',
          filter: failed,
          rows: [{ kind: 'terms', field: 'user.name', label: 'User', size: 20 }],
          metrics: [
            { label: 'Failed sessions', op: 'count' },
            { label: 'Causes', op: 'unique_count', field: 'imapwhy.cause.label' },
          ],
          drilldown: 'session',
        },
      },
    ],
    [
      {
        width: 48,
        height: 12,
        panel: {
          kind: 'table',
          id: 'week-incidents',
          title: 'Incidents by cause',
          view: 'incidents',
          rows: [{ kind: 'terms', field: 'imapwhy.incident.cause', label: 'Cause', size: 20 }],
          metrics: [
            { label: 'Incidents', op: 'count' },
            { label: 'Sessions', op: 'sum', field: 'imapwhy.incident.sessions' },
            { label: 'Longest', op: 'max', field: 'event.duration' },
          ],
        },
      },
    ],
    [{ width: 48, height: 16, search: 'incidents' }],
  ],
};
