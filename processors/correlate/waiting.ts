import type { TimedEvent } from './timed-event.ts';

/**
 * Events that were read but whose time has not come yet, in the order in which they will be applied: by the time their source could know
 * them, then by position. Whatever the order of arrival, the order out is the same.
 */
export class Waiting {
  private sorted: TimedEvent[] = [];
  private taken = 0;
  private arrived: TimedEvent[] = [];

  add(events: readonly TimedEvent[]): void {
    for (const e of events) this.arrived.push(e);
  }

  /** The next one if its time is before `before`. */
  take(before: number): TimedEvent | undefined {
    if (this.arrived.length > 0) this.merge();
    const next = this.sorted[this.taken];
    if (!next || next.seenAt >= before) return undefined;
    this.taken++;
    return next;
  }

  toData(): readonly TimedEvent[] {
    if (this.arrived.length > 0) this.merge();
    return this.sorted.slice(this.taken);
  }

  static fromData(events: readonly TimedEvent[]): Waiting {
    const waiting = new Waiting();
    waiting.add(events);
    return waiting;
  }

  /** Sorts in what arrived. Only the part that overlaps is sorted: two runs, which the engine's merge sort takes in linear time. */
  private merge(): void {
    const arrived = this.arrived;
    this.arrived = [];
    let first = arrived[0];
    for (const e of arrived) if (first && inOrder(e, first) < 0) first = e;
    if (!first) return;
    if (this.taken > 0) {
      this.sorted = this.sorted.slice(this.taken);
      this.taken = 0;
    }
    const overlap = this.sorted.splice(this.firstAfter(first));
    for (const e of arrived) overlap.push(e);
    overlap.sort(inOrder);
    for (const e of overlap) this.sorted.push(e);
  }

  private firstAfter(event: TimedEvent): number {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.sorted[middle];
      if (other && inOrder(other, event) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function inOrder(a: TimedEvent, b: TimedEvent): number {
  return a.seenAt - b.seenAt || a.event.line.source - b.event.line.source || a.event.line.offset - b.event.line.offset;
}
