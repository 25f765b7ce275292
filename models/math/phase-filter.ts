import type { Packer, Unpacker } from './packing.ts';

const BINS = 112;
/** Spread that the phase gains in one period, as a share of the period. */
const JITTER = 0.011;
/** Belief below this is raised to it, so that a wrong lock can be given up. */
const FLOOR = 2e-4;

/** How probable what was seen is inside and outside of the window. */
export interface WindowLikelihood {
  readonly inside: number;
  readonly outside: number;
}

/**
 * Where in its period a recurring window (a tunnel's re-key) lies: a belief over the phase, moved by each observation according to Bayes and
 * widened as time passes. A quiet moment when the window was expected counts as much as a sign that it came.
 * The phase is kept relative to an anchor that moves on by whole periods, so that a corrected period shifts it by one correction at most.
 */
export class PhaseFilter {
  #belief = new Float32Array(BINS).fill(1 / BINS);
  #spare = new Float32Array(BINS);
  #anchor = Number.NaN;
  #at = Number.NaN;
  #variance = 0;

  get started(): boolean {
    return Number.isFinite(this.#anchor);
  }

  observe(at: number, period: number, width: number, seen: WindowLikelihood): void {
    if (!this.started) {
      this.#anchor = at;
      this.#at = at;
    }
    if (at > this.#anchor + period) this.#anchor += Math.floor((at - this.#anchor) / period) * period;
    this.#widen(at, period);
    let sum = 0;
    for (let i = 0; i < BINS; i++) {
      const inside = this.#inside(i, at, period, width);
      const value = (this.#belief[i] ?? 0) * (inside * seen.inside + (1 - inside) * seen.outside) + FLOOR / BINS;
      this.#belief[i] = value;
      sum += value;
    }
    for (let i = 0; i < BINS; i++) this.#belief[i] = (this.#belief[i] ?? 0) / sum;
  }

  /** Probability that the window is open at `at`. NaN before anything was seen. */
  chance(at: number, period: number, width: number): number {
    if (!this.started || Number.isNaN(period)) return Number.NaN;
    let sum = 0;
    for (let i = 0; i < BINS; i++) sum += (this.#belief[i] ?? 0) * this.#inside(i, at, period, width);
    return sum;
  }

  pack(to: Packer): void {
    to.floats(this.#belief);
    for (const x of [this.#anchor, this.#at, this.#variance]) to.number(x);
  }

  unpack(from: Unpacker): void {
    from.floats(this.#belief);
    this.#anchor = from.number();
    this.#at = from.number();
    this.#variance = from.number();
  }

  /** Share of the bin that lies so that its window holds `at`; soft at the edges by a bin. */
  #inside(i: number, at: number, period: number, width: number): number {
    const cycles = (at - this.#anchor) / period - (i + 0.5) / BINS;
    const bins = (cycles - Math.floor(cycles)) * BINS;
    const widthBins = (width / period) * BINS;
    const fromStart = bins > BINS / 2 ? bins - BINS : bins;
    return Math.max(0, Math.min(1, fromStart + 0.5)) * Math.max(0, Math.min(1, widthBins - fromStart + 0.5));
  }

  #widen(at: number, period: number): void {
    const elapsed = Math.max(0, at - this.#at);
    this.#at = Math.max(this.#at, at);
    this.#variance += (JITTER * BINS) ** 2 * (elapsed / period);
    // A three-point kernel adds a variance of two of its sides; many small steps make one of a useful size.
    while (this.#variance > 0.05) {
      const step = Math.min(0.6, this.#variance);
      this.#variance -= step;
      const side = step / 2;
      for (let i = 0; i < BINS; i++) {
        const before = this.#belief[i === 0 ? BINS - 1 : i - 1] ?? 0;
        const after = this.#belief[i === BINS - 1 ? 0 : i + 1] ?? 0;
        this.#spare[i] = (1 - step) * (this.#belief[i] ?? 0) + side * (before + after);
      }
      [this.#belief, this.#spare] = [this.#spare, this.#belief];
    }
  }
}
