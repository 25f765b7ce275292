import type { Admin, Kafka as KafkajsClient } from 'kafkajs';
import { backOffMs, pauseFor } from '../back-off.ts';
import type { KafkaError, KafkaErrorCode } from '../kafka-error.ts';
import type { PartitionRange, TopicSpec } from '../port.ts';
import { toKafkaError } from './errors.ts';

/** Coordinators that are loading, leaders that are being chosen: gone in seconds. */
const attemptsMax = 6;

/** Questions and orders to the cluster over one connection, made on first use. */
export class KafkajsAdmin {
  readonly #client: KafkajsClient;
  #connected: Promise<Admin> | undefined;

  constructor(client: KafkajsClient) {
    this.#client = client;
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<readonly string[]> {
    const names = topics.map(({ topic }) => topic);
    const doing = `creating ${names.join(', ')}`;
    const there = await this.#ask(doing, async (admin) => new Set(await admin.listTopics()));
    const missing = topics.filter(({ topic }) => !there.has(topic));
    if (missing.length === 0) return [];
    await this.#ask(doing, (admin) =>
      admin.createTopics({
        waitForLeaders: false, // it would take a topic that the broker has not heard of yet for a failure
        topics: missing.map(({ topic, partitions, replication, config }) => ({
          topic,
          numPartitions: partitions,
          replicationFactor: replication ?? -1,
          configEntries: Object.entries(config ?? {}).map(([name, value]) => ({ name, value })),
        })),
      }),
    );
    await this.#ask(
      doing,
      async (admin) => {
        for (const { topic } of missing) await admin.fetchTopicOffsets(topic);
      },
      ['unreachable', 'unknown_topic'],
    );
    return missing.map(({ topic }) => topic);
  }

  /** Rejects at once for a topic that is not there, or that we may not see. */
  async needTopics(topics: readonly string[], doing: string): Promise<void> {
    await this.#ask(doing, (admin) => admin.fetchTopicMetadata({ topics: [...topics] }));
  }

  async describeTopics(topics: readonly string[]): Promise<ReadonlyMap<string, readonly PartitionRange[]>> {
    return this.#ask(`describing ${topics.join(', ')}`, async (admin) => {
      const there = new Set(await admin.listTopics());
      const found = new Map<string, readonly PartitionRange[]>();
      for (const topic of topics) {
        if (!there.has(topic)) continue;
        const offsets = await admin.fetchTopicOffsets(topic);
        const ranges = offsets.map(({ partition, low, high }) => ({
          partition,
          begin: Number(low),
          end: Number(high),
        }));
        found.set(
          topic,
          ranges.sort((a, b) => a.partition - b.partition),
        );
      }
      return found;
    });
  }

  async committedOffsets(group: string, topic: string): Promise<ReadonlyMap<number, number>> {
    return this.#ask(`reading what group ${group} has committed`, async (admin) => {
      const [answer] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      const committed = (answer?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)] as const);
      return new Map(committed.filter(([, offset]) => offset >= 0));
    });
  }

  async close(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    if (connected !== undefined) await (await connected).disconnect();
  }

  async #ask<T>(
    doing: string,
    question: (admin: Admin) => Promise<T>,
    passing: readonly KafkaErrorCode[] = ['unreachable'],
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const failure = await this.#connect()
        .then(question)
        .then((value) => ({ value }))
        .catch((error: unknown) => ({ error: toKafkaError(error, doing) }));
      if ('value' in failure) return failure.value;
      const { code } = failure.error;
      // A connection asks for every topic it was ever asked for, and one that has gone spoils all answers: a fresh one tells the truth.
      const spoilt = code === 'unknown_topic' && attempt === 1;
      if ((!spoilt && !passing.includes(code)) || attempt >= attemptsMax) throw failure.error;
      await this.#forget(failure.error);
      await pauseFor(backOffMs(attempt));
    }
  }

  #connect(): Promise<Admin> {
    this.#connected ??= (async () => {
      const admin = this.#client.admin();
      await admin.connect();
      return admin;
    })();
    return this.#connected;
  }

  /** A connection that failed is not asked again; that it cannot even be closed is no further news. */
  async #forget(_because: KafkaError): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    await connected?.then((admin) => admin.disconnect()).catch(() => {});
  }
}
