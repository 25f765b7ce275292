/** One partition while it is ours: what was fetched waits here until the handler is done with what came before. */
import { backOffMs, pauseFor } from './back-off.ts';
import { KafkaError } from './kafka-error.ts';
import type { Batch, ConsumedRecord, Lease, TopicPartition } from './port.ts';

/** What a partition needs of its group. */
export interface PartitionOwner {
  readonly group: string;
  /** Between the beginnings of two batches, unless much waits. */
  readonly gatherMs: number;
  deliver(batch: Batch): Promise<void>;
  commit(lease: OwnedPartition, next: number): Promise<void>;
  /** Whether the client shall fetch it. */
  fetch(partition: TopicPartition, wanted: boolean): void;
  seek(partition: TopicPartition, offset: number): void;
  /** The handler could not do a batch. True when the right to the partition is in doubt, and the group has to be joined anew. */
  batchFailed(error: unknown): boolean;
  bufferBytesMax(): number;
}

/** What waits goes to the handler together, up to so many bytes: the slower it is, the more it gets at once, and the less each record costs. */
const batchBytesMax = 2 << 20;

interface Waiting {
  readonly batch: Batch;
  readonly bytes: number;
}

export class OwnedPartition implements Lease {
  readonly topic: string;
  readonly partition: number;
  readonly group: string;
  readonly #owner: PartitionOwner;
  readonly #lost = new AbortController();
  readonly #queue: Waiting[] = [];
  #bytes = 0;
  #committed: number | undefined;
  /** Where reading would begin again: what was committed here, or where it began. */
  #resume: number | undefined;
  /** First offset that is not here yet; undefined before the first batch of a group that never committed. */
  #position: number | undefined;
  #running: Promise<void> | undefined;
  #beganAt = Number.NEGATIVE_INFINITY;
  /** While the next batch gathers. */
  #gathering: NodeJS.Timeout | undefined;
  /** Its state is restored and its position known. */
  #open = false;
  /** No new batch to the handler: a rebalance or a back-off. */
  #held = false;
  #pausedByHandler = false;
  #full = false;
  #failures = 0;
  #movedAt = performance.now();

  constructor(where: TopicPartition, owner: PartitionOwner) {
    this.topic = where.topic;
    this.partition = where.partition;
    this.group = owner.group;
    this.#owner = owner;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get committed(): number | undefined {
    return this.#committed;
  }

  get position(): number | undefined {
    return this.#position;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Since when it should have got something, if there is anything; undefined while it wants nothing or has work. */
  get idleSince(): number | undefined {
    return this.#wanted() && this.#queue.length === 0 && this.#running === undefined ? this.#movedAt : undefined;
  }

  commit(next: number): Promise<void> {
    return this.#owner.commit(this, next);
  }

  pause(): void {
    this.#pausedByHandler = true;
    this.steer();
  }

  resume(): void {
    this.#pausedByHandler = false;
    this.#movedAt = performance.now();
    this.steer();
    this.#pump();
  }

  /** Whoever made the commit durable says so. */
  noteCommitted(next: number): void {
    this.#committed = next;
    this.#resume = next;
  }

  /** From now on records may come; `committed` as the group knows it, and where reading begins, if that is not left to the client. */
  open(committed: number | undefined, from = committed): void {
    this.#committed = committed;
    this.#resume = from;
    this.#position = from;
    this.#open = true;
    this.#movedAt = performance.now();
    if (from !== undefined) this.#owner.seek(this, from);
    this.steer();
    this.#pump();
  }

  /** What the client fetched. `from` is the first offset that it had asked for. */
  push(records: readonly ConsumedRecord[], next: number, end: number): void {
    if (this.lost.aborted || !this.#open) return;
    const first = records[0]?.offset ?? next;
    this.#resume ??= first;
    const fresh =
      this.#position === undefined || first >= this.#position
        ? records
        : records.filter((r) => r.offset >= (this.#position ?? 0));
    if (next <= (this.#position ?? -1)) return;
    this.#position = next;
    this.#movedAt = performance.now();
    const bytes = fresh.reduce((sum, r) => sum + (r.value?.length ?? 0) + (r.key?.length ?? 0) + 100, 0);
    this.#queue.push({ batch: { lease: this, records: fresh, next, end }, bytes });
    this.#bytes += bytes;
    this.steer();
    this.#pump();
  }

  /** Resolves when no batch is with the handler; none starts until `release`. */
  async hold(): Promise<void> {
    this.#held = true;
    await this.#running;
  }

  /** After a rebalance that left it here. The client has forgotten where it was. */
  release(): void {
    this.#held = false;
    if (!this.#open) {
      this.#owner.fetch(this, false);
      return;
    }
    if (this.#position !== undefined) this.#owner.seek(this, this.#position);
    this.#owner.fetch(this, this.#wanted());
    this.#movedAt = performance.now();
    this.#pump();
  }

  /** The end of the lease. */
  end(): void {
    this.#queue.length = 0;
    this.#bytes = 0;
    clearTimeout(this.#gathering);
    this.#lost.abort(new KafkaError('membership_lost', `${this.topic}/${this.partition} is no longer ours`));
  }

  /** Tells the client whether to fetch; it must keep up with every change of what is wanted. */
  steer(): void {
    const max = this.#owner.bufferBytesMax();
    this.#full = this.#full ? this.#bytes > max / 2 : this.#bytes >= max;
    if (!this.lost.aborted) this.#owner.fetch(this, this.#wanted());
  }

  #wanted(): boolean {
    return this.#open && !this.#pausedByHandler && !this.#full && !this.lost.aborted;
  }

  #pump(): void {
    if (this.#running !== undefined || this.#held || this.#pausedByHandler || !this.#open || this.lost.aborted) return;
    if (this.#queue.length === 0 || this.#gathers()) return;
    this.#beganAt = performance.now();
    const batch = this.#takeWaiting();
    if (batch === undefined) return;
    this.#running = this.#deliver(batch).finally(() => {
      this.#running = undefined;
      this.#movedAt = performance.now();
      this.#pump();
    });
    this.steer();
  }

  /** Whether it is too early for the next batch, which then begins by itself. */
  #gathers(): boolean {
    const waitMs = this.#beganAt + this.#owner.gatherMs - performance.now();
    if (waitMs <= 0 || this.#bytes >= batchBytesMax || this.#full) return false;
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => this.#pump(), waitMs);
    return true;
  }

  #takeWaiting(): Batch | undefined {
    let count = 0;
    let bytes = 0;
    for (const waiting of this.#queue) {
      if (count > 0 && bytes + waiting.bytes > batchBytesMax) break;
      count += 1;
      bytes += waiting.bytes;
    }
    const taken = this.#queue.splice(0, count);
    this.#bytes -= bytes;
    const last = taken.at(-1)?.batch;
    return (
      last && { ...last, records: taken.length === 1 ? last.records : taken.flatMap(({ batch }) => batch.records) }
    );
  }

  async #deliver(batch: Batch): Promise<void> {
    try {
      await this.#owner.deliver(batch);
      this.#failures = 0;
    } catch (error) {
      if (!this.lost.aborted) this.#again(error);
    }
  }

  /** Back to what is committed; the next attempt waits. */
  #again(error: unknown): void {
    if (this.#owner.batchFailed(error)) return;
    this.#queue.length = 0;
    this.#bytes = 0;
    this.#position = this.#resume;
    this.#open = false;
    this.steer();
    const waitMs = backOffMs(this.#failures++);
    void pauseFor(waitMs, this.lost).then(() => {
      if (this.lost.aborted) return;
      this.#open = true;
      if (this.#position !== undefined) this.#owner.seek(this, this.#position);
      this.#movedAt = performance.now();
      this.steer();
      this.#pump();
    });
  }
}
