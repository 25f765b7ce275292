import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginAtBeginning } from '../../../../ingest/kafka/kafkajs/first-offsets.ts';

test('begins at the beginning, asks only for what is not known, and leaves the rest as it is', async () => {
  const asked: unknown[] = [];
  const known: Record<string, Record<number, string>> = { a: { 1: '40' }, b: {} };
  const manager = {
    topics: ['a', 'b'],
    memberAssignment: { a: [0, 1], b: [2] },
    cluster: {
      fetchTopicsOffset: async (
        topics: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number }[] }[],
      ) => {
        asked.push(...topics.map((t) => [t.topic, t.partitions.map((p) => p.partition)]));
        return topics.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition }) => ({ partition, offset: '7' })),
        }));
      },
    },
    committedOffsets: () => known,
  };
  await beginAtBeginning.call(manager);
  await beginAtBeginning.call(manager);
  assert.deepEqual(known, { a: { 0: '7', 1: '40' }, b: { 2: '7' } });
  assert.deepEqual(asked, [
    ['a', [0]],
    ['b', [2]],
  ]);
});
