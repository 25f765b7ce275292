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

  /** Only the part that overlaps is sorted: two runs, which the engine's merge sort takes in linear time. */
  merge(arrived: readonly T[]): void {
    let first = arrived[0];
    if (!first) return;
    let last = this.items.at(-1);
    let isInOrder = this.items.length === this.dropped || (last !== undefined && this.inOrder(last, first) <= 0);
    last = first;
    for (const item of arrived) {
      if (this.inOrder(item, first) < 0) first = item;
      if (this.inOrder(last, item) > 0) isInOrder = false;
      last = item;
    }
    if (2 * this.dropped >= this.items.length) {
      this.items = this.items.slice(this.dropped);
      this.dropped = 0;
    }
    // What comes in order, as sessions tell it, is not sorted at all.
    const overlap = isInOrder ? [] : this.items.splice(this.firstAfter(first));
    for (const item of arrived) overlap.push(item);
    if (!isInOrder) overlap.sort(this.inOrder);
    for (const item of overlap) this.items.push(item);
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
