/**
 * Kafka in memory, behind the product's own port: topics are lists, groups have one member, transactions are all or nothing. What decides about partitions and batches is the real
 * code (`Membership`). A test may have commits fail, before or after they came through, and may have the process die.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { KafkaError } from '../../../ingest/kafka/kafka-error.ts';
import { type GroupClient, Membership } from '../../../ingest/kafka/membership.ts';
import { OwnedPartition } from '../../../ingest/kafka/owned-partition.ts';
import { partitionOfKey } from '../../../ingest/kafka/partition-of-key.ts';
import type {
  ConsumedRecord,
  ConsumeHandler,
  ConsumeOptions,
  Consumption,
  Kafka,
  PartitionRange,
  Producer,
  ReadHandler,
  Reading,
  ReadOptions,
  RecordToSend,
  TopicPartition,
  TopicSpec,
  Transaction,
  Transactor,
} from '../../../ingest/kafka/port.ts';

/** Of a commit: it is lost before or after it came through, or all is well. */
export type CommitFault = 'lost' | 'unknown' | undefined;

export interface MemoryOptions {
  /** Records of a fetched piece. */
  readonly fetchMax?: number;
  /** Asked before each commit of a transaction. */
  readonly fault?: (transaction: Transaction) => CommitFault;
}

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;

/** The cluster; outlives the processes that use it. */
export class MemoryCluster {
  readonly logs = new Map<string, ConsumedRecord[]>();
  readonly committed = new Map<string, number>();
  readonly transactionOwners = new Map<string, object>();

  create(topic: string, partitions: number): void {
    for (let p = 0; p < partitions; p++) if (!this.logs.has(keyOf(topic, p))) this.logs.set(keyOf(topic, p), []);
  }

  /** It is made anew, and empty. */
  recreate(topic: string): void {
    for (const partition of this.partitionsOf(topic)) this.logs.set(keyOf(topic, partition), []);
  }

  partitionsOf(topic: string): readonly number[] {
    const found: number[] = [];
    for (let p = 0; this.logs.has(keyOf(topic, p)); p++) found.push(p);
    return found;
  }

  log(topic: string, partition: number): ConsumedRecord[] {
    const log = this.logs.get(keyOf(topic, partition));
    if (log === undefined) throw new KafkaError('unknown_topic', `there is no ${topic}/${partition}`);
    return log;
  }

  append(records: readonly RecordToSend[]): void {
    for (const { topic, partition, key, value, headers, timestamp } of records) {
      const at = partition ?? (key === null ? 0 : partitionOfKey(key, this.partitionsOf(topic).length));
      const log = this.log(topic, at);
      log.push({ offset: log.length, timestamp: timestamp ?? 0, key, value, headers: new Map(headers) });
    }
  }
}

/** What one process has of it. */
export class MemoryKafka implements Kafka {
  private readonly cluster: MemoryCluster;
  private readonly options: MemoryOptions;
  private readonly consumptions = new Set<MemoryConsumption>();
  private readonly readings = new Set<MemoryReading>();
  isDead = false;

  constructor(cluster: MemoryCluster, options: MemoryOptions = {}) {
    this.cluster = cluster;
    this.options = options;
  }

  /** kill -9: nothing that is on its way comes through any more. */
  die(): void {
    this.isDead = true;
    for (const c of this.consumptions) c.lostAll();
    for (const r of this.readings) void r.stop();
  }

  async consume(options: ConsumeOptions, handler: ConsumeHandler): Promise<Consumption> {
    const consumption = new MemoryConsumption(this.cluster, options, handler, this.options.fetchMax ?? 200);
    this.consumptions.add(consumption);
    consumption.join();
    return consumption;
  }

  async producer(): Promise<Producer> {
    return {
      send: async (records) => {
        if (!this.isDead) this.cluster.append(records);
      },
      close: async () => {},
    };
  }

  async transactor(id: string): Promise<Transactor> {
    const owner = {};
    const { cluster } = this;
    if (this.isDead) throw new KafkaError('closed', 'dead');
    cluster.transactionOwners.set(id, owner);
    return {
      commit: async (transaction) => {
        await turn();
        if (this.isDead || cluster.transactionOwners.get(id) !== owner) throw new KafkaError('fenced', id);
        for (const { lease } of transaction.consumed) lease.lost.throwIfAborted();
        const fault = this.options.fault?.(transaction);
        if (fault === 'lost') throw new KafkaError('unreachable', 'the commit was lost');
        cluster.append(transaction.records);
        for (const { lease, next } of transaction.consumed)
          cluster.committed.set(`${lease.group} ${keyOf(lease.topic, lease.partition)}`, next);
        if (fault === 'unknown') throw new KafkaError('outcome_unknown', 'the answer was lost');
        for (const { lease, next } of transaction.consumed)
          if (lease instanceof OwnedPartition) lease.noteCommitted(next);
      },
      close: async () => {},
    };
  }

  async read(options: ReadOptions, handler: ReadHandler): Promise<Reading> {
    const reading = new MemoryReading(this.cluster, options, handler);
    this.readings.add(reading);
    return reading;
  }

  async listTopics(): Promise<readonly string[]> {
    return [...new Set([...this.cluster.logs.keys()].map((key) => key.slice(0, key.lastIndexOf('/'))))].sort();
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<readonly string[]> {
    const missing = topics.filter(({ topic }) => this.cluster.partitionsOf(topic).length === 0);
    for (const { topic, partitions } of missing) this.cluster.create(topic, partitions);
    return missing.map(({ topic }) => topic);
  }

  async describeTopics(topics: readonly string[]): Promise<ReadonlyMap<string, readonly PartitionRange[]>> {
    return new Map(
      topics.map((topic) => [
        topic,
        this.cluster.partitionsOf(topic).map((partition) => ({
          partition,
          begin: 0,
          end: this.cluster.log(topic, partition).length,
        })),
      ]),
    );
  }

  async committedOffsets(group: string, topic: string): Promise<ReadonlyMap<number, number>> {
    return committedIn(this.cluster, group, topic);
  }

  async close(): Promise<void> {
    for (const c of this.consumptions) await c.stop();
    for (const r of this.readings) await r.stop();
  }
}

function committedIn(cluster: MemoryCluster, group: string, topic: string): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const partition of cluster.partitionsOf(topic)) {
    const next = cluster.committed.get(`${group} ${keyOf(topic, partition)}`);
    if (next !== undefined) found.set(partition, next);
  }
  return found;
}

class MemoryConsumption implements Consumption, GroupClient {
  private readonly cluster: MemoryCluster;
  private readonly topics: readonly string[];
  private readonly group: string;
  private readonly membership: Membership;
  private readonly fetchMax: number;
  private readonly positions = new Map<string, number>();
  private readonly wanted = new Set<string>();
  private isOver = false;

  constructor(cluster: MemoryCluster, options: ConsumeOptions, handler: ConsumeHandler, fetchMax: number) {
    this.cluster = cluster;
    this.topics = options.topics;
    this.group = options.group;
    this.fetchMax = fetchMax;
    const { group, bufferBytesMax = 1 << 22 } = options;
    this.membership = new Membership(handler, this, { group, settleMs: 5000, bufferBytesMax });
  }

  get leases() {
    return this.membership.leases;
  }

  join(): void {
    this.membership.joined(
      'only',
      this.topics.flatMap((topic) => this.cluster.partitionsOf(topic).map((partition) => ({ topic, partition }))),
    );
    void this.fetchOn();
  }

  fetch({ topic, partition }: TopicPartition, wanted: boolean): void {
    if (wanted) this.wanted.add(keyOf(topic, partition));
    else this.wanted.delete(keyOf(topic, partition));
  }

  seek({ topic, partition }: TopicPartition, offset: number): void {
    this.positions.set(keyOf(topic, partition), offset);
  }

  async commit({ topic, partition }: TopicPartition, next: number): Promise<void> {
    this.cluster.committed.set(`${this.group} ${keyOf(topic, partition)}`, next);
  }

  async committedOffsets(topic: string): Promise<ReadonlyMap<number, number>> {
    return committedIn(this.cluster, this.group, topic);
  }

  async rangesOf(topic: string): Promise<readonly PartitionRange[]> {
    return this.cluster
      .partitionsOf(topic)
      .map((partition) => ({ partition, begin: 0, end: this.cluster.log(topic, partition).length }));
  }

  rejoin(): void {
    this.membership.lostAll();
    setImmediate(() => {
      if (!this.isOver) this.join();
    });
  }

  lostAll(): void {
    this.isOver = true;
    this.membership.lostAll();
  }

  async stop(): Promise<void> {
    if (this.isOver) return;
    await this.membership.stop(async () => {
      this.isOver = true;
    });
  }

  private fetching = false;

  private async fetchOn(): Promise<void> {
    if (this.fetching) return;
    this.fetching = true;
    while (!this.isOver) {
      let some = false;
      for (const key of [...this.wanted]) {
        const topic = key.slice(0, key.lastIndexOf('/'));
        const partition = Number(key.slice(topic.length + 1));
        const log = this.cluster.log(topic, partition);
        const from = Math.min(this.positions.get(key) ?? 0, log.length);
        const records = log.slice(from, from + this.fetchMax);
        if (records.length === 0) continue;
        some = true;
        this.positions.set(key, from + records.length);
        this.membership.push({ topic, partition }, records, from + records.length, log.length);
      }
      await (some ? turn() : new Promise((resolve) => setTimeout(resolve, 2)));
    }
    this.fetching = false;
  }
}

class MemoryReading implements Reading {
  readonly caughtUp: Promise<void>;
  readonly positions = new Map<number, number>();
  private isOver = false;

  constructor(cluster: MemoryCluster, { topic, partitions, from, follow = false }: ReadOptions, handler: ReadHandler) {
    for (const partition of partitions ?? cluster.partitionsOf(topic))
      this.positions.set(partition, from?.get(partition) ?? 0);
    const readOn = async (): Promise<void> => {
      for (const [partition, at] of this.positions) {
        const records = cluster.log(topic, partition).slice(at);
        this.positions.set(partition, at + records.length);
        if (records.length > 0) await handler.records(partition, records);
      }
    };
    this.caughtUp = readOn();
    if (follow)
      void this.caughtUp.then(async () => {
        for (; !this.isOver; await new Promise((resolve) => setTimeout(resolve, 2))) await readOn();
      });
  }

  async stop(): Promise<void> {
    this.isOver = true;
  }
}
