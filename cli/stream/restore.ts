import type { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type { Kafka } from '../../ingest/kafka/port.ts';

/** By partition of a compacted topic, the newest value of each key; keys whose newest value is a tombstone are left out. */
export async function readState(
  kafka: Kafka,
  topic: string,
  partitions: readonly number[],
  failed: (error: KafkaError) => void,
): Promise<ReadonlyMap<number, ReadonlyMap<string, Buffer>>> {
  const states = new Map(partitions.map((partition) => [partition, new Map<string, Buffer>()]));
  const reading = await kafka.read(
    { topic, partitions },
    {
      records(partition, records) {
        const newest = states.get(partition);
        if (newest === undefined) return;
        for (const { key, value } of records) {
          const name = key?.toString('utf8') ?? '';
          // In the order in which they were written last, as they lie there once older ones were compacted away.
          newest.delete(name);
          if (value !== null) newest.set(name, value);
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
