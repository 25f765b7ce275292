/**
 * What the product wants of Kafka, in words that any client can serve. Adapters: `kafkajs/` (shipped) and, in the tests, @platformatic/kafka;
 * test/servers/kafka-port.ts holds both to the same contract. Nothing outside an adapter names a client.
 *
 * Offsets are numbers: 2^53 records a partition are enough. `next` is always the offset after the last one that counts.
 */
import type { KafkaError } from './kafka-error.ts';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface RecordToSend {
  readonly topic: string;
  /** Without it the key decides (murmur2, as every Kafka client), and without a key any partition. */
  readonly partition?: number;
  readonly key: Buffer | null;
  /** null is a tombstone. */
  readonly value: Buffer | null;
  readonly headers?: readonly (readonly [name: string, value: Buffer])[];
  readonly timestamp?: number;
}

export interface ConsumedRecord {
  readonly offset: number;
  /** Epoch ms, as the producer or the broker set it: not to be trusted as event time. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Of several headers with one name the last counts. */
  readonly headers: ReadonlyMap<string, Buffer>;
  /** Of one that stands for a batch that is damaged or of an unknown kind: why, and which records are in it. Its offset is the last of them, its value the bytes of the batch. */
  readonly undecodable?: string;
}

export interface Batch {
  readonly lease: Lease;
  readonly records: readonly ConsumedRecord[];
  /** What to commit when all of `records` is done; beyond the last one where only markers of transactions follow. */
  readonly next: number;
  /** End of the partition when the batch was fetched: `end - next` is the lag. */
  readonly end: number;
}

/** The right of this process to one partition, from `assigned` to `revoked`. A partition that comes back has a new one. */
export interface Lease extends TopicPartition {
  readonly group: string;
  /** Fires when the right has ended. */
  readonly lost: AbortSignal;
  /** Offset up to which the group has committed, as far as this process knows; undefined when it never did. */
  readonly committed: number | undefined;
  /** Commits `next` outside of a transaction. Waits while a rebalance decides. Rejects with `membership_lost`, and never commits for others. */
  commit(next: number): Promise<void>;
  /** No further batch until `resume`; the membership is kept. What is in the handler goes on. */
  pause(): void;
  resume(): void;
}

export interface ConsumeOptions {
  readonly group: string;
  readonly topics: readonly string[];
  /** Without a sign of life for so long the group gives our partitions away. */
  readonly sessionTimeoutMs?: number;
  /** How long the group waits for its members when it divides partitions anew; `settle` has half of the smaller of both. */
  readonly rebalanceTimeoutMs?: number;
  /** Nothing moves though there is something to read: the consumer is started anew. */
  readonly stallMs?: number;
  /** How often the topics are looked up, so that new partitions are found. */
  readonly refreshMs?: number;
  /** Bytes of values that wait here, over all partitions; reading pauses beyond. */
  readonly bufferBytesMax?: number;
  /** Of one partition, fetched at once, as it travels (packed it is a tenth of what it takes in memory). Larger pieces cost less for each record. 512 KiB when left out. */
  readonly pieceBytesMax?: number;
  /** Of one partition two batches begin at least so far apart, unless much waits: what comes between goes together, and what a batch costs by itself is paid once. 0 when left out. */
  readonly gatherMs?: number;
}

/**
 * Who consumes. Of one partition only one call runs at a time; partitions run beside each other.
 * A rejected `batch` comes again after a back-off, from the first offset that is not committed.
 */
export interface ConsumeHandler {
  /**
   * These partitions are ours now: restore their state. No record of them comes before it resolves; only then is the committed offset read,
   * so whatever an earlier owner committed before `transactor` fenced it here counts. Rejection gives up the membership, and it is tried again.
   */
  assigned?(leases: readonly Lease[], lost: AbortSignal): Promise<void>;
  batch(batch: Batch): Promise<void>;
  /** A rebalance has begun; no `batch` runs any more. Commit what is done before `deadline` fires: after that, each partition may go. */
  settle?(leases: readonly Lease[], deadline: AbortSignal): Promise<void>;
  /** These have gone, whether settled or not: forget their state. */
  revoked?(leases: readonly Lease[]): Promise<void>;
  /** Trouble, told once each time. The consumer goes on trying, at growing intervals up to half a minute. */
  failed(error: KafkaError): void;
}

export interface Consumption {
  readonly leases: readonly Lease[];
  /** Settles, leaves the group and resolves; `handler` is not called afterwards. */
  stop(): Promise<void>;
}

export interface Producer {
  /**
   * Resolves when every record is on all in-sync replicas, in order for each partition, once each (idempotent).
   * After a rejection any of them may have been written: send again what must not be missing.
   */
  send(records: readonly RecordToSend[]): Promise<void>;
  close(): Promise<void>;
}

export interface Transaction {
  readonly records: readonly RecordToSend[];
  /** What this makes done: `next` is committed for the partition exactly if the records are. */
  readonly consumed: readonly { readonly lease: Lease; readonly next: number }[];
}

export interface Transactor {
  /**
   * All or nothing, visible at once to those who read committed records. Retries while that is safe; on rejection nothing was written,
   * except `outcome_unknown` (only without `consumed`). `fenced` and `membership_lost`: somebody else goes on, forget the work.
   */
  commit(transaction: Transaction): Promise<void>;
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly topic: string;
  /** All when left out. */
  readonly partitions?: readonly number[];
  /** First offset by partition; the beginning where it says nothing. */
  readonly from?: ReadonlyMap<number, number>;
  /** Goes on with what is written later, until `stop`. */
  readonly follow?: boolean;
}

export interface ReadHandler {
  /** Committed records in order; the next call waits for its promise. What cannot be read never comes: then the reading ends, and `caughtUp` rejects. */
  records(partition: number, records: readonly ConsumedRecord[]): void | Promise<void>;
  /** Trouble; the reader goes on trying. */
  failed(error: KafkaError): void;
}

export interface Reading {
  /** Resolves when each partition has been read to where it ended when the reading began. Without `follow` the reading is then over. */
  readonly caughtUp: Promise<void>;
  /** By partition the offset that would be read next. */
  readonly positions: ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** The broker's default when left out. */
  readonly replication?: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface PartitionRange {
  readonly partition: number;
  /** First offset that is still there, and the one after the last (markers included). */
  readonly begin: number;
  readonly end: number;
}

export interface Kafka {
  /** Joins a group. Resolves once it is a member; rejects when the first attempt fails. */
  consume(options: ConsumeOptions, handler: ConsumeHandler): Promise<Consumption>;
  producer(): Promise<Producer>;
  /** Fences every earlier holder of `id`, whose open transaction is aborted. Use one id a consumed partition. */
  transactor(id: string): Promise<Transactor>;
  /** Reads partitions of one topic without a group: facts, changelogs. */
  read(options: ReadOptions, handler: ReadHandler): Promise<Reading>;
  /** The names of all topics that we may see, sorted. */
  listTopics(): Promise<readonly string[]>;
  /** Creates those that are missing and names them; never changes one that is there. */
  createTopics(topics: readonly TopicSpec[]): Promise<readonly string[]>;
  /** By topic its partitions in order; a topic that is not there has no entry. */
  describeTopics(topics: readonly string[]): Promise<ReadonlyMap<string, readonly PartitionRange[]>>;
  /**
   * What a group has committed for a topic, by partition (all when left out); those without are left out. Waits for open transactions that move it: what it says is what a new owner has to
   * go on with. Rejects with `unstable` when one does not end.
   */
  committedOffsets(group: string, topic: string, partitions?: readonly number[]): Promise<ReadonlyMap<number, number>>;
  close(): Promise<void>;
}
