import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isResting, type RestingSession, RestingSessions } from '../../../processors/correlate/resting-sessions.ts';
import { newSession, type Session } from '../../../processors/correlate/session.ts';
import { SessionStore } from '../../../processors/correlate/session-store.ts';

function sessionWith(serial: number, texts: readonly string[]): Session {
  const s = newSession('connection', serial, 1000.5 * serial, 1, 'dovecot.login');
  s.lines = texts.flatMap((_, i) => [2 ** 40 + i, i, 1000.5 * i]);
  s.lineKinds = texts.map(() => 'dovecot.login/logged-in');
  s.texts = [...texts];
  return s;
}
const texts = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 4 });

describe('sessions at rest', () => {
  test('whatever they are, in whatever order they are asked for or forgotten, those that are woken come back', () => {
    fc.assert(
      fc.property(
        fc.array(texts, { maxLength: 150 }),
        fc.infiniteStream(fc.nat()),
        fc.infiniteStream(fc.constantFrom('wake', 'wake', 'forget', 'forget', 'forget', 'tighten')),
        (all, order, what) => {
          const resting = new RestingSessions();
          const sessions = all.map((one, serial) => sessionWith(serial, one));
          const left = new Set(sessions.map((s) => resting.rest(s)));
          const turns = [...left].map((s): [number, RestingSession] => [order.next().value, s]);
          for (const [, s] of turns.sort(([a], [b]) => a - b)) {
            const does = what.next().value;
            if (does === 'tighten') resting.tighten(left);
            if (does === 'forget') resting.forget(s);
            else assert.deepEqual(resting.wake(s), sessions[s.serial]);
            left.delete(s);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('those that are left of a block are packed with others, so that little is held for nobody', () => {
    const resting = new RestingSessions();
    const all = Array.from({ length: 640 }, (_, serial) => resting.rest(sessionWith(serial, [`text ${serial}`])));
    const left = all.filter((_, i) => i % 8 === 0);
    for (const s of all) if (!left.includes(s)) resting.forget(s);
    const blocks = (): number => new Set(left.map((s) => s.block)).size;
    assert.equal(blocks(), 20);
    resting.tighten(left);
    assert.equal(blocks(), 3);
    assert.deepEqual(
      left.map((s) => resting.wake(s).texts[0]),
      left.map((s) => `text ${s.serial}`),
    );
  });
});

describe('a store whose sessions are at rest', () => {
  /** Three of one user and one address; the second is at the third's port before it. */
  function rested(): SessionStore {
    const store = new SessionStore();
    for (let serial = 0; serial < 3; serial++) {
      const s = sessionWith(serial, [`text ${serial}`]);
      store.add(s);
      s.user = 'anna@example.org';
      s.loggedInAt = s.startedAt;
      s.pid = 4000 + serial;
      s.sourceIp = '198.51.100.20';
      s.sourcePort = 41_000 + serial;
      store.addDovecotId(`id ${serial}`, s);
      store.addTransport(s.sourceIp, s.sourcePort, s);
      store.moveClient(s, s.sourceIp);
      store.moveUser(s, undefined);
      store.share(s);
    }
    store.rest(1e9);
    for (const s of store.all()) assert.ok(isResting(s));
    return store;
  }

  const ways: Readonly<Record<string, (store: SessionStore) => Session | undefined>> = {
    'its id': (store) => store.withDovecotId('id 1'),
    'its address and port': (store) => store.withTransport('198.51.100.20', 41_001, 1000, 1000),
    'its user and process': (store) => store.findLastOfUser('anna', (s) => s.pid === 4001),
    "its client's address": (store) => store.findLastOfClient('198.51.100.20', (s) => s.serial === 1),
    'an address that many share': (store) => store.wakeMaybe([...store.shared].find((s) => s.serial === 1)),
    'its serial, when it is due': (store) => store.wakeMaybe(store.get(1)),
  };
  for (const [way, find] of Object.entries(ways))
    test(`one that is found by ${way} is whole, and the same by every other way`, () => {
      const store = rested();
      const found = find(store);
      assert.deepEqual(found?.texts, ['text 1']);
      for (const other of Object.values(ways)) assert.equal(other(store), found);
      assert.deepEqual([...store.all()].map(isResting), [true, false, true], 'nobody else was woken');
      assert.deepEqual(
        [...store.byClient.lastFirst('198.51.100.20')].map((s) => s.serial),
        [2, 1, 0],
      );
      assert.equal(store.shared.size, 3);
      store.remove(found);
      for (const other of Object.values(ways)) assert.equal(other(store), undefined);
      assert.equal(store.size, 2);
    });

  test('one that is written down while it rests is not woken, and rests and is woken again and again', () => {
    const store = rested();
    const [[, before] = []] = store.entries([1]);
    assert.ok(before?.found);
    for (let i = 0; i < 3; i++) {
      const s = store.withDovecotId('id 1');
      assert.deepEqual(s?.texts, ['text 1']);
      store.rest(1e9);
    }
    const [[, after] = []] = store.entries([1]);
    assert.equal(after?.body, before.body);
    assert.deepEqual([...store.all()].map(isResting), [true, true, true]);
  });

  test('one that was found before it went to rest, or before it was woken, is the one that is open', () => {
    const store = rested();
    const [, atRest] = [...store.all()];
    assert.ok(atRest);
    const whole = store.wake(atRest);
    assert.equal(store.wake(atRest), whole);
    store.rest(1e9);
    const again = store.wake(whole);
    assert.deepEqual(again, whole);
    assert.equal(store.get(1), again);
  });

  test('one that was closed rests too, and is opened again as an object of its own', () => {
    const store = rested();
    const s = store.withDovecotId('id 1');
    assert.ok(s);
    s.flow = { startedAt: 1, endedAt: 2, up: undefined, down: undefined };
    store.remove(s);
    store.keepRevisable(s);
    store.rest(1e9);
    const [[, closed] = []] = store.entries([1]);
    assert.ok(closed?.closed && isResting(closed.head as never));
    const again = store.reopen('id 1');
    assert.deepEqual(again?.texts, ['text 1']);
    assert.notEqual(again?.flow, s.flow, 'the old one was given out');
    assert.equal(store.withDovecotId('id 1'), again);
    assert.equal(store.reopen('id 1'), undefined);
  });
});
