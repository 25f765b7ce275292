import { type LimitLevel, type Limits, levelOfTime, SUCCESS_LIMITS } from '../../processors/profile/limits.ts';
import { signedPoissonDeviance } from '../math/poisson-deviance.ts';
import type { FindingLevel } from './finding.ts';

/** A limit is passed when chance alone would hardly do it: so many standard deviations beyond it. */
const SURE_DEVIATIONS = 3.5;
const TIMES_MIN = 5;
/** Attempts a minute from one address: design section 7. */
export const ATTEMPTS_A_MINUTE_MAX = 500;

/** Bytes of one session, above which a person should look at it: design section 7. */
export const SESSION_BYTES_MAX = 1e9;

/** What a level scores where no history says more. */
export const LEVEL_SCORES: Readonly<Record<FindingLevel, number>> = { watch: 0.5, warning: 0.7, alarm: 0.9 };

/** The worst level whose failures are more than chance: 1 of 20 is no 95 %, 20 of 400 is. */
export function successLevel(failed: number, attempts: number): LimitLevel {
  const beyond = (rate: number): boolean =>
    failed > 0 && signedPoissonDeviance(failed, attempts * (1 - rate)) >= SURE_DEVIATIONS;
  if (beyond(SUCCESS_LIMITS.alarm)) return 'alarm';
  if (beyond(SUCCESS_LIMITS.warning)) return 'warning';
  return beyond(SUCCESS_LIMITS.normal) ? 'watch' : 'normal';
}

/** Level of a mean of `count` times, less two standard errors, so that one slow session of few makes none. `sum` and `squares` in ms and ms². */
export function timeLevel(count: number, sum: number, squares: number, limits: Limits): LimitLevel {
  if (count < TIMES_MIN) return 'normal';
  const mean = sum / count;
  const variance = Math.max(0, squares / count - mean * mean) * (count / (count - 1));
  return levelOfTime(mean - 2 * Math.sqrt(variance / count), limits);
}
