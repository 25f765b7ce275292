import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OutputError, type OutputErrorCode } from '../../outputs/output-error.ts';
import { openStore, type ProfileQuery, type Run, readStore, type Store } from '../../outputs/sqlite.ts';
import { batchOf, testOutput } from '../contract/output.ts';
import { sampleIncidents } from '../incidents.ts';
import { healthySession, idleTimeoutSession, packetLossSession, revised, sampleSessions } from '../profiles.ts';
import { type SampleSpec, sampleSession } from '../sample-session.ts';
import { smallDisk, temporaryFolder } from './small-disk.ts';

const folders: string[] = [];
after(() => {
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});

for (const bulk of [true, false]) {
  testOutput({
    name: bulk ? 'sqlite, first load' : 'sqlite, live',
    async open() {
      const dir = mkdtempSync(join(tmpdir(), 'imapwhy-store-'));
      folders.push(dir);
      const file = join(dir, 'imapwhy.db');
      return { output: openStore(file, { bulk }), read: async () => readAll(file) };
    },
  });
}

function readAll(file: string) {
  const store = readStore(file);
  const events = new DatabaseSync(file, { readOnly: true });
  try {
    return {
      profiles: [...store.profiles()],
      incidents: [...store.incidents()],
      findings: [...store.anomalies()],
      events: events
        .prepare('SELECT document FROM events ORDER BY id')
        .all()
        .map((row) => JSON.parse(String(row.document))),
    };
  } finally {
    events.close();
    store.close();
  }
}

async function storeWith(t: TestContext, sessions = sampleSessions()): Promise<Store> {
  const store = openStore(join(temporaryFolder(t), 'imapwhy.db'));
  await store.write({
    profiles: sessions.map((s) => s.profile),
    events: sessions.flatMap((s) => s.events),
    incidents: sampleIncidents(),
  });
  t.after(() => store.close());
  return store;
}

/** Every value of every row, in a fixed order. */
function rowsOf(file: string): string {
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = ['profiles', 'events', 'incidents', 'runs'].map((table) =>
    db.prepare(`SELECT * FROM ${table} ORDER BY 1`).all(),
  );
  db.close();
  return JSON.stringify(rows);
}

function throwsCode(code: OutputErrorCode, message: RegExp, work: () => unknown): void {
  assert.throws(work, (error: unknown) => {
    assert.ok(error instanceof OutputError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

describe('openStore', () => {
  it('has the same row bytes after the same input came twice, also in a second run', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const write = async (times: number) => {
      const store = openStore(file);
      const sessions = sampleSessions();
      for (let i = 0; i < times; i++) {
        await store.write({
          profiles: sessions.map((s) => s.profile),
          events: sessions.flatMap((s) => s.events),
          incidents: sampleIncidents(),
        });
      }
      await store.close();
      return rowsOf(file);
    };
    const first = await write(1);
    assert.equal(await write(2), first);
    assert.equal(await write(1), first);
  });

  it('is one file in WAL mode after it was closed', async (t) => {
    const dir = temporaryFolder(t);
    const file = join(dir, 'imapwhy.db');
    await openStore(file).close();
    assert.deepEqual(readdirSync(dir), ['imapwhy.db']);
    const db = new DatabaseSync(file);
    assert.equal(db.prepare('PRAGMA journal_mode').get()?.journal_mode, 'wal');
    assert.equal(db.prepare('PRAGMA user_version').get()?.user_version, 7);
    db.close();
  });

  it('lets others read while it writes', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const writer = openStore(file);
    await writer.write(batchOf({ profiles: [idleTimeoutSession().profile] }));
    const reader = readStore(file);
    assert.deepEqual(reader.profile('idle-7f21c0'), idleTimeoutSession().profile);
    await writer.write(batchOf({ profiles: [healthySession('later').profile] }));
    assert.equal([...reader.profiles()].length, 2);
    reader.close();
    await writer.close();
  });

  it('gives way when a second process seals the store that it is loading', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const { profile } = idleTimeoutSession();
    const loading = openStore(file);
    await loading.write(batchOf({ profiles: [profile, profile] }));
    const second = openStore(file);
    await second.write(batchOf({ profiles: [revised(profile, 2), healthySession('x').profile] }));
    await loading.write(batchOf({ profiles: [profile, healthySession('y').profile] }));
    await second.close();
    await loading.close();
    const reader = readStore(file);
    assert.deepEqual([...reader.profiles()].map((p) => p.imapwhy.session.id).sort(), ['idle-7f21c0', 'x', 'y']);
    assert.equal(reader.profile(profile.imapwhy.session.id)?.imapwhy.revision, 2);
    reader.close();
  });

  it('undoes a whole batch if one document cannot be written', async (t) => {
    const store = await storeWith(t, []);
    const { profile } = idleTimeoutSession();
    const unwritable = { ...profile, toJSON: () => assert.fail('no JSON') };
    await assert.rejects(store.write(batchOf({ profiles: [profile, unwritable] })));
    assert.equal(store.profile(profile.imapwhy.session.id), undefined);
    await store.write(batchOf({ profiles: [profile] }));
    assert.deepEqual(store.profile(profile.imapwhy.session.id), profile);
  });

  it('says that a folder is none, and which file was meant', (t) => {
    const folder = temporaryFolder(t);
    for (const open of [openStore, readStore])
      assert.throws(() => open(folder), {
        code: 'STORE_FOREIGN',
        message: /is a folder\. Name the file in it: .*imapwhy\.db/,
      });
  });

  it('refuses a store of a newer version, a foreign database and a file that is none', (t) => {
    const dir = temporaryFolder(t);
    const newer = join(dir, 'newer.db');
    openStore(newer);
    const db = new DatabaseSync(newer);
    db.exec('PRAGMA user_version = 99');
    db.close();
    throwsCode('STORE_NEWER', /newer imapwhy \(store version 99, this one knows 7\)\. Update imapwhy/, () =>
      openStore(newer),
    );
    throwsCode('STORE_NEWER', /Update imapwhy/, () => readStore(newer));

    const foreign = join(dir, 'foreign.db');
    const other = new DatabaseSync(foreign);
    other.exec('CREATE TABLE bookmarks (url TEXT)');
    other.close();
    throwsCode('STORE_FOREIGN', /not a store of imapwhy/, () => openStore(foreign));
    throwsCode('STORE_FOREIGN', /not a store of imapwhy/, () => readStore(foreign));

    const text = join(dir, 'mail.log');
    writeFileSync(text, 'Mar 17 09:12:41 mx1 dovecot: imap-login: Login\n'.repeat(100));
    throwsCode('STORE_FOREIGN', /not a store of imapwhy/, () => openStore(text));
    throwsCode('STORE_FOREIGN', /not a store of imapwhy/, () => readStore(text));
  });

  it('says so when there is no store, no folder or no permission', (t) => {
    const dir = temporaryFolder(t);
    throwsCode('STORE_MISSING', /no such store\. Run `imapwhy analyze` first/, () => readStore(join(dir, 'none.db')));
    throwsCode('STORE_FAILED', /cannot be opened\. Check that its folder exists/, () =>
      openStore(join(dir, 'no', 'x.db')),
    );
  });

  it('is read where nothing can be written', {
    skip: process.getuid?.() === 0 && 'root may write anywhere',
  }, async (t) => {
    const dir = temporaryFolder(t);
    const file = join(dir, 'imapwhy.db');
    const store = openStore(file);
    await store.write(batchOf({ profiles: [idleTimeoutSession().profile] }));
    await store.close();
    chmodSync(file, 0o400);
    chmodSync(dir, 0o500);
    const reader = readStore(file);
    assert.equal([...reader.profiles()].length, 1);
    reader.close();
    throwsCode('STORE_READ_ONLY', /no permission/, () => openStore(file));
    chmodSync(dir, 0o700);
  });

  for (const bulk of [true, false]) {
    it(`rejects with STORE_FULL on a full disk and stays consistent (${bulk ? 'first load' : 'live'})`, async (t) => {
      const dir = smallDisk(t, 2 * 1024 * 1024);
      if (dir === undefined) return;
      const file = join(dir, 'imapwhy.db');
      const store = openStore(file, { bulk });
      let written = 0;
      let failure: unknown;
      for (let batch = 0; batch < 200 && failure === undefined; batch++) {
        const profiles = Array.from({ length: 20 }, (_, i) => healthySession(`b${batch}-${i}`, i).profile);
        await store.write(batchOf({ profiles })).then(
          () => (written += 20),
          (error: unknown) => (failure = error),
        );
      }
      assert.ok(failure instanceof OutputError, String(failure));
      assert.equal(failure.code, 'STORE_FULL');
      assert.match(failure.message, /disk is full\. What was written before is kept/);
      assert.ok(failure.cause instanceof Error);
      assert.ok(written > 0);
      await store.close().catch((error: unknown) => {
        assert.ok(error instanceof OutputError && error.code === 'STORE_FULL', String(error)); // no room for indexes either
      });

      const db = new DatabaseSync(file);
      assert.equal(db.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
      assert.equal(db.prepare('SELECT count(*) AS n FROM profiles').get()?.n, written);
      db.close();
    });
  }

  for (const bulk of [true, false]) {
    it(`holds whole batches after kill -9 (${bulk ? 'first load' : 'live'})`, async (t) => {
      const size = 100;
      for (let round = 0; round < 3; round++) {
        const file = join(temporaryFolder(t), 'imapwhy.db');
        const durable = await writeUntilKilled(file, bulk, size, 2 + round * 3);
        const store = openStore(file);
        const count = [...store.profiles()].length;
        assert.equal(count % size, 0, 'a batch is whole or absent');
        assert.ok(count >= durable * size, `${count} rows, ${durable} batches acknowledged`);
        assert.equal(store.eventsOf('b0-0').length, 2);
        await store.write(batchOf({ profiles: [healthySession('b0-0').profile] }));
        assert.equal([...store.profiles()].length, count);
        await store.close();
        const db = new DatabaseSync(file);
        assert.equal(db.prepare('PRAGMA integrity_check').get()?.integrity_check, 'ok');
        db.close();
      }
    });
  }
});

/** Starts the writer, kills it without warning after so many acknowledged batches, and returns how many it had acknowledged at last. */
async function writeUntilKilled(file: string, bulk: boolean, size: number, batches: number): Promise<number> {
  const script = fileURLToPath(new URL('./store-writer.ts', import.meta.url));
  const child = spawn(process.execPath, [script, file, String(bulk), String(size)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (said.split('\n').length > batches) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return said.split('\n').length - 1;
}

const BASE: Omit<SampleSpec, 'id' | 'startMs'> = {
  durationMs: 60_000,
  user: 'anna@example.org',
  clientIp: '192.0.2.1',
  outcome: 'timeout',
  reason: null,
  stalledIn: null,
  phases: [],
  lines: [],
  label: 'none',
  evidence: [],
};
const NOON = Date.UTC(2026, 2, 17, 12);

function session(id: string, minutesAfterNoon: number, more: Partial<SampleSpec> = {}) {
  return sampleSession({ ...BASE, id, startMs: NOON + minutesAfterNoon * 60_000, ...more });
}

function idsFound(store: Store, query: ProfileQuery): readonly string[] {
  return store.findProfiles(query).map((p) => p.imapwhy.session.id);
}

describe('findProfiles', () => {
  it('knows a user with and without domain, in any case', async (t) => {
    const store = await storeWith(t, [
      session('full', 0, { user: 'Anna@Example.org' }),
      session('local', 1, { user: 'anna' }),
      session('windows', 2, { user: 'CORP\\Anna' }),
      session('elsewhere', 3, { user: 'anna@example.net' }),
      session('joanna', 4, { user: 'joanna@example.org' }),
      session('nobody', 5, { user: null }),
      session('umlaut', 6, { user: 'JÖRG@example.org' }),
      session('at-first', 7, { user: '@example.org' }),
    ]);
    const found = (user: string) => [...idsFound(store, { user })].sort();
    assert.deepEqual(found('anna'), ['elsewhere', 'full', 'local', 'windows']);
    assert.deepEqual(found('ANNA@example.ORG'), ['full', 'local']);
    assert.deepEqual(found('corp\\anna'), ['local', 'windows']);
    assert.deepEqual(found('jörg'), ['umlaut']);
    assert.deepEqual(found('@example.org'), ['at-first']);
    assert.deepEqual(found('ann'), []);
    assert.deepEqual(found(''), []);
  });

  it('puts the nearest first, and those that failed near before those that went well', async (t) => {
    const store = await storeWith(t, [
      session('before', -30),
      session('now', 0),
      session('after', 10),
      session('all-day', -240, { durationMs: 8 * 3_600_000, outcome: 'ok' }),
      session('hanging', -20, { durationMs: 3_600_000 }),
    ]);
    const found = idsFound(store, { user: 'anna', at: NOON + 30_000 });
    assert.deepEqual(found, ['now', 'hanging', 'after', 'before', 'all-day']);
  });

  it('lets a moment last as long as a person meant', async (t) => {
    const store = await storeWith(t, [
      session('early', -0.5, { durationMs: 1000 }),
      session('late', 0.8, { durationMs: 1000 }),
    ]);
    assert.deepEqual(idsFound(store, { at: NOON }), ['early', 'late']);
    assert.deepEqual(idsFound(store, { at: NOON, atSpanMs: 60_000 }), ['late', 'early']);
  });

  it('leaves out what does not touch the window', async (t) => {
    const store = await storeWith(t, [
      session('near', 4),
      session('far', 20),
      session('long', -120, { durationMs: 7_200_000 }),
    ]);
    assert.deepEqual(idsFound(store, { at: NOON, windowMs: 300_000 }), ['long', 'near']);
  });

  it('narrows by address, cause, outcome, Dovecot id and number', async (t) => {
    const store = await storeWith(t);
    assert.deepEqual(idsFound(store, { clientIp: '203.0.113.24' }), ['idle-7f21c0']);
    assert.deepEqual(idsFound(store, { cause: 'security.attack' }), ['atk-66f0aa']);
    assert.deepEqual([...idsFound(store, { cause: 'none' })].sort(), ['ok-000001', 'unk-33ab10']);
    assert.deepEqual(idsFound(store, { outcome: 'reset' }), ['vpn-20be77']);
    assert.deepEqual(idsFound(store, { dovecotId: '<q1Ab2fMqurHLAHEY>' }), ['idle-7f21c0']);
    assert.deepEqual(idsFound(store, { outcome: 'timeout', cause: 'network.packet_loss', user: 'maria' }), [
      'loss-09aa31',
    ]);
    assert.equal(store.findProfiles({ limit: 3 }).length, 3);
    assert.equal(store.findProfiles({ limit: 0 }).length, 1);
    assert.equal(store.findProfiles({ limit: Number.NaN }).length, 9);
  });

  it('takes whatever a person types as a value, never as SQL', async (t) => {
    const store = await storeWith(t);
    const evil = ["' OR 1=1 --", "'; DROP TABLE profiles; --", '%', '_', '"', '\\', '\0', 'a'.repeat(100_000)];
    for (const text of evil) {
      assert.deepEqual(idsFound(store, { user: text }), []);
      assert.deepEqual(idsFound(store, { clientIp: text }), []);
      assert.deepEqual(idsFound(store, { dovecotId: text }), []);
      assert.equal(store.profile(text), undefined);
      assert.deepEqual(store.eventsOf(text), []);
      assert.deepEqual(store.idsLike(text, 10), []);
    }
    assert.equal([...store.profiles()].length, 9);
  });
});

describe('reading', () => {
  it('walks profiles by start, within a range, also two at a time', async (t) => {
    const sessions = [3, 1, 2].map((i) => packetLossSession(`p${i}`, i));
    const store = await storeWith(t, sessions);
    const ids = (range?: { since?: number; until?: number }) =>
      [...store.profiles(range)].map((p) => p.imapwhy.session.id);
    assert.deepEqual(ids(), ['p1', 'p2', 'p3']);
    const second = Date.parse(sessions[2]?.profile.event.start ?? '');
    assert.deepEqual(ids({ since: second }), ['p2', 'p3']);
    assert.deepEqual(ids({ until: second }), ['p1']);
    const pairs = [];
    for (const a of store.profiles()) for (const b of store.profiles()) pairs.push([a, b]);
    assert.equal(pairs.length, 9);
  });

  it('gives the events of a session in order, also those that only its profile names', async (t) => {
    const { profile, events } = idleTimeoutSession();
    const store = await storeWith(t, [
      { profile, events: events.map((e) => ({ ...e, session: undefined })).reverse() },
    ]);
    assert.deepEqual(
      store.eventsOf(profile.imapwhy.session.id).map((e) => e.id),
      events.map((e) => e.id),
    );
    await store.write(batchOf({ events })); // now they say it themselves
    assert.deepEqual(store.eventsOf(profile.imapwhy.session.id), events);
  });

  it('finds ids by their beginning', async (t) => {
    const store = await storeWith(t, [healthySession('ab-1'), healthySession('ab-2'), healthySession('ac-1')]);
    assert.deepEqual(store.idsLike('ab', 10), ['ab-1', 'ab-2']);
    assert.deepEqual(store.idsLike('ab-2', 10), ['ab-2']);
    assert.deepEqual(store.idsLike('', 2), ['ab-1', 'ab-2']);
  });

  it('remembers runs, latest first', async (t) => {
    const store = await storeWith(t, []);
    const run = (startedAt: string): Run => ({
      startedAt,
      inputs: ['mail.log'],
      zone: 'Europe/Warsaw',
      engine: '0.1.0',
    });
    store.recordRun(run('2026-03-17T10:00:00.000Z'));
    store.recordRun(run('2026-03-18T10:00:00.000Z'));
    store.recordRun(run('2026-03-17T10:00:00.000Z'));
    assert.deepEqual(store.runs(), [run('2026-03-18T10:00:00.000Z'), run('2026-03-17T10:00:00.000Z')]);
  });

  it('answers searches from indexes', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    await openStore(file).close();
    assert.ok(existsSync(file));
    const db = new DatabaseSync(file, { readOnly: true });
    const plan = (sql: string) =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map((row) => String(row.detail))
        .join('; ');
    assert.match(plan("SELECT 1 FROM profiles WHERE user_local = 'a'"), /USING (COVERING )?INDEX profiles_user/);
    assert.match(plan("SELECT document FROM profiles WHERE client_ip = 'a'"), /USING INDEX profiles_client/);
    assert.match(plan("SELECT document FROM profiles WHERE dovecot_id = 'a'"), /USING INDEX profiles_dovecot/);
    assert.match(plan('SELECT document FROM profiles ORDER BY start_ms, id'), /profiles_search/);
    db.close();
  });
});
