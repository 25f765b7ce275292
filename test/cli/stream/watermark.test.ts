import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Progress } from '../../../cli/stream/messages.ts';
import { Watermark } from '../../../cli/stream/watermark.ts';

const HOUR_MS = 3_600_000;
const progress = (unit: string, reached: number | null, more: Partial<Progress> = {}): Progress => ({
  unit,
  reached,
  caughtUp: false,
  ended: false,
  ...more,
});

function at(...all: readonly Progress[]): number {
  const watermark = new Watermark();
  for (const p of all) watermark.note(p);
  return watermark.at(all.map((p) => p.unit));
}

describe('event time', () => {
  test('waits for the unit that is furthest behind', () => {
    assert.equal(at(progress('a', 5000), progress('b', 3000)), 3000);
  });

  test('waits for a unit that was never heard of, and for one that has read nothing yet', () => {
    const watermark = new Watermark();
    watermark.note(progress('a', 5000));
    assert.equal(watermark.at(['a', 'b']), Number.NEGATIVE_INFINITY);
    assert.equal(at(progress('a', 5000), progress('b', null)), Number.NEGATIVE_INFINITY);
  });

  test('does not wait for one that has nothing to say', () => {
    assert.equal(at(progress('a', 5000), progress('b', null, { caughtUp: true })), 5000);
  });

  test('is not held up by a slow clock once all is read, but by one that has more to read', () => {
    assert.equal(at(progress('a', 2 * HOUR_MS, { caughtUp: true }), progress('b', 0, { caughtUp: true })), 2 * HOUR_MS);
    assert.equal(at(progress('a', 2 * HOUR_MS, { caughtUp: true }), progress('b', 0)), 0);
  });

  test('ends when all that ever said something have ended', () => {
    const ended = progress('a', 5000, { ended: true });
    assert.equal(at(ended, progress('b', null, { caughtUp: true })), Number.POSITIVE_INFINITY);
    assert.equal(at(ended, progress('b', 4000)), 4000);
    assert.equal(at(progress('b', null, { caughtUp: true })), Number.NEGATIVE_INFINITY);
  });
});
