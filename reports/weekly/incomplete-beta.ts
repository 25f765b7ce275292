/**
 * The regularised incomplete beta function I_x(a, b), 0 <= x <= 1, a and b above 0: the distribution functions of Student's t and of the
 * binomial are cases of it. Continued fraction by the modified method of Lentz; relative error below 1e-10.
 * Source: Abramowitz & Stegun 26.5.8; Press et al., Numerical Recipes, 6.4.
 */
import { gammaln } from 'simple-statistics';

const STEPS_MAX = 10_000;
const TINY = 1e-300;

export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast only below the mean; above it the complement does.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  return Math.min(1, front * fraction(x, a, b));
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

/** gammaln of simple-statistics is for whole and half numbers good to 1e-8 only below 1: shifted up it is exact enough everywhere. */
function logGamma(z: number): number {
  let shift = 0;
  let x = z;
  while (x < 10) shift += Math.log(x++);
  return gammaln(x) - shift;
}

function fraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = away(1 - ((a + b) * x) / (a + 1));
  d = 1 / d;
  let value = d;
  for (let m = 1; m <= STEPS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-12) break;
  }
  return value;
}

const away = (n: number): number => (Math.abs(n) < TINY ? TINY : n);

/** Probability that Student's t with `df` degrees of freedom lies further from 0 than `t`, on either side. */
export function studentTwoSided(t: number, df: number): number {
  return incompleteBeta(df / (df + t * t), df / 2, 0.5);
}

/** The `t` beyond which, on either side, lies the probability `p` (0 < p < 1). */
export function studentCritical(p: number, df: number): number {
  let low = 0;
  let high = 1;
  while (studentTwoSided(high, df) > p && high < 1e6) high *= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (studentTwoSided(middle, df) > p) low = middle;
    else high = middle;
  }
  return high;
}

/** Two-sided exact binomial test: `k` of `n` where each comes with probability `p`. Twice the smaller tail, which is never too small. */
export function binomialTwoSided(k: number, n: number, p: number): number {
  if (n === 0) return 1;
  const atLeast = k <= 0 ? 1 : incompleteBeta(p, k, n - k + 1);
  const atMost = k >= n ? 1 : 1 - incompleteBeta(p, k + 1, n - k);
  return Math.min(1, 2 * Math.min(atLeast, atMost));
}
