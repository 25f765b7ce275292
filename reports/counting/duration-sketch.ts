const GROWTH = 1.05;
const LOG_GROWTH = Math.log(GROWTH);
const BUCKETS = 420; // 1.05 ** 420 ms is about nine days

/** Mean (exact) and quantiles (within 5 %) of durations, in constant memory. */
export class DurationSketch {
  readonly #buckets = new Float64Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #sumPrecisionMs = 0;

  add(durationMs: number, precisionMs: number): void {
    if (!Number.isFinite(durationMs) || durationMs < 0) return;
    const bucket = durationMs <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(durationMs) / LOG_GROWTH));
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#count++;
    this.#sumMs += durationMs;
    this.#sumPrecisionMs += precisionMs;
  }

  get count(): number {
    return this.#count;
  }

  /** Milliseconds; undefined without a value. */
  mean(): number | undefined {
    return this.#count === 0 ? undefined : this.#sumMs / this.#count;
  }

  /** Mean of the stated precisions, milliseconds: the mean duration cannot be wrong by more. */
  meanPrecision(): number {
    return this.#count === 0 ? 0 : this.#sumPrecisionMs / this.#count;
  }

  /** Upper end of the bucket that holds the quantile `q` (0 to 1), milliseconds. */
  quantile(q: number): number | undefined {
    if (this.#count === 0) return undefined;
    let left = Math.max(1, Math.ceil(q * this.#count));
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.#buckets[i] ?? 0;
      if (left <= 0) return Math.round(GROWTH ** i);
    }
    return undefined;
  }
}
