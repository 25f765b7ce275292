/**
 * A member of a group on kafkajs 2.2.4. Its traps, and what is done about each:
 * - it commits by itself, and more than was done: `autoCommit` and `eachBatchAutoResolve` are off, commits are explicit;
 * - a batch that takes long holds up heartbeats and all other partitions: `eachBatch` only puts records into the queue of their partition and returns;
 * - it asks nobody before it joins anew, and then forgets where each partition was: the one thing that it awaits there is the search for the
 *   coordinator, so that is where the membership settles, and positions are set again afterwards;
 * - a commit may be repeated under a later generation, for a partition that went elsewhere: commits use the call that does not repeat;
 * - one topic that is missing keeps it from reading the others: once a member, it is started with those that are there, and looks for the rest;
 * - where a position is not there any more it silently goes to the beginning: that is an error here, and the membership says where it goes on;
 * - it stops for good after some errors, and now and then stands still: it is started anew after every crash, and a watchdog sees to the rest.
 */
import type {
  ConsumerGroupJoinEvent,
  EachBatchPayload,
  Kafka as KafkajsClient,
  Consumer as KafkajsConsumer,
  KafkaMessage,
  Offsets,
} from 'kafkajs';
import { backOffMs, pauseFor } from '../back-off.ts';
import { KafkaError, type KafkaErrorCode } from '../kafka-error.ts';
import { type GroupClient, Membership } from '../membership.ts';
import type { OwnedPartition } from '../owned-partition.ts';
import type {
  ConsumedRecord,
  ConsumeHandler,
  ConsumeOptions,
  Consumption,
  PartitionRange,
  TopicPartition,
} from '../port.ts';
import type { KafkajsAdmin } from './admin.ts';
import { isLoading, toKafkaError } from './errors.ts';
import { stickyAssigner } from './sticky-assigner.ts';

const sessionTimeoutMs = 30_000;
const rebalanceTimeoutMs = 60_000;
const stallMs = 120_000;
const bufferBytesMax = 16 * 1024 * 1024;
/** Also how long a partition waits at most after it was resumed. */
const fetchWaitMs = 250;
/** The broker waits for so much, or for that long: a few records at a time would cost more than they are worth. */
const fetchBytesMin = 64 * 1024;
/** As they travel: what is packed (our own topics are, by default) is ten to fifteen times as much in memory, and what is made of it is as much again. */
const fetchBytesMax = 1024 * 1024;
const pieceBytesMax = 512 * 1024;
const refreshMs = 30_000;
/** A consumer that does not stop within this time is left to its fate: its session ends by itself. */
const disposeMs = 5_000;
const joinAttempts = 6;

export async function consume(
  client: KafkajsClient,
  admin: KafkajsAdmin,
  options: ConsumeOptions,
  handler: ConsumeHandler,
): Promise<Consumption> {
  const consumption = new KafkajsConsumption(client, admin, options, handler);
  await consumption.begin();
  return consumption;
}

/** One attempt: from joining to a crash, a stall or the end. */
interface Run {
  readonly consumer: KafkajsConsumer;
  /** The commit that is not repeated; there once a batch has come. */
  commit: ((offsets: Offsets) => Promise<void>) | undefined;
  lastSignAt: number;
  /** Why it is over. */
  crash: KafkaError | undefined;
}

class KafkajsConsumption implements Consumption, GroupClient {
  readonly #client: KafkajsClient;
  readonly #admin: KafkajsAdmin;
  readonly #options: ConsumeOptions;
  readonly #handler: ConsumeHandler;
  readonly #membership: Membership;
  readonly #stop = new AbortController();
  #joined = Promise.withResolvers<void>();
  /** It was a member once: from then on it is started anew after every failure. */
  #member = false;
  #run: Run | undefined;
  #failures = 0;
  #restarting: Promise<void> | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #lookup: NodeJS.Timeout | undefined;
  /** Topics that were not there when it was started; all others are read. */
  #missing: readonly string[] = [];
  /**
   * Why it had to be started anew. Topics and ranges are only asked for after a broker has said that one is not there: any other question may be left without an answer by a broker
   * that is just dying.
   */
  #lastCode: KafkaErrorCode | undefined;

  constructor(client: KafkajsClient, admin: KafkajsAdmin, options: ConsumeOptions, handler: ConsumeHandler) {
    this.#client = client;
    this.#admin = admin;
    this.#options = options;
    this.#handler = handler;
    this.#membership = new Membership(handler, this, {
      group: options.group,
      settleMs:
        Math.min(options.sessionTimeoutMs ?? sessionTimeoutMs, options.rebalanceTimeoutMs ?? rebalanceTimeoutMs) / 2,
      bufferBytesMax: options.bufferBytesMax ?? bufferBytesMax,
      gatherMs: options.gatherMs,
    });
  }

  get leases(): readonly OwnedPartition[] {
    return this.#membership.leases;
  }

  async begin(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#joined = Promise.withResolvers<void>();
      this.#joined.promise.catch(() => {}); // `#start` may reject first
      try {
        await this.#start();
        await this.#joined.promise;
        break;
      } catch (error) {
        await this.#dispose();
        // A coordinator that is only loading is there in a moment; an address where nobody is has been tried often enough.
        if (attempt < joinAttempts && error instanceof KafkaError && isLoading(error)) {
          await pauseFor(backOffMs(attempt + 1));
          continue;
        }
        this.#stop.abort();
        throw error;
      }
    }
    this.#member = true;
    const checkMs = Math.max(50, (this.#options.stallMs ?? stallMs) / 4);
    this.#watchdog = setInterval(() => void this.#watch(), checkMs);
    this.#watchdog.unref();
    this.#lookup = setInterval(() => void this.#lookForMissing(), this.#options.refreshMs ?? refreshMs);
    this.#lookup.unref();
  }

  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    clearInterval(this.#watchdog);
    clearInterval(this.#lookup);
    await this.#membership.stop(async () => {
      this.#stop.abort();
      await this.#dispose();
    });
    await this.#restarting;
  }

  fetch(where: TopicPartition, wanted: boolean): void {
    const target = [{ topic: where.topic, partitions: [where.partition] }];
    if (wanted) this.#run?.consumer.resume(target);
    else this.#run?.consumer.pause(target);
  }

  seek(where: TopicPartition, offset: number): void {
    this.#run?.consumer.seek({ topic: where.topic, partition: where.partition, offset: String(offset) });
  }

  /** Once; `Membership` has checked that the partition is ours. A repetition checks again. */
  async commit(where: OwnedPartition, next: number): Promise<void> {
    const offsets = {
      topics: [{ topic: where.topic, partitions: [{ partition: where.partition, offset: String(next) }] }],
    };
    const doing = `committing ${next} for ${where.topic}/${where.partition}`;
    for (let attempt = 1; ; attempt++) {
      where.lost.throwIfAborted();
      const commit = this.#run?.commit;
      try {
        if (commit === undefined) throw new KafkaError('membership_lost', `${doing}: not a member at the moment`);
        await commit(offsets);
        return;
      } catch (error) {
        const told = toKafkaError(error, doing);
        // A rebalance that we do not know of yet decides whether it is ours; then `lost` fires, or another attempt succeeds.
        if (!told.mayPass || attempt > 20) throw told;
        await pauseFor(Math.min(1_000, backOffMs(attempt)), where.lost);
      }
    }
  }

  committedOffsets(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return this.#admin.committedOffsets(this.#options.group, topic, partitions);
  }

  async rangesOf(topic: string): Promise<readonly PartitionRange[]> {
    if (this.#lastCode !== 'out_of_range') return [];
    return (await this.#admin.describeTopics([topic])).get(topic) ?? [];
  }

  rejoin(_reason: KafkaError): void {
    this.#restart();
  }

  async #start(): Promise<void> {
    const { group } = this.#options;
    const topics =
      this.#member && this.#lastCode === 'unknown_topic' ? await this.#topicsThere() : this.#options.topics;
    const doing = `consuming ${topics.join(', ')} as ${group}`;
    const consumer = this.#client.consumer({
      groupId: group,
      sessionTimeout: this.#options.sessionTimeoutMs ?? sessionTimeoutMs,
      rebalanceTimeout: this.#options.rebalanceTimeoutMs ?? rebalanceTimeoutMs,
      heartbeatInterval: Math.min(3_000, (this.#options.sessionTimeoutMs ?? sessionTimeoutMs) / 5),
      allowAutoTopicCreation: false,
      metadataMaxAge: this.#options.refreshMs ?? refreshMs,
      maxWaitTimeInMs: fetchWaitMs,
      minBytes: fetchBytesMin,
      maxBytes: fetchBytesMax,
      maxBytesPerPartition: this.#options.pieceBytesMax ?? pieceBytesMax,
      readUncommitted: false,
      partitionAssigners: [
        stickyAssigner(
          () => this.#membership.leases,
          () => this.#beforeJoin(run),
        ),
      ],
      // Starting anew is decided here, in one place.
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5, restartOnFailure: async () => false },
    });
    const run: Run = { consumer, commit: undefined, lastSignAt: performance.now(), crash: undefined };
    const crashed = Promise.withResolvers<never>();
    crashed.promise.catch(() => {}); // heard only while it starts
    this.#run = run;
    const sign = (): void => {
      run.lastSignAt = performance.now();
    };
    consumer.on(consumer.events.FETCH, sign);
    consumer.on(consumer.events.HEARTBEAT, sign);
    consumer.on(consumer.events.GROUP_JOIN, (event) => {
      sign();
      if (this.#run === run) this.#onJoin(event);
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      run.crash = toKafkaError(payload.error, doing);
      crashed.reject(run.crash);
      if (this.#run === run) this.#onCrash(run.crash);
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      const running = consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async (payload) => this.#onBatch(run, payload),
      });
      await Promise.race([running, crashed.promise]); // of a consumer that crashes while it joins nothing more may be heard
    } catch (error) {
      throw toKafkaError(error, doing);
    }
  }

  /** Those that are missing are told once. All of them where none is there: then the client says so. */
  async #topicsThere(): Promise<readonly string[]> {
    const names = new Set(await this.#admin.listTopics());
    const there = this.#options.topics.filter((topic) => names.has(topic));
    const missing = this.#options.topics.filter((topic) => !names.has(topic));
    if (there.length > 0 && missing.some((topic) => !this.#missing.includes(topic)))
      this.#handler.failed(
        new KafkaError(
          'unknown_topic',
          `${missing.join(', ')}: there is no such topic any more, or no right to see it; reading goes on without, until it is there`,
        ),
      );
    this.#missing = missing;
    return there.length > 0 ? there : this.#options.topics;
  }

  async #lookForMissing(): Promise<void> {
    if (this.#missing.length === 0 || this.#restarting !== undefined) return;
    const names = await this.#admin.listTopics().catch((): readonly string[] => []); // who cannot be asked is asked again
    if (this.#missing.some((topic) => names.includes(topic))) this.#restart();
  }

  async #beforeJoin(run: Run): Promise<void> {
    run.lastSignAt = performance.now();
    if (this.#run === run && !this.#stop.signal.aborted) await this.#membership.beforeJoin();
  }

  #onJoin({ payload }: ConsumerGroupJoinEvent): void {
    this.#failures = 0;
    const assignment = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    this.#membership.joined(payload.memberId, assignment);
    this.#joined.resolve();
  }

  #onCrash(error: KafkaError): void {
    this.#lastCode = error.code;
    if (!this.#member) {
      this.#joined.reject(error);
      return;
    }
    if (this.#restarting !== undefined) return; // who starts it hears of it
    this.#handler.failed(error);
    this.#restart();
  }

  /** Must stay quick: heartbeats and the other partitions wait for it. */
  #onBatch(run: Run, { batch, isStale, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload): void {
    if (this.#run !== run || isStale()) return;
    run.commit = (offsets) => commitOffsetsIfNecessary(offsets);
    const next = nextOffset(batch.messages, Number(batch.lastOffset()) + 1);
    this.#membership.push(batch, batch.messages.map(toRecord), next, Number(batch.highWatermark));
    resolveOffset(String(next - 1));
  }

  async #watch(): Promise<void> {
    const run = this.#run;
    if (run === undefined || this.#restarting !== undefined || this.#stop.signal.aborted) return;
    const limitMs = this.#options.stallMs ?? stallMs;
    const longAgo = performance.now() - limitMs;
    let stalled = run.lastSignAt < longAgo ? 'no answer' : undefined;
    const idle = this.#membership.leases.filter((lease) => (lease.idleSince ?? Number.POSITIVE_INFINITY) < longAgo);
    if (stalled === undefined && idle.length > 0) {
      const ranges = await this.#admin
        .describeTopics([...new Set(idle.map(({ topic }) => topic))])
        .catch(() => undefined);
      const waiting = idle.find((lease) => {
        const end = ranges?.get(lease.topic)?.find(({ partition }) => partition === lease.partition)?.end ?? 0;
        return (lease.idleSince ?? Number.POSITIVE_INFINITY) < longAgo && (lease.position ?? 0) < end;
      });
      if (waiting !== undefined) stalled = `nothing of ${waiting.topic}/${waiting.partition}`;
    }
    if (stalled === undefined || this.#run !== run) return;
    this.#handler.failed(
      new KafkaError(
        'stalled',
        `${this.#options.group}: ${stalled} for ${Math.round(limitMs / 1000)} s; starting anew`,
      ),
    );
    this.#restart();
  }

  #restart(): void {
    if (this.#stop.signal.aborted || this.#restarting !== undefined) return;
    this.#restarting = this.#startAnew().finally(() => {
      this.#restarting = undefined;
      // In the moment between its start and this one.
      if (this.#run?.crash !== undefined) this.#onCrash(this.#run.crash);
    });
  }

  async #startAnew(): Promise<void> {
    this.#membership.lostAll();
    this.#admin.forget(); // whatever happened to our connections may have happened to that one
    await this.#dispose();
    for (;;) {
      await pauseFor(backOffMs(this.#failures++), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#start();
        return;
      } catch (error) {
        const told = toKafkaError(error, `joining ${this.#options.group}`);
        this.#lastCode = told.code;
        this.#handler.failed(told);
        await this.#dispose();
      }
    }
  }

  /** Leaves the group if that is still possible. */
  async #dispose(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return;
    const over = new AbortController();
    const disconnected = run.consumer.disconnect().catch(() => {}); // what cannot be said good-bye to ends with its session
    await Promise.race([disconnected, pauseFor(disposeMs, over.signal)]);
    over.abort();
  }
}

/**
 * The offset after a fetched piece. In a compacted topic a batch may end far beyond its last record; whoever goes on right after the record
 * is given the same batch again and again, one offset further each time.
 */
export function nextOffset(messages: readonly KafkaMessage[], afterLast: number): number {
  const last = messages.at(-1);
  if (last === undefined || !('batchContext' in last)) return afterLast;
  const context: unknown = last.batchContext;
  if (typeof context !== 'object' || context === null || !('firstOffset' in context) || !('lastOffsetDelta' in context))
    return afterLast;
  const end = Number(context.firstOffset) + Number(context.lastOffsetDelta) + 1;
  return Number.isSafeInteger(end) ? Math.max(afterLast, end) : afterLast;
}

const noHeaders: ReadonlyMap<string, Buffer> = new Map();

const isUndecodable = (message: KafkaMessage): message is KafkaMessage & { readonly undecodable: string } =>
  'undecodable' in message;

export function toRecord(message: KafkaMessage): ConsumedRecord {
  return {
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: toHeaders(message.headers),
    ...(isUndecodable(message) && { undecodable: message.undecodable }),
  };
}

const isMap = (headers: object): headers is ReadonlyMap<string, Buffer> => headers instanceof Map;

function toHeaders(headers: KafkaMessage['headers'] | ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  if (headers === undefined) return noHeaders;
  if (isMap(headers)) return headers;
  const names = Object.keys(headers);
  if (names.length === 0) return noHeaders;
  const map = new Map<string, Buffer>();
  for (const name of names) {
    const value = headers[name];
    const last = Array.isArray(value) ? value.findLast((v) => Buffer.isBuffer(v)) : value;
    if (Buffer.isBuffer(last)) map.set(name, last);
  }
  return map;
}
