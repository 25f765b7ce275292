import type { CorrelateOptions } from '../../processors/correlate/options.ts';
import type { RestingSessions } from '../../processors/correlate/resting-sessions.ts';
import type { RestoredSession } from '../../processors/correlate/session-store.ts';
import type { SessionsCore, TimedSessionEvent } from '../../processors/correlate/sessions.ts';
import { Sessions } from '../../processors/correlate/sessions.ts';
import type { SharedAddressesState } from '../../processors/correlate/shared-addresses.ts';
import type { SiteFact } from '../../processors/correlate/site-fact.ts';
import type { EventBatch, FactBatch, Progress } from './messages.ts';
import { topicOf, Watermark } from './watermark.ts';

/** Lines of one source may be out of order by this much. */
export const LATENESS_MS = 30_000;
/** A session without a line for so long, in event time, probably waits for mail: for minutes or hours more. */
const REST_MS = 5 * 60_000;
/** Serials of partitions lie this far apart. */
const SERIALS = 2 ** 36;

export interface SessionsPartitionOptions {
  readonly partition: number;
  /** All units that are read: event time goes on when each has been heard of. */
  readonly units: readonly string[];
  readonly correlate: CorrelateOptions;
}

/** What is written down with each step, beside what changed in the sessions. */
export interface SessionsPartitionCore {
  readonly sessions: SessionsCore;
  readonly units: readonly Progress[];
  /** The next record to be read for the first time. */
  readonly next: number;
}

export interface StoredPartition {
  readonly core: SessionsPartitionCore;
  /** At rest in `resting`. */
  readonly sessions: readonly RestoredSession[];
  readonly resting: RestingSessions;
  readonly addresses: SharedAddressesState;
  readonly postponed: readonly TimedSessionEvent[];
}

/** An event that could not be applied, and why. */
export interface RejectedEvent {
  readonly event: TimedSessionEvent;
  readonly error: unknown;
}

/** A record that was read, and the latest event in it. */
interface ReadRecord {
  readonly offset: number;
  readonly last: number;
}

/** One partition of sessions: batches of events in, facts for the site out. Pure. */
export class SessionsPartition {
  private readonly options: SessionsPartitionOptions;
  private readonly sessions: Sessions;
  private readonly watermark: Watermark;
  /** Records with events whose time has not come: they are read again after a restart. */
  private pending: ReadRecord[] = [];
  private next: number;
  private reached: number;
  private ended = false;
  /** Event time at which sessions were put to rest last. */
  private restedAt: number;

  constructor(options: SessionsPartitionOptions, stored?: StoredPartition) {
    this.options = options;
    this.sessions = stored
      ? Sessions.fromChanges(
          stored.core.sessions,
          stored.sessions,
          stored.resting,
          stored.addresses,
          stored.postponed,
          options.correlate,
        )
      : new Sessions(options.correlate, undefined, options.partition * SERIALS);
    this.sessions.keepJournal();
    const read = new Set(options.units.map(topicOf));
    // Nobody waits for what is read no more; a partition that was added to a topic is read, though it may not be among `units` yet.
    this.watermark = new Watermark(stored?.core.units.filter(({ unit }) => read.has(topicOf(unit))));
    this.next = stored?.core.next ?? 0;
    this.reached = this.sessions.advancedTo;
    this.restedAt = this.reached;
  }

  get open(): number {
    return this.sessions.open;
  }

  /** Event time has come so far, UTC ms; -Infinity before it began. */
  get advancedTo(): number {
    return this.reached;
  }

  get late(): number {
    return this.sessions.late;
  }

  get evicted(): number {
    return this.sessions.evicted;
  }

  /** The first record that is needed after a restart. */
  get neededFrom(): number {
    return this.pending[0]?.offset ?? this.next;
  }

  /** The next record to be read for the first time. */
  get position(): number {
    return this.next;
  }

  /** Whether the record was read before the restart. */
  knows(offset: number): boolean {
    return offset < this.next;
  }

  /** The topic was made anew, and is read from its beginning: what was in it before is as far as it will ever be. */
  madeAnew(): void {
    this.next = 0;
    this.pending = [];
  }

  /** Passes over a record that cannot be used. */
  skip(offset: number): void {
    this.next = Math.max(this.next, offset + 1);
  }

  /** Takes one record. One that was read before the restart only gives back what had not been applied by then. */
  take(batch: EventBatch, offset: number): void {
    const isAgain = this.knows(offset);
    const waiting = isAgain ? batch.events.filter((e) => e.seenAt >= this.reached) : batch.events;
    if (waiting.length > 0) {
      this.sessions.push(waiting);
      let last = Number.NEGATIVE_INFINITY;
      for (const e of waiting) if (e.seenAt > last) last = e.seenAt;
      this.pending.push({ offset, last });
    }
    if (isAgain) return;
    this.next = offset + 1;
    if (batch.progress) this.watermark.note(batch.progress);
  }

  /**
   * Event time goes on as far as all units have come. What came late is applied even where it stands still: a restart takes everything before
   * this time for done.
   */
  advance(rejected: RejectedEvent[] = []): FactBatch {
    this.rest();
    const facts: SiteFact[] = [];
    const reached = this.watermark.at(this.options.units) - LATENESS_MS;
    this.ended = reached === Number.POSITIVE_INFINITY;
    if (!this.ended) this.reached = Math.max(this.reached, reached);
    const to = this.ended ? reached : this.reached;
    if (to > Number.NEGATIVE_INFINITY) {
      this.sessions.advance(to, facts, (event, error) => rejected.push({ event, error }));
      this.pending = this.pending.filter(({ last }) => last >= to);
    }
    return { progress: this.progress(), sources: [], facts };
  }

  /** What was told before and what changed by it has been written down. */
  private rest(): void {
    if (!(this.reached - this.restedAt >= REST_MS)) {
      if (!Number.isFinite(this.restedAt)) this.restedAt = this.reached;
      return;
    }
    this.restedAt = this.reached;
    this.sessions.rest(this.reached - REST_MS);
  }

  progress(): Progress {
    return {
      unit: `sessions/${this.options.partition}`,
      reached: Number.isFinite(this.reached) ? this.reached : null,
      caughtUp: false,
      ended: this.ended,
    };
  }

  /** What must be written down for this step, together with what `advance` told. */
  changes() {
    const { core, ...changed } = this.sessions.changes();
    const whole: SessionsPartitionCore = { sessions: core, units: this.watermark.toData(), next: this.next };
    return { core: whole, ...changed };
  }
}

export const sessionsUnit = (partition: number): string => `sessions/${partition}`;
