import type { MadeSeries } from './made-series.ts';

/** What people use first. Each gives a score a row, in standard deviations; a row without a value scores 0. */
export const BASELINES: readonly { readonly name: string; readonly scores: (series: MadeSeries) => Float64Array }[] = [
  { name: 'rolling z-score, one day', scores: rollingScores },
  { name: 'daily profile', scores: (series) => profileScores(series, 24) },
  { name: 'hour-of-week profile', scores: (series) => profileScores(series, 168) },
];

const DAY_ROWS = 288;
const HOUR_MS = 3_600_000;
const LEARNING_RATE = 0.03;
const SCALE_ROWS = 2000;
const FIRST_ROWS = 200;
/** A squared residual counts as at most so many times the variance. */
const CLIP = 16;

/** Mean and standard deviation of the last day. */
function rollingScores({ values }: MadeSeries): Float64Array {
  const scores = new Float64Array(values.length);
  const window: number[] = [];
  let sum = 0;
  let squares = 0;
  for (const [i, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    if (window.length === DAY_ROWS) {
      const mean = sum / DAY_ROWS;
      const variance = squares / DAY_ROWS - mean * mean;
      if (variance > 1e-12 * mean * mean) scores[i] = Math.abs(value - mean) / Math.sqrt(variance);
      const first = window.shift() ?? 0;
      sum -= first;
      squares -= first * first;
    }
    window.push(value);
    sum += value;
    squares += value * value;
  }
  return scores;
}

/** Deviation from the mean of that hour, over the standard deviation of such deviations. */
function profileScores({ times, values }: MadeSeries, hours: number): Float64Array {
  const scores = new Float64Array(values.length);
  const means = new Float64Array(hours).fill(Number.NaN);
  let variance = 0;
  let seen = 0;
  for (const [i, value] of values.entries()) {
    const hour = Math.floor((times[i] ?? 0) / HOUR_MS) % hours;
    const mean = means[hour] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    if (Number.isNaN(mean)) {
      means[hour] = value;
      continue;
    }
    const residual = value - mean;
    if (variance > 0) scores[i] = Math.abs(residual) / Math.sqrt(variance);
    seen++;
    const square = seen < FIRST_ROWS ? residual ** 2 : Math.min(residual ** 2, CLIP * variance);
    variance += (square - variance) / Math.min(seen, SCALE_ROWS);
    means[hour] = mean + LEARNING_RATE * residual;
  }
  return scores;
}
