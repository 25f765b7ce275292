const GROWTH_TOLERATED = 2; // answers may take this many times as long as the best ones before more requests are no help

/**
 * How many requests may be under way at once: one more after each round without a complaint, half after a complaint (additive increase, multiplicative
 * decrease, as TCP does it). It also stops growing when answers take twice as long as the best recent ones: then requests only wait in the server.
 */
export class ConcurrencyLimit {
  readonly #max: number;
  #limit: number;
  #answersThisRound = 0;
  #bestMs = Number.POSITIVE_INFINITY;
  #lastDecrease = Number.NEGATIVE_INFINITY;

  constructor(start: number, max: number) {
    this.#max = max;
    this.#limit = Math.min(start, max);
  }

  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** An answer without complaint. `full`: all of the limit was in use, so that growing makes sense. `ms`: how long it took. */
  answered(ms: number, full: boolean): void {
    this.#bestMs = Math.min(this.#bestMs * 1.02, ms); // the best ages, so that a slower server is not held against one fast answer
    if (!full || ms > this.#bestMs * GROWTH_TOLERATED) return;
    this.#answersThisRound++;
    if (this.#answersThisRound < this.#limit) return;
    this.#answersThisRound = 0;
    this.#limit = Math.min(this.#max, this.#limit + 1);
  }

  /** The server complained at `now` about a request that was sent at `sentAt`. Complaints about requests that were sent before the last decrease are the same one. */
  overloaded(sentAt: number, now: number): void {
    if (sentAt < this.#lastDecrease) return;
    this.#lastDecrease = now;
    this.#answersThisRound = 0;
    this.#limit = Math.max(1, this.#limit / 2);
  }

  /** After an outage: begin with one. */
  restart(): void {
    this.#answersThisRound = 0;
    this.#limit = 1;
  }
}
