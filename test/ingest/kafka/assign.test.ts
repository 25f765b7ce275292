import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assignPartitions, type GroupMember } from '../../../ingest/kafka/assign.ts';

const member = (id: string, owned: readonly number[] = [], topics = ['t']): GroupMember => ({
  id,
  topics,
  owned: owned.map((partition) => ({ topic: 't', partition })),
});
const of = (assignment: ReturnType<typeof assignPartitions>, id: string): readonly number[] =>
  assignment.get(id)?.get('t') ?? [];

test('a newcomer takes its share, and nothing else moves', () => {
  const assignment = assignPartitions([member('a', [0, 1, 2, 3]), member('b')], new Map([['t', 4]]));
  assert.deepEqual(
    [of(assignment, 'a'), of(assignment, 'b')],
    [
      [0, 1],
      [2, 3],
    ],
  );
});

test('a partition that two claim goes to one of them', () => {
  const assignment = assignPartitions([member('a', [0, 1]), member('b', [1, 0])], new Map([['t', 2]]));
  assert.deepEqual([of(assignment, 'a'), of(assignment, 'b')], [[0], [1]]);
});

test('a topic goes only to who reads it', () => {
  const assignment = assignPartitions(
    [member('a', [], ['u']), member('b')],
    new Map([
      ['t', 2],
      ['u', 2],
    ]),
  );
  assert.deepEqual(of(assignment, 'b'), [0, 1]);
  assert.deepEqual(assignment.get('a')?.get('u'), [0, 1]);
});

const groups = fc.record({
  count: fc.nat(12),
  owned: fc.array(fc.array(fc.nat(14), { maxLength: 8 }), { minLength: 1, maxLength: 6 }),
});

test('every partition has one owner, shares differ by at most one, and the order of members does not matter', () => {
  fc.assert(
    fc.property(groups, ({ count, owned }) => {
      const members = owned.map((partitions, i) => member(`m${i}`, partitions));
      const counts = new Map([['t', count]]);
      const assignment = assignPartitions(members, counts);
      const all = members.flatMap(({ id }) => of(assignment, id)).toSorted((a, b) => a - b);
      assert.deepEqual(
        all,
        Array.from({ length: count }, (_, i) => i),
      );
      const sizes = members.map(({ id }) => of(assignment, id).length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
      assert.deepEqual(assignPartitions(members.toReversed(), counts), assignment);
    }),
  );
});

test('who divides again after a division moves nothing', () => {
  fc.assert(
    fc.property(groups, ({ count, owned }) => {
      const counts = new Map([['t', count]]);
      const first = assignPartitions(
        owned.map((p, i) => member(`m${i}`, p)),
        counts,
      );
      const again = assignPartitions(
        owned.map((_, i) => member(`m${i}`, of(first, `m${i}`))),
        counts,
      );
      assert.deepEqual(again, first);
    }),
  );
});
