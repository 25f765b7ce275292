/** Files that are no proper logs, through the real command: one clear sentence each, the right exit code, and the rest is processed. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { healthySession, idleSession } from './lines.ts';
import { at, type Finished, imapwhy, ndjson, sentences, workplace } from './run.ts';

const NOON = Date.UTC(2026, 10, 24, 12);
const GOOD = Array.from({ length: 20 }, (_, i) =>
  healthySession({ at: NOON + i * 60_000, port: 40_000 + i, user: `user${i}@example.org` }),
).join('');
const GOOD_LINES = 40;

interface BadFile {
  readonly what: string;
  /** Makes the input and returns its path. */
  readonly make: (place: ReturnType<typeof workplace>) => string;
  readonly says: RegExp;
  /** Exit code of analyze when a good log is named beside it. */
  readonly code: number;
}

const badFiles: readonly BadFile[] = [
  {
    what: 'an empty file',
    make: (place) => place.write('bad', ''),
    says: /bad is empty: nothing was read from it\.$/,
    code: 0,
  },
  {
    what: 'a binary file',
    make: (place) => place.write('bad', noise(50_000)),
    says: /bad holds binary content and no line of text: it was skipped\.$/,
    code: 1,
  },
  {
    what: 'a folder without logs',
    make: (place) => {
      mkdirSync(join(place.path, 'bad'));
      place.write('bad/mail.db', 'x');
      return join(place.path, 'bad');
    },
    says: /bad holds no file that could be a log: name the folder/,
    code: 1,
  },
  {
    what: 'a file that is missing',
    make: (place) => join(place.path, 'bad'),
    says: /bad does not exist: check the spelling/,
    code: 1,
  },
  {
    what: 'a device',
    make: () => '/dev/null',
    says: /^imapwhy: \/dev\/null is a device or socket: name a file/,
    code: 1,
  },
  {
    what: 'a gzip file that was cut',
    make: (place) => {
      const file = place.write('bad', gzipSync(noise(40_000).toString('base64').replace(/.{70}/g, '$&\n')));
      truncateSync(file, 20_000);
      return file;
    },
    says: /bad ends in the middle of its gzip stream: what came before was read\. Copy the file again/,
    code: 1,
  },
];

for (const bad of badFiles) {
  describe(bad.what, { concurrency: 2 }, () => {
    test('analyze says so and goes on', async (t) => {
      const place = workplace(t);
      const done = await place.analyze([bad.make(place), place.write('mail.log', GOOD)]);
      assert.equal(done.code, bad.code);
      assert.equal(sentences(done).filter((line) => bad.says.test(line)).length, 1, done.stderr);
      assert.equal(place.documents('profiles').length, 20);
    });

    test('parse says so and goes on', async (t) => {
      const place = workplace(t);
      const done = await imapwhy(['parse', bad.make(place), place.write('mail.log', GOOD)]);
      assert.equal(sentences(done).filter((line) => bad.says.test(line)).length, 1, done.stderr);
      const good = ndjson(done.stdout).filter((e) => at(e, 'event.dataset') !== 'unparsed');
      assert.equal(good.filter((e) => at(e, 'service.type') === 'dovecot').length, GOOD_LINES);
      assertClear(done);
    });
  });
}

test('nothing but bad files: one sentence each, no report, exit code 1', async (t) => {
  const place = workplace(t);
  const done = await place.analyze(
    badFiles
      .slice(0, 1)
      .map((bad) => bad.make(place))
      .concat('/dev/null', join(place.path, 'none')),
  );
  assert.equal(done.code, 1);
  assert.equal(sentences(done).length, 4, done.stderr);
  assertClear(done);
  assert.equal(done.stdout, '');
  assert.throws(() => place.report(), { code: 'ENOENT' });
});

test('a file that may not be read: one sentence, and the rest is read', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root, to give a file to root and read it as somebody else');
  const place = workplace(t);
  const secret = place.write('secret.log', GOOD);
  chmodSync(secret, 0o600);
  chmodSync(place.path, 0o777);
  const done = await place.analyze([secret, place.write('mail.log', GOOD)], { uid: 65_534 });
  if (/EACCES|permission/.test(done.stderr) && !done.stderr.includes('secret.log')) {
    return t.skip('another user may not read this checkout');
  }
  assert.equal(done.code, 1);
  assert.match(done.stderr, /secret\.log may not be read by this user: run as a member of the group/);
  assert.equal(place.documents('profiles').length, 20);
});

describe('formats that nobody knows', { concurrency: 2 }, () => {
  const strange = Array.from({ length: 30 }, (_, i) => `thing ${i} happened to widget ${i * 7}\n`).join('');

  test('parse keeps each line as a marked event', async (t) => {
    const done = await imapwhy(['parse', workplace(t).write('strange.txt', strange)]);
    assert.equal(done.code, 0);
    const events = ndjson(done.stdout);
    assert.equal(events.length, 30);
    for (const e of events) assert.deepEqual(at(e, 'tags'), ['_parse_failure']);
    assert.equal(at(events[3], 'event.original'), 'thing 3 happened to widget 21');
  });

  test('analyze names the file, keeps its lines, and answers from the others', async (t) => {
    const place = workplace(t);
    const done = await place.analyze([place.write('strange.txt', strange), place.write('mail.log', GOOD)]);
    assert.equal(done.code, 0);
    assert.match(done.stderr, /strange\.txt has no line of a format that imapwhy knows/);
    assert.match(done.stdout, /30 not understood; 30 lines like: thing # happened to widget #/);
    assert.equal(place.documents('profiles').length, 20);
    assert.equal(place.documents('events').filter((e) => at(e, 'event.original') !== undefined).length, 30);
  });

  test('analyze of nothing else gives no answer, and says so', async (t) => {
    const done = await workplace(t).analyze([workplace(t).write('strange.txt', strange)]);
    assert.equal(done.code, 1);
    assert.match(done.stderr, /not one line could be understood, so there is no answer\. docs\/formats\//);
  });
});

describe('encodings and line ends give the same sessions', { concurrency: 2 }, () => {
  const forms: Readonly<Record<string, Uint8Array>> = {
    CRLF: Buffer.from(GOOD.replaceAll('\n', '\r\n')),
    'UTF-8 with a byte order mark': Buffer.from(`\ufeff${GOOD}`),
    'UTF-16 little endian': Buffer.from(`\ufeff${GOOD}`, 'utf16le'),
    'UTF-16 big endian': Buffer.from(`\ufeff${GOOD}`, 'utf16le').swap16(),
    'no newline at the end': Buffer.from(GOOD.trimEnd()),
    gzip: gzipSync(GOOD),
    'invalid UTF-8 and NUL bytes between': Buffer.concat([
      Buffer.from('Nov 24 12:00:00 mx1 dovecot: imap-login: \xff\xfe \x80 \x00\x00 x\n', 'latin1'),
      Buffer.from(GOOD),
    ]),
  };

  for (const [name, bytes] of Object.entries(forms)) {
    test(name, async (t) => {
      const place = workplace(t);
      const file = place.write('mail.log', bytes);
      const [parsed, analysed] = await Promise.all([imapwhy(['parse', file]), place.analyze([file])]);
      assert.deepEqual([parsed.code, analysed.code], [0, 0]);
      const logins = ndjson(parsed.stdout).filter((e) => at(e, 'event.action') === 'logged-in');
      assert.deepEqual(
        logins.map((e) => at(e, 'user.name')),
        Array.from({ length: 20 }, (_, i) => `user${i}@example.org`),
      );
      assert.ok(!String(at(logins[0], 'event.original')).includes('\r'));
      assert.equal(place.documents('profiles').length, 20);
      assertClear(analysed);
    });
  }

  test('a line with broken bytes is kept with U+FFFD, and its NUL bytes', async (t) => {
    const file = workplace(t).write('mail.log', Buffer.from(`odd \xff line \x00 here\n${GOOD}`, 'latin1'));
    const [event] = ndjson((await imapwhy(['parse', file])).stdout);
    assert.equal(at(event, 'event.original'), 'odd \ufffd line \x00 here');
  });
});

describe('lines without measure', { concurrency: 2 }, () => {
  test('a line of 100 MB is cut and marked; what stands around it is read', async (t) => {
    const place = workplace(t);
    const file = place.write(
      'mail.log',
      Buffer.concat([Buffer.from(GOOD), Buffer.alloc(100 << 20, 'a'), Buffer.from(`\n${GOOD}`)]),
    );
    const [parsed, analysed] = await Promise.all([imapwhy(['parse', file]), place.analyze([file])]);
    assert.deepEqual([parsed.code, analysed.code], [0, 0]);
    const events = ndjson(parsed.stdout);
    assert.equal(events.length, 2 * GOOD_LINES + 1);
    const cut = events[GOOD_LINES];
    assert.ok(String(at(cut, 'event.original')).length <= 1 << 16);
    assert.match(JSON.stringify(at(cut, 'tags')), /_parse_failure/);
    assert.equal(place.documents('profiles').length, 20);
    assert.ok(place.report().length < 2_000_000);
  });

  for (const head of [
    'Nov 24 12:00:00 fw kernel: DROP IN=eth0 SRC=192.0.2.9 DST=192.0.2.1 ',
    'Nov 24 12:00:00 mx1 dovecot: imap-login: Login: user=<a>, ',
    '',
  ]) {
    test(`a line of a million key=value pairs: ${head.slice(16) || 'alone'}`, async (t) => {
      const place = workplace(t);
      const separator = head.includes('dovecot') ? ', ' : ' ';
      const pairs = Array.from({ length: 1_000_000 }, (_, i) => `k${i}=v`).join(separator);
      const file = place.write('mail.log', `${head}${pairs}\n${GOOD}`);
      const [parsed, analysed] = await Promise.all([imapwhy(['parse', file]), place.analyze([file])]);
      assert.deepEqual([parsed.code, analysed.code], [0, 0]);
      assert.equal(ndjson(parsed.stdout).length, GOOD_LINES + 1);
      assert.ok(place.documents('profiles').length >= 20);
    });
  }
});

test('standard input, by - and by nothing', async (t) => {
  const place = workplace(t);
  const [dash, nothing, analysed] = await Promise.all([
    imapwhy(['parse', '-'], { stdin: GOOD }),
    imapwhy(['parse'], { stdin: gzipSync(GOOD) }),
    place.analyze(['-'], { stdin: GOOD + idleSession({ at: NOON, port: 50_000 }) }),
  ]);
  assert.equal(ndjson(dash.stdout).length, GOOD_LINES);
  assert.equal(ndjson(nothing.stdout).length, GOOD_LINES);
  assert.deepEqual([dash.code, nothing.code, analysed.code], [0, 0, 0]);
  assert.equal(place.documents('profiles').length, 21);
});

test('a mistyped path leaves the results of the run before', async (t: TestContext) => {
  const place = workplace(t);
  await place.analyze([place.write('mail.log', GOOD)]);
  const before = place.report();
  const done = await place.analyze([join(place.path, 'mial.log')]);
  assert.equal(done.code, 1);
  assert.match(done.stderr, /no log lines were found in what was given, so nothing was written/);
  assert.equal(place.report(), before);
  assert.equal(place.documents('profiles').length, 20);
});

/** Bytes that look like no text, the same each time. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** What went wrong is told in sentences, never as a stack trace. */
function assertClear(done: Finished): void {
  for (const line of sentences(done)) assert.match(line, /^(imapwhy: .*\.|reading: .*)$/);
}
