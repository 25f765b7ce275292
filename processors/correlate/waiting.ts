import type { TimedEvent } from './timed-event.ts';

/**
 * Events that were read but whose time has not come yet, in the order in which they will be applied: by the time their source could know
 * them, then by position. Whatever the order of arrival, the order out is the same.
 */
export class Waiting {
  private readonly read = new SortedEvents();
  private readonly postponed = new SortedEvents();
  private arrived: TimedEvent[] = [];

  add(events: readonly TimedEvent[]): void {
    for (const e of events) this.arrived.push(e);
  }

  /** For an event that was taken and must wait a little longer: kept apart, because there are few and they come one by one. */
  postpone(event: TimedEvent): void {
    this.postponed.merge([event]);
  }

  /** The next one if its time is before `before`. */
  take(before: number): TimedEvent | undefined {
    this.sortArrived();
    const a = this.read.first;
    const b = this.postponed.first;
    const isPostponed = b !== undefined && (a === undefined || inOrder(b, a) < 0);
    const next = isPostponed ? b : a;
    if (!next || next.seenAt >= before) return undefined;
    (isPostponed ? this.postponed : this.read).drop();
    return next;
  }

  toData(): readonly TimedEvent[] {
    this.sortArrived();
    return [...this.read.rest(), ...this.postponed.rest()].sort(inOrder);
  }

  static fromData(events: readonly TimedEvent[]): Waiting {
    const waiting = new Waiting();
    waiting.add(events);
    return waiting;
  }

  private sortArrived(): void {
    if (this.arrived.length === 0) return;
    this.read.merge(this.arrived);
    this.arrived = [];
  }
}

/** A queue that is kept sorted. */
class SortedEvents {
  private events: TimedEvent[] = [];
  private dropped = 0;

  get first(): TimedEvent | undefined {
    return this.events[this.dropped];
  }

  drop(): void {
    this.dropped++;
  }

  rest(): readonly TimedEvent[] {
    return this.events.slice(this.dropped);
  }

  /** Only the part that overlaps is sorted: two runs, which the engine's merge sort takes in linear time. */
  merge(arrived: readonly TimedEvent[]): void {
    let first = arrived[0];
    for (const e of arrived) if (first && inOrder(e, first) < 0) first = e;
    if (!first) return;
    if (2 * this.dropped >= this.events.length) {
      this.events = this.events.slice(this.dropped);
      this.dropped = 0;
    }
    const overlap = this.events.splice(this.firstAfter(first));
    for (const e of arrived) overlap.push(e);
    overlap.sort(inOrder);
    for (const e of overlap) this.events.push(e);
  }

  private firstAfter(event: TimedEvent): number {
    let low = this.dropped;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.events[middle];
      if (other && inOrder(other, event) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function inOrder(a: TimedEvent, b: TimedEvent): number {
  return a.seenAt - b.seenAt || a.event.line.source - b.event.line.source || a.event.line.offset - b.event.line.offset;
}
