import { clipKey, ownText } from './own-text.ts';

export interface Counted {
  readonly key: string;
  readonly count: number;
}

/**
 * The most frequent keys in bounded memory: up to twice `capacity` keys are held, then the rarer half is forgotten.
 * Counts are exact until the first forgetting and lower bounds afterwards (`exact` tells); a key that is frequent throughout stays.
 */
export class TopCounter {
  readonly #capacity: number;
  #counts = new Map<string, number>();
  #exact = true;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get exact(): boolean {
    return this.#exact;
  }

  count(key: string, times = 1): void {
    const short = clipKey(key);
    const before = this.#counts.get(short);
    if (before !== undefined) {
      this.#counts.set(short, before + times);
      return;
    }
    if (this.#counts.size >= 2 * this.#capacity) this.#forget();
    this.#counts.set(ownText(key), times);
  }

  /** The `limit` most frequent, equal counts by key. */
  top(limit: number): readonly Counted[] {
    return this.#sorted().slice(0, limit);
  }

  #sorted(): Counted[] {
    const all: Counted[] = [];
    for (const [key, count] of this.#counts) all.push({ key, count });
    return all.sort((a, b) => b.count - a.count || compareText(a.key, b.key));
  }

  #forget(): void {
    this.#exact = false;
    this.#counts = new Map(
      this.#sorted()
        .slice(0, this.#capacity)
        .map((c) => [c.key, c.count]),
    );
  }
}

/** Order by code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
