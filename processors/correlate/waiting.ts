type InOrder<T> = (a: T, b: T) => number;

/**
 * What was read but whose time has not come yet, in the order in which it will be taken: whatever the order of arrival, the order out is the
 * same. `inOrder` must tell any two apart that are not to be taken in the order of their arrival.
 */
export class Waiting<T> {
  private readonly read: Sorted<T>;
  private readonly postponed: Sorted<T>;
  private readonly inOrder: InOrder<T>;
  private arrived: T[] = [];

  constructor(inOrder: InOrder<T>, state: readonly T[] = []) {
    this.inOrder = inOrder;
    this.read = new Sorted(inOrder);
    this.postponed = new Sorted(inOrder);
    this.add(state);
  }

  add(items: readonly T[]): void {
    for (const item of items) this.arrived.push(item);
  }

  /** For one that was taken and must wait a little longer: kept apart, because there are few and they come one by one. */
  postpone(item: T): void {
    this.postponed.merge([item]);
  }

  /** The next one, if it is due. */
  take(isDue: (next: T) => boolean): T | undefined {
    this.sortArrived();
    const a = this.read.first;
    const b = this.postponed.first;
    const isPostponed = b !== undefined && (a === undefined || this.inOrder(b, a) < 0);
    const next = isPostponed ? b : a;
    if (!next || !isDue(next)) return undefined;
    (isPostponed ? this.postponed : this.read).drop();
    return next;
  }

  toData(): readonly T[] {
    this.sortArrived();
    return [...this.read.rest(), ...this.postponed.rest()].sort(this.inOrder);
  }

  private sortArrived(): void {
    if (this.arrived.length === 0) return;
    this.read.merge(this.arrived);
    this.arrived = [];
  }
}

/** A queue that is kept sorted. */
class Sorted<T> {
  private readonly inOrder: InOrder<T>;
  private items: T[] = [];
  private dropped = 0;

  constructor(inOrder: InOrder<T>) {
    this.inOrder = inOrder;
  }

  get first(): T | undefined {
    return this.items[this.dropped];
  }

  drop(): void {
    this.dropped++;
  }

  rest(): readonly T[] {
    return this.items.slice(this.dropped);
  }

  /** Linear where `arrived` is in order, which it is but for the disorder of a log. Of equals those that were here come first. */
  merge(arrived: T[]): void {
    const { inOrder } = this;
    if (!isSorted(arrived, inOrder)) arrived.sort(inOrder);
    const first = arrived[0];
    if (!first) return;
    if (2 * this.dropped >= this.items.length) {
      this.items = this.items.slice(this.dropped);
      this.dropped = 0;
    }
    const { items } = this;
    const overlap = items.splice(this.firstAfter(first));
    let next = 0;
    for (let i = 0; i < arrived.length; i++) {
      const item = arrived[i];
      if (item === undefined) continue;
      for (let other = overlap[next]; other !== undefined && inOrder(other, item) <= 0; other = overlap[++next])
        items.push(other);
      items.push(item);
    }
    for (; next < overlap.length; next++) {
      const other = overlap[next];
      if (other !== undefined) items.push(other);
    }
  }

  private firstAfter(item: T): number {
    let low = this.dropped;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.items[middle];
      if (other && this.inOrder(other, item) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isSorted<T>(items: readonly T[], inOrder: InOrder<T>): boolean {
  for (let i = 1; i < items.length; i++) {
    const before = items[i - 1];
    const item = items[i];
    if (before !== undefined && item !== undefined && inOrder(before, item) > 0) return false;
  }
  return true;
}
