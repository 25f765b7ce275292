import type { Admin, Kafka as KafkajsClient } from 'kafkajs';
import { backOffMs, pauseFor } from '../back-off.ts';
import { KafkaError, type KafkaErrorCode } from '../kafka-error.ts';
import type { PartitionRange, TopicSpec } from '../port.ts';
import { type CommittedOffsets, stableOffsets } from '../stable-offsets.ts';
import { toKafkaError } from './errors.ts';
import { UNSTABLE_OFFSET } from './offset-fetch.ts';

/** Coordinators that are loading, leaders that are being chosen: gone in seconds. */
const attemptsMax = 6;
const disconnectMs = 2_000;

interface Connection {
  readonly admin: Admin;
  /** Rejects when it is given up: kafkajs drops what was asked over it, and nobody would ever be answered. */
  readonly lost: Promise<never>;
  readonly giveUp: () => void;
}

/** Questions and orders to the cluster over one connection, made on first use. */
export class KafkajsAdmin {
  readonly #client: KafkajsClient;
  #connected: Promise<Connection> | undefined;
  readonly #closed = new AbortController();

  constructor(client: KafkajsClient) {
    this.#client = client;
  }

  async listTopics(): Promise<readonly string[]> {
    return (await this.#ask('listing topics', (admin) => admin.listTopics())).toSorted();
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

  async committedOffsets(
    group: string,
    topic: string,
    partitions?: readonly number[],
  ): Promise<ReadonlyMap<number, number>> {
    const doing = `reading what group ${group} has committed for ${topic}`;
    const ask = (): Promise<CommittedOffsets> =>
      this.#ask(doing, async (admin) => {
        const [answer] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
        return committedIn(answer?.partitions ?? []);
      });
    return stableOffsets(doing, partitions, ask, this.#closed.signal);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#letGo();
  }

  /** The next question goes over a new connection, and so does what is asked right now. */
  forget(): void {
    void this.#letGo();
  }

  async #letGo(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    await disconnectInTime(connected);
  }

  async #ask<T>(
    doing: string,
    question: (admin: Admin) => Promise<T>,
    passing: readonly KafkaErrorCode[] = ['unreachable'],
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const { admin, lost } = await this.#connect(doing);
      const answer = await Promise.race([question(admin), lost])
        .then((value) => ({ value }))
        .catch((error: unknown) => ({ error: toKafkaError(error, doing) }));
      if ('value' in answer) return answer.value;
      const { code } = answer.error;
      // A connection asks for every topic it was ever asked for, and one that has gone spoils all answers: a fresh one tells the truth.
      const spoilt = code === 'unknown_topic' && attempt === 1;
      if ((!spoilt && !passing.includes(code)) || attempt >= attemptsMax || this.#closed.signal.aborted)
        throw answer.error;
      this.forget();
      await pauseFor(backOffMs(attempt));
    }
  }

  async #connect(doing: string): Promise<Connection> {
    this.#connected ??= (async () => {
      const admin = this.#client.admin();
      await admin.connect();
      const { promise: lost, reject } = Promise.withResolvers<never>();
      lost.catch(() => {}); // whoever waits hears it; mostly nobody does
      return { admin, lost, giveUp: () => reject(new KafkaError('unreachable', 'the connection was given up')) };
    })();
    try {
      return await this.#connected;
    } catch (error) {
      this.#connected = undefined;
      throw toKafkaError(error, doing);
    }
  }
}

function committedIn(partitions: readonly { readonly partition: number; readonly offset: string }[]): CommittedOffsets {
  const committed = new Map<number, number>();
  const unstable = new Set<number>();
  for (const { partition, offset } of partitions)
    if (offset === UNSTABLE_OFFSET) unstable.add(partition);
    else if (Number(offset) >= 0) committed.set(partition, Number(offset));
  return { committed, unstable };
}

/** A connection that stands still would only end with the last of its requests; it is left to that. */
async function disconnectInTime(connected: Promise<Connection> | undefined): Promise<void> {
  if (connected === undefined) return;
  const over = new AbortController();
  const disconnected = connected
    .then(({ admin, giveUp }) => {
      giveUp();
      return admin.disconnect();
    })
    .catch(() => {}); // what is gone needs no end
  await Promise.race([disconnected, pauseFor(disconnectMs, over.signal)]);
  over.abort();
}
