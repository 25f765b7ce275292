/**
 * Sends records. What kafkajs 2.2.4 does wrong and is kept from here:
 * - after a failed request it takes its sequence numbers back, so that the next request, with other records, would pass for a repetition and vanish:
 *   sends go one after the other, and a producer that failed is never used again;
 * - when a leader moves between two attempts it may forget a partition: the answer must name each one that was sent;
 * - without a partition it may choose another one for the second attempt: the choice is made once.
 */
import type {
  CompressionTypes,
  Kafka as KafkajsClient,
  Producer as KafkajsProducer,
  Message,
  RecordMetadata,
  TopicMessages,
} from 'kafkajs';
import { KafkaError } from '../kafka-error.ts';
import { partitionOfKey } from '../partition-of-key.ts';
import type { Producer, RecordToSend } from '../port.ts';
import { type PlacedRecord, rounds } from '../rounds.ts';
import type { KafkajsAdmin } from './admin.ts';
import { toKafkaError } from './errors.ts';

/** `client` has to be patient: a record that could not be sent at once is sent again by the same producer, which alone cannot double it. */
export async function openProducer(
  client: KafkajsClient,
  admin: KafkajsAdmin,
  compression: CompressionTypes,
): Promise<Producer> {
  await admin.needTopics([], 'connecting a producer'); // quick to tell that nobody is there
  const producer = new KafkajsSender(client, admin, compression);
  await producer.connect();
  return producer;
}

class KafkajsSender implements Producer {
  readonly #client: KafkajsClient;
  readonly #admin: KafkajsAdmin;
  readonly #compression: CompressionTypes;
  #producer: KafkajsProducer | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Topics that were there once: a missing one would only be told after all attempts. */
  readonly #known = new Set<string>();

  constructor(client: KafkajsClient, admin: KafkajsAdmin, compression: CompressionTypes) {
    this.#client = client;
    this.#admin = admin;
    this.#compression = compression;
  }

  async connect(): Promise<KafkajsProducer> {
    if (this.#producer !== undefined) return this.#producer;
    const producer = this.#client.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => placed,
    });
    try {
      await producer.connect();
    } catch (error) {
      throw toKafkaError(error, 'connecting a producer');
    }
    this.#producer = producer;
    return producer;
  }

  send(records: readonly RecordToSend[]): Promise<void> {
    const sending = this.#last.then(() => this.#send(records));
    this.#last = sending.catch(() => {});
    return sending;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#drop();
  }

  async #send(records: readonly RecordToSend[]): Promise<void> {
    if (this.#closed) throw new KafkaError('closed', 'sending: the producer was closed');
    const unknown = [...new Set(records.map(({ topic }) => topic))].filter((topic) => !this.#known.has(topic));
    if (unknown.length > 0) {
      await this.#admin.needTopics(unknown, `sending to ${unknown.join(', ')}`);
      for (const topic of unknown) this.#known.add(topic);
    }
    const producer = await this.connect();
    try {
      await sendRounds(
        (topicMessages) => producer.sendBatch({ topicMessages, compression: this.#compression, acks: -1 }),
        records,
      );
    } catch (error) {
      await this.#drop();
      throw error;
    }
  }

  async #drop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.disconnect().catch(() => {}); // it has served; a connection that cannot be closed is gone already
  }
}

export type SendBatch = (topicMessages: TopicMessages[]) => Promise<RecordMetadata[]>;

/** Sends all rounds, one after the other. `placed` has to be the partitioner. */
export async function sendRounds(sendBatch: SendBatch, records: readonly RecordToSend[]): Promise<void> {
  for (const round of rounds(records.map(loosely))) {
    const topics = Map.groupBy(round, ({ topic }) => topic);
    const topicMessages = [...topics].map(([topic, sent]) => ({ topic, messages: sent.map(toMessage) }));
    const doing = `sending to ${[...topics.keys()].join(', ')}`;
    let answers: readonly RecordMetadata[];
    try {
      answers = await sendBatch(topicMessages);
    } catch (error) {
      throw toKafkaError(error, doing);
    }
    const acknowledged = new Set(
      answers.filter(({ errorCode }) => errorCode === 0).map((a) => `${a.topicName} ${a.partition}`),
    );
    for (const { topic, messages } of topicMessages)
      for (const { partition } of messages)
        if (partition === undefined || !acknowledged.has(`${topic} ${partition}`))
          throw new KafkaError('outcome_unknown', `${doing}: no answer for partition ${partition}; send again`);
  }
}

/** For the sizes of rounds it is enough to know which records may meet in a partition: those without one count as one partition a topic. */
const loosely = (record: RecordToSend): PlacedRecord => ({ ...record, partition: record.partition ?? -1 });

function toMessage(record: PlacedRecord): Message & { partition?: number } {
  const headers = record.headers === undefined ? {} : { headers: Object.fromEntries(record.headers) };
  return {
    key: record.key,
    value: record.value,
    ...headers,
    ...(record.timestamp === undefined ? {} : { timestamp: String(record.timestamp) }),
    ...(record.partition < 0 ? {} : { partition: record.partition }),
  };
}

let turn = 0;

/** Called for every record at every attempt; what it chose stays with the message. */
export function placed({
  partitionMetadata,
  message,
}: {
  readonly partitionMetadata: readonly { readonly partitionId: number }[];
  readonly message: Message & { partition?: number };
}): number {
  message.partition ??= choose(message.key, partitionMetadata.length);
  return message.partition;
}

function choose(key: Message['key'], partitions: number): number {
  if (key !== null && key !== undefined)
    return partitionOfKey(typeof key === 'string' ? Buffer.from(key) : key, partitions);
  turn = (turn + 1) % partitions;
  return turn;
}
