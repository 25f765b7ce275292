import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventBase } from '../../../processors/event.ts';
import type { Parser } from '../../../processors/parse/parser.ts';
import { newSourceMemory } from '../../../processors/parse/source-memory.ts';
import { UTC } from '../../../processors/time.ts';
import { lineOf } from '../../line.ts';

const HEAD = /^\w{3} [ \d]\d [\d:]{8} (\S+) ([^\s[:]+)(?:\[(\d+)\])?: (.*)$/;

/** One test for each `test/golden/<format>/NAME.log`: syslog lines, answered by line in `NAME.expected.ndjson` (UPDATE_GOLDEN=1 rewrites). */
export function syslogGolden<E extends EventBase & { readonly dataset: string }>(parser: Parser<E>): void {
  const folder = join(import.meta.dirname, '../../golden', parser.format);
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.log'))) {
    test(`golden ${parser.format}/${name}`, () => {
      const answers = readFileSync(join(folder, name), 'utf8')
        .split('\n')
        .filter((text) => text !== '')
        .map((text) => answer(parser, text));
      const path = join(folder, name.replace(/\.log$/, '.expected.ndjson'));
      if (process.env.UPDATE_GOLDEN) writeFileSync(path, answers.map((a) => `${JSON.stringify(a)}\n`).join(''));
      const expected = readFileSync(path, 'utf8').trimEnd().split('\n');
      assert.equal(answers.length, expected.length);
      for (const [i, a] of answers.entries())
        assert.deepEqual(JSON.parse(JSON.stringify(a)), JSON.parse(expected[i] ?? ''), `line ${i + 1}`);
    });
  }
}

function answer<E extends EventBase & { readonly dataset: string }>(parser: Parser<E>, text: string): unknown {
  const [, host, program, pid, message] = HEAD.exec(text) ?? [];
  assert.ok(host !== undefined && program !== undefined && message !== undefined, text);
  const line = lineOf({
    program,
    message,
    host,
    at: Date.UTC(2026, 10, 24, 3, 24, 25),
    ...(pid === undefined ? {} : { pid: Number(pid) }),
  });
  assert.ok(parser.accepts(line), text);
  const outcome = parser.parse(line, { zone: UTC, near: Number.NaN, memory: newSourceMemory() });
  if (outcome.kind !== 'event') return outcome;
  const { line: _line, stamp: _stamp, ...event } = outcome.event;
  return { event, ecs: parser.ecs(outcome.event) };
}
