import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventBase, Line } from '../../../processors/event.ts';
import type { Parser, RecordContext } from '../../../processors/parse/parser.ts';
import { newSourceMemory } from '../../../processors/parse/source-memory.ts';
import { UTC } from '../../../processors/time.ts';

/** The context of a record in a file of which nothing else was read, in UTC. */
export function contextOf(over: Partial<RecordContext> = {}): RecordContext {
  return { zone: UTC, near: Number.NaN, memory: newSourceMemory(), ...over };
}

/**
 * One test for each `test/golden/<format>/NAME.log`, answered by record in `NAME.expected.ndjson` (UPDATE_GOLDEN=1 rewrites it).
 * `records` cuts a file into lines as framing and the envelope stage would; the answer tells the stamp too, since these formats carry it.
 */
export function recordGolden<E extends EventBase & { readonly dataset: string }>(
  parser: Parser<E>,
  records: (file: string) => readonly Line[],
): void {
  const folder = join(import.meta.dirname, '../../golden', parser.format);
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log'))) {
    test(`golden ${parser.format}/${name}`, () => {
      const answers = records(readFileSync(join(folder, name), 'utf8')).map((line) => answer(parser, line));
      const path = join(folder, name.replace(/\.log$/, '.expected.ndjson'));
      if (process.env.UPDATE_GOLDEN) writeFileSync(path, answers.map((a) => `${a}\n`).join(''));
      const expected = readFileSync(path, 'utf8').trimEnd().split('\n');
      assert.equal(answers.length, expected.length);
      for (const [i, a] of answers.entries()) {
        assert.deepEqual(JSON.parse(a), JSON.parse(expected[i] ?? ''), `record ${i + 1}`);
      }
    });
  }
}

function answer<E extends EventBase & { readonly dataset: string }>(parser: Parser<E>, line: Line): string {
  assert.ok(parser.accepts(line) || parser.programs.includes(line.program ?? ''), line.message.slice(0, 200));
  const outcome = parser.parse(line, contextOf());
  if (outcome.kind !== 'event') return JSON.stringify(outcome);
  const { line: _line, stamp, ...event } = outcome.event;
  const at = new Date(stamp.at).toISOString();
  return JSON.stringify({
    at,
    precisionMs: stamp.precisionMs,
    zoned: stamp.zoned,
    event,
    ecs: parser.ecs(outcome.event),
  });
}
