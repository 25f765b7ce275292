import { once } from 'node:events';
import type { Command } from 'commander';
import { findInputs } from '../ingest/find.ts';
import { openLog } from '../ingest/open.ts';
import { toEcs } from '../processors/ecs.ts';
import { FORMATS, ParseStage } from '../processors/parse/index.ts';
import { newRedaction } from '../processors/redact.ts';
import { terminalText } from '../reports/clean-text.ts';
import { clockChoices, repeated } from './clock-options.ts';
import { siteKey } from './site-key.ts';
import { UseError } from './use-error.ts';

export interface ParseOptions {
  readonly format: string;
  readonly tz?: readonly string[];
  readonly year?: string;
}

export function registerParse(program: Command): void {
  program
    .command('parse')
    .description(
      'NDJSON, one ECS event a record, to standard output; event.original holds the source text, secrets redacted',
    )
    .argument('[file...]', 'files, folders, globs, or - for standard input (the default)')
    .option('--format <name>', `auto, or one of ${FORMATS.map((f) => f.name).join(', ')}`, 'auto')
    .option(
      '--tz <zone>',
      'zone of stamps that carry none: ZONE for all, or SOURCE=ZONE (default: UTC, recorded in event.timezone)',
      repeated,
    )
    .option('--year <yyyy>', 'year of stamps that carry none (default: from the file’s time)')
    .action(async (files: string[], options: ParseOptions) => {
      process.exitCode = await parseFiles(files.length === 0 ? ['-'] : files, options, process.stdout);
    });
}

/** Exit code 0: done; 1: an input that was named could not be read. A reader that went away (EPIPE) ends it quietly. */
async function parseFiles(
  paths: readonly string[],
  options: ParseOptions,
  stdout: NodeJS.WriteStream,
): Promise<number> {
  const only = FORMATS.find((f) => f.name === options.format);
  if (!only && options.format !== 'auto') {
    throw new UseError(
      `--format ${options.format}: no such format. Write auto or one of ${FORMATS.map((f) => f.name).join(', ')}.`,
    );
  }
  const clock = clockChoices(options.tz ?? [], options.year, Date.now());
  const redaction = newRedaction(await siteKey());
  const found = await findInputs(paths);
  const problems = [...found.problems];
  const stage = new ParseStage();
  let gone = false;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    gone = true;
  });
  for (const [index, input] of found.inputs.entries()) {
    const log = await openLog(input, index);
    const zone = clock.zoneBySource.find((z) => log.source.name.includes(z.part))?.zone ?? clock.zone;
    stage.open(log.source, zone, clock.near ?? log.source.modifiedAt ?? clock.now, only);
    for await (const batch of log.batches()) {
      let text = '';
      for (const event of stage.push(log.source, batch.records))
        text += `${JSON.stringify(toEcs(event, log.source, redaction, zone.name))}\n`;
      if (gone) return 0;
      if (text !== '' && !stdout.write(text)) await Promise.race([once(stdout, 'drain'), once(stdout, 'close')]);
    }
    problems.push(...log.problems);
  }
  for (const problem of problems)
    process.stderr.write(`imapwhy: ${terminalText(problem.path)} ${terminalText(problem.message)}\n`);
  return problems.some((p) => paths.includes(p.path)) ? 1 : 0;
}
