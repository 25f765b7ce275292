import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SideBySide } from '../../cli/side-by-side.ts';

const AHEAD_MS = 20_000;

describe('sources side by side', () => {
  test('whoever is ahead waits for the one that is furthest behind', async () => {
    const turns = new SideBySide();
    const [a, b] = [{}, {}];
    turns.begin(a);
    turns.begin(b);
    const log: string[] = [];
    const waiting = turns.at(a, 10 * AHEAD_MS).then(() => log.push('a'));
    await turns.at(b, 8 * AHEAD_MS);
    await turn();
    assert.deepEqual(log, [], 'twice as far ahead as allowed');
    await turns.at(b, 9 * AHEAD_MS);
    await waiting;
    assert.deepEqual(log, ['a']);
    assert.equal(turns.horizon(a), 10 * AHEAD_MS);
  });

  test('nobody waits for one that is done', async () => {
    const turns = new SideBySide();
    const [a, b] = [{}, {}];
    turns.begin(a);
    turns.begin(b);
    const waiting = turns.at(a, AHEAD_MS);
    turns.done(b);
    await waiting;
  });
});
