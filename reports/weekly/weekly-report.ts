import type { CauseLabel, Remedy } from '../../processors/profile/profile.ts';
import type { Distinct } from '../counting/distinct-counter.ts';
import type { Indicator, Level } from '../indicators.ts';
import type { Change } from './change.ts';

/**
 * The weekly root-cause report as a value: what `--format json` prints, and what the pages are made from. Times are ISO 8601, those of days and
 * weeks with the offset of the report's zone; shares, rates and probabilities 0 to 1. It depends on the store and the options alone. Texts come
 * from logs: they are not made safe to show. With `pseudonyms` there is no user, address or raw line in it.
 */
export interface WeeklyReport {
  readonly version: 1;
  readonly week: {
    readonly name: string; // 2026-W48
    readonly zone: string;
    readonly start: string;
    readonly end: string;
    readonly hours: number; // 168; 167 or 169 when the clock is changed
  };
  /** Release of parsers and weights of the last run in the store. */
  readonly engine: string | null;
  readonly pseudonyms: boolean;
  readonly gaps: DataGaps;
  readonly availability: Availability;
  /** This week and the three before it. */
  readonly four_weeks: { readonly weeks: number; readonly budget: ErrorBudget };
  readonly indicators: { readonly setup_time: Indicator; readonly tls_time: Indicator };
  /** The four weeks before and this one, the oldest first. */
  readonly history: readonly WeekRow[];
  /** Of this week's availability, as rates of failures. */
  readonly changes: Changes;
  readonly days: readonly DayRow[];
  readonly causes: readonly CauseRow[];
  readonly layers: readonly ShareRow[];
  readonly owners: readonly ShareRow[];
  readonly incidents: { readonly total: number };
  readonly top: readonly RootCause[];
  /** Of last week's five: those that did not come back. */
  readonly gone: readonly GoneCause[];
  readonly waf: WafFalsePositives;
  readonly predictions: Predictions | null;
  readonly before_after: BeforeAfter | null;
}

export interface Changes {
  readonly last_week: Change;
  /** Against the four weeks before taken together, and as one more week among them. */
  readonly four_weeks: Change;
}

/** Attempts of legitimate users whose end is known; the others are named in `outside`. */
export interface Availability {
  readonly attempts: number;
  readonly failed: number;
  readonly explained: number;
  readonly unexplained: number;
  readonly rate: number | null;
  /** 95 % interval of `rate`, a day taken as one observation; null with fewer than three days. */
  readonly interval: { readonly low: number; readonly high: number } | null;
  readonly level: Level;
  readonly budget: ErrorBudget;
  readonly lost_minutes: number;
  readonly outside: {
    readonly attacks: number;
    readonly wrong_passwords: number;
    readonly undetermined: number;
    readonly health_checks: number;
    readonly known_scanners: number;
  };
}

/** Failures that the objective allows, and how many there were. */
export interface ErrorBudget {
  readonly objective: number; // 0.9995
  readonly attempts: number;
  readonly allowed: number; // a fraction where attempts are few
  readonly used: number;
  /** used / allowed; null without attempts. */
  readonly share: number | null;
}

export interface WeekRow {
  readonly name: string;
  readonly attempts: number;
  readonly failed: number;
  readonly rate: number | null; // of success
  readonly interval: { readonly low: number; readonly high: number } | null;
  readonly days: number; // with attempts
}

export const LAYERS = ['network', 'server', 'client', 'security', 'unexplained'] as const;
export type LayerName = (typeof LAYERS)[number];

export interface DayRow extends Readonly<Record<LayerName, number>> {
  readonly date: string;
  readonly attempts: number;
  readonly failed: number;
}

export type FailureLabel = Exclude<CauseLabel, 'none'> | 'unexplained';

export interface ShareRow {
  /** A layer or an owner; null: nobody's yet, the unexplained. */
  readonly name: string | null;
  readonly failed: number;
  readonly share: number; // of all failed attempts
  readonly lost_minutes: number;
}

export interface CauseRow {
  readonly label: FailureLabel;
  readonly layer: LayerName;
  readonly owner: string | null;
  readonly failed: number;
  readonly share: number;
  readonly lost_minutes: number;
  readonly users: Distinct;
  readonly last_week: Change;
  readonly four_weeks: Change;
}

/** Since the last report: not seen in the four weeks before; seen last week; seen before, but not last week. */
export type Status = 'new' | 'recurring' | 'returned' | 'first_report';

/** Failures of one cause, and of one place where the cause has a place: a network, a server, a rule, a timer. */
export interface RootCause {
  readonly label: Exclude<CauseLabel, 'none'>;
  readonly layer: LayerName;
  readonly owner: string | null;
  readonly scope: string | null; // `network:203.0.113.0/24`, `server:mx1`, `rule:942100 /token`, `timer:60s`
  readonly failed: number;
  readonly share: number;
  readonly lost_minutes: number;
  readonly users: Distinct;
  readonly networks: Distinct;
  /** A user with more than half of the failures, where there are ten or more. */
  readonly mostly: { readonly user: string; readonly failed: number } | null;
  readonly first: string;
  readonly last: string;
  readonly days: number; // on which it was seen
  readonly incidents: number;
  readonly probability: number; // mean of its sessions
  readonly status: Status;
  readonly failed_last_week: number;
  /** Silent at the end of the data for so long that, at its pace before, it would hardly have kept quiet by chance. */
  readonly over_since: string | null;
  readonly evidence: readonly EvidenceText[];
  readonly remedy: Remedy | null;
  readonly example: string; // session id, for `imapwhy explain`
}

export interface EvidenceText {
  readonly name: string;
  readonly text: string;
  /** A line of the log; null where no line says it, and with pseudonyms. */
  readonly line: string | null;
}

export interface GoneCause {
  readonly label: Exclude<CauseLabel, 'none'>;
  readonly scope: string | null;
  readonly owner: string | null;
  readonly failed_last_week: number;
  /** Chance that it would have been silent all week at last week's pace; below 5 % it counts as fixed. */
  readonly chance: number;
  readonly fixed: boolean;
}

/** What the report could not see. It stands first: all figures after it are about the rest. */
export interface DataGaps {
  /** First and last moment of the week of which the store knows anything; null: nothing. */
  readonly data_start: string | null;
  readonly data_end: string | null;
  /** From the first to the last moment, without the hours of silence. */
  readonly hours_covered: number;
  /** Whether the store tells which log covered which hours; without it, silence is read off the attempts. */
  readonly coverage_known: boolean;
  /** No source wrote, though there is usually something at these times. */
  readonly silent: readonly Silence[];
  readonly sources: readonly SourceCoverage[];
  /** Sources that failed attempts lacked. */
  readonly missing: readonly { readonly source: string; readonly enable: string; readonly sessions: number }[];
  readonly incomplete: number; // profiles made from a part of their lines
  readonly unparsed: number;
  readonly lines: number;
}

export interface Silence {
  readonly from: string;
  readonly to: string;
  readonly hours: number;
}

export interface SourceCoverage {
  readonly source: string;
  readonly formats: readonly string[];
  readonly lines: number;
  readonly first: string;
  readonly last: string;
  readonly hours: number; // in which it wrote
  readonly silent: readonly Silence[];
  /** Wrote in the four weeks before and not at all in this one. */
  readonly vanished: boolean;
}

export interface WafFalsePositives {
  /** `review`: the queue and its decisions; `profiles`: the sessions that were lost, nothing decided. */
  readonly basis: 'review' | 'profiles';
  readonly open: readonly WafRow[];
  readonly decided: readonly WafRow[];
  readonly open_total: number;
  readonly decided_total: number;
}

export interface WafRow {
  readonly rule: string;
  readonly path: string | null;
  readonly variable: string | null;
  readonly blocked: number | null; // requests
  readonly sessions: number; // lost by it
  readonly users: number;
  readonly probability: number;
  /** The rule stops nearly everybody: logins in the same length of time before it came and after. */
  readonly wrong_for_everyone: { readonly logins_before: number; readonly logins_after: number } | null;
  readonly decision: {
    readonly verdict: 'false_positive' | 'attack' | 'unsure';
    readonly by: string;
    readonly at: string;
    readonly expires: string | null;
    readonly expired: boolean; // by the end of the week
  } | null;
}

/** How the risks that were stated before each attempt came out, of legitimate attempts with a known end. */
export interface Predictions {
  readonly attempts: number;
  readonly without_basis: number; // of them: nothing was known yet, so they got the base rate; not in the rest
  readonly models: readonly string[];
  readonly expected: number; // failures that the risks add up to
  readonly failed: number;
  readonly brier: number;
  readonly brier_of_rate: number; // of one who always says the week's rate
  readonly ece: number;
  readonly bins: readonly { readonly said: number; readonly happened: number; readonly attempts: number }[];
  /** Attempts that were more likely to fail than not. */
  readonly warned: number;
  readonly warned_failed: number;
}

export interface BeforeAfter {
  readonly moment: string;
  /** The same length on both sides. */
  readonly from: string;
  readonly to: string;
  readonly hours: number; // on each side
  readonly block_minutes: number;
  readonly same_time_of_day: boolean; // both sides are whole days
  readonly before: Side;
  readonly after: Side;
  readonly change: Change;
  readonly causes: readonly {
    readonly label: FailureLabel;
    readonly owner: string | null;
    readonly layer: LayerName;
    readonly change: Change;
  }[];
}

export interface Side {
  readonly attempts: number;
  readonly failed: number;
  readonly rate: number | null; // of success
  readonly lost_minutes: number;
}
