import { toDeadLetter, UNDECODABLE } from '../../ingest/kafka/dead-letter.ts';
import type { Batch, Lease, RecordToSend } from '../../ingest/kafka/port.ts';
import { ColdLines } from '../../processors/correlate/cold-lines.ts';
import type { CorrelateOptions } from '../../processors/correlate/options.ts';
import { reviveStored, type StoredSession } from '../../processors/correlate/session-store.ts';
import type { TimedSessionEvent } from '../../processors/correlate/sessions.ts';
import type { AddressUsers } from '../../processors/correlate/shared-addresses.ts';
import { keepHeapTight } from '../heap.ts';
import { version } from '../version.ts';
import { readEventBatch, writeFacts } from './messages.ts';
import { rejectedLetter } from './rejected.ts';
import { readState } from './restore.ts';
import {
  type RejectedEvent,
  SessionsPartition,
  type SessionsPartitionCore,
  type StoredPartition,
} from './sessions-partition.ts';
import type { Topics } from './topics.ts';
import { StatefulWorker, type Step, type WorkerContext } from './worker.ts';

export interface SessionsWorkerOptions {
  readonly topics: Topics;
  /** The partitions that are read, as the readers name them. */
  readonly units: readonly string[];
  readonly correlate: CorrelateOptions;
}

const CORE = 'core';
const SESSION = 's ';
const ADDRESS = 'a ';
const POSTPONED = 'p ';

/** Events of connections in, facts for the site out. The state of a partition lies in the partition of the same number of `topics.sessionsState`. */
export class SessionsWorker extends StatefulWorker<SessionsPartition> {
  private readonly options: SessionsWorkerOptions;

  constructor(options: SessionsWorkerOptions, context: WorkerContext) {
    super('sessions', context);
    this.options = options;
  }

  protected async restore(leases: readonly Lease[]): Promise<readonly SessionsPartition[]> {
    const { topics, units, correlate } = this.options;
    const partitions = leases.map((lease) => lease.partition);
    const cold = new Map(partitions.map((partition) => [partition, new ColdLines()]));
    const states = await readState<Part>(
      this.context.kafka,
      topics.sessionsState,
      partitions,
      (partition, key, value, before) => takeUp(key, value, before, cold.get(partition)),
      (e) => this.failed(e),
    );
    return partitions.map(
      (partition) =>
        new SessionsPartition(
          { partition, units, correlate },
          storedPartition(states.get(partition), cold.get(partition)),
        ),
    );
  }

  /** Records with events whose time had not come are read again by intention; it knows by itself what of them is done. */
  protected doneUpTo(): number {
    return 0;
  }

  protected isBlank({ position }: SessionsPartition): boolean {
    return position === 0;
  }

  protected get stateTopic(): string {
    return this.options.topics.sessionsState;
  }

  protected process(state: SessionsPartition, { lease, records, end }: Batch): Step {
    const { topics } = this.options;
    if (state.position > end) state.madeAnew();
    keepHeapTight();
    const { counters } = this.context;
    const { late, evicted } = state;
    const out: RecordToSend[] = [];
    for (const record of records) {
      const batch = record.undecodable === undefined ? readEventBatch(record.value) : undefined;
      if (batch) {
        state.take(batch, record.offset);
        continue;
      }
      // After a restart it is read again, and lies there already.
      if (state.knows(record.offset)) continue;
      state.skip(record.offset);
      const reason = {
        code: record.undecodable === undefined ? 'malformed' : UNDECODABLE,
        stage: 'correlate',
        errorClass: 'Error',
        message: record.undecodable ?? 'This is no batch of events.',
      };
      out.push(toDeadLetter(record, lease, reason, version));
      counters.add('dead_letters_total', 'correlate');
    }
    const rejected: RejectedEvent[] = [];
    const told = state.advance(rejected);
    for (const { event, error } of rejected) {
      const due = records.at(-1);
      if (!due) break;
      const value = Buffer.from(JSON.stringify({ progress: null, events: [event] }));
      out.push(rejectedLetter(value, due, lease, error));
      counters.add('dead_letters_total', 'correlate');
    }
    for (const value of writeFacts(told)) out.push({ topic: topics.facts, partition: 0, key: null, value });
    counters.add('events_total', 'late', state.late - late);
    counters.add('sessions_total', 'evicted', state.evicted - evicted);
    const entry = (key: string, value: object | undefined): void => {
      const text = value === undefined ? null : Buffer.from(JSON.stringify(value));
      out.push({ topic: topics.sessionsState, partition: lease.partition, key: Buffer.from(key), value: text });
    };
    const { core, sessions, addresses, postponed } = state.changes();
    for (const [serial, stored] of sessions) entry(`${SESSION}${serial}`, stored);
    for (const [ip, users] of addresses) entry(`${ADDRESS}${ip}`, users);
    for (const [position, event] of postponed) entry(`${POSTPONED}${position}`, event);
    entry(CORE, core);
    return { records: out, next: state.neededFrom };
  }

  /** How far event time is behind the clock on the wall, in the partition that is furthest behind; null before it began. */
  watermarkLagMs(now: number): number | null {
    let lag: number | null = null;
    for (const { state } of this.work.values())
      if (state && Number.isFinite(state.advancedTo)) lag = Math.max(lag ?? 0, now - state.advancedTo);
    return lag;
  }

  get openSessions(): number {
    let open = 0;
    for (const { state } of this.work.values()) open += state?.open ?? 0;
    return open;
  }
}

/** One part of the state of a partition. */
type Part =
  | { readonly kind: 'core'; readonly core: SessionsPartitionCore }
  | { readonly kind: 'session'; readonly stored: StoredSession }
  | { readonly kind: 'address'; readonly entry: readonly [string, AddressUsers] }
  | { readonly kind: 'postponed'; readonly event: TimedSessionEvent }
  | { readonly kind: 'unknown' };

/** Of a session its lines are packed at once: all of them together would be too much. */
function takeUp(
  key: string,
  value: Buffer | null,
  before: Part | undefined,
  cold: ColdLines | undefined,
): Part | undefined {
  if (before?.kind === 'session') cold?.forget(before.stored.session);
  if (value === null) return undefined;
  const data = JSON.parse(value.toString('utf8'));
  if (key.startsWith(SESSION)) {
    const stored = reviveStored(data);
    cold?.cool(stored.session);
    return { kind: 'session', stored };
  }
  if (key.startsWith(ADDRESS)) return { kind: 'address', entry: [key.slice(ADDRESS.length), data] };
  if (key.startsWith(POSTPONED)) return { kind: 'postponed', event: data };
  return key === CORE ? { kind: 'core', core: data } : { kind: 'unknown' };
}

function storedPartition(
  state: ReadonlyMap<string, Part> | undefined,
  cold = new ColdLines(),
): StoredPartition | undefined {
  cold.pack();
  const written = state?.get(CORE);
  if (!state || written?.kind !== 'core') return undefined;
  const sessions: StoredSession[] = [];
  const addresses: (readonly [string, AddressUsers])[] = [];
  const postponed: TimedSessionEvent[] = [];
  for (const part of state.values()) {
    if (part.kind === 'session') sessions.push(part.stored);
    else if (part.kind === 'address') addresses.push(part.entry);
    else if (part.kind === 'postponed') postponed.push(part.event);
  }
  return { core: written.core, sessions, addresses, postponed, cold };
}
