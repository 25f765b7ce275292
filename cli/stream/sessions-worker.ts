import { toDeadLetter, UNDECODABLE } from '../../ingest/kafka/dead-letter.ts';
import { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type { Batch, Lease, RecordToSend } from '../../ingest/kafka/port.ts';
import type { CorrelateOptions } from '../../processors/correlate/options.ts';
import { keepHeapTight } from '../heap.ts';
import { version } from '../version.ts';
import { readEventBatch, writeFacts } from './messages.ts';
import { rejectedLetter } from './rejected.ts';
import { readState } from './restore.ts';
import { type RejectedEvent, SessionsPartition } from './sessions-partition.ts';
import { SessionsStateReader, type StatePart, type UnknownForm, writeSessionsChanges } from './sessions-state.ts';
import type { Topics } from './topics.ts';
import { StatefulWorker, type Step, type WorkerContext } from './worker.ts';

export interface SessionsWorkerOptions {
  readonly topics: Topics;
  /** The partitions that are read, as the readers name them. */
  readonly units: readonly string[];
  readonly correlate: CorrelateOptions;
}

/** Events of connections in, facts for the site out. The state of a partition lies in the partition of the same number of `topics.sessionsState`. */
export class SessionsWorker extends StatefulWorker<SessionsPartition> {
  private readonly options: SessionsWorkerOptions;

  constructor(options: SessionsWorkerOptions, context: WorkerContext) {
    super('sessions', context);
    this.options = options;
  }

  protected async restore(leases: readonly Lease[]): Promise<readonly SessionsPartition[]> {
    const { topics, units, correlate } = this.options;
    const readers = new Map(leases.map(({ partition }) => [partition, new SessionsStateReader()]));
    const states = await readState<StatePart>(
      this.context.kafka,
      topics.sessionsState,
      [...readers.keys()],
      (partition, key, value, before) => readers.get(partition)?.read(key, value, before),
      (e) => this.failed(e),
    );
    return leases.map(({ partition }) => {
      const parts = states.get(partition);
      states.delete(partition); // a million of them, while the ways to the sessions are made
      const stored = readers.get(partition)?.stored(parts?.values() ?? []);
      if (stored !== undefined && 'kind' in stored)
        throw ofLaterRelease(`${topics.sessionsState}/${partition}`, stored);
      return new SessionsPartition({ partition, units, correlate }, stored);
    });
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
    for (const [key, value] of writeSessionsChanges(state.changes()))
      out.push({
        topic: topics.sessionsState,
        partition: lease.partition,
        key: Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
      });
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

const ofLaterRelease = (where: string, { key }: UnknownForm): KafkaError =>
  new KafkaError(
    'state_lost',
    `${where}: "${key}" is in a form that this release does not know: a later one wrote it. Start that release again, or start with another topic_prefix: it reads the raw topics anew, and finds documents that are there under their ids`,
  );
