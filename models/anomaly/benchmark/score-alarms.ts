import { ANOMALY_SHAPES, type AnomalyShape, type MadeSeries } from './made-series.ts';

export interface AlarmScore {
  readonly threshold: number;
  readonly recall: number;
  readonly recallByShape: ReadonlyMap<AnomalyShape, number>;
  readonly falseAlarms: number;
  readonly falseAlarmsAWeek: number; // per series
  readonly medianDelayRows: number;
}

/** Alarms this near to each other are one, and one this soon after an anomaly belongs to it. */
const GRACE_ROWS = 12;
/** Before this a detector has not seen a week: nothing is judged. */
const LEARNING_ROWS = 7 * 288;
const WEEK_ROWS = 7 * 288;

/**
 * The lowest of thresholds, one for all series, at which there is at most `falseAlarmsAWeek` false alarm a series and week, and what is found at it.
 * Scores are compared as they are; ties go over the threshold together.
 */
export function scoreAlarms(
  series: readonly MadeSeries[],
  scores: readonly Float64Array[],
  falseAlarmsAWeek: number,
): AlarmScore {
  const weeks = weeksOf(series);
  const steps = [...new Set(scores.flatMap((s) => [...s.subarray(LEARNING_ROWS)]))].sort((a, b) => a - b);
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const threshold = steps[middle] ?? Number.POSITIVE_INFINITY;
    if (countFalse(series, scores, threshold) <= falseAlarmsAWeek * weeks) high = middle;
    else low = middle + 1;
  }
  const threshold = steps[low] ?? Number.POSITIVE_INFINITY;
  const falseAlarms = countFalse(series, scores, threshold);
  const found = series.flatMap((s, i) =>
    s.anomalies.map((a) => ({
      shape: a.shape,
      delay: delayOf(scores[i] ?? new Float64Array(), a.from, a.to, threshold),
    })),
  );
  const delays = found.flatMap((f) => (f.delay === undefined ? [] : [f.delay])).sort((a, b) => a - b);
  return {
    threshold,
    recall: delays.length / found.length,
    recallByShape: new Map(
      ANOMALY_SHAPES.map((shape) => {
        const own = found.filter((f) => f.shape === shape);
        return [shape, own.filter((f) => f.delay !== undefined).length / own.length];
      }),
    ),
    falseAlarms,
    falseAlarmsAWeek: falseAlarms / weeks,
    medianDelayRows: delays[delays.length >> 1] ?? Number.NaN,
  };
}

/** False alarms a series and week at a threshold. */
export function falseAlarmsAt(
  series: readonly MadeSeries[],
  scores: readonly Float64Array[],
  threshold: number,
): number {
  return countFalse(series, scores, threshold) / weeksOf(series);
}

/** Share of the anomalies that are found at a threshold. */
export function recallAt(series: readonly MadeSeries[], scores: readonly Float64Array[], threshold: number): number {
  const found = series.flatMap((s, i) =>
    s.anomalies.map((a) => delayOf(scores[i] ?? new Float64Array(), a.from, a.to, threshold) !== undefined),
  );
  return found.filter(Boolean).length / found.length;
}

function weeksOf(series: readonly MadeSeries[]): number {
  return series.reduce((sum, s) => sum + Math.max(0, s.values.length - LEARNING_ROWS) / WEEK_ROWS, 0);
}

function delayOf(scores: Float64Array, from: number, to: number, threshold: number): number | undefined {
  for (let i = from; i <= Math.min(to + 1, scores.length - 1); i++) if ((scores[i] ?? 0) >= threshold) return i - from;
  return undefined;
}

function countFalse(series: readonly MadeSeries[], scores: readonly Float64Array[], threshold: number): number {
  let count = 0;
  for (const [i, s] of series.entries()) {
    const own = scores[i] ?? new Float64Array();
    let next = 0;
    let last = Number.NEGATIVE_INFINITY;
    for (let row = LEARNING_ROWS; row < own.length; row++) {
      let anomaly = s.anomalies[next];
      while (anomaly && row > anomaly.to + GRACE_ROWS) anomaly = s.anomalies[++next];
      if ((own[row] ?? 0) < threshold || (anomaly && row >= anomaly.from)) continue;
      if (row - last > GRACE_ROWS) count++;
      last = row;
    }
  }
  return count;
}
