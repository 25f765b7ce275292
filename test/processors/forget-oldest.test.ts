import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetOldest } from '../../processors/forget-oldest.ts';

test('the oldest go, many at once', () => {
  const map = new Map<number, string>();
  for (let i = 0; i < 109; i++) {
    map.set(i, '');
    forgetOldest(map, 100);
  }
  assert.equal(map.size, 109);
  map.set(109, '');
  forgetOldest(map, 100);
  assert.deepEqual(
    [...map.keys()],
    Array.from({ length: 100 }, (_, i) => i + 10),
  );
});

test('an entry that was put in again is young', () => {
  const map = new Map([
    [1, ''],
    [2, ''],
  ]);
  map.delete(1);
  map.set(1, '');
  forgetOldest(map, 1);
  assert.deepEqual([...map.keys()], [1]);
});
