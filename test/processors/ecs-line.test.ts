import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LogSource, RecordFlaw, SourceRecord } from '../../ingest/record.ts';
import { toEcs } from '../../processors/ecs.ts';
import { ecsLineWriter } from '../../processors/ecs-line.ts';
import { Glance, HINTED, UNKNOWN_GLANCE } from '../../processors/glance.ts';
import { type ParsedEvent, ParseStage } from '../../processors/parse/index.ts';
import { newRedaction } from '../../processors/redact.ts';
import { parseZone, UTC } from '../../processors/time.ts';

const GOLDEN = join(import.meta.dirname, '../golden');
const SOURCE: LogSource = {
  index: 0,
  name: '/var/log/"m\\ail".log',
  fingerprint: 'q1Ab2fMqurHLAHEYq1Ab2f',
  modifiedAt: undefined,
};
const REDACTION = newRedaction('0123456789abcdef');
const NEAR = Date.UTC(2026, 10, 24);

const write = (writer: ReturnType<typeof ecsLineWriter>, event: ParsedEvent, seen: number): string => {
  let written = '';
  writer(event, seen, (line, isAscii) => {
    if (isAscii) assert.equal(Buffer.byteLength(line), line.length);
    written = line;
  });
  return written;
};

/** The short way and the long way say the same of every record, in the order of the records, with and without a glance at its bytes. */
function sameBothWays(texts: readonly string[], zone = UTC, flaw?: RecordFlaw, source = SOURCE): number {
  const writer = ecsLineWriter(source, REDACTION, zone.name);
  const stage = new ParseStage();
  stage.open(source, zone, NEAR);
  const records = texts.map((text, i): SourceRecord => ({ text, offset: i * 1000, ...(flaw && { flaw }) }));
  const events = stage.push(source, records);
  for (const event of events) {
    const { raw } = event.line;
    const expected = JSON.stringify(toEcs(event, source, REDACTION, zone.name));
    // A line has no newline in it; a damaged one of this test may.
    const seen = raw.includes('\n') ? UNKNOWN_GLANCE : new Glance(Buffer.from(raw)).at(0, raw.length);
    assert.equal(write(writer, event, UNKNOWN_GLANCE), expected, raw);
    assert.equal(write(writer, event, seen), expected, raw);
  }
  return events.length;
}

function goldenLines(format: string): string[] {
  const folder = join(GOLDEN, format);
  const logs = readdirSync(folder).filter((file) => file.endsWith('.log'));
  return logs.flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1));
}

for (const format of readdirSync(GOLDEN)) {
  test(`ecsLineWriter says what toEcs says: ${format}`, () => {
    assert.ok(sameBothWays(goldenLines(format)) > 0);
  });
}

test('ecsLineWriter says what toEcs says: other hosts, processes, zones and envelopes from line to line', () => {
  const lines = goldenLines('dovecot');
  const inside = lines.map((line, i) => {
    const message = line.slice(line.indexOf(' dovecot: ') + ' dovecot: '.length);
    if (i % 3 === 0) return `<22>1 2026-11-24T03:24:10.5Z mx${i % 5} dovecot ${i} - - ${message}`;
    if (i % 3 === 1) return `Nov 24 03:24:1${i % 10} mx${i % 4} dovecot[${i % 7}]: ${message}`;
    return `Nov 24 03:24:10 ${message}`;
  });
  assert.ok(sameBothWays(inside, parseZone('Europe/Warsaw')) >= lines.length - 1);
  sameBothWays(inside, UTC, 'invalid_utf8');
});

test('ecsLineWriter says what toEcs says: lines with secrets, and too long ones', () => {
  const line =
    'Nov 24 03:24:10 mx1 dovecot: imap-login: Login: user=<anna>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, mpid=7';
  const secret = 'Authorization: Bearer 0f9e8d7c6b5a49382716';
  const writer = ecsLineWriter(SOURCE, REDACTION, 'UTC');
  sameBothWays([`${line}, ${secret}`, `${line}${', x'.repeat(20_000)}`]);
  const stage = new ParseStage();
  stage.open(SOURCE, UTC, NEAR);
  const [event] = stage.push(SOURCE, [{ text: `${line}, ${secret}`, offset: 0 }]);
  assert.ok(event);
  assert.doesNotMatch(write(writer, event, HINTED), /0f9e8d7c6b5a/);
});

test('ecsLineWriter says what toEcs says: sources whose names look like marks of a shape', () => {
  const lines = [...goldenLines('dovecot'), ...goldenLines('netflow')];
  for (const name of ['\0text', '\0number', '"\0number"'])
    sameBothWays(lines, UTC, undefined, { ...SOURCE, name, fingerprint: `${name}-a` });
});

test('ecsLineWriter says what toEcs says: damaged lines', () => {
  const samples = [...goldenLines('dovecot'), ...goldenLines('netflow')];
  const damaged = fc
    .tuple(fc.constantFrom(...samples), fc.nat(250), fc.nat(12), fc.string({ unit: 'binary', maxLength: 12 }))
    .map(([sample, at, length, text]) => sample.slice(0, at) + text + sample.slice(at + length));
  fc.assert(
    fc.property(fc.array(damaged, { maxLength: 5 }), (lines) => {
      sameBothWays(lines);
    }),
    { numRuns: 2000 },
  );
});
