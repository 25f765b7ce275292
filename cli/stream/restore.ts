import type { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type { Kafka } from '../../ingest/kafka/port.ts';
import { keepHeapTight } from '../heap.ts';

/**
 * By partition of a compacted topic, the newest value of each key; keys whose newest value is a tombstone are left out. Values are taken up as they come, so that the bytes of a
 * state of a million parts need not lie in memory beside them: `takeUp` is given each value, or null for a tombstone, and what it made of the one before.
 */
export async function readState<T>(
  kafka: Kafka,
  topic: string,
  partitions: readonly number[],
  takeUp: (partition: number, key: string, value: Buffer | null, before: T | undefined) => T | undefined,
  failed: (error: KafkaError) => void,
): Promise<Map<number, ReadonlyMap<string, T>>> {
  const states = new Map(partitions.map((partition) => [partition, new Map<string, T>()]));
  const reading = await kafka.read(
    { topic, partitions },
    {
      records(partition, records) {
        const newest = states.get(partition);
        if (newest === undefined) return;
        keepHeapTight();
        for (const { key, value } of records) {
          const name = key?.toString('utf8') ?? '';
          // In the order in which they were written last, as they lie there once older ones were compacted away.
          const before = newest.get(name);
          if (before !== undefined) newest.delete(name);
          const taken = takeUp(partition, name, value, before);
          if (taken !== undefined) newest.set(name, taken);
        }
      },
      failed,
    },
  );
  try {
    await reading.caughtUp;
  } finally {
    await reading.stop();
  }
  return states;
}

/** For states of a few parts. */
export const asBytes = (_: number, __: string, value: Buffer | null): Buffer | undefined => value ?? undefined;
