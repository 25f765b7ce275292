import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventBase, Line } from '../../../processors/event.ts';
import type { Parser, RecordContext } from '../../../processors/parse/parser.ts';
import { newSourceMemory } from '../../../processors/parse/source-memory.ts';
import { fixedZone } from '../../../processors/time.ts';
import { lineOf } from '../../line.ts';

/** A syslog head, for formats that come both with and without one. Its stamp is taken as 2026-11-24T03:24:25Z. */
const HEAD = /^\w{3} [ \d]\d [\d:]{8} (\S+) ([^\s[:]+)(?:\[(\d+)\])?: (.*)$/;

/**
 * One test for each `test/golden/<format>/NAME.log`, read in order as one source whose own stamps are in UTC+1, with the memory that
 * its lines leave. Line N of `NAME.expected.ndjson` answers record N, headers and failures too; `accepted: false` marks a line that the parser would leave to others. UPDATE_GOLDEN=1 rewrites the answers.
 */
export function sourceGolden<E extends EventBase & { readonly dataset: string }>(parser: Parser<E>): void {
  const folder = join(import.meta.dirname, '../../golden', parser.format);
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log'))) {
    test(`golden ${parser.format}/${name}`, () => {
      const context: RecordContext = { zone: fixedZone(60), near: Date.UTC(2026, 10, 24), memory: newSourceMemory() };
      const records = readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1);
      const answers = records.map((text) => answer(parser, lineOfText(text), context));
      const path = join(folder, name.replace(/\.log$/, '.expected.ndjson'));
      if (process.env.UPDATE_GOLDEN) writeFileSync(path, answers.map((a) => `${JSON.stringify(a)}\n`).join(''));
      const expected = readFileSync(path, 'utf8').trimEnd().split('\n');
      assert.equal(answers.length, expected.length);
      for (const [i, a] of answers.entries()) {
        assert.deepEqual(
          JSON.parse(JSON.stringify(a)),
          JSON.parse(expected[i] ?? ''),
          `record ${i + 1}: ${records[i]}`,
        );
      }
    });
  }
}

export function lineOfText(text: string): Line {
  const [, host, program, pid, message] = HEAD.exec(text) ?? [];
  if (host === undefined || program === undefined || message === undefined) return lineOf({ message: text });
  const at = Date.UTC(2026, 10, 24, 3, 24, 25);
  return lineOf({ program, message, host, at, ...(pid === undefined ? {} : { pid: Number(pid) }) });
}

function answer<E extends EventBase & { readonly dataset: string }>(
  parser: Parser<E>,
  line: Line,
  context: RecordContext,
): unknown {
  const refused = parser.accepts(line) ? {} : { accepted: false };
  const outcome = parser.parse(line, context);
  if (outcome.kind !== 'event') return { ...outcome, ...refused };
  const { line: _line, stamp, ...event } = outcome.event;
  return {
    at: new Date(stamp.at).toISOString(),
    zoned: stamp.zoned,
    ...refused,
    event,
    ecs: parser.ecs(outcome.event),
  };
}
