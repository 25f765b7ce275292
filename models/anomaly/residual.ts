import type { Packer, Unpacker } from '../math/packing.ts';
import { signedPoissonDeviance } from '../math/poisson-deviance.ts';
import { VarianceSplit } from '../math/variance-split.ts';
import { WeekProfile } from '../math/week-profile.ts';
import type { DetectorSettings } from './settings.ts';

/** How a value is compared: a count, a share of n, the logarithm of a mean of n durations, or a plain number. */
export type Shape = 'count' | 'share' | 'logarithm' | 'plain';

/** What was found out about the last row. */
export interface Deviation {
  /** In standard deviations, signed; 0 while nothing is known. */
  readonly deviations: number;
  /** The window that deviates most, in rows. */
  readonly windowRows: number;
  /** Over that window: counts, or for a share the rarer outcome of the two; durations of the row itself. */
  readonly observed: number;
  readonly expected: number;
  /** Of a share: true if what was counted is what is missing to 1 (failures, where most succeed). */
  readonly complement: boolean;
}

/** A squared residual counts as at most so many times what was expected where a scale is learned from it. */
const SQUARE_CLIP = 9;
const FIRST_GUESS_ROWS = 30;
/** Counts and shares are not expected to be smaller than this. */
const COUNT_SMALLEST = 0.01;
const SHARE_SMALLEST = 1e-6;
const DURATION_SMALLEST = 1e-9;
/** A window's mean square starts as if so many rows had been seen, and remembers more rows than a scale, because its rows hang together. */
const SQUARE_PRIOR_ROWS = 20;
const SQUARE_MEMORY = 1.5;
/** One row counts in a longer window as at most so many standard deviations. */
const BOUND_IN_WINDOW = 6;
/** A row with more behind it than usual weighs at most so much more. */
const WEIGHT_MAX = 2;
/** Numbers of one window: observed, expected, variance, mean square of its deviations. */
const WINDOW_NUMBERS = 4;

/**
 * The deviation of a count, a ratio or a duration from what is usual at that hour of the week, in standard deviations that know how much was counted: one
 * failure of one attempt is nothing, 500 of 500 are. Relative residuals; their variance is a part that the process has and a part that shrinks
 * with the events behind a value (VarianceSplit). Counts and failures are judged by the Poisson deviance of sums over a window, durations by the
 * weighted mean of their logarithms; the windows are one row for spikes, and about half an hour and two hours of five-minute rows for shifts and ramps.
 *
 * Hot: the results are fields, so that a row allocates nothing.
 */
export class Residual implements Deviation {
  deviations = 0;
  windowRows = 1;
  observed = 0;
  expected = Number.NaN;
  complement = false;
  readonly #shape: Shape;
  readonly #counted: boolean;
  readonly #settings: DetectorSettings;
  readonly #level: WeekProfile;
  readonly #variance: VarianceSplit;
  readonly #windows: Float64Array;
  #rows = 0;

  /** `packed`: what `pack` wrote for a series of this shape. */
  constructor(shape: Shape, settings: DetectorSettings, packed?: Unpacker) {
    this.#shape = shape;
    this.#counted = shape === 'count' || shape === 'share';
    this.#settings = settings;
    this.#windows = new Float64Array(settings.windowsRows.length * WINDOW_NUMBERS);
    this.#clearWindows();
    const perUnit = this.#counted ? 1 : undefined;
    this.#level = packed ? WeekProfile.unpack(settings.profile, packed) : new WeekProfile(settings.profile);
    this.#variance = packed ? VarianceSplit.unpack(perUnit, packed) : new VarianceSplit(perUnit);
    if (!packed) return;
    this.#windows.set(packed.numbers(this.#windows.length));
    this.complement = packed.number() === 1;
    this.#rows = packed.number();
  }

  pack(to: Packer): void {
    this.#level.pack(to);
    this.#variance.pack(to);
    to.numbers(this.#windows);
    to.number(this.complement ? 1 : 0);
    to.number(this.#rows);
  }

  forgetAfter(pauseMs: number): void {
    if (!this.#level.forgetAfter(pauseMs)) return;
    this.#clearWindows();
    this.#rows = 0;
  }

  /** What is usual at that hour, in units of the value compared; NaN while it is not known. */
  usual(at: number): number {
    return this.#level.predict(at, Number.POSITIVE_INFINITY);
  }

  /** Judges one row and learns it. `size`: n; `usualSize`: the n that is usual at that hour; both 1 for counts. Returns the deviations. */
  observe(at: number, value: number, size: number, usualSize: number, hours: number): number {
    const y = this.#shape === 'logarithm' ? Math.log(Math.max(value, DURATION_SMALLEST)) : value;
    const weight = this.#shape === 'count' ? 1 : Math.min(WEIGHT_MAX, size / Math.max(usualSize, 1e-9));
    const predicted = this.#level.predict(at, this.#information(usualSize, hours));
    this.#rows++;
    if (Number.isNaN(predicted)) {
      this.#level.learn(at, y, hours, 1, Number.POSITIVE_INFINITY);
      this.deviations = 0;
      return 0;
    }
    const spread = this.#counted
      ? this.#observeCounted(y, predicted, size)
      : this.#observeMean(y, predicted, size, value);
    this.#level.learn(at, y, hours, weight, this.#settings.clipDeviations * spread);
    if (this.#rows <= this.#settings.residualStartRows) this.deviations = 0;
    return this.deviations;
  }

  /** Deviations of a row that is not complete yet, by itself; learns nothing. */
  preview(at: number, value: number, size: number, usualSize: number, hours: number): number {
    const predicted = this.#level.predict(at, this.#information(usualSize, hours));
    if (this.#rows <= this.#settings.residualStartRows || Number.isNaN(predicted)) return 0;
    if (!this.#counted) {
      const y = this.#shape === 'logarithm' ? Math.log(Math.max(value, DURATION_SMALLEST)) : value;
      return (y - predicted) / Math.sqrt(this.#variance.at(size)) / this.#unrest(0);
    }
    const usual = this.#bounded(this.complement ? 1 - predicted : predicted);
    const observed = (this.complement ? 1 - value : value) * size;
    const expected = usual * size;
    const over = expected * this.#variance.at(this.#informationOf(expected, usual));
    return signedPoissonDeviance(observed / over, expected / over) / this.#unrest(0);
  }

  /** Counts and shares. Returns the standard deviation of one row, in units of the value. */
  #observeCounted(y: number, predicted: number, size: number): number {
    if (this.#shape === 'share') this.#turn(this.#level.mean > 0.5);
    const usual = this.#bounded(this.complement ? 1 - predicted : predicted);
    const observed = (this.complement ? 1 - y : y) * size;
    const expected = usual * size;
    const information = this.#informationOf(expected, usual);
    const variance = this.#variance.at(information);
    this.#startJudging(observed, expected);
    const windows = this.#windows;
    for (let i = 0, at = 0; at < windows.length; i++, at += WINDOW_NUMBERS) {
      const keep = keepOf(this.#settings.windowsRows[i] ?? 1);
      const o = (windows[at] ?? 0) * keep + observed;
      const e = (windows[at + 1] ?? 0) * keep + expected;
      const v = (windows[at + 2] ?? 0) * keep * keep + variance * expected * expected;
      windows[at] = o;
      windows[at + 1] = e;
      windows[at + 2] = v;
      // Counts that vary more than Poisson's are divided by how much more, and judged as Poisson's.
      const over = v / e;
      if (this.#judge(i, signedPoissonDeviance(o / over, e / over))) {
        this.observed = o;
        this.expected = e;
      }
    }
    const relative = (observed - expected) / expected;
    this.#learnVariance(relative, information);
    return Math.sqrt(variance) * usual;
  }

  /** Means: weighted sums of residuals over each window. Returns the standard deviation of one row. */
  #observeMean(y: number, predicted: number, size: number, value: number): number {
    const residual = y - predicted;
    const variance = this.#variance.at(size);
    const spread = Math.sqrt(variance);
    const bounded = Math.max(-BOUND_IN_WINDOW * spread, Math.min(BOUND_IN_WINDOW * spread, residual));
    this.#startJudging(value, this.#shape === 'logarithm' ? Math.exp(predicted) : predicted);
    const windows = this.#windows;
    for (let i = 0, at = 0; at < windows.length; i++, at += WINDOW_NUMBERS) {
      const keep = keepOf(this.#settings.windowsRows[i] ?? 1);
      const sum = (windows[at] ?? 0) * keep + (keep === 0 ? residual : bounded) / variance;
      const v = (windows[at + 2] ?? 0) * keep * keep + 1 / variance;
      windows[at] = sum;
      windows[at + 2] = v;
      this.#judge(i, sum / Math.sqrt(v));
    }
    this.#learnVariance(residual, size);
    return spread;
  }

  #startJudging(observed: number, expected: number): void {
    this.deviations = 0;
    this.windowRows = 1;
    this.observed = observed;
    this.expected = expected;
  }

  /** True if window `i`, `z` off, deviates more than those before it. Its mean square learns. */
  #judge(i: number, z: number): boolean {
    const deviations = z / this.#unrest(i);
    const at = i * WINDOW_NUMBERS + 3;
    const square = this.#windows[at] ?? 1;
    const rate = 1 / Math.min(this.#rows + SQUARE_PRIOR_ROWS, SQUARE_MEMORY * this.#settings.scaleRows);
    this.#windows[at] = square + rate * (Math.min(z * z, SQUARE_CLIP * Math.max(square, 0.1)) - square);
    if (Math.abs(deviations) <= Math.abs(this.deviations)) return false;
    this.deviations = deviations;
    this.windowRows = this.#settings.windowsRows[i] ?? 1;
    return true;
  }

  /** By how much a window deviates more than residuals that do not hang together would; never less than 1. */
  #unrest(i: number): number {
    return Math.max(1, Math.sqrt(this.#windows[i * WINDOW_NUMBERS + 3] ?? 1));
  }

  #learnVariance(residual: number, information: number): void {
    this.#variance.learn(residual * residual, information, this.#settings.scaleRows, SQUARE_CLIP, FIRST_GUESS_ROWS);
  }

  /** The rarer outcome of a share is counted: failures where most succeed, and the other way round. */
  #turn(complement: boolean): void {
    if (complement === this.complement) return;
    this.complement = complement;
    this.#clearWindows();
  }

  #bounded(usual: number): number {
    return Math.max(usual, this.#shape === 'share' ? SHARE_SMALLEST : COUNT_SMALLEST);
  }

  /** 1 / relative variance that chance alone gives: Poisson's, and for a share less, because it cannot go beyond all. */
  #informationOf(expected: number, usual: number): number {
    return this.#shape === 'share' ? expected / Math.max(1 - usual, SHARE_SMALLEST) : expected;
  }

  /** 1 / variance of what one visit of one hour tells about the level, in log units. */
  #information(usualSize: number, hours: number): number {
    const rows = 1 / Math.max(hours, 1e-6);
    const mean = this.#level.mean;
    switch (this.#shape) {
      case 'count':
        return Math.max(mean, COUNT_SMALLEST) * rows;
      case 'share':
        return usualSize * Math.max(Math.min(mean, 1 - mean), SHARE_SMALLEST) * rows;
      case 'logarithm':
        return (usualSize / this.#variance.perUnit) * rows;
      case 'plain':
        return Number.POSITIVE_INFINITY;
      default:
        return this.#shape satisfies never;
    }
  }

  #clearWindows(): void {
    this.#windows.fill(0);
    for (let at = 3; at < this.#windows.length; at += WINDOW_NUMBERS) this.#windows[at] = 1;
  }
}

const keepOf = (rows: number): number => (rows <= 1 ? 0 : 1 - 2 / (rows + 1));
