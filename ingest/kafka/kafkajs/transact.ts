/**
 * Transactions on kafkajs 2.2.4. It sends offsets without the group's generation, so the transactional id alone keeps zombies out (safe-transactor.ts);
 * and it asks for the id, and thereby fences, only when the first transaction begins.
 */
import type { CompressionTypes, Kafka as KafkajsClient, Producer as KafkajsProducer } from 'kafkajs';
import { KafkaError } from '../kafka-error.ts';
import type { Transaction, Transactor } from '../port.ts';
import { openSafeTransactor, type TransactionClient } from '../safe-transactor.ts';
import type { KafkajsAdmin } from './admin.ts';
import { toKafkaError } from './errors.ts';
import { placed, sendRounds } from './produce.ts';

/** An open transaction of a process that died holds up readers for so long. */
const transactionTimeoutMs = 30_000;
const retry = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 8 };

export function openTransactor(
  client: KafkajsClient,
  admin: KafkajsAdmin,
  id: string,
  compression: CompressionTypes,
): Promise<Transactor> {
  return openSafeTransactor(new KafkajsTransactions(client, admin, id, compression));
}

class KafkajsTransactions implements TransactionClient {
  readonly id: string;
  readonly #client: KafkajsClient;
  readonly #admin: KafkajsAdmin;
  readonly #compression: CompressionTypes;
  #producer: KafkajsProducer | undefined;

  constructor(client: KafkajsClient, admin: KafkajsAdmin, id: string, compression: CompressionTypes) {
    this.#client = client;
    this.#admin = admin;
    this.id = id;
    this.#compression = compression;
  }

  async open(): Promise<void> {
    const producer = this.#client.producer({
      transactionalId: this.id,
      transactionTimeout: transactionTimeoutMs,
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => placed,
      retry,
    });
    try {
      await producer.connect();
      await (await producer.transaction()).abort();
      this.#producer = producer;
    } catch (error) {
      await disconnect(producer);
      throw toKafkaError(error, `opening transactions of ${this.id}`);
    }
  }

  async attempt({ records, consumed }: Transaction): Promise<KafkaError | undefined> {
    const doing = `committing a transaction of ${this.id}`;
    if (this.#producer === undefined) return new KafkaError('unreachable', `${doing}: not connected`);
    let mayBeCommitted = false;
    try {
      const transaction = await this.#producer.transaction();
      try {
        await sendRounds(
          (topicMessages) => transaction.sendBatch({ topicMessages, compression: this.#compression, acks: -1 }),
          records,
        );
        for (const [group, leases] of Map.groupBy(consumed, ({ lease }) => lease.group))
          await transaction.sendOffsets({
            consumerGroupId: group,
            topics: leases.map(({ lease, next }) => ({
              topic: lease.topic,
              partitions: [{ partition: lease.partition, offset: String(next) }],
            })),
          });
      } catch (error) {
        await transaction.abort().catch(() => {}); // if it cannot be told, the next to open this id aborts it, or time does
        throw error;
      }
      mayBeCommitted = true;
      await transaction.commit();
      return undefined;
    } catch (error) {
      const told = toKafkaError(error, doing);
      const unknown = mayBeCommitted && told.code !== 'fenced' && told.code !== 'not_authorized';
      if (unknown || told.code === 'outcome_unknown')
        return new KafkaError(mayBeCommitted ? 'outcome_unknown' : 'unreachable', told.message, error);
      return told;
    }
  }

  committedOffsets(group: string, topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    return this.#admin.committedOffsets(group, topic, partitions);
  }

  async drop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer !== undefined) await disconnect(producer);
  }
}

async function disconnect(producer: KafkajsProducer): Promise<void> {
  await producer.disconnect().catch(() => {}); // a connection that cannot be closed is gone already
}
