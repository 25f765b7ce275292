import { clipKey, ownText } from './own-text.ts';

/** How many different keys were seen. `at_least`: there were more than the counter could hold. */
export interface Distinct {
  readonly count: number;
  readonly at_least: boolean;
}

/** Counts different keys exactly up to a limit, and says "at least" beyond it. */
export class DistinctCounter {
  readonly #limit: number;
  readonly #seen = new Set<string>();
  #more = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(key: string): void {
    if (this.#seen.has(clipKey(key))) return;
    if (this.#seen.size < this.#limit) this.#seen.add(ownText(key));
    else this.#more = true;
  }

  distinct(): Distinct {
    return { count: this.#seen.size, at_least: this.#more };
  }
}
