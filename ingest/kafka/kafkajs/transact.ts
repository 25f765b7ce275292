/**
 * Read, process, write as one. kafkajs sends offsets of a transaction without the group's generation, so the transactional id alone keeps zombies out: there is one
 * for each consumed partition, and whoever opens it later fences the earlier. Before anything is tried again, what the group has committed tells who won.
 */
import type { CompressionTypes, Kafka as KafkajsClient, Producer as KafkajsProducer } from 'kafkajs';
import { backOffMs, pauseFor } from '../back-off.ts';
import { KafkaError } from '../kafka-error.ts';
import { OwnedPartition } from '../owned-partition.ts';
import type { Transaction, Transactor } from '../port.ts';
import type { KafkajsAdmin } from './admin.ts';
import { toKafkaError } from './errors.ts';
import { placed, sendRounds } from './produce.ts';

/** An open transaction of a process that died holds up readers for so long. */
const transactionTimeoutMs = 30_000;
const attemptsMax = 8;
const retry = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 8 };

export async function openTransactor(
  client: KafkajsClient,
  admin: KafkajsAdmin,
  id: string,
  compression: CompressionTypes,
): Promise<Transactor> {
  const transactor = new KafkajsTransactor(client, admin, id, compression);
  await transactor.open();
  return transactor;
}

class KafkajsTransactor implements Transactor {
  readonly #client: KafkajsClient;
  readonly #admin: KafkajsAdmin;
  readonly #id: string;
  readonly #compression: CompressionTypes;
  #producer: KafkajsProducer | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #over: KafkaError | undefined;

  constructor(client: KafkajsClient, admin: KafkajsAdmin, id: string, compression: CompressionTypes) {
    this.#client = client;
    this.#admin = admin;
    this.#id = id;
    this.#compression = compression;
  }

  /** Takes the id over: what an earlier holder left open is aborted before this resolves. */
  async open(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const producer = this.#client.producer({
        transactionalId: this.#id,
        transactionTimeout: transactionTimeoutMs,
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner: () => placed,
        retry,
      });
      try {
        await producer.connect();
        // Only the first transaction asks for the id, and thereby fences; so there is an empty one at once.
        await (await producer.transaction()).abort();
        this.#producer = producer;
        return;
      } catch (error) {
        await disconnect(producer);
        const told = toKafkaError(error, `opening transactions of ${this.#id}`);
        if (told.code !== 'unreachable' || attempt >= attemptsMax) throw told;
        await pauseFor(backOffMs(attempt));
      }
    }
  }

  commit(transaction: Transaction): Promise<void> {
    const committing = this.#last.then(() => this.#commit(transaction));
    this.#last = committing.catch(() => {});
    return committing;
  }

  async close(): Promise<void> {
    this.#over ??= new KafkaError('closed', `transactions of ${this.#id} were closed`);
    await this.#last;
    await this.#drop();
  }

  async #commit(transaction: Transaction): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (this.#over !== undefined) throw this.#over;
      for (const { lease } of transaction.consumed) lease.lost.throwIfAborted();
      const failure = await this.#attempt(transaction);
      if (failure === undefined) break;
      await this.#drop();
      if (failure.code === 'fenced') this.#over = failure;
      // Only the group's offsets tell whether it is written, and whether the id was somebody else's meanwhile.
      if (transaction.consumed.length === 0) throw failure;
      const mayRepeat = failure.code === 'unreachable' || failure.code === 'outcome_unknown';
      if (!mayRepeat || attempt >= attemptsMax) throw failure;
      await pauseFor(backOffMs(attempt));
      await this.open();
      if (await this.#isCommitted(transaction)) break;
    }
    for (const { lease, next } of transaction.consumed) if (lease instanceof OwnedPartition) lease.noteCommitted(next);
  }

  /** undefined when it is committed. A failure other than `outcome_unknown` has written nothing that anybody will see. */
  async #attempt({ records, consumed }: Transaction): Promise<KafkaError | undefined> {
    const doing = `committing a transaction of ${this.#id}`;
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

  /** Asked when this id is ours again, so that nobody can commit under it meanwhile. */
  async #isCommitted({ consumed }: Transaction): Promise<boolean> {
    let done = 0;
    for (const { lease, next } of consumed) {
      const committed = (await this.#admin.committedOffsets(lease.group, lease.topic)).get(lease.partition);
      if (committed === next) done += 1;
      else if (committed !== lease.committed)
        throw new KafkaError(
          'membership_lost',
          `${lease.topic}/${lease.partition}: another process has committed ${committed} for it`,
        );
    }
    return consumed.length > 0 && done === consumed.length;
  }

  async #drop(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer !== undefined) await disconnect(producer);
  }
}

async function disconnect(producer: KafkajsProducer): Promise<void> {
  await producer.disconnect().catch(() => {}); // a connection that cannot be closed is gone already
}
