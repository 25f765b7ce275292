import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { ClassifierScores } from '../models/math/classifier-scores.ts';
import type { AttemptRecord } from '../models/prediction/attempt.ts';
import { FEATURES } from '../models/prediction/knowledge.ts';
import { writeOnnx } from '../models/prediction/onnx-write.ts';
import { MODEL_FORMAT, type SideFile, sideFileText } from '../models/prediction/side-file.ts';
import { splitByTime } from '../models/prediction/split.ts';
import { STEP_INPUTS } from '../models/prediction/window.ts';
import { terminalText } from '../reports/clean-text.ts';
import { renderCard } from '../reports/prediction/card.ts';
import { assessmentText } from '../reports/prediction/tables.ts';
import { CheckpointFiles } from './checkpoints.ts';
import { CARD_NAME, checkTarget, ONNX_NAME, SIDE_NAME, sha256, writeModel } from './model-directory.ts';
import { inOrder, newReadCounts, readAttempts, readProblems } from './read-attempts.ts';
import { fingerprintOf, measure, overallRate, prepareSet, refit } from './training.ts';
import { UseError } from './use-error.ts';
import { version } from './version.ts';

export interface TrainOptions {
  readonly from: string;
  readonly out: string;
  readonly seed: string;
  readonly jobs: string;
  readonly force?: boolean;
  readonly quiet?: boolean;
}

export function registerTrain(program: Command): void {
  program
    .command('train')
    .description('train the connection-prediction model on own profiles; writes ONNX, side file and model card')
    .requiredOption('--from <file>', 'profiles, NDJSON or .gz, as analyze writes them')
    .requiredOption('--out <dir>', 'folder for the model')
    .option('--seed <n>', 'seed of all that is random', '1')
    .option('--jobs <n>', 'threads; the result is the same for any number', String(availableParallelism()))
    .option('--force', 'replace a model even if it is better or damaged')
    .option('--quiet', 'no progress')
    .addHelpText(
      'after',
      '\nA killed run goes on where it was when it is started again.\n\nExample:\n  imapwhy train --from imapwhy-out/profiles.ndjson --out imapwhy-model',
    )
    .action(async (options: TrainOptions) => {
      process.exitCode = await train(options);
    });
}

/** Exit code 0: written; 1: the model there is better, so it was kept. */
export async function train(options: TrainOptions): Promise<number> {
  const seed = wholeNumber('--seed', options.seed, 0);
  const jobs = wholeNumber('--jobs', options.jobs, 1);
  const quiet = options.quiet === true;
  const old = await checkTarget(options.out, options.force === true);
  const startedAt = performance.now();
  const records = await allAttempts(options.from);
  const set = prepareSet(records, quiet);
  const data = fingerprintOf(records);
  const target = resolve(options.out);
  await mkdir(dirname(target), { recursive: true });
  const checkpoints = new CheckpointFiles(
    join(dirname(target), `.${basename(target)}`),
    `${data} ${seed} ${MODEL_FORMAT} ${version}`,
  );
  const training = { seed, jobs, quiet, checkpoints };
  const split = splitByTime(set);
  const measured = await measure(set, split, training);
  const { assessment } = measured;
  process.stdout.write(`${assessmentText(assessment)}\n`);
  const chosen = assessment.figures.find((f) => f.name === assessment.winner);
  const card = cardFigures(set.at, split.testFrom, chosen, assessment.periods);
  if (old && options.force !== true && old.card.brier_skill > card.brier_skill) {
    process.stderr.write(
      `imapwhy: ${terminalText(options.out)} holds a better model (Brier skill ${old.card.brier_skill.toFixed(4)}, the new one ${card.brier_skill.toFixed(4)}), so it was kept. Give --force to replace it, or another --out; what was trained so far is not lost.\n`,
    );
    return 1;
  }
  const model = await refit(set, measured, training);
  const onnx = writeOnnx(model, version);
  const side: SideFile = {
    format: MODEL_FORMAT,
    engine: version,
    kind: model.kind,
    model_sha256: sha256(onnx),
    features: FEATURES,
    step_inputs: STEP_INPUTS,
    scaling: model.scaling,
    blend: model.blend,
    threshold: assessment.threshold,
    base_rate: overallRate(set),
    trained_on: {
      from: isoDay(set.at[0]),
      to: isoDay(set.at[set.rows - 1]),
      attempts: set.rows,
      clients: new Set(set.clients).size,
      failed: set.labels.reduce((n, label) => n + label, 0),
      sha256: data,
      seed,
    },
    card,
  };
  await writeModel(
    options.out,
    new Map<string, string | Uint8Array>([
      [ONNX_NAME, onnx],
      [SIDE_NAME, sideFileText(side)],
      ...renderCard(side, assessment, CARD_NAME),
    ]),
  );
  await checkpoints.clear();
  process.stdout.write(
    `Wrote ${terminalText(options.out)}: ${model.kind} (${Math.ceil(onnx.length / 1024)} KiB), trained on ${set.rows} attempts in ${((performance.now() - startedAt) / 1000).toFixed(0)} s. ${CARD_NAME} has the figures.\n`,
  );
  return 0;
}

/** Every attempt of the file in the order of its start. */
export async function allAttempts(path: string): Promise<readonly AttemptRecord[]> {
  const counts = newReadCounts();
  const records: AttemptRecord[] = [];
  for await (const { record } of inOrder(readAttempts(path, counts), Number.POSITIVE_INFINITY, counts))
    records.push(record);
  for (const problem of readProblems(path, counts)) process.stderr.write(`imapwhy: ${terminalText(problem)}\n`);
  if (records.length === 0)
    throw new UseError(`${path}: holds no profiles. imapwhy analyze writes them to profiles.ndjson.`);
  return records;
}

export function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least || value > 4_294_967_295)
    throw new UseError(`${option} ${text}: must be a whole number from ${least}.`);
  return value;
}

const isoDay = (ms: number | undefined): string => new Date(ms ?? 0).toISOString();

function cardFigures(
  at: Float64Array,
  testFrom: number,
  chosen: { readonly all: ClassifierScores } | undefined,
  periods: readonly { readonly meanRisk: number; readonly scores: { readonly rows: number } }[],
): SideFile['card'] {
  if (!chosen) throw new RangeError('the winner is among the candidates');
  const { all } = chosen;
  const rate = all.positives / all.rows;
  return {
    from: isoDay(testFrom),
    to: isoDay(at.at(-1)),
    auprc: all.auprc,
    auroc: all.auroc,
    accuracy: all.accuracy,
    brier_skill: 1 - all.brier / (rate * (1 - rate)),
    ece: all.ece,
    failure_rate: rate,
    mean_risk: periods.reduce((sum, p) => sum + p.meanRisk * p.scores.rows, 0) / all.rows,
  };
}
