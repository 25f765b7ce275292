import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { CauseLabel, MissingSource, Outcome, PhaseName, Remedy } from '../processors/profile/profile.ts';
import type { Distinct } from './counting/distinct-counter.ts';
import type { Counted } from './counting/top-counter.ts';
import type { Indicator } from './indicators.ts';

/**
 * What a run found, small enough to print: the `--json` output, and what the terminal summary and the report are made from.
 * Times are ISO 8601 UTC, shares and rates 0 to 1. Texts come from logs: they are short but not made safe to show.
 */
export interface Summary {
  readonly version: 1;
  readonly period: Period;
  readonly counts: Counts;
  readonly indicators: Indicators;
  /** Sorted by failed sessions; attacks after them; then the rests: unexplained, undetermined, wrong passwords, healthy. They add up to `counts.attempts`. */
  readonly causes: readonly CauseRow[];
  /** Failed attempts of legitimate users by whose job they are; the unexplained last, with owner null. */
  readonly owners: readonly OwnerRow[];
  readonly worst: {
    readonly users: readonly WorstRow[];
    readonly networks: readonly WorstRow[]; // /24, IPv6 /64, of the real client address
    readonly servers: readonly WorstRow[];
  };
  readonly incidents: { readonly total: number; readonly largest: readonly Incident[] };
  /** What was unusual together, the widest first. */
  readonly anomalies: { readonly total: number; readonly widest: readonly AnomalyFinding[] };
  readonly unexplained: Unexplained;
  readonly over_time: OverTime;
  readonly ingest: IngestTotals;
  /** Sources that failed sessions lacked, with how many lacked them. */
  readonly missing_sources: readonly (MissingSource & { readonly sessions: number })[];
  /** False when there were more different users, networks or servers than could be held: then the counts of `worst` are lower bounds. */
  readonly worst_exact: boolean;
}

/** First start to last end of the attempts; without `over_time.outside` sessions that lie far from all others. */
export interface Period {
  readonly start: string | null; // start of the first session
  readonly end: string | null; // end of the last one
  readonly seconds: number;
}

/** `attempts` = `succeeded` + `failed` + `undetermined` + `attacks` + `wrong_passwords`. Health checks are no attempts. */
export interface Counts {
  readonly sessions: number; // attempts and health checks
  readonly health_checks: number;
  readonly known_scanners: number;
  readonly attempts: number;
  /** Of legitimate users, with a known end: `succeeded` + `failed`. What availability counts. */
  readonly legitimate: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly explained: number; // of the failed: a cause was named
  readonly unexplained: number; // of the failed: none was found
  readonly undetermined: number; // neither success nor failure shows in the logs
  readonly attacks: number; // attacks and scans
  readonly wrong_passwords: number;
  readonly incomplete: number; // profiles made from a part of their lines
}

export interface Indicators {
  readonly success_rate: Indicator;
  readonly setup_time: Indicator; // connection to login, of sessions that logged in
  readonly tls_time: Indicator; // completed handshakes
}

export type RestLabel = 'unexplained' | 'undetermined' | 'wrong_password' | 'healthy';

export interface CauseRow {
  readonly label: Exclude<CauseLabel, 'none'> | RestLabel;
  readonly kind: 'cause' | 'attack' | 'rest';
  readonly layer: string | null;
  readonly owner: string | null;
  readonly sessions: number;
  /** Of them, those that failed. The others were hampered and still completed. */
  readonly failed: number;
  /** `failed` of all failed attempts of legitimate users; 0 for attacks and rests other than unexplained. */
  readonly share: number;
  readonly since: string | null; // start of its first session
  readonly until: string | null; // end of its last one
  /** The shortest time in which 90 % of its sessions began, to ten seconds or coarser. */
  readonly peak: { readonly start: string; readonly end: string } | null;
  /** Still seen when the logs end. */
  readonly ongoing: boolean;
  readonly users: Distinct;
  readonly networks: Distinct;
  readonly top_users: readonly Counted[];
  readonly top_networks: readonly Counted[];
  readonly top_scopes: readonly Counted[]; // `server:mx1`, `tunnel:…`, `rule:942100`
  readonly incidents: number;
  readonly mean_probability: number | null;
  readonly remedies: readonly Remedy[]; // the most frequent first
  readonly example_sessions: readonly string[];
}

export interface OwnerRow {
  readonly owner: string | null;
  readonly sessions: number;
  readonly share: number;
  readonly causes: readonly { readonly label: string; readonly sessions: number }[];
}

export interface WorstRow {
  readonly name: string;
  readonly attempts: number; // of legitimate users, with a known end
  readonly failed: number;
  readonly main_cause: string; // the most frequent label of the failed, or `unexplained`
  readonly main_cause_sessions: number;
  readonly last_failure: string | null;
}

export interface Unexplained {
  readonly sessions: number;
  readonly outcomes: readonly { readonly outcome: Outcome; readonly sessions: number }[];
  readonly stalled_in: readonly { readonly phase: PhaseName | null; readonly sessions: number }[];
  /** The daemon's words for the end, numbers replaced by `#`. */
  readonly reasons: readonly Counted[];
  readonly example_sessions: readonly string[];
}

export const SERIES = ['attempts', 'network', 'server', 'client', 'security', 'unexplained'] as const;
export type SeriesName = (typeof SERIES)[number];

/** Attempts of legitimate users by start, and the failed ones by the layer of their cause. Without gaps, at most 120 buckets. */
export interface OverTime {
  readonly bucket_seconds: number;
  readonly buckets: readonly ({ readonly start: string } & Readonly<Record<SeriesName, number>>)[];
  /** Attempts whose stamps lie so far from all others that they are not in `buckets`. */
  readonly outside: number;
}

/** What reading one source gave. `parsed` + `unparsed` = `lines`. */
export interface IngestCounts {
  readonly source: string;
  readonly formats: readonly { readonly format: string; readonly lines: number }[];
  readonly lines: number;
  readonly parsed: number;
  readonly unparsed: number;
  readonly templates: readonly UnparsedTemplate[];
  readonly first: string | null;
  readonly last: string | null;
  /** Null when its stamps carry their own. `assumed`: nobody said so, it was guessed; `basis` says from what. */
  readonly zone: { readonly name: string; readonly assumed: boolean; readonly basis: string } | null;
  /** Correction applied to its clock; null when none. */
  readonly clock: { readonly shift_ms: number; readonly confidence: number; readonly basis: string } | null;
  /** Sentences for a person: truncated, unreadable, binary, year guessed … */
  readonly problems: readonly string[];
}

export interface UnparsedTemplate {
  readonly template: string;
  readonly lines: number;
  readonly example: string; // redacted
}

export interface IngestTotals {
  readonly sources_total: number;
  readonly lines: number;
  readonly parsed: number;
  readonly unparsed: number;
  readonly sources: readonly IngestCounts[]; // those with problems first, then by lines; at most 200
  readonly templates: readonly (UnparsedTemplate & { readonly source: string })[]; // at most 20
  readonly problems: readonly { readonly source: string; readonly text: string }[]; // at most 100
}
