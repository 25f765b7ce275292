/**
 * What this process owns in one group, from one rebalance to the next. Clients differ in how they tell of a rebalance; what must happen then is here, once:
 * hold the partitions, let the handler commit within a deadline, and afterwards find out what stayed, what went and what came.
 */
import { KafkaError } from './kafka-error.ts';
import { OwnedPartition, type PartitionOwner } from './owned-partition.ts';
import type { Batch, ConsumedRecord, ConsumeHandler, Lease, PartitionRange, TopicPartition } from './port.ts';

/** What a client must be able to do. */
export interface GroupClient {
  fetch(partition: TopicPartition, wanted: boolean): void;
  seek(partition: TopicPartition, offset: number): void;
  /** With the generation that is current when it is called. Rejects with a KafkaError. */
  commit(partition: TopicPartition, next: number): Promise<void>;
  committedOffsets(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
  rangesOf(topic: string): Promise<readonly PartitionRange[]>;
  /** Gives up the membership and joins anew after a back-off. */
  rejoin(reason: KafkaError): void;
}

export interface MembershipOptions {
  readonly group: string;
  readonly settleMs: number;
  readonly bufferBytesMax: number;
  readonly gatherMs?: number | undefined;
}

const bufferBytesMin = 1 << 20;

export class Membership implements PartitionOwner {
  readonly #handler: ConsumeHandler;
  readonly #client: GroupClient;
  readonly #options: MembershipOptions;
  readonly #owned = new Map<string, OwnedPartition>();
  /** Attempts to join since the last success. */
  #attempts = 0;
  #settled = true;
  #memberId: string | undefined;
  /** While the group decides, commits wait for this. */
  #deciding: PromiseWithResolvers<void> | undefined;
  /** `assigned` and `revoked` in their order. */
  #calls: Promise<void> = Promise.resolve();

  constructor(handler: ConsumeHandler, client: GroupClient, options: MembershipOptions) {
    this.#handler = handler;
    this.#client = client;
    this.#options = options;
  }

  get group(): string {
    return this.#options.group;
  }

  get leases(): readonly OwnedPartition[] {
    return [...this.#owned.values()];
  }

  get gatherMs(): number {
    return this.#options.gatherMs ?? 0;
  }

  bufferBytesMax(): number {
    return Math.max(bufferBytesMin, this.#options.bufferBytesMax / Math.max(1, this.#owned.size));
  }

  push(where: TopicPartition, records: readonly ConsumedRecord[], next: number, end: number): void {
    this.#owned.get(keyOf(where))?.push(records, next, end);
  }

  /** Before every attempt to join. The first one settles; more than one means that a division may have gone by that we did not see. */
  async beforeJoin(): Promise<void> {
    this.#attempts += 1;
    if (this.#attempts > 1) return;
    await this.#settle();
    this.#deciding = Promise.withResolvers();
  }

  /** The group has divided its partitions. What is still ours goes on where it was, unless somebody else may have had it meanwhile. */
  joined(memberId: string, assignment: readonly TopicPartition[]): void {
    const continuous = this.#attempts <= 1 && this.#settled && this.#memberId === memberId;
    this.#attempts = 0;
    this.#memberId = memberId;
    const wanted = new Map(assignment.map((where) => [keyOf(where), where]));
    const gone: OwnedPartition[] = [];
    for (const [key, lease] of this.#owned) {
      if (continuous && wanted.has(key)) continue;
      gone.push(lease);
      this.#owned.delete(key);
      lease.end();
    }
    const come: OwnedPartition[] = [];
    for (const [key, where] of wanted) {
      if (this.#owned.has(key)) continue;
      const lease = new OwnedPartition(where, this);
      this.#owned.set(key, lease);
      come.push(lease);
    }
    for (const lease of this.#owned.values()) lease.release();
    this.#decided();
    this.#queue(gone, come);
  }

  /** The membership has ended without a rebalance: everything may be elsewhere by now. */
  lostAll(): void {
    this.#attempts = 0;
    this.#settled = true;
    this.#memberId = undefined;
    const gone = this.leases;
    this.#owned.clear();
    for (const lease of gone) lease.end();
    this.#decided();
    this.#queue(gone, []);
  }

  /** Settles for good; then `leave` leaves the group, and everything is given back. */
  async stop(leave: () => Promise<void>): Promise<void> {
    await this.#settle();
    await leave();
    this.lostAll();
    await this.#calls;
  }

  async deliver(batch: Batch): Promise<void> {
    await this.#handler.batch(batch);
  }

  batchFailed(error: unknown): boolean {
    const told = ofHandler(error, 'batch');
    this.#handler.failed(told);
    if (told.code !== 'fenced' && told.code !== 'membership_lost') return false;
    this.#client.rejoin(told);
    return true;
  }

  fetch(partition: TopicPartition, wanted: boolean): void {
    this.#client.fetch(partition, wanted);
  }

  seek(partition: TopicPartition, offset: number): void {
    this.#client.seek(partition, offset);
  }

  async commit(lease: OwnedPartition, next: number): Promise<void> {
    await this.#deciding?.promise;
    lease.lost.throwIfAborted();
    await this.#client.commit(lease, next);
    lease.noteCommitted(next);
  }

  async #settle(): Promise<void> {
    const leases = this.leases.filter((lease) => lease.isOpen);
    const deadline = AbortSignal.timeout(this.#options.settleMs);
    const late = Promise.withResolvers<false>();
    deadline.addEventListener('abort', () => late.resolve(false), { once: true });
    const work = async (): Promise<true> => {
      await Promise.all(this.leases.map((lease) => lease.hold()));
      if (leases.length > 0) await this.#handler.settle?.(leases, deadline);
      return true;
    };
    const settling = work().catch((error: unknown) => {
      this.#handler.failed(ofHandler(error, 'settle'));
      return false as const;
    });
    this.#settled = await Promise.race([settling, late.promise]);
    late.resolve(false);
  }

  #decided(): void {
    this.#deciding?.resolve();
    this.#deciding = undefined;
  }

  #queue(gone: readonly OwnedPartition[], come: readonly OwnedPartition[]): void {
    this.#calls = this.#calls.then(async () => {
      if (gone.length > 0) await this.#revoke(gone);
      if (come.length > 0) await this.#assign(come);
    });
  }

  #open(lease: OwnedPartition, committed: number | undefined, ranges: readonly PartitionRange[]): void {
    if (lease.lost.aborted) return;
    const range = ranges.find(({ partition }) => partition === lease.partition);
    const found = elsewhere(committed, range);
    if (found !== undefined)
      this.#handler.failed(
        new KafkaError('out_of_range', `${lease.topic}/${lease.partition}: ${found.why}; going on at ${found.from}`),
      );
    lease.open(committed, found?.from ?? committed);
  }

  async #revoke(gone: readonly Lease[]): Promise<void> {
    try {
      await this.#handler.revoked?.(gone);
    } catch (error) {
      this.#handler.failed(ofHandler(error, 'revoked'));
    }
  }

  async #assign(come: readonly OwnedPartition[]): Promise<void> {
    const ours = come.filter((lease) => !lease.lost.aborted);
    if (ours.length === 0) return;
    try {
      await this.#handler.assigned?.(ours, AbortSignal.any(ours.map((lease) => lease.lost)));
      for (const [topic, leases] of Map.groupBy(ours, ({ topic }) => topic)) {
        const partitions = leases.map(({ partition }) => partition);
        const committed = await this.#client.committedOffsets(topic, partitions);
        const ranges = await this.#client.rangesOf(topic);
        for (const lease of leases) this.#open(lease, committed.get(lease.partition), ranges);
      }
    } catch (error) {
      if (ours.every((lease) => lease.lost.aborted)) return;
      const told = ofHandler(error, 'assigned');
      this.#handler.failed(told);
      this.#client.rejoin(told);
    }
  }
}

/** Where reading begins though the group was somewhere else, and why. Undefined where what it wants next is there, or will be. */
function elsewhere(
  committed: number | undefined,
  range: PartitionRange | undefined,
): { readonly from: number; readonly why: string } | undefined {
  if (committed === undefined || range === undefined) return undefined;
  const { begin, end } = range;
  if (committed < begin) return { from: begin, why: `${committed} to ${begin - 1} were deleted before they were read` };
  if (committed > end) return { from: begin, why: `it ends at ${end}, before ${committed}: it was made anew` };
  return undefined;
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic} ${partition}`;

function ofHandler(error: unknown, call: string): KafkaError {
  if (error instanceof KafkaError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new KafkaError('handler_failed', `${call}: ${message}`, error);
}
