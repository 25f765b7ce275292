import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OwnedPartition, type PartitionOwner } from '../../../ingest/kafka/owned-partition.ts';
import type { Batch, ConsumedRecord } from '../../../ingest/kafka/port.ts';

const records = (from: number, count: number, bytes = 10): readonly ConsumedRecord[] =>
  Array.from({ length: count }, (_, i) => ({
    offset: from + i,
    timestamp: 0,
    key: null,
    value: Buffer.alloc(bytes),
    headers: new Map(),
  }));

interface Scene {
  readonly partition: OwnedPartition;
  readonly batches: Batch[];
  readonly seeks: number[];
  wanted: boolean;
  answer: PromiseWithResolvers<void>;
}

function scene(bufferBytesMax = 1_000, gatherMs = 0): Scene {
  const owner: PartitionOwner = {
    group: 'g',
    gatherMs,
    deliver: (batch) => {
      s.batches.push(batch);
      s.answer = Promise.withResolvers();
      return s.answer.promise;
    },
    commit: async () => {},
    fetch: (_, wanted) => {
      s.wanted = wanted;
    },
    seek: (_, offset) => void s.seeks.push(offset),
    batchFailed: () => false,
    bufferBytesMax: () => bufferBytesMax,
  };
  const s: Scene = {
    partition: new OwnedPartition({ topic: 't', partition: 3 }, owner),
    batches: [],
    seeks: [],
    wanted: false,
    answer: Promise.withResolvers(),
  };
  return s;
}

test('fetches only when it is open, and begins where the group was', () => {
  const s = scene();
  s.partition.steer();
  assert.equal(s.wanted, false);
  s.partition.open(40);
  assert.deepEqual([s.wanted, s.seeks], [true, [40]]);
});

test('stops fetching when too much waits, gives what waits together up to a size, and fetches again at half of it', async () => {
  const s = scene(3 << 20);
  s.partition.open(0);
  for (const from of [0, 1, 2, 3, 4]) s.partition.push(records(from, 1, 1_000_000), from + 1, 100);
  assert.equal(s.batches.length, 1);
  assert.equal(s.wanted, false, 'four records of a megabyte wait');
  s.answer.resolve();
  await turn();
  assert.deepEqual([s.batches.length, s.wanted], [2, false]);
  s.answer.resolve();
  await turn();
  assert.deepEqual([s.batches.length, s.wanted], [3, true]);
  assert.deepEqual(
    s.batches.map(({ records: taken, next }) => [taken.length, next]),
    [
      [1, 1],
      [2, 3],
      [2, 5],
    ],
  );
});

test('what was fetched twice is delivered once', async () => {
  const s = scene();
  s.partition.open(undefined);
  s.partition.push(records(5, 3), 8, 10);
  s.partition.push(records(5, 3), 8, 10);
  s.partition.push(records(6, 4), 10, 10);
  s.answer.resolve();
  await turn();
  assert.deepEqual(
    s.batches.map((batch) => batch.records.map(({ offset }) => offset)),
    [
      [5, 6, 7],
      [8, 9],
    ],
  );
});

test('held, it waits for the batch in hand and gives no other; released, it tells the client where it was', async () => {
  const s = scene();
  s.partition.open(0);
  s.partition.push(records(0, 2), 2, 9);
  s.partition.push(records(2, 2), 4, 9);
  let quiet = false;
  const held = s.partition.hold().then(() => {
    quiet = true;
  });
  await turn();
  assert.equal(quiet, false);
  s.answer.resolve();
  await held;
  assert.equal(s.batches.length, 1);
  s.partition.release();
  assert.deepEqual([s.batches.length, s.seeks.at(-1)], [2, 4]);
});

test('paused, it neither fetches nor delivers', async () => {
  const s = scene();
  s.partition.open(0);
  s.partition.pause();
  s.partition.push(records(0, 1), 1, 9);
  assert.deepEqual([s.wanted, s.batches.length], [false, 0]);
  s.partition.resume();
  assert.deepEqual([s.wanted, s.batches.length], [true, 1]);
});

test('after its end it takes nothing, and says so', () => {
  const s = scene();
  s.partition.open(0);
  s.partition.end();
  s.partition.push(records(0, 1), 1, 9);
  assert.deepEqual([s.batches.length, s.partition.lost.aborted], [0, true]);
  assert.throws(() => s.partition.lost.throwIfAborted(), { code: 'membership_lost' });
});

test('what comes soon after a batch gathers; much of it goes at once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    t.mock.timers.tick(ms);
    for (let i = 0; i < 5; i++) await turn();
  };
  const s = scene(100 << 20, 500);
  const offsets = (): readonly number[] => s.batches.map(({ next }) => next);
  s.partition.open(0);
  s.partition.push(records(0, 1), 1, 9);
  assert.deepEqual(offsets(), [1], 'the first one waits for nobody');
  s.answer.resolve();
  await pass(100);
  s.partition.push(records(1, 1), 2, 9);
  await pass(100);
  s.partition.push(records(2, 1), 3, 9);
  await pass(299);
  assert.deepEqual(offsets(), [1]);
  await pass(1);
  assert.deepEqual(offsets(), [1, 3]);
  assert.equal(s.batches[1]?.records.length, 2);
  s.answer.resolve();
  await pass(10);
  s.partition.push(records(3, 1, 3 << 20), 4, 9);
  assert.deepEqual(offsets(), [1, 3, 4], 'it need not gather more');
  s.answer.resolve();
  await pass(10);
  s.partition.push(records(4, 1), 5, 9);
  s.partition.end();
  await pass(1_000);
  assert.deepEqual(offsets(), [1, 3, 4], 'nothing after the end');
});
