import type { CauseLabel } from '../../processors/profile/profile.ts';

/** `watch`: between normal and warning. */
export const FINDING_LEVELS = ['watch', 'warning', 'alarm'] as const;
export type FindingLevel = (typeof FINDING_LEVELS)[number];

export const SERIES_METRICS = ['attempts', 'success rate', 'set-up time', 'TLS time', 'WAF blocks'] as const;
export type SeriesMetric = (typeof SERIES_METRICS)[number];
/** What can be unusual: a series, or one session by itself. */
export type UnusualMetric = SeriesMetric | 'session size';

/** One series that was unusual, at its worst. */
export interface UnusualSeries {
  readonly scope: string; // `server:mx1`, `network:198.51.100.0/24`, `tunnel:…`, `client:Thunderbird`, `rule:942100 /path`, `address:…`, `session:ID`
  readonly metric: UnusualMetric;
  readonly level: FindingLevel;
  readonly basis: 'limit' | 'learned'; // a fixed limit was passed, or what is usual for that hour
  readonly score: number; // 0 to 1
  readonly reason: string;
  readonly sessions: number; // of the finding's sessions, those in this scope
  readonly attempts: number; // in this scope while it was unusual
}

/** Series that were unusual together, with the sessions that they explain: the document (docs/data-model.md). */
export interface AnomalyFinding {
  readonly '@timestamp': string; // onset
  readonly ecs: { readonly version: string };
  readonly event: {
    readonly kind: 'alert';
    readonly dataset: 'imapwhy.anomaly';
    readonly start: string;
    readonly end: string;
    readonly duration: number; // nanoseconds
  };
  readonly imapwhy: {
    readonly anomaly: {
      readonly id: string;
      readonly level: FindingLevel; // of its worst series
      readonly score: number;
      readonly scope: string; // the narrowest that holds most of its sessions
      readonly reason: string;
      readonly series: readonly UnusualSeries[]; // the narrowest first, at most 12
      readonly incident: { readonly cause: CauseLabel; readonly scope: string } | null; // of most of its sessions
      readonly sessions: number; // failed ones that it explains: its blast radius
      readonly users: number;
      readonly networks: number;
      readonly example_sessions: readonly string[]; // ids, at most 5
    };
    readonly revision: number;
  };
}
