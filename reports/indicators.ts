import {
  type LimitLevel,
  type Limits,
  levelOfRate,
  levelOfTime,
  SUCCESS_LIMITS,
} from '../processors/profile/limits.ts';

/** `unknown`: nothing to measure it by. */
export type Level = LimitLevel | 'unknown';

export interface Indicator {
  /** Success rate: 0 to 1. Times: milliseconds, the mean. Null when it could not be measured. */
  readonly value: number | null;
  readonly level: Level;
  /** False when the precision of the stamps leaves open which level it is. */
  readonly certain: boolean;
  /** How many sessions it is taken from. */
  readonly sessions: number;
  /** Times only: the value may be off by this much, milliseconds. */
  readonly precision_ms: number | null;
  /** Times only: 95 % of the sessions took no longer than this, milliseconds, within 5 %. */
  readonly p95_ms: number | null;
}

export function rateIndicator(succeeded: number, attempts: number): Indicator {
  if (attempts === 0) return UNKNOWN;
  const rate = succeeded / attempts;
  const level = levelOfRate(rate, SUCCESS_LIMITS);
  return { value: rate, level, certain: true, sessions: attempts, precision_ms: null, p95_ms: null };
}

export interface MeasuredTimes {
  readonly count: number;
  mean(): number | undefined;
  meanPrecision(): number;
  quantile(q: number): number | undefined;
}

export function timeIndicator(times: MeasuredTimes, limits: Limits): Indicator {
  const mean = times.mean();
  if (mean === undefined) return UNKNOWN;
  const precision = times.meanPrecision();
  const level = levelOfTime(mean, limits);
  return {
    value: Math.round(mean),
    level,
    certain:
      levelOfTime(Math.max(0, mean - precision), limits) === level && levelOfTime(mean + precision, limits) === level,
    sessions: times.count,
    precision_ms: Math.round(precision),
    p95_ms: times.quantile(0.95) ?? null,
  };
}

const UNKNOWN: Indicator = {
  value: null,
  level: 'unknown',
  certain: false,
  sessions: 0,
  precision_ms: null,
  p95_ms: null,
};
