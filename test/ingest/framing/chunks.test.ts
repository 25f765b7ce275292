/** Framing must not depend on where chunks break: the same bytes, cut anywhere, give the same records. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Framing, SourceRecord } from '../../../ingest/record.ts';
import { RecordReader } from '../../../ingest/record-reader.ts';
import { readAll } from '../read-all.ts';

const limits = { lengthMax: 60, lengthKept: 20 };

function frame(
  framing: Framing,
  chunks: readonly Buffer[],
): { records: readonly SourceRecord[]; problem: string | undefined } {
  const reader = new RecordReader(framing, 0, limits);
  const records: SourceRecord[] = [];
  for (const chunk of chunks) reader.push(chunk, records);
  reader.flush(records);
  return { records, problem: reader.jsonProblem };
}

/** Copies, so that a framer that keeps a chunk too long is found out. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const bounds = [...new Set([0, ...places.map((place) => place % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  );
  return bounds.slice(1).map((end, index) => Buffer.from(bytes.subarray(bounds[index], end)));
}

function sameHoweverCut(framing: Framing, inputs: fc.Arbitrary<Buffer>): void {
  fc.assert(
    fc.property(inputs, fc.array(fc.nat(), { maxLength: 12 }), (bytes, places) => {
      const whole = frame(framing, [bytes]);
      assert.deepEqual(frame(framing, cut(bytes, places)), whole);
      assert.deepEqual(
        frame(
          framing,
          Array.from(bytes, (byte) => Buffer.from([byte])),
        ),
        whole,
      );
    }),
    { numRuns: 300 },
  );
}

const joined = (parts: fc.Arbitrary<string>): fc.Arbitrary<Buffer> =>
  fc.array(parts, { maxLength: 25 }).map((texts) => Buffer.from(texts.join('')));

test('lines of ASCII', () => {
  const piece = fc.constantFrom('\n', '\r\n', '\r', '\0', 'a', 'user=<anna>, ', 'x'.repeat(30), 'y'.repeat(61));
  sameHoweverCut('line', joined(piece));
});

test('lines of UTF-8, and their offsets', () => {
  const piece = fc.oneof(
    fc.constantFrom('\n', '\r\n', '\ufeff', '\ufffd', 'ä', '€', '\u{1f600}', 'plain '),
    fc.string({ unit: 'grapheme', maxLength: 70 }),
  );
  const inputs = joined(piece);
  sameHoweverCut('line', inputs);
  fc.assert(
    fc.property(inputs, (bytes) => {
      for (const { text, offset, flaw } of frame('line', [bytes]).records) {
        assert.equal(bytes.toString('utf8', offset, offset + Buffer.byteLength(text)), text);
        assert.ok(offset === 0 || bytes[offset - 1] === 0x0a);
        assert.ok(flaw === undefined || flaw === 'truncated');
      }
    }),
  );
});

test('lines of any bytes: marked exactly where they are not UTF-8', () => {
  const byte = fc.oneof(
    fc.constantFrom(0x0a, 0x0a, 0x0d, 0x41),
    fc.constantFrom(0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xef, 0xbf, 0xbd),
    fc.nat(255),
  );
  const inputs = fc.array(byte, { maxLength: 120 }).map((bytes) => Buffer.from(bytes));
  sameHoweverCut('line', inputs);
  fc.assert(
    fc.property(inputs, (bytes) => {
      const lines: Buffer[] = [];
      for (let start = 0; start < bytes.length; ) {
        const newline = bytes.indexOf(0x0a, start);
        const end = newline < 0 ? bytes.length : newline;
        lines.push(bytes.subarray(start, end));
        start = end + 1;
      }
      const { records } = frame('line', [bytes]);
      assert.equal(records.length, lines.length);
      for (const [index, line] of lines.entries()) {
        const text = line.toString();
        if (text.length > limits.lengthMax) assert.equal(records[index]?.flaw, 'truncated');
        else assert.equal(records[index]?.flaw, Buffer.from(text).equals(line) ? undefined : 'invalid_utf8');
      }
    }),
  );
});

test('lines of UTF-16 with a byte order mark', async () => {
  const piece = fc.constantFrom('\n', '\r\n', 'ä', '€', '\u{1f600}', 'plain text ', '\u0a0a', 'z'.repeat(61));
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.boolean(),
      async (texts, places, big) => {
        const text = texts.join('');
        const encoded = Buffer.from(`\ufeffbegin of a log${text}`, 'utf16le');
        const bytes = big ? encoded.swap16() : encoded;
        const input = { kind: 'stdin', path: '-', size: undefined, origin: 'named' } as const;
        const { records, codes } = await readAll(input, {
          stdin: Readable.from(cut(bytes, places)),
          limits,
          framing: 'line',
        });
        assert.deepEqual(records, frame('line', [Buffer.from(`begin of a log${text}`)]).records);
        assert.deepEqual(codes, []);
      },
    ),
  );
});

test('ModSecurity transactions', () => {
  const id = fc.constantFrom('a1b2c3d4', '0badcafe', 'ffffffff');
  const boundary = fc
    .tuple(id, fc.constantFrom('A', 'B', 'C', 'H', 'Z', 'Z'), fc.boolean())
    .map(([name, part, v3]) => (v3 ? `---${name}---${part}--\n` : `--${name}-${part}--\r\n`));
  sameHoweverCut(
    'modsecurity-audit',
    joined(fc.oneof(boundary, fc.constantFrom('\n', '[time] id 1.2.3.4\n', 'Host: exämple\n', 'no newline', '--\n'))),
  );
});

test('JSON documents, whole and damaged', () => {
  const key = fc.constantFrom('a', '__proto__', 'ä"\\', '');
  const value = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(null, true, false, '}', ']', ','),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(key, tie('any'), { maxKeys: 3 }),
    ),
  })).any;
  const object = fc.dictionary(key, value, { maxKeys: 3 });
  const document = fc.oneof(
    fc.array(object, { maxLength: 5 }),
    object,
    fc.array(object, { maxLength: 5 }).map((records) => ({ records })),
    value,
  );
  const written = fc
    .tuple(document, fc.constantFrom(undefined, 2))
    .map(([member, indent]) => JSON.stringify(member, undefined, indent));
  const whole = fc.array(written, { maxLength: 3 }).map((texts) => Buffer.from(texts.join('\n')));
  sameHoweverCut('json-array', whole);
  const damaged = fc
    .tuple(whole, fc.nat(), fc.constantFrom('x', '}', ']', ',', '"', '\\', '\n', '-', '1', 'tru'))
    .map(([bytes, place, text]) => {
      const at = place % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(text), bytes.subarray(at)]);
    });
  sameHoweverCut('json-array', damaged);
});
