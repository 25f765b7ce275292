/**
 * What a group has committed is certain only where no transaction that moves it is open. One that a dead process left behind, or that a broker carries through right after its start, would
 * otherwise show its old offset, and its records would be done twice.
 */
import { backOffMs, pauseFor } from './back-off.ts';
import { KafkaError } from './kafka-error.ts';

/** A broker's answer. */
export interface CommittedOffsets {
  readonly committed: ReadonlyMap<number, number>;
  /** Partitions of which it does not say, since a transaction is open. */
  readonly unstable: ReadonlySet<number>;
}

/** A transaction that nobody ends is aborted after half a minute (`transact.ts`), give or take the ten seconds between two looks of the broker. */
const waitMs = 60_000;
const pauseMsMax = 500;

/** Asks again for what is unstable. `partitions` are those that count, all when left out. Rejects with `unstable` after a minute. */
export async function stableOffsets(
  doing: string,
  partitions: readonly number[] | undefined,
  ask: () => Promise<CommittedOffsets>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, number>> {
  const beganAt = performance.now();
  const found = new Map<number, number>();
  let waiting = partitions;
  for (let attempt = 0; ; attempt++) {
    const { committed, unstable } = await ask();
    const before = waiting;
    const counts = (partition: number): boolean => before === undefined || before.includes(partition);
    for (const [partition, offset] of committed) if (counts(partition)) found.set(partition, offset);
    waiting = [...unstable].filter(counts);
    if (waiting.length === 0) return found;
    if (signal?.aborted === true || performance.now() - beganAt > waitMs)
      throw new KafkaError(
        'unstable',
        `${doing}: a transaction that moves partition ${waiting.join(', ')} has been open for a minute; whoever holds it ends it, or time does (kafka-transactions.sh list, abort)`,
      );
    await pauseFor(Math.min(pauseMsMax, backOffMs(attempt)), signal);
  }
}
