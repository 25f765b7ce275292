import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommittedOffsets, stableOffsets } from '../../../ingest/kafka/stable-offsets.ts';

const answers = (list: readonly CommittedOffsets[]): (() => Promise<CommittedOffsets>) => {
  let at = 0;
  return async () => list[Math.min(at++, list.length - 1)] ?? assert.fail();
};
const of = (committed: Readonly<Record<number, number>>, unstable: readonly number[] = []): CommittedOffsets => ({
  committed: new Map(Object.entries(committed).map(([partition, offset]) => [Number(partition), offset])),
  unstable: new Set(unstable),
});

test('each partition is heard once it is stable, however busy the others are', async () => {
  const ask = answers([of({ 0: 10 }, [1, 2]), of({ 1: 20 }, [0, 2]), of({ 0: 11, 2: 30 }, [1])]);
  assert.deepEqual(
    await stableOffsets('asking', undefined, ask),
    new Map([
      [0, 10],
      [1, 20],
      [2, 30],
    ]),
  );
});

test('a partition that never was committed is left out, before and after a transaction', async () => {
  const ask = answers([of({}, [1]), of({})]);
  assert.deepEqual(await stableOffsets('asking', undefined, ask), new Map());
});

test('those that nobody asked for hold up nobody', async () => {
  assert.deepEqual(await stableOffsets('asking', [1], answers([of({ 0: 5, 1: 6 }, [2])])), new Map([[1, 6]]));
});

test('one that stays open is an error with a name, and so is the end of the client', async (t) => {
  const stop = new AbortController();
  const stopped = stableOffsets('asking', undefined, answers([of({}, [4])]), stop.signal);
  stop.abort();
  await assert.rejects(stopped, { code: 'unstable', message: /^asking: .*partition 4 / });
  let now = 0;
  t.mock.method(performance, 'now', () => {
    now += 20_000;
    return now;
  });
  let asked = 0;
  const ask = async (): Promise<CommittedOffsets> => {
    asked += 1;
    return of({}, [4]);
  };
  await assert.rejects(stableOffsets('asking', [4], ask), { code: 'unstable' });
  assert.equal(asked, 4);
});
