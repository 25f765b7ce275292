/**
 * The port on a second client, @platformatic/kafka: the proof that nothing of kafkajs has crept into it. Groups, queues, rebalances and the safety of
 * transactions are the product's own (membership.ts, safe-transactor.ts); here is only what talks to a broker.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Admin,
  Consumer,
  type ConsumerOptions,
  type GroupPartitionsAssignments,
  type Message,
  type MessageToProduce,
  Producer,
  type RecordsBatch,
} from '@platformatic/kafka';
import { assignPartitions } from '../../ingest/kafka/assign.ts';
import { backOffMs, pauseFor } from '../../ingest/kafka/back-off.ts';
import type { KafkaConnection } from '../../ingest/kafka/connection.ts';
import { KafkaError, type KafkaErrorCode } from '../../ingest/kafka/kafka-error.ts';
import { decodeOwned, encodeOwned } from '../../ingest/kafka/kafkajs/sticky-assigner.ts';
import { type GroupClient, Membership } from '../../ingest/kafka/membership.ts';
import type { OwnedPartition } from '../../ingest/kafka/owned-partition.ts';
import { partitionOfKey } from '../../ingest/kafka/partition-of-key.ts';
import type {
  ConsumedRecord,
  ConsumeHandler,
  ConsumeOptions,
  Consumption,
  Kafka,
  PartitionRange,
  ReadHandler,
  Reading,
  ReadOptions,
  RecordToSend,
  TopicPartition,
  Transaction,
} from '../../ingest/kafka/port.ts';
import { rounds } from '../../ingest/kafka/rounds.ts';
import { openSafeTransactor } from '../../ingest/kafka/safe-transactor.ts';
import { stableOffsets } from '../../ingest/kafka/stable-offsets.ts';

type Options = Pick<
  ConsumerOptions<Buffer, Buffer, Buffer, Buffer>,
  'clientId' | 'bootstrapBrokers' | 'tls' | 'sasl' | 'retries' | 'retryDelay' | 'connectTimeout' | 'requestTimeout'
>;

export function platformaticKafka(connection: KafkaConnection): Kafka {
  const options: Options = {
    clientId: connection.clientId,
    bootstrapBrokers: [...connection.brokers],
    connectTimeout: 5_000,
    requestTimeout: 20_000,
    retries: 5,
    retryDelay: 300,
    ...(connection.tls && {
      tls: {
        rejectUnauthorized: connection.tls.insecure !== true,
        ...(connection.tls.ca && { ca: connection.tls.ca }),
      },
    }),
    ...(connection.sasl && {
      sasl: {
        mechanism: connection.sasl.mechanism.toUpperCase() as 'PLAIN',
        username: connection.sasl.username,
        password: connection.sasl.password,
      },
    }),
  };
  return new PlatformaticKafka(options, connection.compression ?? 'none');
}

/** Without it the client asks for producer 0, epoch 0, and is refused as a zombie of itself wherever the id was used before. */
const anyEpoch = { producerId: -1n, producerEpoch: -1 };

class PlatformaticKafka implements Kafka {
  readonly options: Options;
  readonly compression: NonNullable<KafkaConnection['compression']>;
  readonly #admin: Admin;
  readonly #open = new Set<() => Promise<void>>();
  /** By group, so that a transaction can name the generation. */
  readonly members = new Map<string, Consumer>();

  constructor(options: Options, compression: NonNullable<KafkaConnection['compression']>) {
    this.options = options;
    this.compression = compression;
    this.#admin = new Admin(options);
  }

  async consume(options: ConsumeOptions, handler: ConsumeHandler): Promise<Consumption> {
    const consumption = new PlatformaticConsumption(this, options, handler);
    await consumption.begin();
    this.#open.add(() => consumption.stop());
    return consumption;
  }

  async producer() {
    await this.listTopics();
    let producer = this.newProducer();
    let last: Promise<unknown> = Promise.resolve();
    const sendNow = async (records: readonly RecordToSend[]): Promise<void> => {
      try {
        await this.sendRounds(producer, records);
      } catch (error) {
        await producer.close(true).catch(() => {});
        producer = this.newProducer();
        throw error;
      }
    };
    const close = async (): Promise<void> => {
      await last;
      await producer.close(true).catch(() => {});
    };
    this.#open.add(close);
    return {
      send: (records: readonly RecordToSend[]) => {
        const sending = last.then(() => sendNow(records));
        last = sending.catch(() => {});
        return sending;
      },
      close,
    };
  }

  newProducer(transactionalId?: string): Producer {
    return new Producer({
      ...this.options,
      retries: 20,
      idempotent: true,
      acks: -1,
      autocreateTopics: false,
      compression: this.compression,
      ...(transactionalId && { transactionalId }),
    });
  }

  /** `begin`: how a round is sent, plainly or in a transaction. */
  async sendRounds(producer: Pick<Producer, 'send'>, records: readonly RecordToSend[]): Promise<void> {
    const topics = [...new Set(records.map(({ topic }) => topic))];
    const counts = new Map<string, number>();
    for (const topic of topics) counts.set(topic, await this.#partitionsOf(topic, `sending to ${topic}`));
    let turn = 0;
    const placed = records.map((record) => {
      const count = counts.get(record.topic) ?? 1;
      turn += 1;
      const partition = record.partition ?? (record.key === null ? turn % count : partitionOfKey(record.key, count));
      return { ...record, partition };
    });
    for (const round of rounds(placed))
      await told(`sending to ${topics.join(', ')}`, () =>
        producer.send({ messages: round.map(toMessage), acks: -1, idempotent: true }),
      );
  }

  async transactor(id: string) {
    let producer: Producer | undefined;
    const transactor = await openSafeTransactor({
      id,
      open: async () => {
        const fresh = this.newProducer(id);
        try {
          await told(`opening transactions of ${id}`, async () => (await fresh.beginTransaction(anyEpoch)).cancel());
        } catch (error) {
          await fresh.close(true).catch(() => {});
          throw error;
        }
        producer = fresh;
      },
      attempt: (transaction) => this.#attempt(producer, id, transaction),
      drop: async () => {
        const old = producer;
        producer = undefined;
        await old?.close(true).catch(() => {});
      },
      committedOffsets: (group, topic, partitions) => this.committedOffsets(group, topic, partitions),
    });
    this.#open.add(() => transactor.close());
    return transactor;
  }

  async #attempt(
    producer: Producer | undefined,
    id: string,
    { records, consumed }: Transaction,
  ): Promise<KafkaError | undefined> {
    const doing = `committing a transaction of ${id}`;
    if (producer === undefined) return new KafkaError('unreachable', `${doing}: not connected`);
    let mayBeCommitted = false;
    try {
      const transaction = await producer.beginTransaction({});
      try {
        if (records.length > 0)
          await this.sendRounds({ send: transaction.send.bind(transaction) } as Pick<Producer, 'send'>, records);
        for (const { lease, next } of consumed) {
          const member = this.members.get(lease.group);
          if (member === undefined) throw new KafkaError('membership_lost', `${doing}: no member of ${lease.group}`);
          await transaction.addConsumer(member);
          const { groupId, generationId, memberId, coordinatorId } = member;
          const offset = {
            topic: lease.topic,
            partition: lease.partition,
            offset: BigInt(next) - 1n,
            metadata: { consumer: { groupId, generationId, memberId, coordinatorId } },
          };
          await transaction.addOffset(offset as unknown as Message);
        }
      } catch (error) {
        await transaction.abort().catch(() => {});
        throw error;
      }
      mayBeCommitted = true;
      await transaction.commit();
      return undefined;
    } catch (error) {
      const failure = toError(error, doing);
      if (mayBeCommitted && failure.code !== 'fenced') return new KafkaError('outcome_unknown', failure.message, error);
      return failure;
    }
  }

  async read(options: ReadOptions, handler: ReadHandler): Promise<Reading> {
    const reading = new PlatformaticReading(this, options, handler);
    await reading.begin();
    this.#open.add(() => reading.stop());
    return reading;
  }

  async listTopics(): Promise<readonly string[]> {
    return (await told('listing topics', () => this.#admin.listTopics({}))).toSorted();
  }

  async createTopics(topics: Parameters<Kafka['createTopics']>[0]): Promise<readonly string[]> {
    const there = new Set(await this.listTopics());
    const missing = topics.filter(({ topic }) => !there.has(topic));
    for (const { topic, partitions, replication, config } of missing) {
      const configs = Object.entries(config ?? {}).map(([name, value]) => ({ name, value }));
      await told(`creating ${topic}`, () =>
        this.#admin.createTopics({ topics: [topic], partitions, replicas: replication ?? -1, configs }),
      );
      for (let attempt = 0; (await this.describeTopics([topic])).size === 0 && attempt < 50; attempt++)
        await sleep(100);
    }
    return missing.map(({ topic }) => topic);
  }

  async describeTopics(topics: readonly string[]): Promise<ReadonlyMap<string, readonly PartitionRange[]>> {
    const there = new Set(await this.listTopics());
    const names = topics.filter((topic) => there.has(topic));
    const found = new Map<string, readonly PartitionRange[]>();
    for (const topic of names) {
      const ranges = await this.withConsumer('imapwhy.describe', async (consumer) => {
        const begin =
          (await consumer.listOffsets({ topics: [topic], timestamp: -2n, isolationLevel: 0 })).get(topic) ?? [];
        const end =
          (await consumer.listOffsets({ topics: [topic], timestamp: -1n, isolationLevel: 0 })).get(topic) ?? [];
        return end.map((last, partition) => ({ partition, begin: Number(begin[partition] ?? 0n), end: Number(last) }));
      }).catch((error: unknown) => {
        if (error instanceof KafkaError && error.code === 'unknown_topic') return undefined;
        throw error;
      });
      if (ranges !== undefined) found.set(topic, ranges);
    }
    return found;
  }

  /** One partition after the other: of several it tells nothing while one is unstable. Its consumer never asks for stable offsets. */
  async committedOffsets(
    group: string,
    topic: string,
    partitions?: readonly number[],
  ): Promise<ReadonlyMap<number, number>> {
    const doing = `reading what ${group} has committed`;
    const count = await this.#partitionsOf(topic, doing);
    const asked = partitions ?? Array.from({ length: count }, (_, i) => i);
    return stableOffsets(doing, asked, async () => {
      const committed = new Map<number, number>();
      const unstable = new Set<number>();
      for (const partition of asked) {
        const offset = await this.#committedOffset(group, topic, partition);
        if (offset === undefined) unstable.add(partition);
        else if (offset >= 0) committed.set(partition, offset);
      }
      return { committed, unstable };
    });
  }

  async #committedOffset(groupId: string, name: string, partition: number): Promise<number | undefined> {
    try {
      const [group] = await told(`reading what ${groupId} has committed`, () =>
        this.#admin.listConsumerGroupOffsets({
          groups: [{ groupId, topics: [{ name, partitionIndexes: [partition] }] }],
          requireStable: true,
        }),
      );
      return Number(group?.topics[0]?.partitions[0]?.committedOffset ?? -1);
    } catch (error) {
      if (error instanceof KafkaError && error.code === 'unstable') return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((close) => close()));
    await this.#admin.close();
  }

  async #partitionsOf(topic: string, doing: string): Promise<number> {
    const metadata = await told(doing, () => this.#admin.metadata({ topics: [topic], forceUpdate: true, retries: 0 }));
    const found = metadata.topics.get(topic);
    if (found === undefined) throw new KafkaError('unknown_topic', `${doing}: there is no topic ${topic}`);
    return found.partitionsCount;
  }

  async withConsumer<T>(groupId: string, work: (consumer: Consumer) => Promise<T>): Promise<T> {
    const consumer = new Consumer({ ...this.options, groupId });
    try {
      return await told(`asking about ${groupId}`, () => work(consumer));
    } finally {
      await consumer.close(true).catch(() => {});
    }
  }
}

type Deliver = (where: TopicPartition, records: readonly ConsumedRecord[], next: number, end: number) => Promise<void>;

/** Fetches what is wanted, from where it is wanted, until it is stopped. */
class Fetcher {
  readonly wanted = new Map<string, TopicPartition & { offset: number | undefined }>();
  readonly #consumer: Consumer;
  readonly #stop = new AbortController();
  readonly #deliver: Deliver;
  readonly #failed: (error: KafkaError) => void;

  constructor(consumer: Consumer, deliver: Deliver, failed: (error: KafkaError) => void) {
    this.#consumer = consumer;
    this.#deliver = deliver;
    this.#failed = failed;
  }

  stop(): void {
    this.#stop.abort();
  }

  async run(): Promise<void> {
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      try {
        const asked = [...this.wanted.values()].map((where) => ({ ...where }));
        if (asked.length === 0) await sleep(20);
        else await this.#round(asked);
        failures = 0;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const reported = toError(error, 'fetching');
        if (failures > 0 || reported.code !== 'unreachable') this.#failed(reported);
        await pauseFor(Math.min(2_000, backOffMs(failures++)), this.#stop.signal);
      }
    }
  }

  async #round(asked: readonly (TopicPartition & { offset: number | undefined })[]): Promise<void> {
    const topics = [...new Set(asked.map(({ topic }) => topic))];
    const metadata = await this.#consumer.metadata({ topics });
    const names = new Map([...metadata.topics].map(([name, { id }]) => [id, name]));
    for (const where of asked)
      if (where.offset === undefined) {
        const begins = await this.#consumer.listOffsets({ topics: [where.topic], timestamp: -2n });
        where.offset = Number(begins.get(where.topic)?.[where.partition] ?? 0n);
        const entry = this.wanted.get(keyOf(where));
        if (entry !== undefined) entry.offset ??= where.offset;
      }
    const byLeader = Map.groupBy(
      asked,
      (where) => metadata.topics.get(where.topic)?.partitions[where.partition]?.leader ?? -1,
    );
    await Promise.all(
      [...byLeader].map(async ([node, partitions]) => {
        const byTopic = Map.groupBy(partitions, ({ topic }) => metadata.topics.get(topic)?.id ?? '');
        const response = await this.#consumer.fetch({
          node,
          maxWaitTime: 100,
          topics: [...byTopic].map(([topicId, wanted]) => ({
            topicId,
            partitions: wanted.map(({ partition, offset }) => ({
              partition,
              fetchOffset: BigInt(offset ?? 0),
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
              partitionMaxBytes: 1_048_576,
            })),
          })),
        });
        for (const { topicId, partitions: answers } of response.responses)
          for (const answer of answers) {
            const topic = names.get(topicId) ?? '';
            const where = { topic, partition: answer.partitionIndex };
            const from = asked.find((a) => a.topic === topic && a.partition === where.partition)?.offset ?? 0;
            const entry = this.wanted.get(keyOf(where));
            // A seek or a rebalance came in between: another fetch will bring what counts now.
            if (entry === undefined || entry.offset !== from || !answer.records || answer.records.length === 0)
              continue;
            const { records, next } = committedRecords(answer.records, answer.abortedTransactions ?? [], from);
            entry.offset = next;
            await this.#deliver(where, records, next, Number(answer.highWatermark));
          }
      }),
    );
  }
}

class PlatformaticConsumption implements Consumption, GroupClient {
  readonly #kafka: PlatformaticKafka;
  readonly #options: ConsumeOptions;
  readonly #handler: ConsumeHandler;
  readonly #membership: Membership;
  readonly #stop = new AbortController();
  #consumer: Consumer | undefined;
  #fetcher: Fetcher | undefined;
  #restarting: Promise<void> | undefined;
  #failures = 0;
  #member = false;
  #watchdog: NodeJS.Timeout | undefined;
  #lookup: NodeJS.Timeout | undefined;
  /** Partitions by topic, as they were divided. */
  #counts = new Map<string, number>();

  constructor(kafka: PlatformaticKafka, options: ConsumeOptions, handler: ConsumeHandler) {
    this.#kafka = kafka;
    this.#options = options;
    this.#handler = handler;
    this.#membership = new Membership(handler, this, {
      group: options.group,
      settleMs: Math.min(options.sessionTimeoutMs ?? 30_000, options.rebalanceTimeoutMs ?? 60_000) / 2,
      bufferBytesMax: options.bufferBytesMax ?? 32 * 1024 * 1024,
      gatherMs: options.gatherMs,
    });
  }

  get leases(): readonly OwnedPartition[] {
    return this.#membership.leases;
  }

  async begin(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      this.#stop.abort();
      await this.#dispose();
      throw error;
    }
    this.#member = true;
    const stallMs = this.#options.stallMs ?? 120_000;
    this.#watchdog = setInterval(() => void this.#watch(stallMs), stallMs / 4);
    this.#watchdog.unref();
    this.#lookup = setInterval(() => void this.#lookUp(), this.#options.refreshMs ?? 30_000);
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
    const lease = this.leases.find(({ topic, partition }) => topic === where.topic && partition === where.partition);
    if (!wanted) this.#fetcher?.wanted.delete(keyOf(where));
    else if (this.#fetcher?.wanted.has(keyOf(where)) === false)
      this.#fetcher.wanted.set(keyOf(where), {
        topic: where.topic,
        partition: where.partition,
        offset: lease?.position,
      });
  }

  seek(where: TopicPartition, offset: number): void {
    const entry = this.#fetcher?.wanted.get(keyOf(where));
    if (entry !== undefined) entry.offset = offset;
  }

  async commit(where: OwnedPartition, next: number): Promise<void> {
    const doing = `committing ${next} for ${where.topic}/${where.partition}`;
    for (let attempt = 1; ; attempt++) {
      where.lost.throwIfAborted();
      try {
        if (this.#consumer === undefined)
          throw new KafkaError('membership_lost', `${doing}: not a member at the moment`);
        await this.#consumer.commit({
          offsets: [{ topic: where.topic, partition: where.partition, offset: BigInt(next), leaderEpoch: -1 }],
        });
        return;
      } catch (error) {
        const failure = toError(error, doing);
        if (!failure.mayPass || attempt > 20) throw failure;
        await pauseFor(Math.min(1_000, backOffMs(attempt)), where.lost);
      }
    }
  }

  committedOffsets(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return this.#kafka.committedOffsets(this.#options.group, topic, partitions);
  }

  async rangesOf(topic: string): Promise<readonly PartitionRange[]> {
    return (await this.#kafka.describeTopics([topic])).get(topic) ?? [];
  }

  rejoin(_reason: KafkaError): void {
    this.#restart();
  }

  async #start(): Promise<void> {
    const { group } = this.#options;
    const there = await this.#kafka.describeTopics(this.#options.topics);
    const missing = this.#options.topics.find((topic) => !there.has(topic));
    const topics = [...there.keys()];
    const doing = `consuming ${this.#options.topics.join(', ')} as ${group}`;
    if (missing !== undefined && (topics.length === 0 || !this.#member))
      throw new KafkaError('unknown_topic', `${doing}: there is no topic ${missing}`);
    this.#counts = new Map([...there].map(([topic, ranges]) => [topic, ranges.length]));
    const sessionTimeout = this.#options.sessionTimeoutMs ?? 30_000;
    const consumer: Consumer = new Consumer({
      ...this.#kafka.options,
      groupId: group,
      sessionTimeout,
      rebalanceTimeout: this.#options.rebalanceTimeoutMs ?? 60_000,
      heartbeatInterval: Math.min(3_000, sessionTimeout / 5),
      isolationLevel: 1,
      metadataMaxAge: this.#options.refreshMs ?? 30_000,
      protocols: [{ name: 'imapwhy-sticky', version: 0 }],
      protocolsMetadata: async () => {
        if (this.#consumer === consumer && !this.#stop.signal.aborted) await this.#membership.beforeJoin();
        return encodeOwned(this.leases);
      },
      partitionAssigner: (_current, members, subscribed, metadata): GroupPartitionsAssignments[] => {
        const counts = new Map(
          [...subscribed].map((topic) => [topic, metadata.topics.get(topic)?.partitionsCount ?? 0]),
        );
        const known = [...members.values()].map(({ memberId, topics: reads, metadata: userData }) => ({
          id: memberId,
          topics: reads ?? [...subscribed],
          owned: Buffer.isBuffer(userData) ? decodeOwned(userData) : [],
        }));
        return [...assignPartitions(known, counts)].map(([memberId, assigned]) => ({
          memberId,
          assignments: new Map(
            [...assigned].map(([topic, partitions]) => [topic, { topic, partitions: [...partitions] }]),
          ),
        }));
      },
    });
    this.#consumer = consumer;
    this.#kafka.members.set(group, consumer);
    const current = (): boolean => this.#consumer === consumer && !this.#stop.signal.aborted;
    const fetcher = new Fetcher(
      consumer,
      async (where, records, next, end) => {
        if (current()) this.#membership.push(where, records, next, end);
      },
      (error) => {
        if (!current()) return;
        this.#handler.failed(error);
        if (error.code !== 'unreachable') this.#restart();
      },
    );
    this.#fetcher = fetcher;
    consumer.topics.trackAll(...topics);
    consumer.on('consumer:group:join', ({ memberId, assignments }) => {
      if (!current()) return;
      fetcher.wanted.clear();
      const owned = (assignments ?? []).flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      );
      this.#membership.joined(memberId ?? '', owned);
    });
    consumer.on('error', (error: Error) => {
      if (!current()) return;
      this.#handler.failed(toError(error, doing));
      this.#restart();
    });
    await told(doing, () => consumer.joinGroup({}));
    void fetcher.run();
  }

  /** The client does not look for new partitions by itself. */
  async #lookUp(): Promise<void> {
    if (this.#restarting !== undefined || this.#consumer === undefined) return;
    const there = await this.#kafka.describeTopics(this.#options.topics).catch(() => undefined);
    if (there === undefined || this.#restarting !== undefined) return;
    const gone = [...this.#counts.keys()].find((topic) => !there.has(topic));
    if (gone !== undefined) this.#handler.failed(new KafkaError('unknown_topic', `there is no topic ${gone} any more`));
    if (gone !== undefined || [...there].some(([topic, ranges]) => ranges.length !== this.#counts.get(topic)))
      this.#restart();
  }

  async #watch(stallMs: number): Promise<void> {
    const longAgo = performance.now() - stallMs;
    const idle = this.leases.filter((lease) => (lease.idleSince ?? Number.POSITIVE_INFINITY) < longAgo);
    if (idle.length === 0 || this.#restarting !== undefined) return;
    const ranges = await this.#kafka.describeTopics(this.#options.topics).catch(() => undefined);
    const waiting = idle.some(
      (lease) => (lease.position ?? 0) < (ranges?.get(lease.topic)?.[lease.partition]?.end ?? 0),
    );
    if (!waiting) return;
    this.#handler.failed(new KafkaError('stalled', `${this.#options.group}: nothing moves; starting anew`));
    this.#restart();
  }

  #restart(): void {
    if (this.#stop.signal.aborted || this.#restarting !== undefined) return;
    this.#restarting = this.#startAnew().finally(() => {
      this.#restarting = undefined;
    });
  }

  async #startAnew(): Promise<void> {
    this.#membership.lostAll();
    await this.#dispose();
    for (;;) {
      await pauseFor(backOffMs(this.#failures++), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        await this.#start();
        this.#failures = 0;
        return;
      } catch (error) {
        this.#handler.failed(toError(error, `joining ${this.#options.group}`));
        await this.#dispose();
      }
    }
  }

  async #dispose(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    this.#fetcher?.stop();
    this.#fetcher = undefined;
    if (consumer === undefined) return;
    if (this.#kafka.members.get(this.#options.group) === consumer) this.#kafka.members.delete(this.#options.group);
    await Promise.race([
      Promise.resolve(consumer.leaveGroup(true))
        .then(() => consumer.close(true))
        .catch(() => {}),
      sleep(5_000, undefined, { ref: false }),
    ]);
  }
}

class PlatformaticReading implements Reading {
  readonly positions = new Map<number, number>();
  readonly #ends = new Map<number, number>();
  readonly #kafka: PlatformaticKafka;
  readonly #options: ReadOptions;
  readonly #handler: ReadHandler;
  readonly #caughtUp = Promise.withResolvers<void>();
  #consumer: Consumer | undefined;
  #fetcher: Fetcher | undefined;

  constructor(kafka: PlatformaticKafka, options: ReadOptions, handler: ReadHandler) {
    this.#kafka = kafka;
    this.#options = options;
    this.#handler = handler;
  }

  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  async begin(): Promise<void> {
    this.#caughtUp.promise.catch(() => {});
    const { topic, partitions, from } = this.#options;
    const ranges = (await this.#kafka.describeTopics([topic])).get(topic);
    if (ranges === undefined) throw new KafkaError('unknown_topic', `reading ${topic}: there is no such topic`);
    this.#consumer = new Consumer({ ...this.#kafka.options, groupId: 'imapwhy.read', isolationLevel: 1 });
    this.#consumer.topics.trackAll(topic);
    this.#fetcher = new Fetcher(
      this.#consumer,
      async ({ partition }, records, next) => {
        if (records.length > 0) await this.#handler.records(partition, records);
        this.positions.set(partition, next);
        this.#settle();
      },
      (error) => this.#handler.failed(error),
    );
    for (const { partition, begin, end } of ranges) {
      if (partitions !== undefined && !partitions.includes(partition)) continue;
      const offset = Math.max(begin, from?.get(partition) ?? begin);
      this.positions.set(partition, offset);
      this.#ends.set(partition, end);
      this.#fetcher.wanted.set(keyOf({ topic, partition }), { topic, partition, offset });
    }
    void this.#fetcher.run();
    this.#settle();
  }

  async stop(): Promise<void> {
    this.#fetcher?.stop();
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await consumer?.close(true).catch(() => {});
    this.#caughtUp.reject(new KafkaError('closed', `reading ${this.#options.topic}: stopped before its end`));
  }

  #settle(): void {
    if (![...this.#ends].every(([partition, end]) => (this.positions.get(partition) ?? 0) >= end)) return;
    this.#caughtUp.resolve();
    if (this.#options.follow !== true) void this.stop();
  }
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic} ${partition}`;

/** Without markers and without what was aborted; the client filters too, but sees only one aborted transaction of a producer in a fetch. */
function committedRecords(
  batches: readonly RecordsBatch[],
  aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[],
  from: number,
): { readonly records: readonly ConsumedRecord[]; readonly next: number } {
  const open = new Set<bigint>();
  const waiting = aborted.toSorted((a, b) => Number(a.firstOffset - b.firstOffset));
  const records: ConsumedRecord[] = [];
  let next = from;
  for (const batch of batches) {
    const last = Number(batch.firstOffset) + batch.lastOffsetDelta;
    while (waiting[0] !== undefined && waiting[0].firstOffset <= BigInt(last))
      open.add(waiting.shift()?.producerId ?? -1n);
    next = Math.max(next, last + 1);
    if ((batch.attributes & 0x20) !== 0) {
      open.delete(batch.producerId);
      continue;
    }
    if ((batch.attributes & 0x10) !== 0 && open.has(batch.producerId)) continue;
    for (const record of batch.records) {
      const offset = Number(batch.firstOffset) + record.offsetDelta;
      if (offset < from) continue;
      const headers = new Map<string, Buffer>();
      for (const [name, value] of record.headers)
        if (name !== null && value !== null) headers.set(String(name), Buffer.from(value));
      records.push({
        offset,
        timestamp: Number(batch.firstTimestamp + record.timestampDelta),
        key: record.key && Buffer.from(record.key),
        value: record.value && Buffer.from(record.value),
        headers,
      });
    }
  }
  return { records, next };
}

function toMessage(record: RecordToSend & { readonly partition: number }): MessageToProduce {
  return {
    topic: record.topic,
    partition: record.partition,
    ...(record.key !== null && { key: record.key }),
    ...(record.value !== null && { value: record.value }),
    ...(record.headers && { headers: new Map(record.headers.map(([name, value]) => [Buffer.from(name), value])) }),
    ...(record.timestamp !== undefined && { timestamp: BigInt(record.timestamp) }),
  };
}

async function told<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toError(error, doing);
  }
}

const codes: readonly (readonly [RegExp, KafkaErrorCode])[] = [
  [/PLT_KFK_AUTHENTICATION|SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL/, 'authentication_failed'],
  [/CERT_|SELF_SIGNED|ERR_SSL|ERR_TLS|UNABLE_TO_|EPROTO|DEPTH_ZERO/, 'tls_failed'],
  [/NO_TLS/, 'tls_failed'],
  [/AUTHORIZATION_FAILED/, 'not_authorized'],
  [/UNKNOWN_TOPIC/, 'unknown_topic'],
  [/MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/, 'record_too_large'],
  [/PRODUCER_FENCED|INVALID_PRODUCER_EPOCH|TRANSACTION_COORDINATOR_FENCED/, 'fenced'],
  [/UNSTABLE_OFFSET_COMMIT/, 'unstable'],
  [/ILLEGAL_GENERATION|UNKNOWN_MEMBER_ID|REBALANCE_IN_PROGRESS|FENCED_INSTANCE_ID/, 'membership_lost'],
  [
    /PLT_KFK_NETWORK|PLT_KFK_TIMEOUT|COORDINATOR|LEADER|ECONN|EPIPE|CONCURRENT_TRANSACTIONS|OUT_OF_ORDER|UNKNOWN_PRODUCER_ID/,
    'unreachable',
  ],
];

function toError(error: unknown, doing: string): KafkaError {
  if (error instanceof KafkaError) return error;
  const words: string[] = [];
  const messages: string[] = [];
  const walk = (value: unknown, depth: number): void => {
    if (!(value instanceof Error) || depth > 8) return;
    messages.push(value.message);
    for (const name of ['code', 'apiId']) if (name in value) words.push(String(value[name as keyof Error]));
    if ('errors' in value && Array.isArray(value.errors)) for (const inner of value.errors) walk(inner, depth + 1);
    walk(value.cause, depth + 1);
  };
  walk(error, 0);
  for (const message of messages) {
    if (message.startsWith('Unknown topic')) words.push('UNKNOWN_TOPIC');
    if (/requires TLS|before secure TLS/.test(message)) words.push('NO_TLS');
  }
  const text = words.join(' ');
  const code = codes.find(([pattern]) => pattern.test(text))?.[1] ?? 'refused';
  return new KafkaError(code, `${doing}: ${messages.at(-1) ?? String(error)} (${text})`, error);
}
