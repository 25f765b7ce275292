import type { Progress } from './messages.ts';
import { topicOf, Watermark } from './watermark.ts';

/** What was given by a partition beyond the one that is furthest behind. */
interface Ahead {
  /** By batch, in order: where event time was at its end, and how many events it gave. */
  readonly batches: { readonly at: number; readonly events: number }[];
  events: number;
}

/** So far ahead nobody has to be held: events of this long wait in any case, for lines out of order. */
const FREE_MS = 60_000;

/**
 * How far each partition may be read ahead of the one that is furthest behind in event time. What it gives beyond that waits in the memory of the sessions, so it is held once its share
 * of what may wait is used up; the one that is furthest behind never is. Every reader hears of every partition: by its own hand, and through the topic of their states.
 */
export class Pace {
  private readonly units: readonly string[];
  private readonly topics: ReadonlySet<string>;
  private readonly share: number;
  private readonly watermark = new Watermark();
  private readonly ours = new Map<string, Ahead>();

  /** `eventsMax`: that may wait, over all of `units`. */
  constructor(units: readonly string[], eventsMax: number) {
    this.units = units;
    this.topics = new Set(units.map(topicOf));
    this.share = Math.max(1, Math.floor(eventsMax / Math.max(1, units.length)));
  }

  /** How far a partition has come. One that is read no more counts for nothing. */
  note(progress: Progress): void {
    if (this.topics.has(topicOf(progress.unit))) this.watermark.note(progress);
  }

  /** How far a partition was when it was last heard of. */
  lastOf(unit: string): Progress | undefined {
    return this.watermark.of(unit);
  }

  /** A partition is ours now, and so many of the events that it gave before were waiting. */
  took(progress: Progress, waiting: number): void {
    this.ours.set(progress.unit, { batches: [], events: 0 });
    this.gave(progress, waiting);
  }

  gone(unit: string): void {
    this.ours.delete(unit);
  }

  /** A partition of ours gave so many events, and has come so far with them. */
  gave(progress: Progress, events: number): void {
    this.note(progress);
    this.add(progress.unit, progress.reached, events);
  }

  /** Events of a partition of ours that wait for the one that is furthest behind. */
  waiting(unit: string): number {
    const ahead = this.ours.get(unit);
    if (!ahead) return 0;
    const to = this.watermark.at(this.units) + FREE_MS;
    while (ahead.batches[0] !== undefined && ahead.batches[0].at <= to)
      ahead.events -= ahead.batches.shift()?.events ?? 0;
    return ahead.events;
  }

  /** Whether the next batch of it may be read. */
  mayGoOn(unit: string): boolean {
    return this.waiting(unit) < this.share;
  }

  private add(unit: string, reached: number | null, events: number): void {
    const ahead = this.ours.get(unit);
    if (!ahead || reached === null || events === 0) return;
    ahead.batches.push({ at: reached, events });
    ahead.events += events;
  }
}
