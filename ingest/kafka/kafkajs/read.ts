/**
 * Reads partitions without sharing them. kafkajs reads only as a member of a group, so each reading has a group of its own that never commits and is
 * gone with it; an assigner gives its one member exactly the partitions that are wanted.
 */
import { randomUUID } from 'node:crypto';
import kafkajs, {
  type Kafka as KafkajsClient,
  type Consumer as KafkajsConsumer,
  type PartitionAssigner,
} from 'kafkajs';
import { backOffMs, pauseFor } from '../back-off.ts';
import { KafkaError } from '../kafka-error.ts';
import type { ReadHandler, Reading, ReadOptions } from '../port.ts';
import type { KafkajsAdmin } from './admin.ts';
import { nextOffset, toRecord } from './consume.ts';
import { isLoading, toKafkaError } from './errors.ts';

const fetchWaitMs = 100;
/** Who follows what others write now and then takes it together; otherwise each transaction of theirs would be a fetch of ours. */
const follow = { maxWaitTimeInMs: 500, minBytes: 64 * 1024 };
/**
 * As it travels: what is packed is ten to fifteen times as much in memory. More than 64 MB there make V8 look through its whole heap again and again, which, while a state of a
 * gigabyte is taken up, takes longer than everything else.
 */
const partitionBytesMax = 128 * 1024;
const fetchBytesMax = 256 * 1024;
const stallMs = 60_000;
const disposeMs = 5_000;
/** So often in a row nobody is told of a coordinator that is only loading. */
const quietMax = 6;

export async function read(
  client: KafkajsClient,
  admin: KafkajsAdmin,
  clientId: string,
  options: ReadOptions,
  handler: ReadHandler,
): Promise<Reading> {
  const ranges = (await admin.describeTopics([options.topic])).get(options.topic);
  if (ranges === undefined)
    throw new KafkaError('unknown_topic', `reading ${options.topic}: there is no such topic; create it`);
  const wanted = new Set(options.partitions ?? ranges.map(({ partition }) => partition));
  const reader = new KafkajsReading(client, admin, `${clientId}.read.${randomUUID()}`, options, handler);
  for (const { partition, begin, end } of ranges)
    if (wanted.has(partition)) reader.include(partition, Math.max(begin, options.from?.get(partition) ?? begin), end);
  await reader.begin();
  return reader;
}

class KafkajsReading implements Reading {
  readonly positions = new Map<number, number>();
  readonly #ends = new Map<number, number>();
  readonly #client: KafkajsClient;
  readonly #admin: KafkajsAdmin;
  readonly #group: string;
  readonly #options: ReadOptions;
  readonly #handler: ReadHandler;
  readonly #stop = new AbortController();
  readonly #caughtUp = Promise.withResolvers<void>();
  #consumer: KafkajsConsumer | undefined;
  #failures = 0;
  #restarting: Promise<void> | undefined;
  #movedAt = performance.now();
  #watchdog: NodeJS.Timeout | undefined;

  constructor(client: KafkajsClient, admin: KafkajsAdmin, group: string, options: ReadOptions, handler: ReadHandler) {
    this.#client = client;
    this.#admin = admin;
    this.#group = group;
    this.#options = options;
    this.#handler = handler;
  }

  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  include(partition: number, from: number, end: number): void {
    this.positions.set(partition, from);
    this.#ends.set(partition, end);
  }

  async begin(): Promise<void> {
    this.#caughtUp.promise.catch(() => {}); // whoever waits for it hears of it; nobody has to
    if (this.#isCaughtUp() && this.#options.follow !== true) {
      this.#stop.abort();
      this.#caughtUp.resolve();
      return;
    }
    await this.#start();
    this.#watchdog = setInterval(() => void this.#watch(), stallMs / 4);
    this.#watchdog.unref();
    this.#settleCaughtUp();
  }

  async stop(): Promise<void> {
    clearInterval(this.#watchdog);
    this.#stop.abort();
    await this.#restarting;
    await this.#dispose();
    this.#caughtUp.reject(new KafkaError('closed', `reading ${this.#options.topic}: stopped before its end`));
  }

  async #start(): Promise<void> {
    const doing = `reading ${this.#options.topic}`;
    const consumer = this.#client.consumer({
      groupId: this.#group,
      allowAutoTopicCreation: false,
      ...(this.#options.follow === true ? follow : { maxWaitTimeInMs: fetchWaitMs }),
      maxBytes: fetchBytesMax,
      maxBytesPerPartition: partitionBytesMax,
      readUncommitted: false,
      partitionAssigners: [exactly(this.#options.topic, [...this.positions.keys()])],
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5, restartOnFailure: async () => false },
    });
    this.#consumer = consumer;
    const current = (): boolean => this.#consumer === consumer && !this.#stop.signal.aborted;
    consumer.on(consumer.events.GROUP_JOIN, () => {
      if (current())
        for (const [partition, offset] of this.positions)
          consumer.seek({ topic: this.#options.topic, partition, offset: String(offset) });
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (current()) this.#fail(toKafkaError(payload.error, doing));
    });
    // A piece that holds only markers or aborted records never reaches eachBatch; its end tells of it.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (current()) this.#advance(payload.partition, Number(payload.lastOffset) + 1);
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [this.#options.topic], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async ({ batch, heartbeat, isStale, resolveOffset }) => {
          if (!current() || isStale()) return;
          const position = this.positions.get(batch.partition);
          if (position === undefined) return;
          const next = nextOffset(batch.messages, Number(batch.lastOffset()) + 1);
          const records = batch.messages.map(toRecord).filter(({ offset }) => offset >= position);
          const broken = records.find(({ undecodable }) => undecodable !== undefined);
          if (broken !== undefined) return this.#giveUp(batch.partition, broken.undecodable ?? '');
          if (records.length > 0) await this.#handler.records(batch.partition, records);
          resolveOffset(String(next - 1));
          this.#advance(batch.partition, next);
          await heartbeat();
        },
      });
    } catch (error) {
      throw toKafkaError(error, doing);
    }
  }

  #advance(partition: number, next: number): void {
    const position = this.positions.get(partition);
    if (position === undefined || next <= position) return;
    this.positions.set(partition, next);
    this.#movedAt = performance.now();
    this.#failures = 0;
    this.#settleCaughtUp();
  }

  #settleCaughtUp(): void {
    if (!this.#isCaughtUp()) return;
    this.#caughtUp.resolve();
    if (this.#options.follow !== true && !this.#stop.signal.aborted) void this.stop();
  }

  #isCaughtUp(): boolean {
    return [...this.#ends].every(([partition, end]) => (this.positions.get(partition) ?? 0) >= end);
  }

  #fail(error: KafkaError): void {
    if (!isLoading(error) || this.#failures >= quietMax) this.#handler.failed(error);
    if (this.#stop.signal.aborted || this.#restarting !== undefined) return;
    this.#restarting = this.#startAnew().finally(() => {
      this.#restarting = undefined;
    });
  }

  /** Whoever reads a topic whole would take the rest of it for all of it. */
  #giveUp(partition: number, why: string): void {
    const { topic } = this.#options;
    const error = new KafkaError(
      'undecodable',
      `reading ${topic}/${partition}: ${why}. Look whether another replica has it (kafka-dump-log); without it start with another topic prefix`,
    );
    this.#handler.failed(error);
    this.#caughtUp.reject(error);
    void this.stop();
  }

  async #startAnew(): Promise<void> {
    await this.#dispose();
    for (;;) {
      await pauseFor(backOffMs(this.#failures++), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#toWhatIsThere();
        await this.#start();
        this.#movedAt = performance.now();
        return;
      } catch (error) {
        this.#handler.failed(toKafkaError(error, `reading ${this.#options.topic}`));
        await this.#dispose();
      }
    }
  }

  /** What was deleted is passed over, and a topic that was made anew is read from its beginning. */
  async #toWhatIsThere(): Promise<void> {
    const ranges = (await this.#admin.describeTopics([this.#options.topic])).get(this.#options.topic) ?? [];
    for (const { partition, begin, end } of ranges) {
      const position = this.positions.get(partition);
      if (position === undefined || (position >= begin && position <= end)) continue;
      this.positions.set(partition, begin);
      if (position > end) this.#ends.set(partition, end);
    }
  }

  async #watch(): Promise<void> {
    if (this.#restarting !== undefined || performance.now() - this.#movedAt < stallMs) return;
    const ranges = (await this.#admin.describeTopics([this.#options.topic]).catch(() => undefined))?.get(
      this.#options.topic,
    );
    const behind = ranges?.some(({ partition, end }) => (this.positions.get(partition) ?? end) < end) ?? false;
    if (behind && performance.now() - this.#movedAt >= stallMs)
      this.#fail(
        new KafkaError(
          'stalled',
          `reading ${this.#options.topic}: nothing moved for ${stallMs / 1000} s; starting anew`,
        ),
      );
  }

  async #dispose(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    if (consumer === undefined) return;
    const over = new AbortController();
    const disconnected = consumer.disconnect().catch(() => {}); // its group has no other member and no offsets: it ends by itself
    await Promise.race([disconnected, pauseFor(disposeMs, over.signal)]);
    over.abort();
  }
}

/** All of the wanted partitions for the one member. */
function exactly(topic: string, partitions: number[]): PartitionAssigner {
  const name = 'imapwhy-exactly';
  const version = 0;
  const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
  return () => ({
    name,
    version,
    protocol: ({ topics }) => ({
      name,
      metadata: MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
    }),
    assign: async ({ members }) =>
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version,
          assignment: { [topic]: partitions },
          userData: Buffer.alloc(0),
        }),
      })),
  });
}
