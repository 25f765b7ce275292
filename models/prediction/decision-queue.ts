import type { AttemptRecord } from './attempt.ts';

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly record: AttemptRecord;
}

/** Outcomes that wait for the moment at which they become known: a binary heap by that moment, then by order of arrival. */
export class DecisionQueue {
  readonly #heap: Waiting[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(record: AttemptRecord): void {
    const heap = this.#heap;
    const added = { at: record.decision.at, order: this.#order++, record };
    let i = heap.length;
    heap.push(added);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(added, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = added;
  }

  /** The next one known by `to`, or undefined. */
  take(to: number): AttemptRecord | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > to) return undefined;
    const last = heap.pop();
    if (last === undefined || last === first) return first.record;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      const smaller = right !== undefined && isBefore(right, left) ? right : left;
      if (smaller === right) child++;
      if (!isBefore(smaller, last)) break;
      heap[i] = smaller;
      i = child;
    }
    heap[i] = last;
    return first.record;
  }
}

const isBefore = (a: Waiting, b: Waiting): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
