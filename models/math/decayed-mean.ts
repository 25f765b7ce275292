/**
 * Means over several time scales at once, that forget exponentially. O(1) state: for each scale a weight and a weighted sum. Between
 * observations nothing runs; the age is taken into account when a mean is asked for.
 */
export class DecayedMeans {
  readonly #scalesMs: readonly number[];
  readonly #weights: Float64Array;
  readonly #sums: Float64Array;
  #at = Number.NEGATIVE_INFINITY;

  constructor(scalesMs: readonly number[]) {
    this.#scalesMs = scalesMs;
    this.#weights = new Float64Array(scalesMs.length);
    this.#sums = new Float64Array(scalesMs.length);
  }

  observe(at: number, value: number): void {
    const elapsed = Math.max(0, at - this.#at);
    for (let i = 0; i < this.#weights.length; i++) {
      const keep = elapsed === Number.POSITIVE_INFINITY ? 0 : Math.exp(-elapsed / (this.#scalesMs[i] ?? 1));
      this.#weights[i] = (this.#weights[i] ?? 0) * keep + 1;
      this.#sums[i] = (this.#sums[i] ?? 0) * keep + value;
    }
    this.#at = Math.max(this.#at, at);
  }

  /** Mean on scale `i` at time `at`, drawn towards `prior` as if that had been seen `priorWeight` times. */
  mean(i: number, at: number, prior: number, priorWeight: number): number {
    const keep = this.#keep(i, at);
    return ((this.#sums[i] ?? 0) * keep + prior * priorWeight) / ((this.#weights[i] ?? 0) * keep + priorWeight);
  }

  /** Observations that scale `i` still remembers, a measure of rate. */
  weight(i: number, at: number): number {
    return (this.#weights[i] ?? 0) * this.#keep(i, at);
  }

  #keep(i: number, at: number): number {
    return this.#at === Number.NEGATIVE_INFINITY ? 0 : Math.exp(-Math.max(0, at - this.#at) / (this.#scalesMs[i] ?? 1));
  }
}
