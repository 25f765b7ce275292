import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { Predictor } from '../models/prediction/predictor.ts';
import { isoTime } from '../processors/profile/iso-time.ts';
import { terminalText } from '../reports/clean-text.ts';
import { LineOutput } from './line-output.ts';
import { loadModel } from './model-directory.ts';
import { HELD_MAX, inOrder, newReadCounts, readAttempts, readProblems } from './read-attempts.ts';

export function registerPredict(program: Command): void {
  program
    .command('predict')
    .description(
      'the risk of every attempt, from what was known before it began: NDJSON {id, at, risk} in the order of time',
    )
    .argument('<profiles>', 'profiles, NDJSON or .gz, or - for standard input')
    .requiredOption('--model <dir>', 'folder that train wrote')
    .addHelpText(
      'after',
      '\nState is built from the first line on, so give profiles from well before the time that matters.\n\nExample:\n  imapwhy predict --model imapwhy-model imapwhy-out/profiles.ndjson | jq "select(.risk >= 0.5)"',
    )
    .action(async (path: string, options: { readonly model: string }) => {
      process.exitCode = await predict(path, options.model, process.stdout);
    });
}

/** Exit code 0: every attempt has its risk; 1: the file holds none. */
export async function predict(path: string, directory: string, out: Writable): Promise<number> {
  const { model, side } = await loadModel(directory);
  const predictor = new Predictor(model, side.base_rate);
  const counts = newReadCounts();
  const output = new LineOutput(out);
  let given = 0;
  let cold = 0;
  for await (const { record, isLate } of inOrder(readAttempts(path, counts), HELD_MAX, counts)) {
    const { attempt } = record;
    let { risk, basis } = isLate ? { risk: side.base_rate, basis: 'base_rate' } : predictor.next(record);
    risk = Math.round(risk * 1e6) / 1e6;
    if (basis === 'base_rate') cold++;
    given++;
    output.add(`{"id":${JSON.stringify(attempt.id)},"at":"${isoTime(attempt.at)}","risk":${risk}}`);
    if (output.isFull) await output.flush();
    if (output.gone) return 0;
  }
  await output.flush();
  const told = [...readProblems(path, counts)];
  if (cold > counts.late)
    told.push(
      `${cold - counts.late} of ${given} attempts began when nothing was known yet that could tell them apart: their risk is the base rate, ${side.base_rate.toFixed(3)}.`,
    );
  if (given === 0) told.push(`${path}: holds no profiles. imapwhy analyze writes them to profiles.ndjson.`);
  for (const line of told) process.stderr.write(`imapwhy: ${terminalText(line)}\n`);
  return given === 0 ? 1 : 0;
}
