import type { Dashboard } from '../panel.ts';

export const session: Dashboard = {
  name: 'session',
  title: 'Session',
  description:
    'One session or a few: what happened, why, and the lines. Filters on addresses, users and Dovecot ids hold for sessions and lines alike.',
  timeFrom: 'now-24h',
  controls: [
    { view: 'profiles', field: 'related.user', title: 'User' },
    { view: 'profiles', field: 'related.ip', title: 'Address' },
    { view: 'profiles', field: 'imapwhy.session.id', title: 'Session' },
    { view: 'events', field: 'dovecot.session_id', title: 'Dovecot id' },
  ],
  rows: [
    [
      {
        width: 48,
        height: 4,
        id: 'session-note',
        text: 'The session id leads to its page in `imapwhy serve`. To see the lines of one session, filter by its Dovecot id, or by address and time.',
      },
    ],
    [
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'table',
          id: 'session-outcomes',
          title: 'How sessions ended',
          view: 'profiles',
          rows: [
            { kind: 'terms', field: 'imapwhy.outcome', label: 'Outcome', size: 10 },
            { kind: 'terms', field: 'imapwhy.indicators.finding', label: 'Finding', size: 10 },
          ],
          metrics: [
            { label: 'Sessions', op: 'count' },
            { label: 'Longest', op: 'max', field: 'event.duration' },
          ],
        },
      },
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'chart',
          id: 'session-lines-over-time',
          title: 'Lines by source',
          view: 'events',
          shape: 'bar_stacked',
          x: { kind: 'time' },
          split: { kind: 'terms', field: 'event.dataset', label: 'Dataset', size: 20 },
          metrics: [{ label: 'Lines', op: 'count' }],
        },
      },
    ],
    [
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'chart',
          id: 'session-stalled',
          title: 'Where time ran out',
          view: 'profiles',
          shape: 'bar_horizontal',
          x: { kind: 'terms', field: 'imapwhy.stalled_in', label: 'Phase', size: 5 },
          metrics: [{ label: 'Sessions', op: 'count' }],
        },
      },
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'table',
          id: 'session-evidence-names',
          title: 'Evidence',
          view: 'profiles',
          rows: [{ kind: 'terms', field: 'imapwhy.cause.evidence.name', label: 'Evidence', size: 20 }],
          metrics: [{ label: 'Sessions', op: 'count' }],
        },
      },
    ],
    [{ width: 48, height: 16, search: 'session-evidence' }],
    [{ width: 48, height: 20, search: 'lines' }],
  ],
};
