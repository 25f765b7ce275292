import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BATCH_BYTES_MAX, bytesOf, type PlacedRecord, rounds } from '../../../ingest/kafka/rounds.ts';

const record = (partition: number, bytes: number): PlacedRecord => ({
  topic: 't',
  partition,
  key: null,
  value: Buffer.alloc(bytes),
});

test('nothing is lost, order is kept, and no batch of several records is too large', () => {
  const sizes = fc.array(fc.tuple(fc.nat(3), fc.oneof(fc.nat(2_000), fc.nat(1_500_000))), { maxLength: 40 });
  fc.assert(
    fc.property(sizes, (drawn) => {
      const records = drawn.map(([partition, bytes]) => record(partition, bytes));
      const out = rounds(records);
      assert.deepEqual(out.flat(), records);
      for (const round of out)
        for (const batch of Map.groupBy(round, ({ partition }) => partition).values())
          assert.ok(batch.length === 1 || batch.reduce((sum, r) => sum + bytesOf(r), 0) <= BATCH_BYTES_MAX);
    }),
    { numRuns: 50 },
  );
});

test('other partitions do not make a batch smaller', () => {
  const records = [0, 1, 2, 3].flatMap((partition) => [record(partition, 300_000), record(partition, 300_000)]);
  assert.equal(rounds(records).length, 1);
});
