/** A binary heap: whatever the order in which things come, the least comes out first. `isBefore` decides; what it does not tell apart comes in any order. */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The one that `take` would give. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** In no order of its own. */
  values(): readonly T[] {
    return this.#items;
  }

  add(item: T): void {
    const items = this.#items;
    let i = items.length;
    items.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = items[parent];
      if (above === undefined || !this.#isBefore(item, above)) break;
      items[i] = above;
      i = parent;
    }
    items[i] = item;
  }

  take(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = items[child];
      if (left === undefined) break;
      const right = items[child + 1];
      const smaller = right !== undefined && this.#isBefore(right, left) ? right : left;
      if (smaller === right) child++;
      if (!this.#isBefore(smaller, last)) break;
      items[i] = smaller;
      i = child;
    }
    items[i] = last;
    return first;
  }
}
