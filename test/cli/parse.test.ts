import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { test } from 'node:test';
import { imapwhy, workplace } from './run.ts';

const LOGIN = 'dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=198.51.100.7, lip=192.0.2.10, mpid=9';
const documents = (stdout: string): readonly unknown[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** The value at a path such as `event.kind`. */
function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce((v, name) => (typeof v === 'object' && v !== null ? Reflect.get(v, name) : undefined), value);
}

test('one document a record, in their order, unknown ones too', async () => {
  const texts = [`Nov 24 03:24:10 mx1 ${LOGIN}`, 'what is this', `Nov 24 03:24:11 mx1 ${LOGIN}`];
  const { code, stdout } = await imapwhy(['parse', '--year', '2026', '-'], { stdin: `${texts.join('\n')}\n` });
  assert.equal(code, 0);
  const found = documents(stdout);
  assert.deepEqual(
    found.map((d) => at(d, 'event.original')),
    texts,
  );
  assert.deepEqual(
    found.map((d) => at(d, 'event.kind')),
    ['event', 'pipeline_error', 'event'],
  );
  assert.deepEqual(at(found[1], 'tags'), ['_parse_failure']);
  assert.equal(at(found[1], 'error.code'), 'unknown_format');
});

test('--tz and --year settle what the stamps do not say, and the document says what was assumed', async () => {
  const { stdout } = await imapwhy(['parse', '--tz', 'Europe/Warsaw', '--year', '2025'], {
    stdin: `Jul  1 12:00:00 mx1 ${LOGIN}\n`,
  });
  const [document] = documents(stdout);
  assert.equal(at(document, '@timestamp'), '2025-07-01T10:00:00.000Z');
  assert.equal(at(document, 'event.timezone'), 'Europe/Warsaw');
});

test('without --year no stamp is later than the file', async (t) => {
  const file = workplace(t).write('mail.log', `Jan  5 03:24:10 mx1 ${LOGIN}\nDec  5 03:24:10 mx1 ${LOGIN}\n`);
  utimesSync(file, new Date('2025-12-06'), new Date('2025-12-06'));
  const { stdout } = await imapwhy(['parse', file]);
  assert.equal(at(documents(stdout)[0], '@timestamp'), '2025-01-05T03:24:10.000Z');
});

test('--format tries one format; one that does not exist is wrong use', async () => {
  const stdin = `Nov 24 03:24:10 mx1 ${LOGIN}\n`;
  const forced = await imapwhy(['parse', '--format', 'fail2ban'], { stdin });
  assert.equal(forced.code, 0);
  assert.equal(at(documents(forced.stdout)[0], 'event.kind'), 'pipeline_error');
  const wrong = await imapwhy(['parse', '--format', 'sendmail'], { stdin });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /dovecot/);
  assert.equal(wrong.stdout, '');
});

test('wrong use exits with 2, a named file that is missing with 1, and the others are read', async (t) => {
  const file = workplace(t).write('mail.log', `Nov 24 03:24:10 mx1 ${LOGIN}\n`);
  const [option, zone, year, missing] = await Promise.all([
    imapwhy(['parse', '--no-such-option']),
    imapwhy(['parse', '--tz', 'Nowhere/Land', file]),
    imapwhy(['parse', '--year', '26', file]),
    imapwhy(['parse', `${file}.missing`, file]),
  ]);
  assert.deepEqual([option.code, zone.code, year.code, missing.code], [2, 2, 2, 1]);
  assert.match(missing.stderr, /does not exist/);
  assert.equal(documents(missing.stdout).length, 1);
});

test('a reader that goes away ends it quietly', async (t) => {
  const file = workplace(t).write('mail.log', `Nov 24 03:24:10 mx1 ${LOGIN}\n`.repeat(100_000));
  const { code, stderr } = await imapwhy(['parse', file], {
    onStart: (child) => child.stdout?.once('data', () => child.stdout?.destroy()),
  });
  assert.deepEqual([code, stderr], [0, '']);
});

test('secrets are gone, and the same key gives the same fingerprint', async () => {
  const line = `Nov 24 03:24:10 mx1 dovecot: auth: passdb(anna,198.51.100.7): Password mismatch (given password: hunter2)\n`;
  const [one, two] = await Promise.all([
    imapwhy(['parse', '--year', '2026'], { stdin: line }),
    imapwhy(['parse', '--year', '2026'], { stdin: line }),
  ]);
  assert.ok(!one.stdout.includes('hunter2'));
  assert.match(one.stdout, /given password: \[secret:1-7:/);
  assert.equal(one.stdout, two.stdout);
});

test('a secret at the end of a record of many lines with CRLF is gone', async () => {
  const part = (letter: string, ...lines: readonly string[]): string[] => [`---AbCdEf12---${letter}--`, ...lines, ''];
  const record = [
    ...part('A', '[24/Nov/2026:03:24:12 +0000] 178000 198.51.100.30 50209 192.0.2.10 443'),
    ...part('B', 'GET / HTTP/1.1', 'Host: webmail.example.org', ...Array.from({ length: 40 }, (_, i) => `X-${i}: 1`)),
    ...part('H', 'ModSecurity: x', 'password=hunter2'),
    ...part('Z'),
  ];
  const done = await imapwhy(['parse'], { stdin: record.map((line) => `${line}\r\n`).join('') });
  assert.match(done.stdout, /\[secret:1-7:/, done.stdout);
  assert.ok(!done.stdout.includes('hunter2'));
});
