/** How the commands are used: right, on the sample, and wrong, with a sentence that helps. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { at, type Finished, imapwhy, ndjson } from './run.ts';

const SAMPLE = join(import.meta.dirname, '..', '..', 'samples', 'lab-a', 'logs');
const folder = mkdtempSync(join(tmpdir(), 'imapwhy-use-'));
const store = join(folder, 'imapwhy.db');
let analysed: Finished;
let profiles: readonly unknown[];

before(async () => {
  analysed = await imapwhy(['analyze', SAMPLE, '--out', folder, '--json']);
  profiles = ndjson(readFileSync(join(folder, 'profiles.ndjson'), 'utf8'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

describe('the sample', () => {
  test('analyze --json prints one summary and nothing else', () => {
    assert.equal(analysed.code, 0, analysed.stderr);
    const summary: unknown = JSON.parse(analysed.stdout);
    assert.equal(at(summary, 'counts.sessions'), profiles.length);
    assert.ok(Number(at(summary, 'counts.failed')) > 1000);
  });

  test('every cause can be explained, and the decision can be made again from what was stored', async () => {
    const oneOfEach = new Map(profiles.map((p) => [at(p, 'imapwhy.cause.label'), p]));
    assert.ok(oneOfEach.size >= 18);
    for (const p of oneOfEach.values()) {
      const { code, stdout, stderr } = await imapwhy([
        'explain',
        '--store',
        store,
        '--',
        String(at(p, 'imapwhy.session.id')),
      ]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /What happened, all sources on one clock \(UTC\)/);
      assert.doesNotMatch(stdout, /do not trust|undefined|NaN|\[object/);
    }
  });

  test('the timeline is on one clock, in order, and within the session', async () => {
    const skewed = profiles.find((p) => JSON.stringify(at(p, 'imapwhy.clock')).includes('flows'));
    const { stdout } = await imapwhy(['explain', '--json', '--store', store, String(at(skewed, 'imapwhy.session.id'))]);
    const explanation: unknown = JSON.parse(stdout);
    const timeline = at(explanation, 'timeline');
    assert.ok(Array.isArray(timeline) && timeline.length > 2);
    const times = timeline.map((line) => String(at(line, 'at')));
    assert.deepEqual(times, [...times].sort());
    const events = at(skewed, 'imapwhy.events');
    assert.ok(Array.isArray(events));
    assert.deepEqual(times, events.map((e) => String(at(e, 'at'))).sort());
  });

  test('a person’s question: --user and --at', async () => {
    const failed = profiles.find(
      (p) => at(p, 'imapwhy.outcome') === 'timeout' && typeof at(p, 'user.name') === 'string',
    );
    const user = String(at(failed, 'user.name'));
    const minute = String(at(failed, 'event.end')).slice(11, 16);
    for (const name of [user, user.replace(/@.*/, ''), user.toUpperCase()]) {
      const done = await imapwhy(['explain', '--store', store, '--user', name, '--at', minute]);
      assert.equal(done.code, 0, done.stderr);
      assert.ok(done.stdout.startsWith(user), done.stdout.slice(0, 200));
    }
  });

  test('who is not there: exit code 1 and the nearest', async () => {
    const id = await imapwhy(['explain', '--store', store, 'zzzz']);
    const user = await imapwhy(['explain', '--store', store, '--user', 'nobody', '--at', '03:30']);
    assert.deepEqual([id.code, user.code], [1, 1]);
    assert.match(id.stderr, /No session has the id zzzz\./);
    assert.match(user.stderr, /No session of nobody is in the store\.\nThe nearest of another user is /);
  });
});

interface WrongUse {
  readonly args: readonly string[];
  readonly says: RegExp;
}

const wrongUses: readonly WrongUse[] = [
  { args: ['analyse', 'x'], says: /unknown command 'analyse'\n\(Did you mean analyze\?\)/ },
  { args: ['analyze'], says: /no logs were named: give files, folders or - for standard input/ },
  { args: ['analyze', '--config-from', 'haproxy.cfg', 'mail.log'], says: /name the logs first/ },
  { args: ['analyze', '--frobnicate', 'x'], says: /unknown option '--frobnicate'/ },
  {
    args: ['analyze', 'x', '--tz', 'Mars/Olympus'],
    says: /--tz Mars\/Olympus: "Mars\/Olympus" is no time zone\. Write/,
  },
  { args: ['analyze', 'x', '--tz', 'mail='], says: /--tz mail=: "" is no time zone\. Write/ },
  {
    args: ['analyze', 'x', '--since', 'yesterday'],
    says: /--since yesterday: write a date or time such as 2026-11-24/,
  },
  { args: ['analyze', 'x', '--until', '2026-02-30'], says: /--until 2026-02-30: write a date or time/ },
  {
    args: ['analyze', 'x', '--since', '2026-11-25', '--until', '2026-11-24'],
    says: /--until 2026-11-24 is not after --since 2026-11-25/,
  },
  { args: ['analyze', 'x', '--year', '26'], says: /--year 26: write a year of four digits\./ },
  {
    args: ['analyze', 'x', '--config-from', '/no/haproxy.cfg'],
    says: /--config-from \/no\/haproxy\.cfg: cannot be read/,
  },
  {
    args: ['parse', '--format', 'dovecott', 'x'],
    says: /--format dovecott: no such format\. Write auto or one of dovecot, /,
  },
  { args: ['parse', '--tz', 'Mars/Olympus', 'x'], says: /"Mars\/Olympus" is no time zone/ },
  { args: ['explain'], says: /say which session: imapwhy explain ID/ },
  { args: ['explain', '--at', '09:13'], says: /--at needs --user/ },
  { args: ['explain', '--user', 'anna', '--at', 'noon'], says: /--at noon: not a time\. Use 09:13/ },
  { args: ['evaluate', 'causes', '--corpus', '/no'], says: /--corpus \/no: has no folder logs\// },
];

describe('wrong use: exit code 2 and what to write instead', { concurrency: 2 }, () => {
  for (const { args, says } of wrongUses) {
    test(args.join(' '), async () => {
      const done = await imapwhy(args, { cwd: folder });
      assert.equal(done.code, 2, done.stderr);
      assert.equal(done.stdout, '');
      assert.match(done.stderr, says);
      assert.ok(done.stderr.split('\n').length <= 4, done.stderr);
    });
  }

  test('--help and --version are no errors', async () => {
    const [help, version] = await Promise.all([imapwhy(['analyze', '--help']), imapwhy(['--version'])]);
    assert.deepEqual([help.code, version.code], [0, 0]);
    assert.match(help.stdout, /Examples:/);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('explain before any analysis says what to do first', async () => {
    const done = await imapwhy(['explain', '--store', '/no/imapwhy.db', 'x']);
    assert.equal(done.code, 1);
    assert.match(done.stderr, /imapwhy analyze/);
  });
});
