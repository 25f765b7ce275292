import type { Dashboard } from '../panel.ts';

const falsePositive = 'imapwhy.cause.label: "security.waf_false_positive"';
const blocks = 'event.type: denied and rule.id: *';

export const wafReview: Dashboard = {
  name: 'waf-review',
  title: 'WAF review',
  description: 'Which rules turn legitimate users away, on which paths, and what that costs.',
  timeFrom: 'now-7d',
  controls: [
    { view: 'events', field: 'rule.id', title: 'Rule' },
    { view: 'events', field: 'url.path', title: 'Path' },
  ],
  rows: [
    [
      {
        width: 12,
        height: 8,
        panel: {
          kind: 'metric',
          id: 'waf-sessions-lost',
          title: 'Sessions lost',
          view: 'profiles',
          metric: { label: 'to false positives', op: 'count', filter: falsePositive },
        },
      },
      {
        width: 12,
        height: 8,
        panel: {
          kind: 'metric',
          id: 'waf-users-hit',
          title: 'Users hit',
          view: 'profiles',
          metric: { label: 'by false positives', op: 'unique_count', field: 'user.name', filter: falsePositive },
        },
      },
      {
        width: 12,
        height: 8,
        panel: {
          kind: 'metric',
          id: 'waf-blocks-count',
          title: 'Blocks',
          view: 'events',
          metric: { label: 'requests turned away by a rule', op: 'count', filter: blocks },
        },
      },
      {
        width: 12,
        height: 8,
        panel: {
          kind: 'metric',
          id: 'waf-attacks',
          title: 'Attacks',
          view: 'profiles',
          metric: { label: 'attempts that were attacks', op: 'count', filter: 'imapwhy.indicators.standing: attack' },
        },
      },
    ],
    [
      {
        width: 28,
        height: 16,
        panel: {
          kind: 'table',
          id: 'waf-rules-by-path',
          title: 'Rule by path',
          view: 'events',
          filter: blocks,
          rows: [
            { kind: 'terms', field: 'rule.id', label: 'Rule', size: 20 },
            { kind: 'terms', field: 'url.path', label: 'Path', size: 5 },
          ],
          metrics: [
            { label: 'Blocks', op: 'count' },
            { label: 'Addresses', op: 'unique_count', field: 'source.ip' },
            { label: 'Users', op: 'unique_count', field: 'user.name' },
          ],
        },
      },
      {
        width: 20,
        height: 16,
        panel: {
          kind: 'table',
          id: 'waf-sessions-by-rule',
          title: 'Sessions that rules cost',
          view: 'profiles',
          filter: falsePositive,
          rows: [{ kind: 'terms', field: 'imapwhy.cause.scope', label: 'Rule and path', size: 20 }],
          metrics: [
            { label: 'Sessions', op: 'count' },
            { label: 'Users', op: 'unique_count', field: 'user.name' },
            { label: 'Probability', op: 'average', field: 'imapwhy.cause.probability', format: 'percent' },
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
          kind: 'chart',
          id: 'waf-blocks-over-time',
          title: 'Blocks over time',
          view: 'events',
          filter: blocks,
          shape: 'bar_stacked',
          x: { kind: 'time' },
          split: { kind: 'terms', field: 'rule.id', label: 'Rule', size: 10 },
          metrics: [{ label: 'Blocks', op: 'count' }],
        },
      },
    ],
    [{ width: 48, height: 18, search: 'waf-blocks' }],
  ],
};
