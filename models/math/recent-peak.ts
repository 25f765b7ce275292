import type { Packer, Unpacker } from './packing.ts';

export const PEAKS_MAX = 8;

/** The largest of the last values, remembered as the few that could still become the largest. Values come with rising rows. */
export class RecentPeak {
  readonly #rows: number[] = [];
  readonly #values: number[] = [];

  /** Largest value since `row`; 0 if there was none. Forgets what came before. */
  since(row: number): number {
    while ((this.#rows[0] ?? Number.POSITIVE_INFINITY) < row) {
      this.#rows.shift();
      this.#values.shift();
    }
    return this.#values[0] ?? 0;
  }

  /** At most PEAKS_MAX are kept: of a longer falling sequence the last stands for what would follow. */
  add(row: number, value: number): void {
    while (this.#values.length > 0 && (this.#values.at(-1) ?? 0) <= value) {
      this.#rows.pop();
      this.#values.pop();
    }
    if (this.#values.length >= PEAKS_MAX) {
      this.#rows.pop();
      this.#values.pop();
    }
    this.#rows.push(row);
    this.#values.push(value);
  }

  pack(to: Packer): void {
    to.numbers(this.#rows);
    to.numbers(this.#values);
  }

  static unpack(from: Unpacker): RecentPeak {
    const peak = new RecentPeak();
    peak.#rows.push(...from.numbers(PEAKS_MAX));
    peak.#values.push(...from.numbers(PEAKS_MAX));
    return peak;
  }
}
