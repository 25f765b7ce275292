/** Hostile and unusual inputs: each gives records, flaws or a problem, and never an exception. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, renameSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { InputPath } from '../../ingest/find.ts';
import { openLog } from '../../ingest/open.ts';
import { namedFile, readAll } from './read-all.ts';
import { temporaryFolder } from './temporary-folder.ts';

const stdin: InputPath = { kind: 'stdin', path: '-', size: undefined, origin: 'named' };
const line = (n: number): string =>
  `Nov 24 03:24:${String(n % 60).padStart(2, '0')} mail dovecot: imap-login: Login: user=<u${n}@example.org>`;
const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => line(n));

test('plain lines: offsets, carriage returns, empty lines, a last line without newline', async (t) => {
  const path = temporaryFolder(t).write('mail.log', 'first line\r\n\nthird\nlast');
  const { records, log, bytesRead } = await readAll(path);
  assert.deepEqual(records, [
    { text: 'first line', offset: 0 },
    { text: '', offset: 12 },
    { text: 'third', offset: 13 },
    { text: 'last', offset: 19 },
  ]);
  assert.equal(bytesRead, 23);
  assert.equal(log.size, 23);
  assert.deepEqual(log.problems, []);
});

test('the fingerprint is of the first 1024 uncompressed bytes, whatever the name, the compression and what follows', async (t) => {
  const folder = temporaryFolder(t);
  const text = `${lines(100).join('\n')}\n`;
  const plain = await readAll(folder.write('mail.log', text));
  const grown = await readAll(folder.write('mail.log.1', `${text}${line(100)}\n`));
  const packed = await readAll(folder.write('mail.log.2.gz', gzipSync(text)));
  const expected = createHash('sha256').update(text.slice(0, 1024)).digest('base64url').slice(0, 22);
  assert.equal(plain.log.source.fingerprint, expected);
  assert.equal(grown.log.source.fingerprint, expected);
  assert.equal(packed.log.source.fingerprint, expected);
  const short = await readAll(folder.write('short.log', 'abc\n'));
  assert.equal(short.log.source.fingerprint, createHash('sha256').update('abc\n').digest('base64url').slice(0, 22));
});

test('the time of the last change is the file’s', async (t) => {
  const path = temporaryFolder(t).write('mail.log', 'one line\n');
  utimesSync(path, 1_795_490_000, 1_795_490_000);
  const log = await openLog(namedFile(path), 7);
  assert.deepEqual([log.source.index, log.source.name, log.source.modifiedAt], [7, path, 1_795_490_000_000]);
});

test('an empty file is a problem and no record', async (t) => {
  const { records, codes } = await readAll(temporaryFolder(t).write('empty.log', ''));
  assert.deepEqual(records, []);
  assert.deepEqual(codes, ['empty']);
});

test('a missing file and a folder are problems when opened, too', async (t) => {
  const folder = temporaryFolder(t);
  const missing = await readAll({ kind: 'file', path: join(folder.path, 'gone.log'), size: 0, origin: 'named' });
  assert.deepEqual(missing.codes, ['missing']);
  const asFile = await readAll({ kind: 'file', path: folder.path, size: 0, origin: 'named' });
  assert.deepEqual(asFile.codes, ['read_failed']);
});

test('an unreadable file is a problem with advice; a user who may read everything reads it', async (t) => {
  const path = temporaryFolder(t).write('secret.log', 'one line of a log\n');
  chmodSync(path, 0o000);
  const { records, log, codes } = await readAll(path);
  if (process.getuid?.() === 0) {
    assert.deepEqual(codes, []);
    assert.equal(records.length, 1);
  } else {
    assert.deepEqual(codes, ['unreadable']);
    assert.match(log.problems[0]?.message ?? '', /adm/);
    assert.deepEqual(records, []);
  }
});

test('binary files, archives and unknown compressions are skipped, each with its own advice', async (t) => {
  const folder = temporaryFolder(t);
  const noise = Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7919 + (n >> 3) * 31) & 0xff));
  const tar = Buffer.concat([
    Buffer.from('mail.log'.padEnd(257, '\0')),
    Buffer.from('ustar\0'),
    Buffer.from(lines(9).join('\n')),
  ]);
  const cases: readonly (readonly [string, Buffer, string, RegExp])[] = [
    ['nul', Buffer.alloc(70_000), 'binary', /skipped/],
    ['noise', noise, 'binary', /skipped/],
    ['elf', Buffer.from('\x7fELF\x02\x01\x01\0', 'latin1'), 'binary', /program/],
    ['xz', Buffer.from('\xfd7zXZ\0\0\x04', 'latin1'), 'unsupported_compression', /xz -dk/],
    ['bz2', Buffer.from('BZh91AY&SYabc', 'latin1'), 'unsupported_compression', /bzip2 -dk/],
    ['zip', Buffer.from('PK\x03\x04\x14\0', 'latin1'), 'archive', /unzip/],
    ['tar', tar, 'archive', /tar -xf/],
    ['tar.gz', gzipSync(tar), 'archive', /tar -xf/],
    ['journal', Buffer.from('LPKSHHRH\0\0\0\0', 'latin1'), 'binary', /journalctl -o json/],
  ];
  for (const [name, content, code, advice] of cases) {
    const { records, log, codes } = await readAll(folder.write(name, content));
    assert.deepEqual(codes, [code], name);
    assert.match(log.problems[0]?.message ?? '', advice, name);
    assert.deepEqual(records, [], name);
  }
});

test('NUL bytes stay in the text of a log, and a run of them after a crash does not hide the log', async (t) => {
  const folder = temporaryFolder(t);
  const single = await readAll(folder.write('nul.log', `user=<a\0b@example.org>\n${line(1)}\n`));
  assert.equal(single.texts[0], 'user=<a\0b@example.org>');
  const run = await readAll(
    folder.write('crash.log', Buffer.concat([Buffer.alloc(4096), Buffer.from(`${lines(3).join('\n')}\n`)])),
  );
  assert.deepEqual(run.codes, []);
  assert.equal(run.texts[1], line(1));
});

test('invalid UTF-8 is marked on its own record only, and offsets behind it are right', async (t) => {
  const content = Buffer.concat([
    Buffer.from('größe\n'),
    Buffer.from([0x75, 0xff, 0x73, 0x0a]),
    Buffer.from('spelled out: \ufffd\nend of log\n'),
    Buffer.from([0xe2, 0x82]),
  ]);
  const { records } = await readAll(temporaryFolder(t).write('mixed.log', content));
  assert.deepEqual(records, [
    { text: 'größe', offset: 0 },
    { text: 'u\ufffds', offset: 8, flaw: 'invalid_utf8' },
    { text: 'spelled out: \ufffd', offset: 12 },
    { text: 'end of log', offset: 29 },
    { text: '\ufffd', offset: 40, flaw: 'invalid_utf8' },
  ]);
});

test('byte order marks: UTF-8 is skipped, UTF-16 is decoded', async (t) => {
  const folder = temporaryFolder(t);
  const text = 'erste Zeile ä\r\nzweite \u{1f600}\n';
  const utf8 = await readAll(folder.write('utf8.log', `\ufeff${text}`));
  assert.deepEqual(utf8.records, [
    { text: 'erste Zeile ä', offset: 3 },
    { text: 'zweite \u{1f600}', offset: 19 },
  ]);
  const little = Buffer.from(`\ufeff${text}`, 'utf16le');
  const le = await readAll(folder.write('le.log', little));
  assert.equal(le.log.encoding, 'utf-16le');
  assert.deepEqual(le.records, [
    { text: 'erste Zeile ä', offset: 0 },
    { text: 'zweite \u{1f600}', offset: 16 },
  ]);
  const be = await readAll(folder.write('be.log', Buffer.from(little).swap16()));
  assert.equal(be.log.encoding, 'utf-16be');
  assert.deepEqual(be.records, le.records);
  assert.deepEqual([utf8.codes, le.codes, be.codes], [[], [], []]);
});

test('gzip of one and of several members, and zstd of several frames', async (t) => {
  const folder = temporaryFolder(t);
  const [first, second] = [`${lines(20_000).join('\n')}\n`, `${line(5)}\n`];
  const expected = [...lines(20_000), line(5)];
  for (const pack of [gzipSync, zstdCompressSync]) {
    const content = Buffer.concat([pack(first), pack(second)]);
    const { texts, codes, bytesRead, log } = await readAll(folder.write('packed', content));
    assert.deepEqual(codes, []);
    assert.deepEqual(texts, expected);
    assert.equal(bytesRead, content.length);
    assert.equal(log.compression, pack === gzipSync ? 'gzip' : 'zstd');
  }
});

test('truncated gzip and zstd: the lines before the end are read, the cut line is marked, the problem is told', async (t) => {
  const folder = temporaryFolder(t);
  // Numbers that do not compress well, so that half the file holds about half the lines.
  const many = Array.from({ length: 50_000 }, (_, n) => `line ${n} ${Math.sin(n)}`);
  for (const pack of [gzipSync, zstdCompressSync]) {
    const content = pack(`${many.join('\n')}\n`);
    const { records, texts, codes } = await readAll(folder.write('cut', content.subarray(0, content.length >> 1)));
    assert.deepEqual(codes, ['truncated_compression']);
    assert.ok(texts.length > 10_000 && texts.length < 40_000, String(texts.length));
    assert.deepEqual(texts.slice(0, -1), many.slice(0, texts.length - 1));
    assert.equal(records.at(-1)?.flaw === 'incomplete' || texts.at(-1) === many[texts.length - 1], true);
  }
});

test('damaged gzip: the lines well before the damage are read', async (t) => {
  const many = Array.from({ length: 50_000 }, (_, n) => `line ${n} ${Math.sin(n)}`);
  const content = gzipSync(`${many.join('\n')}\n`);
  content.fill(0xff, content.length >> 1, (content.length >> 1) + 64);
  const { texts, codes } = await readAll(temporaryFolder(t).write('damaged.gz', content));
  assert.deepEqual(codes, ['damaged_compression']);
  assert.ok(texts.length > 10_000);
  assert.deepEqual(texts.slice(0, 10_000), many.slice(0, 10_000));
});

test('a gzip header without content is a problem', async (t) => {
  const { records, codes } = await readAll(temporaryFolder(t).write('short.gz', Buffer.from([0x1f, 0x8b, 8, 0])));
  assert.deepEqual(records, []);
  assert.deepEqual(codes, ['truncated_compression']);
});

test('a line over the limit is cut; exactly the limit is not', async (t) => {
  const limits = { lengthMax: 100, lengthKept: 10 };
  const path = temporaryFolder(t).write(
    'long.log',
    `${'a'.repeat(101)}\n${'b'.repeat(100)}\nshort\n${'c'.repeat(5000)}`,
  );
  const { records } = await readAll(path, { limits });
  assert.deepEqual(records, [
    { text: 'a'.repeat(10), offset: 0, flaw: 'truncated' },
    { text: 'b'.repeat(100), offset: 102 },
    { text: 'short', offset: 203 },
    { text: 'c'.repeat(10), offset: 209, flaw: 'truncated' },
  ]);
});

test('a line of 100 MB is cut in constant memory and the next line is read', async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder.path, 'huge.log');
  const file = await open(path, 'w');
  const block = Buffer.alloc(1 << 20, 'x');
  for (let n = 0; n < 100; n += 1) await file.write(block);
  await file.write('\nnext line\n');
  await file.close();
  const before = process.memoryUsage().rss;
  let most = before;
  const log = await openLog(namedFile(path), 0);
  const seen: (readonly [number, number, string | undefined])[] = [];
  for await (const { records } of log.batches()) {
    for (const record of records) seen.push([record.text.length, record.offset, record.flaw]);
    most = Math.max(most, process.memoryUsage().rss);
  }
  assert.deepEqual(seen, [
    [1 << 16, 0, 'truncated'],
    [9, (100 << 20) + 1, undefined],
  ]);
  // Less than the line itself: chunks that were read and are not collected yet count too.
  assert.ok(most - before < 80 << 20, `grew by ${(most - before) >> 20} MiB`);
});

test('standard input: plain, compressed, and in single bytes', async () => {
  const text = `${lines(50).join('\n')}\n`;
  for (const bytes of [Buffer.from(text), gzipSync(text)]) {
    const single = Array.from(bytes, (byte) => Buffer.from([byte]));
    const { texts, log, codes } = await readAll(stdin, { stdin: Readable.from(single) });
    assert.deepEqual(texts, lines(50));
    assert.deepEqual([log.source.name, log.source.modifiedAt, log.size], ['-', undefined, undefined]);
    assert.deepEqual(codes, []);
  }
  const empty = await readAll(stdin, { stdin: Readable.from([]) });
  assert.deepEqual(empty.codes, ['empty']);
});

test('the standard input of the process', () => {
  const script = `
    import { openLog } from ${JSON.stringify(new URL('../../ingest/open.ts', import.meta.url).href)};
    const log = await openLog({ kind: 'stdin', path: '-', size: undefined, origin: 'named' }, 0);
    for await (const { records } of log.batches()) for (const record of records) console.log(record.offset + ' ' + record.text);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    input: 'one\ntwo\n',
  });
  assert.equal(stdout.toString(), '0 one\n4 two\n', stderr.toString());
});

test('a file can be read twice; one that was replaced in between is told', async (t) => {
  const folder = temporaryFolder(t);
  const path = folder.write('mail.log', 'first\n');
  const log = await openLog(namedFile(path), 0);
  for (let time = 0; time < 2; time += 1) {
    let texts: readonly string[] = [];
    for await (const { records } of log.batches()) texts = [...texts, ...records.map(({ text }) => text)];
    assert.deepEqual(texts, ['first']);
  }
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'other\n');
  for await (const batch of log.batches()) assert.fail(`read ${batch.records.length} records of another file`);
  assert.deepEqual(
    log.problems.map(({ code }) => code),
    ['replaced'],
  );
  unlinkSync(path);
});

test('reading may stop early', async (t) => {
  const path = temporaryFolder(t).write('mail.log', `${lines(100_000).join('\n')}\n`);
  const log = await openLog(namedFile(path), 0);
  for await (const { records } of log.batches()) {
    assert.ok(records.length > 0);
    break;
  }
  await log.close();
  const piped = await openLog(stdin, 0, { stdin: Readable.from([Buffer.from('x\n')]) });
  await piped.close();
  assert.deepEqual(log.problems, []);
});
