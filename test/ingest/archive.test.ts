/** Records read again by position are the records that were read first, wherever they come from. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { LineArchive } from '../../ingest/archive.ts';
import type { InputPath } from '../../ingest/find.ts';
import type { OpenOptions } from '../../ingest/open.ts';
import { type ReadLog, readAll } from './read-all.ts';
import { temporaryFolder } from './temporary-folder.ts';

const stdin: InputPath = { kind: 'stdin', path: '-', size: undefined, origin: 'named' };

function newArchive(context: TestContext, directory: string): LineArchive {
  const archive = new LineArchive(directory);
  context.after(() => archive.close());
  return archive;
}

async function sameAgain(
  archive: LineArchive,
  input: InputPath | string,
  index: number,
  options: OpenOptions = {},
): Promise<ReadLog> {
  const read = await readAll(input, { ...options, archive }, index);
  // Not in the order of the file.
  const shuffled = read.records.toSorted((a, b) => ((a.offset * 7919) % 1009) - ((b.offset * 7919) % 1009));
  const again = archive.readMany(
    index,
    shuffled.map(({ offset }) => offset),
  );
  assert.deepEqual(
    again,
    shuffled.map(({ text }) => text),
  );
  for (const { offset, text } of shuffled.slice(0, 20)) assert.equal(archive.read(index, offset), text);
  return read;
}

const text = Array.from(
  { length: 20_000 },
  (_, n) => (n % 9 === 0 ? `Zeile ${n} äö €` : `line ${n}`) + (n % 4 === 0 ? '\r\n' : '\n'),
).join('');

test('plain files, with a byte order mark, long lines, broken characters and no last newline', async (t) => {
  const folder = temporaryFolder(t);
  const archive = newArchive(t, folder.path);
  await sameAgain(archive, folder.write('a.log', text), 0);
  await sameAgain(archive, folder.write('b.log', `\ufeff${text}last`), 1);
  const long = Buffer.concat([
    Buffer.from(`${'x'.repeat(200_000)}\n`),
    Buffer.from([0x41, 0xff, 0x0a]),
    Buffer.from(`${'y'.repeat(2_000_000)}\nend`),
  ]);
  const { records } = await sameAgain(archive, folder.write('c.log', long), 2);
  assert.deepEqual(
    records.map(({ text: { length }, flaw }) => [length, flaw]),
    [
      [200_000, undefined],
      [2, 'invalid_utf8'],
      [1 << 16, 'truncated'],
      [3, undefined],
    ],
  );
});

test('compressed files, UTF-16 and standard input, read side by side', async (t) => {
  const folder = temporaryFolder(t);
  const archive = newArchive(t, folder.path);
  await Promise.all([
    sameAgain(archive, folder.write('a.gz', gzipSync(text)), 0),
    sameAgain(archive, folder.write('b.zst', zstdCompressSync(`\ufeff${text}`)), 1),
    sameAgain(archive, folder.write('c.log', Buffer.from(`\ufeff${text}`, 'utf16le')), 2),
    sameAgain(archive, stdin, 3, {
      stdin: Readable.from([Buffer.from(text.slice(0, 1000)), Buffer.from(text.slice(1000))]),
    }),
  ]);
});

test('transactions of an audit log, interleaved, without end, and longer than what is read at once', async (t) => {
  const folder = temporaryFolder(t);
  const archive = newArchive(t, folder.path);
  const part = (id: string, name: string, ...lines: readonly string[]): string =>
    [`---${id}---${name}--`, ...lines, ''].join('\n');
  const audit = [
    part('aaaaaaaa', 'A', '[24/Nov/2026:03:24:12 +0000] 1'),
    part('bbbbbbbb', 'A', '[24/Nov/2026:03:24:13 +0000] 2'),
    part('bbbbbbbb', 'C', 'body '.repeat(60_000)),
    part('cccccccc', 'A', '[24/Nov/2026:03:24:14 +0000] 3'),
    part('aaaaaaaa', 'H', 'ModSecurity: Warning. ä'),
    part('aaaaaaaa', 'Z', ''),
    part('bbbbbbbb', 'H', 'ModSecurity: Warning.'),
    part('bbbbbbbb', 'Z', 'stray line'),
  ].join('\n');
  for (const [index, path] of [
    folder.write('audit.log', audit),
    folder.write('audit.log.gz', gzipSync(audit)),
  ].entries()) {
    const { records, log } = await sameAgain(archive, path, index);
    assert.equal(log.framing, 'modsecurity-audit');
    assert.deepEqual(
      records.map(({ flaw }) => flaw),
      [undefined, 'truncated', 'incomplete', 'incomplete'],
    );
  }
});

test('members of JSON documents', async (t) => {
  const folder = temporaryFolder(t);
  const archive = newArchive(t, folder.path);
  const members = Array.from({ length: 5000 }, (_, n) => ({
    n,
    text: 'ä'.repeat(n % 50),
    pair: '\u{1f600}',
    lone: '\ud83d',
  }));
  const { texts, codes } = await sameAgain(
    archive,
    folder.write('flows.json', JSON.stringify(members, undefined, 1)),
    0,
  );
  assert.deepEqual([texts.length, codes], [5000, []]);
  assert.deepEqual(
    texts.map((member) => JSON.parse(member)),
    members,
  );
  const cut = await sameAgain(archive, folder.write('cut.json', `${JSON.stringify(members).slice(0, -50)}`), 1);
  assert.deepEqual([cut.texts.length, cut.codes], [4999, ['incomplete_json']]);
});

test('more files than may be open at once', async (t) => {
  const folder = temporaryFolder(t);
  const archive = newArchive(t, folder.path);
  for (let n = 0; n < 80; n += 1) await readAll(folder.write(`${n}.log`, `line of ${n}\n`), { archive }, n);
  for (const n of [0, 79, 3, 40, 0]) assert.equal(archive.read(n, 0), `line of ${n}`);
});

test('positions and sources that do not exist, and a file that was replaced, give nothing', async (t) => {
  const folder = temporaryFolder(t);
  const archive = newArchive(t, folder.path);
  const path = folder.write('mail.log', 'first\nsecond\n');
  await readAll(path, { archive }, 0);
  assert.deepEqual(archive.readMany(0, [6, 13, 1e15, -1, Number.NaN, 0]), [
    'second',
    undefined,
    undefined,
    undefined,
    undefined,
    'first',
  ]);
  assert.equal(archive.read(5, 0), undefined);
  const second = newArchive(t, folder.path);
  await readAll(path, { archive: second }, 0);
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'other\nother\n');
  assert.equal(second.read(0, 0), undefined);
});

test('the copy is private, and gone when the archive is closed', async (t) => {
  const folder = temporaryFolder(t);
  const directory = join(folder.path, 'tmp');
  mkdirSync(directory);
  const archive = new LineArchive(directory);
  await readAll(folder.write('a.gz', gzipSync(text)), { archive }, 0);
  if (process.platform !== 'win32') assert.deepEqual(readdirSync(directory), []);
  assert.equal(archive.read(0, 0), 'Zeile 0 äö €');
  archive.close();
  assert.equal(archive.read(0, 0), undefined);
  assert.deepEqual(readdirSync(directory), []);
});

test('without room for the copy the log is read all the same, and the problem is told once', async (t) => {
  const folder = temporaryFolder(t);
  const archive = newArchive(t, join(folder.path, 'not-there'));
  const { texts, codes } = await readAll(folder.write('a.gz', gzipSync(text)), { archive }, 0);
  assert.equal(texts.length, 20_000);
  assert.deepEqual(codes, ['spool_failed']);
  assert.equal(archive.read(0, 0), undefined);
  assert.equal(existsSync(join(folder.path, 'not-there')), false);
});
