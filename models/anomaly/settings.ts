import type { PrototypeSettings } from '../math/prototypes.ts';
import type { WeekProfileSettings } from '../math/week-profile.ts';

/** Everything that could be turned. One set is shipped, of round numbers, for every kind and every series. */
export interface DetectorSettings {
  readonly profile: WeekProfileSettings;
  /** Residuals are also looked at over so many rows, exponentially weighted; 1 is the row alone. */
  readonly windowsRows: readonly number[];
  /** Residuals that a scale remembers. */
  readonly scaleRows: number;
  /** A residual counts as at most so many standard deviations where something is learned from it. */
  readonly clipDeviations: number;
  /** No residual is judged before so many rows. */
  readonly residualStartRows: number;
  /** So many standard deviations are an alarm (score 0.5). */
  readonly alarmDeviations: number;
  /** A deviation that goes on scores again only if it gets worse than it was in so many rows before. */
  readonly residualRestRows: number;
  readonly prototypes: PrototypeSettings;
  /** So far from everything seen, in parts of the range, is an alarm (score 0.5). */
  readonly alarmNovelty: number;
  /** What a series is expected to have shown of itself: half of what was seen, within these bounds. Memory and rests are measured in it. */
  readonly spanRowsMin: number;
  readonly spanRowsMax: number;
  /** Values are remembered for so many spans. */
  readonly memorySpans: number;
  /** Nothing is novel before this share of a span, and after an alarm nothing but what is more novel, for the same time. */
  readonly noveltyRestSpans: number;
}

export const SHIPPED_SETTINGS: DetectorSettings = {
  profile: { dayVisitsMax: 10, weekVisitsMax: 3, weekVisitsHalf: 2, informationHalf: 8 },
  windowsRows: [1, 6, 24],
  scaleRows: 2000,
  clipDeviations: 3,
  residualStartRows: 300,
  alarmDeviations: 3.5,
  residualRestRows: 36,
  prototypes: { capacity: 400, width: 0.015 },
  alarmNovelty: 0.028,
  spanRowsMin: 300,
  spanRowsMax: 600,
  memorySpans: 6,
  noveltyRestSpans: 1 / 3,
};
