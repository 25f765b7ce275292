import type { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type { Kafka } from '../../ingest/kafka/port.ts';

/** The newest value of each key of one partition of a compacted topic; keys whose newest value is a tombstone are left out. */
export async function readState(
  kafka: Kafka,
  topic: string,
  partition: number,
  failed: (error: KafkaError) => void,
): Promise<ReadonlyMap<string, Buffer>> {
  const newest = new Map<string, Buffer>();
  const reading = await kafka.read(
    { topic, partitions: [partition] },
    {
      records(_, records) {
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
  return newest;
}
