import { binomialTwoSided, studentCritical, studentTwoSided } from './incomplete-beta.ts';

/** Failures and attempts of a day (or another block of time). */
export interface Block {
  readonly attempts: number;
  readonly failed: number;
}

/** `too_little`: fewer than three blocks with attempts on one of the sides. `none`: nothing failed on either side. */
export type Verdict = 'up' | 'down' | 'unclear' | 'none' | 'too_little';

/** A rate of failures now against one before. Rates 0 to 1. */
export interface Change {
  readonly verdict: Verdict;
  readonly before: { readonly attempts: number; readonly failed: number; readonly rate: number | null };
  readonly now: { readonly attempts: number; readonly failed: number; readonly rate: number | null };
  /** 95 % interval of the difference of the rates, now less before; null where it cannot be told. */
  readonly interval: { readonly low: number; readonly high: number } | null;
  /** How often chance alone would give at least such a difference; null where it cannot be told. */
  readonly p: number | null;
}

export const BLOCKS_MIN = 3;
export const SIGNIFICANT = 0.05;

/**
 * Compares two rates of failures that come in bursts. Attempts are not independent (one incident fails hundreds of them), so a test that counts
 * attempts calls every burst a trend. Here each block (a day) is one observation: the variance of the ratio of sums is taken from how much
 * blocks differ (ratio estimator, Cochran 1977, 6.3), and is never below the binomial one; degrees of freedom by Welch and Satterthwaite. Rare
 * failures are also tested exactly, given their total (Przyborowski & Wilenski 1940), and where there are earlier `weeks`, this one also as
 * one more draw from how those differed. The largest of the p-values counts: each of these tests misses something, and noise is not to be called a trend.
 */
export function changeOf(
  now: readonly Block[],
  before: readonly Block[],
  weeks: readonly (readonly Block[])[] = [],
): Change {
  const a = total(now);
  const b = total(before);
  const shown = {
    before: { ...b, rate: rateOf(b) },
    now: { ...a, rate: rateOf(a) },
  };
  if (observed(now) < BLOCKS_MIN || observed(before) < BLOCKS_MIN)
    return { verdict: 'too_little', ...shown, interval: null, p: null };
  const difference = a.failed / a.attempts - b.failed / b.attempts;
  if (a.failed + b.failed === 0) return { verdict: 'none', ...shown, interval: { low: 0, high: 0 }, p: 1 };
  const pooled = (a.failed + b.failed) / (a.attempts + b.attempts);
  const va = varianceOf(now, a, pooled);
  const vb = varianceOf(before, b, pooled);
  const error = Math.sqrt(va + vb);
  const df = (va + vb) ** 2 / (va ** 2 / (observed(now) - 1) + vb ** 2 / (observed(before) - 1));
  const reach = studentCritical(SIGNIFICANT, df) * error;
  const p = Math.max(
    error === 0 ? 1 : studentTwoSided(difference / error, df),
    binomialTwoSided(a.failed, a.failed + b.failed, a.attempts / (a.attempts + b.attempts)),
    betweenWeeks(a.failed / a.attempts, weeks),
  );
  return {
    verdict: verdictOf(p, difference),
    ...shown,
    interval: { low: Math.max(-1, difference - reach), high: Math.min(1, difference + reach) },
    p,
  };
}

/**
 * The same changes when many are looked at together: of twenty causes one would be called a trend by chance. P-values are raised by Holm's
 * method (Holm 1979) and the verdicts follow.
 */
export function heldTogether<Key>(changes: ReadonlyMap<Key, Change>): ReadonlyMap<Key, Change> {
  const tested = [...changes].flatMap(([key, change]) => (change.p === null ? [] : [{ key, change, p: change.p }]));
  tested.sort((x, y) => x.p - y.p);
  const held = new Map(changes);
  let highest = 0;
  tested.forEach(({ key, change, p }, i) => {
    highest = Math.min(1, Math.max(highest, p * (tested.length - i)));
    const difference = (change.now.rate ?? 0) - (change.before.rate ?? 0);
    const verdict = change.verdict === 'none' ? 'none' : verdictOf(highest, difference);
    held.set(key, { ...change, p: highest, verdict });
  });
  return held;
}

/** 95 % interval of a rate whose failures come in bursts; null if it cannot be told. Wilson's, with the attempts divided by the design effect. */
export function rateInterval(blocks: readonly Block[]): { readonly low: number; readonly high: number } | null {
  const sum = total(blocks);
  if (observed(blocks) < BLOCKS_MIN) return null;
  const rate = sum.failed / sum.attempts;
  const simple = (rate * (1 - rate)) / sum.attempts;
  const effect = simple === 0 ? 1 : Math.max(1, clusteredVariance(blocks, sum) / simple);
  const n = sum.attempts / effect;
  const z = studentCritical(SIGNIFICANT, observed(blocks) - 1);
  const centre = (rate + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const reach = (z / (1 + z ** 2 / n)) * Math.sqrt((rate * (1 - rate)) / n + z ** 2 / (4 * n ** 2));
  return { low: Math.max(0, centre - reach), high: Math.min(1, centre + reach) };
}

function verdictOf(p: number, difference: number): Verdict {
  if (p >= SIGNIFICANT || difference === 0) return 'unclear';
  return difference > 0 ? 'up' : 'down';
}

/** P-value of one more week among those before, by Student's t of their rates; 0 (says nothing) with fewer than three weeks. */
function betweenWeeks(rate: number, weeks: readonly (readonly Block[])[]): number {
  const rates = weeks.map(total).flatMap((w) => (w.attempts === 0 ? [] : [w.failed / w.attempts]));
  if (rates.length < 3) return 0;
  const mean = rates.reduce((x, y) => x + y, 0) / rates.length;
  const variance = rates.reduce((sum, r) => sum + (r - mean) ** 2, 0) / (rates.length - 1);
  const error = Math.sqrt(variance * (1 + 1 / rates.length));
  return error === 0 ? 0 : studentTwoSided((rate - mean) / error, rates.length - 1);
}

function varianceOf(blocks: readonly Block[], sum: Block, pooled: number): number {
  return Math.max(clusteredVariance(blocks, sum), (pooled * (1 - pooled)) / sum.attempts);
}

function clusteredVariance(blocks: readonly Block[], sum: Block): number {
  const rate = sum.failed / sum.attempts;
  const squares = blocks.reduce((all, b) => all + (b.failed - rate * b.attempts) ** 2, 0);
  const n = observed(blocks);
  return ((n / (n - 1)) * squares) / sum.attempts ** 2;
}

const observed = (blocks: readonly Block[]): number => blocks.reduce((n, b) => n + (b.attempts > 0 ? 1 : 0), 0);

export function total(blocks: readonly Block[]): Block {
  return blocks.reduce((a, b) => ({ attempts: a.attempts + b.attempts, failed: a.failed + b.failed }), {
    attempts: 0,
    failed: 0,
  });
}

const rateOf = ({ attempts, failed }: Block): number | null => (attempts === 0 ? null : failed / attempts);
