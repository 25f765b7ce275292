/** `unknown`: nothing to measure it by. */
export type Level = 'normal' | 'watch' | 'warning' | 'alarm' | 'unknown';

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

/** Limits of the source article, design section 7. Between `normal` and `warning` lies watch. */
export interface Limits {
  readonly normal: number;
  readonly warning: number;
  readonly alarm: number;
}

export const SUCCESS_LIMITS: Limits = { normal: 0.9995, warning: 0.995, alarm: 0.98 };
export const SETUP_LIMITS_MS: Limits = { normal: 4200, warning: 5500, alarm: 8000 };
export const TLS_LIMITS_MS: Limits = { normal: 1800, warning: 2500, alarm: 4000 };

/** Whole seconds are good enough for a mean of some seconds, whose limits lie more than a second apart. */
export const SETUP_PRECISION_MAX_MS = 1000;
/** The limits of TLS lie 700 ms apart: stamps of whole seconds cannot tell them from each other. */
export const TLS_PRECISION_MAX_MS = 250;

/** Level of a value that should be high. */
export function levelOfRate(rate: number, limits: Limits): Level {
  if (rate >= limits.normal) return 'normal';
  if (rate < limits.alarm) return 'alarm';
  return rate < limits.warning ? 'warning' : 'watch';
}

/** Level of a value that should be low. */
export function levelOfTime(ms: number, limits: Limits): Level {
  if (ms <= limits.normal) return 'normal';
  if (ms > limits.alarm) return 'alarm';
  return ms > limits.warning ? 'warning' : 'watch';
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
