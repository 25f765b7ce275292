import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import type { SourceHour } from '../../outputs/output.ts';
import { OutputError } from '../../outputs/output-error.ts';
import { openStore, readStore } from '../../outputs/sqlite.ts';
import { healthySession, idleTimeoutSession } from '../profiles.ts';
import { temporaryFolder } from './small-disk.ts';

const HOUR = 3_600_000;

const hour = (origin: string, hours: number, lines: number): SourceHour => ({
  origin,
  source: 'mail.log',
  format: 'dovecot',
  hourMs: hours * HOUR,
  lines,
  unparsed: 1,
  lastMs: hours * HOUR + 5,
});

describe('hours in which sources wrote', () => {
  it('are there once, with the larger count, and come by hour', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const store = openStore(file);
    store.recordCoverage([hour('b', 2, 10), hour('a', 1, 5), hour('a', 9, 5)]);
    store.recordCoverage([hour('b', 2, 12), hour('a', 1, 3)]);
    await store.close();
    const reader = readStore(file);
    t.after(() => reader.close());
    assert.deepEqual([...reader.coverage({ since: HOUR, until: 9 * HOUR })], [hour('a', 1, 5), hour('b', 2, 12)]);
  });

  it('are unknown in a store of version 5; writing brings it up and keeps a copy, reading changes nothing', async (t) => {
    const file = join(temporaryFolder(t), 'imapwhy.db');
    const first = openStore(file);
    await first.write({ profiles: [idleTimeoutSession().profile], events: [], incidents: [] });
    await first.close();
    const old = new DatabaseSync(file);
    old.exec('DROP TABLE source_hours; DROP TABLE waf_decisions; DROP TABLE waf_proofs; PRAGMA user_version = 5');
    old.close();
    const reader = readStore(file);
    assert.deepEqual([...reader.coverage({ since: 0, until: HOUR })], []);
    assert.equal([...reader.profiles()].length, 1);
    reader.close();
    assert.equal(existsSync(`${file}.v5`), false);

    const writer = openStore(file);
    writer.recordCoverage([hour('a', 1, 5)]);
    await writer.write({ profiles: [healthySession().profile], events: [], incidents: [] });
    await writer.close();
    const copy = new DatabaseSync(`${file}.v5`, { readOnly: true });
    t.after(() => copy.close());
    assert.equal(copy.prepare('PRAGMA user_version').get()?.user_version, 5);
    assert.equal(copy.prepare('SELECT count(*) AS n FROM profiles').get()?.n, 1);
    const now = readStore(file);
    t.after(() => now.close());
    assert.deepEqual([...now.coverage({ since: 0, until: 9 * HOUR })], [hour('a', 1, 5)]);
  });
});

it('a page that is damaged further on is told when it is reached, and the file stays', async (t) => {
  const file = join(temporaryFolder(t), 'imapwhy.db');
  const store = openStore(file);
  const sessions = Array.from({ length: 300 }, (_, i) => healthySession(`s${String(i).padStart(5, '0')}`, i));
  await store.write({ profiles: sessions.map((s) => s.profile), events: [], incidents: [] });
  await store.close();
  const page = new DatabaseSync(file).prepare("SELECT rootpage AS n FROM sqlite_schema WHERE name = 'profiles'").get();
  const fd = openSync(file, 'r+');
  for (let i = 20; i < 30; i++) writeSync(fd, Buffer.alloc(200, 0xff), 0, 200, i * 16_384);
  closeSync(fd);
  assert.ok(Number(page?.n) > 0);
  const reader = readStore(file);
  t.after(() => reader.close());
  assert.throws(
    () => [...reader.profiles()],
    (error) => error instanceof OutputError && error.code === 'STORE_CORRUPT' && error.message.includes(file),
  );
  assert.ok(existsSync(file));
});
