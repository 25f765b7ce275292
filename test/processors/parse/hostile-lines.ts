import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EventBase } from '../../../processors/event.ts';
import type { Parser } from '../../../processors/parse/parser.ts';
import { newSourceMemory } from '../../../processors/parse/source-memory.ts';
import { UTC } from '../../../processors/time.ts';
import { cpuMs } from '../../cpu-time.ts';
import { lineOf } from '../../line.ts';

/** Long texts that make a careless parser quadratic. Each is appended to a real line. */
const TAILS = ['a=b ', '= ', ', ', ',', '/1 ', "' ", '] ', ': ', '[', '(', '\t', ':', '1', ' '];
const TAIL_LENGTH = 4_000_000;
const TIME_MAX_MS = 2500;

/** Any text gives an outcome and a document that can be written, in time linear in its length; state left by it survives JSON. */
export function surviveHostileLines<E extends EventBase & { readonly dataset: string }>(parser: Parser<E>): void {
  const samples = goldenMessages(parser.format);
  const read = (message: string, memory = newSourceMemory()): void => {
    for (const program of [undefined, parser.programs[0] ?? 'kernel']) {
      const line = lineOf(program === undefined ? { message } : { message, program, at: 0 });
      parser.accepts(line);
      const outcome = parser.parse(line, { zone: UTC, near: 0, memory });
      if (outcome.kind === 'event') {
        assert.ok(Number.isFinite(outcome.event.stamp.at));
        JSON.stringify(parser.ecs(outcome.event));
      }
      assert.deepEqual(JSON.parse(JSON.stringify(memory)), JSON.parse(JSON.stringify({ ...memory })));
    }
  };

  test(`${parser.format}: any text`, () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => read(text)));
  });

  test(`${parser.format}: damaged lines, with what the lines before them left behind`, () => {
    const memory = newSourceMemory();
    const damaged = fc
      .tuple(fc.constantFrom(...samples), fc.nat(300), fc.nat(20), fc.string())
      .map(([sample, at, length, text]) => sample.slice(0, at) + text + sample.slice(at + length));
    fc.assert(
      fc.property(damaged, (text) => read(text, memory)),
      { numRuns: 2000 },
    );
  });

  test(`${parser.format}: huge lines`, () => {
    const sample = samples.toSorted((a, b) => b.length - a.length)[0] ?? '';
    for (const tail of TAILS) {
      const started = cpuMs();
      read(sample + tail.repeat(TAIL_LENGTH / tail.length));
      read(tail.repeat(TAIL_LENGTH / tail.length) + sample);
      const elapsed = cpuMs() - started;
      assert.ok(elapsed < TIME_MAX_MS, `${JSON.stringify(tail)} took ${elapsed} ms`);
    }
  });
}

/** Golden lines, without a syslog head where they have one. */
function goldenMessages(format: string): string[] {
  const folder = join(import.meta.dirname, '../../golden', format);
  const files = readdirSync(folder).filter((file) => file.endsWith('.log'));
  const lines = files.flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'));
  return lines.filter((line) => line !== '').map((line) => line.replace(/^\w{3} [ \d]\d [\d:]{8} \S+ [^\s:]+: /, ''));
}
