import type { MissingSource, Remedy } from '../../../processors/profile/profile.ts';
import type { Change } from '../change.ts';
import type {
  Availability,
  BeforeAfter,
  DataGaps,
  ErrorBudget,
  FailureLabel,
  GoneCause,
  LayerName,
  Predictions,
  RootCause,
  Silence,
  SourceCoverage,
  WafRow,
  WeeklyReport,
} from '../weekly-report.ts';

export const LANGUAGES = ['en', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Everything that the report says, in one language. Plain text: whoever shows it makes it safe. */
export interface Words {
  readonly language: Language;
  readonly htmlLanguage: string;

  number(n: number): string;
  /** A number that may be small: `0.2`, `6.2`, `41`. */
  amount(n: number): string;
  share(share: number): string;
  /** A success rate, never rounded up: `99.95 %`. */
  rate(rate: number): string;
  /** A failure rate: `0.052 %`. */
  failureRate(rate: number): string;
  duration(ms: number): string;
  minutes(minutes: number): string;
  /** `2026-11-24` as `Tue 24 Nov`. */
  day(date: string): string;
  /** `2026-11-24` as it stands under a bar: `Tue 24 Nov`. */
  chartDay(date: string): string;
  /** `2026-11-24` as `Tue`. */
  weekday(date: string): string;
  /** `2026-11-24T09:00+01:00` as `Tue 24 Nov, 09:00`. */
  moment(iso: string): string;
  week(name: string): string;

  readonly layers: Readonly<Record<LayerName, string>>;
  owner(owner: string | null): string;
  causeTitle(label: FailureLabel): string;
  causeMeaning(label: FailureLabel): string;
  scope(scope: string): string;
  evidence(name: string, text: string): string;
  remedy(label: FailureLabel, remedy: Remedy): string;
  missing(source: MissingSource): { readonly source: string; readonly enable: string };
  level(level: string): string;
  /** `weeks`: how many weeks stand before; their failures are shown as the mean of one. */
  change(change: Change, weeks?: number): string;
  status(cause: RootCause): string;

  readonly titles: {
    readonly report: string;
    readonly gaps: string;
    readonly figures: string;
    readonly beforeAfter: string;
    readonly changes: string;
    readonly top: string;
    readonly gone: string;
    readonly causes: string;
    readonly waf: string;
    readonly predictions: string;
    readonly sources: string;
    readonly reading: string;
  };
  readonly columns: Readonly<
    Record<
      | 'week'
      | 'attempts'
      | 'failed'
      | 'failureRate'
      | 'interval'
      | 'objective'
      | 'day'
      | 'cause'
      | 'layer'
      | 'owner'
      | 'share'
      | 'lost'
      | 'users'
      | 'lastWeek'
      | 'fourWeeks'
      | 'rule'
      | 'path'
      | 'target'
      | 'blocked'
      | 'sessions'
      | 'probability'
      | 'decision'
      | 'said'
      | 'happened'
      | 'source'
      | 'lines'
      | 'from'
      | 'to'
      | 'hours'
      | 'silent'
      | 'enable'
      | 'before'
      | 'after'
      | 'change',
      string
    >
  >;
  period(report: WeeklyReport): string;
  readonly engine: (engine: string) => string;
  readonly hiddenNames: string;
  readonly footer: string;

  headline(a: Availability): string;
  /** Main cause, change, budget, unexplained: what a lead reads after the headline. */
  summary(report: WeeklyReport): readonly string[];
  outside(a: Availability): string | null;

  gaps(gaps: DataGaps, hours: number): readonly string[];
  readonly noGaps: string;
  silence(silence: Silence): string;
  vanished(source: SourceCoverage): string;
  silent(source: SourceCoverage): string;

  readonly cards: {
    readonly availability: string;
    readonly budget: string;
    readonly fourWeeks: string;
    readonly lost: string;
    readonly setup: string;
    readonly tls: string;
    readonly notMeasurable: string;
    availabilityNote(a: Availability): string;
    budgetValue(budget: ErrorBudget): string;
    budgetNote(budget: ErrorBudget): string;
    fourWeeksNote(budget: ErrorBudget, weeks: number): string;
    lostNote(a: Availability): string;
    readonly setupLimits: string;
    readonly tlsLimits: string;
    measured(sessions: number, p95Ms: number | null): string;
    readonly setupAbsent: string;
    readonly tlsAbsent: string;
  };

  changeSentence(change: Change, against: 'last_week' | 'four_weeks' | 'before'): string;
  readonly changesNote: string;
  readonly weeksChart: { readonly title: string; unit(allowed: number): string };
  readonly daysChart: { readonly title: string; readonly unit: string };
  readonly causesCaption: string;
  readonly causesNone: string;
  readonly layersCaption: string;
  readonly ownersCaption: string;
  readonly weeksCaption: string;

  readonly topNone: string;
  topSentence(cause: RootCause): string;
  readonly topFacts: Readonly<Record<'cost' | 'why' | 'todo' | 'status' | 'owner' | 'when' | 'look', string>>;
  cost(cause: RootCause): string;
  when(cause: RootCause): string;
  readonly documentation: string;

  gone(cause: GoneCause): string;

  wafNone(basis: 'review' | 'profiles'): string;
  wafSentence(open: number, decided: number, basis: 'review' | 'profiles'): string;
  wafForEveryone(row: WafRow): string;
  readonly wafOpen: string;
  readonly wafDecided: string;
  decision(row: WafRow): string;

  readonly noPredictions: string;
  predictions(p: Predictions): readonly string[];
  readonly calibration: { readonly title: string; readonly x: string; readonly y: string; readonly caption: string };

  beforeAfter(b: BeforeAfter): readonly string[];
  readonly beforeAfterCaption: string;
  readonly sourcesNone: string;
  /** `more`: sources that are not listed. */
  sourcesCaption(more: number): string;
  readonly missingCaption: string;
  readonly reading: readonly string[];
  readonly figuresOfChart: string;
}
