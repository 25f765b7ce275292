import { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type { Batch, ConsumeHandler, Kafka, Lease, RecordToSend, Transactor } from '../../ingest/kafka/port.ts';
import type { Counters } from './counters.ts';

/** What every worker is given. */
export interface WorkerContext {
  readonly kafka: Kafka;
  readonly counters: Counters;
  /** One line for people. */
  readonly log: (line: string) => void;
}

/** What one partition is worked on with, while it is ours. */
export interface PartitionWork<P> {
  readonly lease: Lease;
  transactor: Transactor;
  /** The state as it was written down last, and what was done since. Undefined after something went wrong: it is restored before the next batch. */
  state: P | undefined;
  /** One thing at a time. */
  busy: Promise<void>;
  lastBatchAt: number;
  /** After the last batch that was done; undefined before the first. */
  next: number | undefined;
  /** Since when every batch was the end of what there was. */
  caughtUpAt: number;
  /** Records that waited when the last batch was fetched. */
  lag: number;
}

/**
 * Reads one partition, keeps its state beside it, and writes what it gives together with the state and the offset, as one transaction for each batch.
 * Whatever fails, the state is thrown away and read again: nothing that was not written down is ever gone on with.
 */
export abstract class StatefulWorker<P> implements ConsumeHandler {
  protected readonly context: WorkerContext;
  protected readonly work = new Map<string, PartitionWork<P>>();
  private readonly name: string;

  constructor(name: string, context: WorkerContext) {
    this.name = name;
    this.context = context;
  }

  /** The states as they were written down, in the order of the leases. */
  protected abstract restore(leases: readonly Lease[]): Promise<readonly P[]>;
  /**
   * The first record that the state does not hold yet. The group's offset may show a transaction a moment later than the state does; the state
   * is the truth, unless the partition was made anew since.
   */
  protected abstract doneUpTo(state: P, batch: Batch): number;
  /** Whether nothing was ever written down of it. */
  protected abstract isBlank(state: P): boolean;
  protected abstract readonly stateTopic: string;
  /** Whether what this step gives was ever given: where not, somebody chose where reading shall begin. */
  protected async hasWorked(): Promise<boolean> {
    return true;
  }
  /** What to write for a batch. `caughtUpMs`: for so long every batch was the end of what there was. */
  protected abstract process(state: P, batch: Batch, caughtUpMs: number): Step | Promise<Step>;

  async assigned(leases: readonly Lease[], lost: AbortSignal): Promise<void> {
    const taken: PartitionWork<P>[] = [];
    for (let from = 0; from < leases.length; from += OPENED_AT_ONCE) {
      lost.throwIfAborted();
      const some = await Promise.all(leases.slice(from, from + OPENED_AT_ONCE).map((lease) => this.take(lease)));
      taken.push(...some);
    }
    // Only now: whatever an earlier owner was writing has come through or never will.
    const states = await this.restore(leases);
    for (const [i, work] of taken.entries()) {
      const state = states[i];
      if (state !== undefined && this.isBlank(state)) await this.mayBeBlank(work.lease);
      work.state = state;
    }
    await Promise.all(taken.map((work) => this.opened(work)));
    if (leases.length > 0)
      this.context.log(`${this.name}: took over ${leases.map((l) => `${l.topic}/${l.partition}`).join(', ')}`);
  }

  async batch(batch: Batch): Promise<void> {
    const work = this.work.get(keyOf(batch.lease));
    if (!work) throw new Error(`${keyOf(batch.lease)} was not assigned`);
    work.lastBatchAt = Date.now();
    await this.inTurn(work, async () => {
      const state = work.state ?? (await this.takeUpAgain(work));
      work.state = undefined;
      work.lag = Math.max(0, batch.end - batch.next);
      if (work.lag > 0) work.caughtUpAt = Date.now();
      const done = this.doneUpTo(state, batch);
      const fresh = { ...batch, records: batch.records.filter((r) => r.offset >= done) };
      const { records, next } = await this.process(state, fresh, Date.now() - work.caughtUpAt);
      await this.commit(work, records, next);
      work.state = state;
      work.lastBatchAt = Date.now();
      work.next = batch.next;
    });
  }

  async revoked(leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) {
      const work = this.work.get(keyOf(lease));
      this.work.delete(keyOf(lease));
      await work?.busy;
      await work?.transactor.close();
    }
  }

  failed(error: KafkaError): void {
    this.context.counters.add('kafka_errors_total', error.code);
    this.context.log(`${this.name}: ${error.message} (${error.code})`);
  }

  get lag(): number {
    let lag = 0;
    for (const work of this.work.values()) lag += work.lag;
    return lag;
  }

  private async take(lease: Lease): Promise<PartitionWork<P>> {
    const work: PartitionWork<P> = {
      lease,
      transactor: await this.context.kafka.transactor(transactionsOf(lease)),
      state: undefined,
      busy: Promise.resolve(),
      lastBatchAt: Date.now(),
      next: undefined,
      caughtUpAt: Date.now(),
      lag: 0,
    };
    this.work.set(keyOf(lease), work);
    return work;
  }

  /**
   * After a batch that failed. Its transaction may still be on its way through the broker: opening the id anew ends it one way or the other, and
   * only then does the state tell the truth. Should it have come through, the batch must not be done twice.
   */
  private async takeUpAgain(work: PartitionWork<P>): Promise<P> {
    const { lease } = work;
    const { kafka } = this.context;
    await work.transactor.close();
    lease.lost.throwIfAborted();
    work.transactor = await kafka.transactor(transactionsOf(lease));
    const { group, topic, partition } = lease;
    const committed = (await kafka.committedOffsets(group, topic, [partition])).get(partition);
    if (committed !== lease.committed)
      throw new KafkaError('membership_lost', `${keyOf(lease)}: ${committed} was committed, not ${lease.committed}`);
    const [state] = await this.restore([lease]);
    if (state === undefined) throw new Error(`${keyOf(lease)} has no state`);
    if (this.isBlank(state)) await this.mayBeBlank(lease);
    return state;
  }

  /** What was read and what was made of it are written down together. Where only one of the two is left, what was open is lost, and going on would cut it in silence. */
  private async mayBeBlank({ group, topic, partition }: Lease): Promise<void> {
    const committed = (await this.context.kafka.committedOffsets(group, topic, [partition])).get(partition) ?? 0;
    if (committed === 0 || !(await this.hasWorked())) return;
    throw new KafkaError(
      'state_lost',
      `${topic}/${partition} was read up to ${committed}, but its state is gone: a topic of states (${this.stateTopic}) was deleted or emptied. Start with another topic_prefix: it reads the raw topics anew, and finds documents that are there under their ids`,
    );
  }

  /** The partition is ours and its state is here. */
  protected async opened(_: PartitionWork<P>): Promise<void> {}

  /** After what is being done. Rejects if it does; what comes after is done all the same. */
  protected async inTurn(work: PartitionWork<P>, task: () => Promise<void>): Promise<void> {
    const turn = work.busy.then(task);
    work.busy = turn.catch(() => {}); // told by the turn itself
    await turn;
  }

  /**
   * An offset that does not move tells nobody whether the transaction came through: then it is left out, so that an unknown outcome is an
   * error, and the state is read again.
   */
  protected commit(work: PartitionWork<P>, records: readonly RecordToSend[], next: number | undefined): Promise<void> {
    const { lease } = work;
    const isNews = next !== undefined && next !== lease.committed;
    if (records.length === 0 && !isNews) return Promise.resolve();
    return work.transactor.commit({ records, consumed: isNews ? [{ lease, next }] : [] });
  }
}

/** Connections that are opened at the same time. */
const OPENED_AT_ONCE = 16;

/** Whoever opens it later fences the earlier. */
const transactionsOf = (lease: Lease): string => `${lease.group}-${lease.topic}-${lease.partition}`;

export interface Step {
  readonly records: readonly RecordToSend[];
  /** Offset from which reading would go on after a restart; undefined where it stays as it is. */
  readonly next: number | undefined;
}

export const keyOf = (lease: { readonly topic: string; readonly partition: number }): string =>
  `${lease.topic}/${lease.partition}`;
