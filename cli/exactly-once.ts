/**
 * Work whose progress is written to Kafka in the same transaction as its result, so that whoever starts again, after any end, goes on exactly there.
 * The transactional id keeps two of them apart: the later one fences the earlier, and finds what that one has finished.
 */
import { backOffMs, pauseFor } from '../ingest/kafka/back-off.ts';
import { KafkaError } from '../ingest/kafka/kafka-error.ts';
import type { Kafka, Transactor } from '../ingest/kafka/port.ts';

const attemptsMax = 8;

/** `attempt` reads the progress first, each time: what an attempt that failed has finished counts. */
export async function exactlyOnce<T>(
  kafka: Kafka,
  id: string,
  attempt: (transactor: Transactor) => Promise<T>,
): Promise<T> {
  for (let failures = 0; ; ) {
    try {
      const transactor = await kafka.transactor(id);
      try {
        return await attempt(transactor);
      } finally {
        await transactor.close();
      }
    } catch (error) {
      failures += 1;
      const again = error instanceof KafkaError && (error.code === 'unreachable' || error.code === 'outcome_unknown');
      if (!again || failures >= attemptsMax) throw error;
      await pauseFor(backOffMs(failures + 3));
    }
  }
}

/** The newest value of each key of a compacted topic with one partition, as text. */
export async function readProgress(kafka: Kafka, topic: string): Promise<ReadonlyMap<string, string>> {
  const progress = new Map<string, string>();
  const reading = await kafka.read(
    { topic },
    {
      records: (_, records) => {
        for (const { key, value } of records) {
          if (key === null) continue;
          if (value === null) progress.delete(key.toString());
          else progress.set(key.toString(), value.toString());
        }
      },
      failed: () => {}, // the reader goes on trying; what it cannot overcome ends `caughtUp` from outside, by the user
    },
  );
  await reading.caughtUp;
  return progress;
}

export const progressTopic = (topic: string) => ({
  topic,
  partitions: 1,
  config: { 'cleanup.policy': 'compact' },
});
