import type { Packer, Unpacker } from './packing.ts';

/** A series that never moves is still expected to move by a thousandth. */
const SMALLEST = 1e-6;

/**
 * Splits the variance of residuals into a part that is always there (the process itself wanders) and one that shrinks with the size n of what was
 * averaged: variance = process + perUnit / n. Streaming expectation-maximisation (Dempster, Laird & Rubin 1977) for the sum of two independent
 * normal variables: each squared residual is divided between the two as they explain it, so both stay positive and a residual of small n says little about
 * the process. State: three numbers.
 */
export class VarianceSplit {
  #process = 0.04;
  #perUnit: number;
  #count = 0;
  readonly #perUnitKnown: boolean;

  /** `perUnit`: known beforehand (1 for relative residuals of counts), or undefined to learn it. */
  constructor(perUnit: number | undefined) {
    this.#perUnitKnown = perUnit !== undefined;
    this.#perUnit = perUnit ?? 1;
  }

  get perUnit(): number {
    return this.#perUnit;
  }

  /** Variance that the process itself has. */
  get process(): number {
    return this.#process;
  }

  /** Variance expected of a residual whose size is `n`. */
  at(n: number): number {
    return this.#process + this.#perUnit / n;
  }

  /**
   * Learns from a squared residual of size `n`, clipped at `clipAt` times what was expected once there is something to expect; the last `memory` residuals
   * count. The first `firstGuess` set both parts to equal shares of their mean, so that the scale of the numbers does not matter.
   */
  learn(squared: number, n: number, memory: number, clipAt: number, firstGuess: number): void {
    this.#count++;
    if (!this.#perUnitKnown && this.#count <= firstGuess) {
      const mean = this.#count === 1 ? squared : this.#process * 2 + (squared - this.#process * 2) / this.#count;
      this.#process = Math.max(mean / 2, SMALLEST);
      this.#perUnit = this.#process * n;
      return;
    }
    const unit = this.#perUnit / n;
    const expected = this.#process + unit;
    const clipped = this.#count > 3 * firstGuess ? Math.min(squared, clipAt * expected) : squared;
    const rate = 1 / Math.min(this.#count + 10, memory);
    const share = this.#process / expected;
    this.#process += rate * (this.#process * (1 - share) + share * share * clipped - this.#process);
    this.#process = Math.max(this.#process, SMALLEST);
    if (this.#perUnitKnown) return;
    const rest = unit / expected;
    this.#perUnit += rate * ((unit * (1 - rest) + rest * rest * clipped) * n - this.#perUnit);
    this.#perUnit = Math.max(this.#perUnit, SMALLEST);
  }

  pack(to: Packer): void {
    to.number(this.#process);
    to.number(this.#perUnit);
    to.number(this.#count);
  }

  static unpack(perUnit: number | undefined, from: Unpacker): VarianceSplit {
    const split = new VarianceSplit(perUnit);
    split.#process = from.number();
    split.#perUnit = from.number();
    split.#count = from.number();
    return split;
  }
}
