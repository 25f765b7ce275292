/**
 * Read, process, write as one, whatever the client. A transactional id stands for one consumed partition, and whoever opens it later fences the earlier. When an
 * attempt fails, or its end is not known, the id is opened again, so that nobody else can commit under it, and what the group has committed tells who won.
 */
import { backOffMs, pauseFor } from './back-off.ts';
import { KafkaError } from './kafka-error.ts';
import { OwnedPartition } from './owned-partition.ts';
import type { Transaction, Transactor } from './port.ts';

/** What a client must be able to do. */
export interface TransactionClient {
  readonly id: string;
  /** Takes the id over: what an earlier holder left open is aborted before this resolves. Rejects with a KafkaError. */
  open(): Promise<void>;
  /** undefined when it is committed. A failure other than `outcome_unknown` has written nothing that anybody will see. */
  attempt(transaction: Transaction): Promise<KafkaError | undefined>;
  /** Gives up what may be left of an attempt. */
  drop(): Promise<void>;
  committedOffsets(group: string, topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>>;
}

const attemptsMax = 8;
/** Brokers of before 2.5 do not say that a transaction is open, and show what it committed a moment later than it is to be seen elsewhere. */
const looksMax = 10;
const lookAgainMs = 200;

export async function openSafeTransactor(client: TransactionClient): Promise<Transactor> {
  const transactor = new SafeTransactor(client);
  await transactor.open();
  return transactor;
}

class SafeTransactor implements Transactor {
  readonly #client: TransactionClient;
  #last: Promise<unknown> = Promise.resolve();
  #over: KafkaError | undefined;

  constructor(client: TransactionClient) {
    this.#client = client;
  }

  async open(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#client.open();
        return;
      } catch (error) {
        if (!(error instanceof KafkaError) || error.code !== 'unreachable' || attempt >= attemptsMax) throw error;
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
    this.#over ??= new KafkaError('closed', `transactions of ${this.#client.id} were closed`);
    await this.#last;
    await this.#client.drop();
  }

  async #commit(transaction: Transaction): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (this.#over !== undefined) throw this.#over;
      for (const { lease } of transaction.consumed) lease.lost.throwIfAborted();
      const failure = await this.#client.attempt(transaction);
      if (failure === undefined) break;
      await this.#client.drop();
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

  /** Nobody else can commit under this id any more, so a change can only be ours: it is looked for more than once before the work is done again. */
  async #isCommitted(transaction: Transaction): Promise<boolean> {
    for (let look = 1; ; look++) {
      if (await this.#showsAsCommitted(transaction)) return true;
      if (look >= looksMax) return false;
      await pauseFor(lookAgainMs);
    }
  }

  async #showsAsCommitted({ consumed }: Transaction): Promise<boolean> {
    let done = 0;
    for (const { lease, next } of consumed) {
      const { group, topic, partition } = lease;
      const committed = (await this.#client.committedOffsets(group, topic, [partition])).get(partition);
      if (committed === next) done += 1;
      else if (committed !== lease.committed)
        throw new KafkaError(
          'membership_lost',
          `${lease.topic}/${lease.partition}: another process has committed ${committed} for it`,
        );
    }
    return consumed.length > 0 && done === consumed.length;
  }
}
