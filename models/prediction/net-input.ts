import type { Columns } from '../math/boosted-trees.ts';
import type { LstmWindowNet } from '../math/lstm-window-net.ts';
import type { Windows } from './training-set.ts';
import { EVENT_INPUTS, STEP_INPUTS, STEPS_MAX, writeRelation } from './window.ts';

/** Values further out than this many deviations say no more than this. */
export const CLIP = 5;

/** Mean and deviation of each feature over the rows that were trained on. */
export interface Scaling {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

export function fitScaling(columns: Columns, rows: Uint32Array): Scaling {
  const mean: number[] = [];
  const deviation: number[] = [];
  for (const column of columns) {
    let n = 0;
    let sum = 0;
    let squares = 0;
    for (const row of rows) {
      const value = column[row] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      n++;
      sum += value;
      squares += value * value;
    }
    const m = n === 0 ? 0 : sum / n;
    const variance = n === 0 ? 0 : Math.max(0, squares / n - m * m);
    mean.push(Math.fround(m));
    // What never varies carries nothing; scaled by one it stays at zero.
    deviation.push(Math.fround(variance < 1e-12 ? 1 : Math.sqrt(variance)));
  }
  return { mean, deviation };
}

/** A feature as the net sees it: standardised, clipped, and zero when it is missing. */
export function scaled(value: number, mean: number, deviation: number): number {
  return Number.isNaN(value) ? 0 : Math.max(-CLIP, Math.min(CLIP, (value - mean) / deviation));
}

/** (rows,features) of all rows, in shared memory. */
export function scaledRows(columns: Columns, { mean, deviation }: Scaling): Float32Array {
  const rows = columns[0]?.length ?? 0;
  const width = columns.length;
  const out = new Float32Array(new SharedArrayBuffer(4 * rows * width));
  columns.forEach((column, f) => {
    for (let r = 0; r < rows; r++)
      out[r * width + f] = scaled(column[r] ?? Number.NaN, mean[f] ?? 0, deviation[f] ?? 1);
  });
  return out;
}

/** Fills the net's batch with the windows and queries of `rows`. */
export function fillBatch(net: LstmWindowNet, windows: Windows, query: Float32Array, rows: Uint32Array): void {
  const { steps, query: width } = net.shape;
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r] ?? 0;
    const length = windows.lengths[row] ?? 0;
    net.lengths[r] = length;
    for (let s = 0; s < steps; s++) {
      const to = ((steps - length + s) * net.rows + r) * STEP_INPUTS.length;
      if (s >= length) continue;
      const event = windows.events[row * STEPS_MAX + s] ?? 0;
      const from = event * EVENT_INPUTS.length;
      for (let i = 0; i < EVENT_INPUTS.length; i++) net.x[to + i] = windows.inputs[from + i] ?? 0;
      const ageMs = 1000 * ((windows.at[row] ?? 0) - (windows.eventAt[event] ?? 0));
      writeRelation(windows.relations[row * STEPS_MAX + s] ?? 0, ageMs, net.x, to + EVENT_INPUTS.length);
    }
    for (let f = 0; f < width; f++) net.q[r * width + f] = query[row * width + f] ?? 0;
  }
}
