import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { findInputs } from '../ingest/find.ts';
import { type OpenedLog, openLog } from '../ingest/open.ts';
import type { InputProblem } from '../ingest/problem.ts';
import { ecsLineWriter } from '../processors/ecs-line.ts';
import { Glance, UNKNOWN_GLANCE } from '../processors/glance.ts';
import { FORMATS, type Format, ParseStage } from '../processors/parse/index.ts';
import { newRedaction, type Redaction } from '../processors/redact.ts';
import { nearOfWritten } from '../processors/time.ts';
import { terminalText } from '../reports/clean-text.ts';
import { clockChoices, repeated } from './clock-options.ts';
import { LineOutput } from './line-output.ts';
import type { ClockChoices } from './prepare.ts';
import { siteKey } from './site-key.ts';
import { UseError } from './use-error.ts';

export interface ParseOptions {
  readonly format: string;
  readonly tz?: readonly string[];
  readonly year?: string;
}

const NAMES = FORMATS.map((f) => f.name).join(', ');
/** Records between two looks at the output. */
const RECORDS_AT_ONCE = 256;
/** What is made of a chunk is still in the processor's cache when it is used: with chunks of 1 MiB it took 7 % more CPU. */
const CHUNK_BYTES = 1 << 16;

export function registerParse(program: Command): void {
  program
    .command('parse')
    .description(
      'NDJSON, one ECS event a record, to standard output; event.original holds the source text, secrets redacted',
    )
    .argument('[file...]', 'files, folders, globs, or - for standard input (the default)')
    .option('--format <name>', `auto, or one of ${NAMES}`, 'auto')
    .option(
      '--tz <zone>',
      'zone of stamps that carry none: ZONE for all, or SOURCE=ZONE (default: UTC, recorded in event.timezone)',
      repeated,
    )
    .option('--year <yyyy>', 'year of stamps that carry none (default: from the file’s time)')
    .addHelpText(
      'after',
      '\nA record that no format takes is an event with tags ["_parse_failure"].\n\nExamples:\n  imapwhy parse --tz Europe/Warsaw /var/log/mail.log | jq .user.name\n  zcat mail.log.*.gz | imapwhy parse --year 2025',
    )
    .action(async (files: string[], options: ParseOptions) => {
      process.exitCode = await parseFiles(files.length === 0 ? ['-'] : files, options, process.stdout);
    });
}

/** Exit code 0: done; 1: an input that was named could not be read. A reader that went away (EPIPE) ends it quietly. */
export async function parseFiles(paths: readonly string[], options: ParseOptions, out: Writable): Promise<number> {
  const only = formatOf(options.format);
  const clock = clockChoices(options.tz ?? [], options.year, Date.now());
  const redaction = newRedaction(await siteKey());
  const found = await findInputs(paths);
  const problems = [...found.problems];
  const output = new LineOutput(out);
  const stage = new ParseStage();
  for (const [index, input] of found.inputs.entries()) {
    const log = await openLog(input, index, { chunkBytes: CHUNK_BYTES });
    await parseLog(log, { stage, clock, only, redaction, output });
    await log.close();
    if (output.gone) return 0;
    problems.push(...log.problems);
  }
  await output.flush();
  for (const problem of problems)
    process.stderr.write(`imapwhy: ${terminalText(problem.path)} ${terminalText(problem.message)}\n`);
  return problems.some((p) => isFailure(p) && paths.includes(p.path)) ? 1 : 0;
}

interface Parsing {
  readonly stage: ParseStage;
  readonly clock: ClockChoices;
  readonly only: Format | undefined;
  readonly redaction: Redaction;
  readonly output: LineOutput;
}

async function parseLog(log: OpenedLog, { stage, clock, only, redaction, output }: Parsing): Promise<void> {
  // A pipe was written when it is read.
  const source = { ...log.source, modifiedAt: log.source.modifiedAt ?? clock.now };
  const zone = clock.zoneBySource.find((z) => source.name.includes(z.part))?.zone ?? clock.zone;
  const write = ecsLineWriter(source, redaction, zone.name);
  const add = (text: string, isAscii: boolean): void => output.add(text, isAscii);
  stage.open(source, zone, clock.near ?? nearOfWritten(source.modifiedAt), only);
  for await (const { records, chunk } of log.batches()) {
    const glance = chunk && new Glance(chunk.bytes);
    for (let from = 0; from < records.length; from += RECORDS_AT_ONCE) {
      stage.each(source, records.slice(from, from + RECORDS_AT_ONCE), (event, line) => {
        if (event === undefined) return;
        const at = chunk === undefined ? -1 : line.offset - chunk.offset;
        const seen = glance === undefined || at < 0 ? UNKNOWN_GLANCE : glance.at(at, at + line.raw.length);
        write(event, seen, add);
      });
      if (output.isFull) await output.flush();
      if (output.gone) return;
    }
    // What came through a pipe is shown when it came.
    await output.flush();
  }
}

function formatOf(name: string): Format | undefined {
  const format = FORMATS.find((f) => f.name === name);
  if (format === undefined && name !== 'auto')
    throw new UseError(`--format ${name}: no such format. Write auto or one of ${NAMES}.`);
  return format;
}

/** An empty file and one that was named twice were read, as far as there was anything to read. */
const isFailure = (problem: InputProblem): boolean => problem.code !== 'empty' && problem.code !== 'duplicate';
