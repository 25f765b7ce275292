import type { Packer, Unpacker } from './packing.ts';

/**
 * A straight line through recent values, fitted by least squares with exponential forgetting in time. O(1) state. Times are taken relative to
 * the last observation, so that sums stay small.
 */
export class LocalLine {
  readonly #scaleMs: number;
  readonly #slopePrior: number;
  #at = Number.NaN;
  #n = 0;
  #t = 0;
  #tt = 0;
  #y = 0;
  #ty = 0;

  /** `slopePrior` is the pseudo-evidence (in scale² units) for a slope of zero: few values give a level, many a trend. */
  constructor(scaleMs: number, slopePrior: number) {
    this.#scaleMs = scaleMs;
    this.#slopePrior = slopePrior;
  }

  get count(): number {
    return this.#n;
  }

  reset(): void {
    this.#at = Number.NaN;
    this.#n = this.#t = this.#tt = this.#y = this.#ty = 0;
  }

  observe(at: number, value: number): void {
    if (Number.isFinite(this.#at)) {
      const step = Math.max(0, at - this.#at) / this.#scaleMs;
      const keep = Math.exp(-step);
      // Move the origin to the new time: every old t becomes t - step.
      this.#tt = keep * (this.#tt - 2 * step * this.#t + step * step * this.#n);
      this.#ty = keep * (this.#ty - step * this.#y);
      this.#t = keep * (this.#t - step * this.#n);
      this.#n *= keep;
      this.#y *= keep;
    }
    this.#at = Number.isFinite(this.#at) ? Math.max(this.#at, at) : at;
    this.#n += 1;
    this.#y += value;
  }

  pack(to: Packer): void {
    for (const x of [this.#at, this.#n, this.#t, this.#tt, this.#y, this.#ty]) to.number(x);
  }

  /** Takes over what one of the same scale wrote. */
  unpack(from: Unpacker): void {
    this.#at = from.number();
    this.#n = from.number();
    this.#t = from.number();
    this.#tt = from.number();
    this.#y = from.number();
    this.#ty = from.number();
  }

  /** Change per scale. */
  slope(): number {
    if (this.#n === 0) return 0;
    const meanT = this.#t / this.#n;
    const varianceT = this.#tt - this.#n * meanT * meanT + this.#slopePrior;
    return (this.#ty - meanT * this.#y) / varianceT;
  }

  /** The line at time `at`, carried on for at most one scale beyond the last observation. NaN before the first one. */
  valueAt(at: number): number {
    if (this.#n === 0) return Number.NaN;
    const ahead = Math.min(1, Math.max(0, at - this.#at) / this.#scaleMs);
    return this.#y / this.#n + this.slope() * (ahead - this.#t / this.#n);
  }
}
