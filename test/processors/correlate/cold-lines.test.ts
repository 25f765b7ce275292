import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ColdLines } from '../../../processors/correlate/cold-lines.ts';
import { newSession, type Session } from '../../../processors/correlate/session.ts';

function sessionWith(serial: number, texts: readonly string[]): Session {
  const s = newSession('connection', serial, 0, 1, 'dovecot.login');
  s.lines = texts.flatMap((_, i) => [2 ** 40 + i, i, 1000.5 * i]);
  s.lineKinds = texts.map(() => 'dovecot.login/logged-in');
  s.texts = [...texts];
  return s;
}

const linesOf = ({ lines, lineKinds, texts }: Session) => ({ lines, lineKinds, texts });
const texts = fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 });

test('whatever lines sessions have, in whatever order they are asked for, they come back', () => {
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (all, order) => {
      const sessions = all.map((one, serial) => sessionWith(serial, one));
      const before = sessions.map(linesOf);
      const cold = new ColdLines();
      for (const s of sessions) cold.cool(s);
      cold.pack();
      for (const s of sessions) assert.deepEqual(linesOf(s), { lines: [], lineKinds: [], texts: [] });
      const turns = sessions.map((s) => [order.next().value, s] as const).sort(([a], [b]) => a - b);
      for (const [, s] of turns) cold.warm(s);
      assert.deepEqual(sessions.map(linesOf), before);
      assert.equal(cold.size, 0);
    }),
    { numRuns: 50 },
  );
});

test('what has its lines is not changed by warming, and what is forgotten is not held', () => {
  const cold = new ColdLines();
  const [kept, gone, late] = [sessionWith(1, ['a']), sessionWith(2, ['b']), sessionWith(3, ['c'])];
  cold.warm(kept);
  assert.deepEqual(kept.texts, ['a']);
  for (const s of [kept, gone]) cold.cool(s);
  cold.forget(gone);
  cold.pack();
  assert.deepEqual([cold.size, gone.texts], [1, ['b']], 'one that was forgotten before it was packed keeps its lines');
  cold.cool(late);
  cold.pack();
  cold.forget(late);
  assert.equal(cold.size, 1);
});

test('a session that is cooled twice has its lines once', () => {
  const cold = new ColdLines();
  const s = sessionWith(1, ['a', 'b']);
  for (let i = 0; i < 2; i++) {
    cold.cool(s);
    cold.pack();
  }
  cold.warm(s);
  assert.deepEqual(s.texts, ['a', 'b']);
});
