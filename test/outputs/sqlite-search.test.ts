import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { bucketOf, type Condition, type SearchField, type SearchPosition } from '../../outputs/search.ts';
import { openStore, type Store } from '../../outputs/sqlite.ts';
import { batchOf } from '../contract/output.ts';
import { healthySession, idleTimeoutSession, packetLossSession, sampleSessions } from '../profiles.ts';
import { temporaryFolder } from './small-disk.ts';

const sessions = sampleSessions();
const idOf = (s: (typeof sessions)[number]): string => s.profile.imapwhy.session.id;

const is = (field: SearchField, value: string, more: { isPrefix?: boolean; negated?: boolean } = {}): Condition => ({
  kind: 'field',
  field,
  value,
  isPrefix: false,
  negated: false,
  ...more,
});
const text = (value: string): Condition => ({ kind: 'text', value, negated: false });

async function filled(t: TestContext): Promise<Store> {
  const store = openStore(join(temporaryFolder(t), 'imapwhy.db'));
  await store.write(batchOf({ profiles: sessions.map((s) => s.profile), events: sessions.flatMap((s) => s.events) }));
  t.after(() => store.close());
  return store;
}

const found = (store: Store, ...conditions: readonly Condition[]): readonly string[] =>
  store.search.page({ conditions }, 100).profiles.map((p) => p.imapwhy.session.id);

const expected = (holds: (s: (typeof sessions)[number]['profile']) => boolean): readonly string[] =>
  sessions
    .map((s) => s.profile)
    .filter(holds)
    .toSorted(
      (a, b) =>
        Date.parse(b.event.start) - Date.parse(a.event.start) || (a.imapwhy.session.id < b.imapwhy.session.id ? -1 : 1),
    )
    .map((p) => p.imapwhy.session.id);

describe('search in the store', () => {
  it('gives the newest first and goes on where a page ended', async (t) => {
    const store = await filled(t);
    const ids: string[] = [];
    let after: SearchPosition | undefined;
    do {
      const page = store.search.page({ conditions: [] }, 2, after);
      assert.ok(page.profiles.length <= 2);
      ids.push(...page.profiles.map((p) => p.imapwhy.session.id));
      after = page.next;
    } while (after);
    assert.deepEqual(
      ids,
      expected(() => true),
    );
  });

  it('finds by each field, by beginnings, and by what must not be', async (t) => {
    const store = await filled(t);
    const idle = idleTimeoutSession().profile;
    assert.deepEqual(
      found(store, is('cause', 'network.', { isPrefix: true })),
      expected((p) => p.imapwhy.cause.label.startsWith('network.')),
    );
    assert.deepEqual(
      found(store, is('outcome', 'ok', { negated: true })),
      expected((p) => p.imapwhy.outcome !== 'ok'),
    );
    assert.deepEqual(
      found(store, is('phase', idle.imapwhy.stalled_in ?? '')),
      expected((p) => p.imapwhy.stalled_in === idle.imapwhy.stalled_in),
    );
    const name = idle.user.name ?? '';
    const local = name.split('@')[0] ?? '';
    for (const user of [name, local, local.toUpperCase()])
      assert.deepEqual(
        found(store, is('user', user)),
        expected((p) => p.user.name === name),
        user,
      );
    assert.deepEqual(found(store, is('id', idle.imapwhy.session.id.slice(0, 8), { isPrefix: true })), [
      idle.imapwhy.session.id,
    ]);
    assert.deepEqual(
      found(store, is('dovecot', `<${idle.imapwhy.session.dovecot_id}>`)),
      expected((p) => p.imapwhy.session.dovecot_id === idle.imapwhy.session.dovecot_id),
    );
    // What is unknown is not what was asked for, so what must not be is not there either.
    assert.deepEqual(
      found(store, is('layer', 'network', { negated: true })),
      expected((p) => p.imapwhy.cause.layer !== 'network'),
    );
  });

  it('keeps to the time that was asked for', async (t) => {
    const store = await filled(t);
    const since = Date.parse(packetLossSession().profile.event.start);
    const ids = store.search.page({ conditions: [], since, until: since + 1 }, 10).profiles;
    assert.deepEqual(
      ids.map((p) => p.imapwhy.session.id),
      expected((p) => Date.parse(p.event.start) === since),
    );
  });

  it('counts what matches, by value and over time', async (t) => {
    const store = await filled(t);
    const counts = store.search.counts({ conditions: [] });
    assert.equal(counts.sessions, sessions.length);
    assert.equal(counts.isComplete, true);
    const failed = sessions.filter((s) => s.profile.imapwhy.outcome !== 'ok').length;
    assert.equal(
      counts.histogram.reduce((n, b) => n + b.sessions, 0),
      sessions.length,
    );
    assert.equal(
      counts.histogram.reduce((n, b) => n + b.failed, 0),
      failed,
    );
    assert.ok(counts.histogram.length <= 60);
    const outcomes = counts.facets.find((f) => f.field === 'outcome')?.values ?? [];
    assert.equal(outcomes.find((v) => v.value === 'ok')?.sessions, sessions.length - failed);
    assert.deepEqual(store.search.counts({ conditions: [is('user', 'nobody')] }).histogram, []);
  });

  it('finds words of log lines once they are indexed, each line once', async (t) => {
    const store = await filled(t);
    const idle = idleTimeoutSession();
    const line = JSON.stringify(store.eventsOf(idOf(idle))[0]?.document.event).split('"original":"')[1] ?? '';
    const words = line.split(': ').slice(1, 3).join(': ').replaceAll('\\', ' ');
    assert.deepEqual(found(store, text(words)), []);
    const events = sessions.reduce((n, s) => n + s.events.length, 0);
    let indexed = 0;
    for (let n = store.indexLines(3); n > 0; n = store.indexLines(3)) indexed += n;
    assert.equal(indexed, events);
    assert.ok(found(store, text(words)).includes(idOf(idle)), words);
    assert.equal(store.indexLines(10), 0);
  });

  it('says the same of an empty store', async (t) => {
    const store = openStore(join(temporaryFolder(t), 'imapwhy.db'));
    t.after(() => store.close());
    assert.equal(store.search.period(), undefined);
    assert.deepEqual(store.search.page({ conditions: [] }, 10), { profiles: [], next: undefined });
    assert.equal(store.search.counts({ conditions: [text('x')] }).sessions, 0);
  });

  it('takes any text as text', async (t) => {
    const store = await filled(t);
    while (store.indexLines(1000) > 0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (value, isPrefix) => {
        found(store, text(value), is('user', value, { isPrefix }));
        assert.deepEqual(found(store, is('client', `${value}' OR 1=1 --`)), []);
      }),
    );
    for (const value of ['"', '*', 'a OR b', 'original:x', '^', 'NEAR(a b)', '%', "'; DROP TABLE profiles; --", ''])
      assert.doesNotThrow(() => found(store, text(value)), value);
    assert.equal(found(store, is('user', healthySession().profile.user.name ?? '')).length > 0, true);
  });
});

describe('bucketOf', () => {
  it('is round, and gives at most 60 buckets', () => {
    assert.equal(bucketOf(0), 1000);
    assert.equal(bucketOf(3_600_000), 120_000);
    assert.equal(bucketOf(7 * 86_400_000), 14_400_000);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e13 }), (span) => {
        assert.ok(Math.floor(span / bucketOf(span)) + 1 <= 60);
      }),
    );
  });
});
