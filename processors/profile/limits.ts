/** Between `normal` and `warning` lies watch. */
export type LimitLevel = 'normal' | 'watch' | 'warning' | 'alarm';

/** Limits of the source article, design section 7. Between `normal` and `warning` lies watch. */
export interface Limits {
  readonly normal: number;
  readonly warning: number;
  readonly alarm: number;
}

export const SUCCESS_LIMITS: Limits = { normal: 0.9995, warning: 0.995, alarm: 0.98 };
export const SETUP_LIMITS_MS: Limits = { normal: 4200, warning: 5500, alarm: 8000 };
export const TLS_LIMITS_MS: Limits = { normal: 1800, warning: 2500, alarm: 4000 };

/** Level of a value that should be high. */
export function levelOfRate(rate: number, limits: Limits): LimitLevel {
  if (rate >= limits.normal) return 'normal';
  if (rate < limits.alarm) return 'alarm';
  return rate < limits.warning ? 'warning' : 'watch';
}

/** Level of a value that should be low. */
export function levelOfTime(ms: number, limits: Limits): LimitLevel {
  if (ms <= limits.normal) return 'normal';
  if (ms > limits.alarm) return 'alarm';
  return ms > limits.warning ? 'warning' : 'watch';
}
