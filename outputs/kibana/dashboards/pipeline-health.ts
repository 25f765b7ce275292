import type { Dashboard, Metric, Panel } from '../panel.ts';

const counter = (id: string, title: string, field: string): Panel => ({
  kind: 'metric',
  id: `pipeline-${id}`,
  title,
  view: 'pipeline',
  metric: { label: 'in this time', op: 'sum', field: `imapwhy.pipeline.${field}` },
});
const sum = (label: string, field: string): Metric => ({ label, op: 'sum', field: `imapwhy.pipeline.${field}` });
const max = (label: string, field: string, format: Metric['format'] = 'number'): Metric => ({
  label,
  op: 'max',
  field: `imapwhy.pipeline.${field}`,
  format,
});

export const pipelineHealth: Dashboard = {
  name: 'pipeline-health',
  title: 'Pipeline health',
  description: 'What imapwhy itself read, understood, wrote, could not write, and forgot.',
  timeFrom: 'now-6h',
  controls: [{ view: 'pipeline', field: 'imapwhy.pipeline.worker', title: 'Worker' }],
  rows: [
    [
      { width: 8, height: 7, panel: counter('records', 'Records read', 'records') },
      { width: 8, height: 7, panel: counter('parse-failures', 'Not understood', 'parse_failures') },
      { width: 8, height: 7, panel: counter('dead-letters', 'Dead letters', 'dead_letters') },
      { width: 8, height: 7, panel: counter('late', 'Late events', 'late_events') },
      { width: 8, height: 7, panel: counter('evictions', 'Evictions', 'evictions') },
      { width: 8, height: 7, panel: counter('redactions', 'Redacted records', 'redactions') },
    ],
    [
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'chart',
          id: 'pipeline-written',
          title: 'Documents written',
          view: 'pipeline',
          shape: 'area_stacked',
          x: { kind: 'time' },
          metrics: [
            sum('Events', 'events.written'),
            sum('Sessions', 'profiles.written'),
            sum('Incidents', 'incidents.written'),
          ],
        },
      },
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'chart',
          id: 'pipeline-lag',
          title: 'How far behind',
          view: 'pipeline',
          shape: 'line',
          x: { kind: 'time' },
          metrics: [max('Records that wait', 'lag'), max('Event time behind (ms)', 'watermark_lag_ms')],
        },
      },
    ],
    [
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'chart',
          id: 'pipeline-troubles',
          title: 'Documents that had to be sent again, by reason',
          view: 'pipeline',
          shape: 'bar_stacked',
          x: { kind: 'time' },
          metrics: [
            sum('Overloaded', 'troubles.overloaded'),
            sum('Unreachable', 'troubles.unreachable'),
            sum('Time-out', 'troubles.timeout'),
            sum('Failing', 'troubles.failing'),
            sum('Denied', 'troubles.denied'),
            sum('Missing', 'troubles.missing'),
            sum('Unreadable', 'troubles.unreadable'),
          ],
        },
      },
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'table',
          id: 'pipeline-workers',
          title: 'Workers',
          view: 'pipeline',
          rows: [{ kind: 'terms', field: 'imapwhy.pipeline.worker', label: 'Worker', size: 50 }],
          metrics: [
            sum('Records', 'records'),
            max('Open sessions', 'sessions_open'),
            max('Memory', 'rss_bytes', 'bytes'),
            sum('CPU (ms)', 'cpu_ms'),
            sum('Refused events', 'events.refused'),
          ],
        },
      },
    ],
    [
      {
        width: 48,
        height: 10,
        panel: {
          kind: 'table',
          id: 'pipeline-parse-failure-reasons',
          title: 'Why lines were not understood',
          view: 'events',
          filter: 'tags: _parse_failure',
          rows: [
            { kind: 'terms', field: 'error.code', label: 'Reason', size: 12 },
            { kind: 'terms', field: 'log.file.path', label: 'Source', size: 5 },
          ],
          metrics: [{ label: 'Lines', op: 'count' }],
        },
      },
    ],
    [{ width: 48, height: 14, search: 'parse-failures' }],
  ],
};
