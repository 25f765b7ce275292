import type { Packer, Unpacker } from './packing.ts';

/**
 * Means over several time scales at once, that forget exponentially. O(1) state: for each scale a weight and a weighted sum. Between
 * observations nothing runs; the age is taken into account when a mean is asked for.
 */
export class DecayedMeans {
  readonly #scalesMs: readonly number[];
  /** Weight and sum of each scale, interleaved. A plain array: for so few numbers a typed one is mostly overhead. */
  readonly #state: number[];
  #at = Number.NEGATIVE_INFINITY;

  constructor(scalesMs: readonly number[]) {
    this.#scalesMs = scalesMs;
    this.#state = scalesMs.flatMap(() => [0, 0]);
  }

  observe(at: number, value: number): void {
    const elapsed = Math.max(0, at - this.#at);
    for (let i = 0; i < this.#scalesMs.length; i++) {
      const keep = elapsed === Number.POSITIVE_INFINITY ? 0 : Math.exp(-elapsed / (this.#scalesMs[i] ?? 1));
      this.#state[2 * i] = (this.#state[2 * i] ?? 0) * keep + 1;
      this.#state[2 * i + 1] = (this.#state[2 * i + 1] ?? 0) * keep + value;
    }
    this.#at = Math.max(this.#at, at);
  }

  /** Mean on scale `i` at time `at`, drawn towards `prior` as if that had been seen `priorWeight` times. */
  mean(i: number, at: number, prior: number, priorWeight: number): number {
    const keep = this.#keep(i, at);
    const weight = (this.#state[2 * i] ?? 0) * keep;
    return ((this.#state[2 * i + 1] ?? 0) * keep + prior * priorWeight) / (weight + priorWeight);
  }

  /** Observations that scale `i` still remembers, a measure of rate. */
  weight(i: number, at: number): number {
    return (this.#state[2 * i] ?? 0) * this.#keep(i, at);
  }

  pack(to: Packer): void {
    to.number(this.#at);
    to.numbers(this.#state);
  }

  /** Takes over what one of the same scales wrote. */
  unpack(from: Unpacker): void {
    this.#at = from.number();
    from.numbers(this.#state.length).forEach((x, i) => {
      this.#state[i] = x;
    });
  }

  #keep(i: number, at: number): number {
    return this.#at === Number.NEGATIVE_INFINITY ? 0 : Math.exp(-Math.max(0, at - this.#at) / (this.#scalesMs[i] ?? 1));
  }
}
