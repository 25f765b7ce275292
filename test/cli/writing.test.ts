/** What a run leaves behind when it is repeated, interrupted, or cannot write. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { smallDisk } from '../outputs/small-disk.ts';
import { healthySession, idleSession } from './lines.ts';
import { imapwhy, sentences, type Workplace, workplace } from './run.ts';

const NOON = Date.UTC(2026, 10, 24, 12);

/** Sessions of many users, half of them cut off after silence. */
function logOf(sessions: number): string {
  let text = '';
  for (let i = 0; i < sessions; i++) {
    const attempt = {
      at: NOON + i * 500,
      port: 1024 + (i % 60_000),
      ip: `192.0.2.${i % 250}`,
      user: `user${i}@example.org`,
    };
    text += i % 2 === 0 ? healthySession(attempt) : idleSession({ ...attempt, silence: 60 });
  }
  return text;
}

/** Every row of the tables that hold documents, in an order of its own. */
function rows(place: Workplace): string {
  const db = new DatabaseSync(join(place.out, 'imapwhy.db'), { readOnly: true });
  try {
    return ['profiles', 'events', 'incidents']
      .map((table) => JSON.stringify(db.prepare(`SELECT * FROM ${table} ORDER BY id`).all()))
      .join('\n');
  } finally {
    db.close();
  }
}

test('the same input twice changes nothing in the store, and gives the same files', async (t) => {
  const place = workplace(t);
  const file = place.write('mail.log', logOf(400));
  assert.equal((await place.analyze([file])).code, 0);
  const before = rows(place);
  const files = filesOf(place);
  assert.equal((await place.analyze([file])).code, 0);
  assert.ok(before.length > 100_000);
  assert.equal(rows(place), before);
  assert.deepEqual(filesOf(place), files);
});

test('a store may hold other logs too; the report is of this run', async (t) => {
  const place = workplace(t);
  const secondDay = place.write(
    'second.log',
    Array.from({ length: 10 }, (_, i) => healthySession({ at: NOON + 86_400_000 + i * 1000, port: 2000 + i })).join(''),
  );
  await place.analyze([place.write('first.log', logOf(400))]);
  assert.ok(place.documents('incidents').length > 0);
  assert.equal((await place.analyze([secondDay])).code, 0);
  assert.equal(place.documents('incidents').length, 0);
  assert.doesNotMatch(place.report(), /24 Nov 2026|incidents?, \d+ sessions?/);
  const earlier = await imapwhy(['explain', '--store', join(place.out, 'imapwhy.db'), '--user', 'user1']);
  assert.equal(earlier.code, 0);
});

test('the same lines named, moved and compressed are the same sessions', async (t) => {
  const place = workplace(t);
  const file = place.write('mail.log', logOf(50));
  await place.analyze([file]);
  const before = rows(place);
  mkdirSync(join(place.path, 'old'));
  const moved = place.write('old/mail.log.1', readFileSync(file));
  await place.analyze([moved]);
  const ids = (text: string): readonly string[] => text.match(/"id":"[^"]*"/g) ?? [];
  assert.deepEqual(ids(rows(place)), ids(before));
});

test('SIGINT in a long run: exit code 130, a whole store, a report of what was read', async (t) => {
  const place = workplace(t);
  // Standard input stays open: the run is waiting for more when the signal comes, however fast the machine is.
  const done = await imapwhy(['analyze', '-', '--out', place.out], {
    stdinStaysOpen: true,
    onStart: (child) => {
      child.stdin?.write(logOf(14_000));
      when(
        () => sizes(place.out, 'profiles.ndjson.partial') > 0,
        () => child.kill('SIGINT'),
      );
    },
  });
  assert.equal(done.code, 130, done.stderr);
  assert.match(done.stderr, /imapwhy: interrupted: what was read until then is written and consistent\./);
  const db = new DatabaseSync(join(place.out, 'imapwhy.db'), { readOnly: true });
  assert.deepEqual(Object.values(db.prepare('PRAGMA integrity_check').get() ?? {}), ['ok']);
  const stored = Number(Object.values(db.prepare('SELECT count(*) FROM profiles').get() ?? {})[0]);
  db.close();
  assert.ok(stored > 0);
  assert.equal(place.documents('profiles').length, stored);
  assert.deepEqual(leftOver(place.out), []);
  assert.match(place.report(), /<html/);
});

test('SIGTERM before anything was written: exit code 130, and nothing is there', async (t) => {
  const place = workplace(t);
  const done = await imapwhy(['analyze', '-', '--out', place.out], {
    stdinStaysOpen: true,
    onStart: (child) => {
      child.stdin?.write(logOf(10));
      when(
        () => sizes(place.out, 'imapwhy.db') > 0,
        () => child.kill('SIGTERM'),
      );
    },
  });
  assert.equal(done.code, 130, done.stderr);
  assert.deepEqual(sentences(done), ['imapwhy: interrupted before anything was written. Run it again to read all.']);
  assert.deepEqual(
    readdirSync(place.out).filter((name) => !name.startsWith('imapwhy.db')),
    [],
  );
});

describe('where nothing can be written', { concurrency: 2 }, () => {
  test('/dev/full as the store: one sentence, exit code 1, no half files', async (t) => {
    const place = workplace(t);
    const done = await place.analyze([place.write('mail.log', logOf(50)), '--store', '/dev/full']);
    assert.equal(done.code, 1);
    assert.deepEqual(sentences(done), [
      'imapwhy: /dev/full: the disk is full. What was written before is kept; free some space and run it again, or choose another file with --store.',
    ]);
    assert.deepEqual(readdirSync(place.out), []);
  });

  for (const args of [['parse'], ['analyze', '--json'], ['analyze', '--quiet']]) {
    test(`/dev/full as standard output of ${args.join(' ')}: one sentence, exit code 1`, async (t) => {
      const place = workplace(t);
      const file = place.write('mail.log', logOf(50));
      const out = args[0] === 'analyze' ? ['--out', place.out] : [];
      const done = await imapwhy([...args, file, ...out], { stdoutTo: '/dev/full' });
      assert.equal(done.code, 1);
      assert.equal(sentences(done).length, 1, done.stderr);
      assert.match(done.stderr, /^imapwhy: .*(ENOSPC|no space|disk is full)/i);
    });
  }

  test('a reader that goes away is no failure and no noise', async (t) => {
    const file = workplace(t).write('mail.log', logOf(5000));
    const done = await imapwhy(['parse', file], {
      onStart: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
    });
    assert.deepEqual([done.code, done.stderr], [0, '']);
  });

  test('a disk that fills up: one sentence, exit code 1, a store that opens, no half files', async (t) => {
    const disk = smallDisk(t, 1_500_000);
    if (disk === undefined) return;
    const file = workplace(t).write('mail.log', logOf(3000));
    const done = await imapwhy(['analyze', '--quiet', file, '--out', disk]);
    assert.equal(done.code, 1);
    assert.equal(sentences(done).length, 1, done.stderr);
    assert.match(done.stderr, /the disk is full/);
    assert.deepEqual(leftOver(disk), []);
    const explained = await imapwhy(['explain', '--user', 'nobody', '--store', join(disk, 'imapwhy.db')]);
    assert.match(explained.stderr, /No session of nobody is in the store\.|disk is full/);
  });

  test('a full folder for temporary files costs the texts of lines, not the analysis', async (t) => {
    const disk = smallDisk(t, 100_000);
    if (disk === undefined) return;
    const place = workplace(t);
    const done = await place.analyze(['-'], { stdin: logOf(2000), env: { TMPDIR: disk } });
    assert.match(done.stderr, /could not be copied to a temporary file \(ENOSPC\)/);
    assert.equal(place.documents('profiles').length, 2000);
  });

  for (const [what, out, says] of [
    ['a file', 'mail.log', /mail\.log is not a folder\. Choose another one with --out\./],
    ['a place where nobody can', '/proc/imapwhy', /\/proc\/imapwhy: cannot be written/],
  ] as const) {
    test(`${what} as --out`, async (t) => {
      const place = workplace(t);
      place.write('mail.log', logOf(2));
      const done = await imapwhy(['analyze', 'mail.log', '--out', out], { cwd: place.path });
      assert.equal(done.code, 1);
      assert.equal(sentences(done).length, 1, done.stderr);
      assert.match(done.stderr, says);
    });
  }

  test('a store that is none of ours is left alone', async (t) => {
    const place = workplace(t);
    const file = place.write('mail.log', logOf(2));
    const foreign = place.write('notes.db', 'my notes, no database at all, but long enough to be taken for something');
    const done = await place.analyze([file, '--store', foreign]);
    assert.equal(done.code, 1);
    assert.match(done.stderr, /notes\.db is not a store of imapwhy\. Choose another file with --store\./);
    assert.match(readFileSync(foreign, 'utf8'), /^my notes/);
  });
});

/** Bytes of the files in a folder whose name begins so. */
function sizes(folder: string, beginning: string): number {
  if (!existsSync(folder)) return 0;
  const names = readdirSync(folder).filter((name) => name.startsWith(beginning));
  return names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Calls `then` once, soon after the condition has become true. */
function when(condition: () => boolean, then: () => void): void {
  const timer = setInterval(() => {
    if (!condition()) return;
    clearInterval(timer);
    setTimeout(then, 200);
  }, 50);
  timer.unref();
}

const filesOf = (place: Workplace): readonly string[] =>
  ['profiles.ndjson', 'events.ndjson', 'incidents.ndjson', 'report.html'].map((name) =>
    readFileSync(join(place.out, name), 'utf8'),
  );

const leftOver = (folder: string): readonly string[] => readdirSync(folder).filter((name) => name.includes('partial'));
