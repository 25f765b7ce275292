/** A binary heap of things that fall due in event time. Ties are broken by serial, so that the order never depends on chunking. */

export interface Due<T> {
  at: number;
  readonly serial: number;
  readonly what: T;
}

export class Timers<T> {
  private readonly heap: Due<T>[] = [];

  get size(): number {
    return this.heap.length;
  }

  add(due: Due<T>): void {
    const heap = this.heap;
    heap.push(due);
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const p = heap[parent];
      if (!p || !before(due, p)) break;
      heap[i] = p;
      i = parent;
    }
    heap[i] = due;
  }

  /** The earliest one if it is due by `now`; it is taken out. */
  take(now: number): Due<T> | undefined {
    const heap = this.heap;
    const top = heap[0];
    if (!top || top.at > now) return undefined;
    const last = heap.pop();
    if (last && heap.length > 0) this.sink(last);
    return top;
  }

  private sink(due: Due<T>): void {
    const heap = this.heap;
    const n = heap.length;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      const right = heap[child + 1];
      let c = heap[child];
      if (right && c && before(right, c)) {
        child++;
        c = right;
      }
      if (!c || !before(c, due)) break;
      heap[i] = c;
      i = child;
    }
    heap[i] = due;
  }
}

const before = (a: Due<unknown>, b: Due<unknown>): boolean => a.at < b.at || (a.at === b.at && a.serial < b.serial);
