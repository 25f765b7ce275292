import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { gunzipSync } from 'node:zlib';
import type { Command } from 'commander';
import { type ClassifierScores, scoreClassifier } from '../models/math/classifier-scores.ts';
import type { Assessment } from '../models/prediction/assess.ts';
import { DriftMonitor } from '../models/prediction/drift.ts';
import { Predictor } from '../models/prediction/predictor.ts';
import type { Split } from '../models/prediction/split.ts';
import { splitByTime } from '../models/prediction/split.ts';
import type { TrainingSet } from '../models/prediction/training-set.ts';
import { messageOf } from '../outputs/output-error.ts';
import { terminalText } from '../reports/clean-text.ts';
import { driftText } from '../reports/prediction/drift.ts';
import { assessmentText, percent } from '../reports/prediction/tables.ts';
import { loadModel } from './model-directory.ts';
import { HELD_MAX, inOrder, newReadCounts, readAttempts } from './read-attempts.ts';
import { allAttempts, wholeNumber } from './train.ts';
import { measure, prepareSet } from './training.ts';
import { UseError } from './use-error.ts';

/** Shares of the time: fit, validate; the last quarter is measured. */
const SHARES = { fit: 0.6, validate: 0.15 };
/** A client's first attempts are not scored: nothing can be known of it yet. */
const FIRST_ATTEMPTS = 8;

interface EvaluatePredictionOptions {
  readonly from: string;
  readonly truth?: string;
  readonly seed: string;
  readonly jobs: string;
  readonly json?: boolean;
}

export function registerEvaluatePrediction(evaluate: Command): void {
  evaluate
    .command('prediction')
    .description(
      'train every candidate on the first three quarters of the time and measure all of them on the last; with --truth the ceiling too',
    )
    .requiredOption('--from <file>', 'profiles, NDJSON or .gz')
    .option('--truth <file>', '{id, p, heldout_client} a line: true probabilities, and clients never to fit on')
    .option('--seed <n>', 'seed of all that is random', '1')
    .option('--jobs <n>', 'threads', String(availableParallelism()))
    .option('--json', 'the figures as JSON')
    .action(evaluatePrediction);
  evaluate
    .command('drift')
    .description('compare a model’s risks with what happened, week by week, and say whether to train again')
    .requiredOption('--model <dir>', 'folder that train wrote')
    .requiredOption('--from <file>', 'profiles, NDJSON or .gz; what the model was trained on is left out')
    .action(evaluateDrift);
}

export async function evaluatePrediction(options: EvaluatePredictionOptions): Promise<void> {
  const seed = wholeNumber('--seed', options.seed, 0);
  const jobs = wholeNumber('--jobs', options.jobs, 1);
  const records = await allAttempts(options.from);
  const truth = options.truth === undefined ? undefined : await readTruth(options.truth);
  const set = prepareSet(records, options.json === true);
  const truths = truth && rowsOf(set, truth, options.truth ?? '');
  const split = withoutFirstAttempts(set, splitByTime(set, SHARES, truths?.isHeldOut));
  const { assessment } = await measure(set, split, {
    seed,
    jobs,
    quiet: options.json === true,
    checkpoints: undefined,
  });
  const ceiling = truths && ceilingOf(set, split, truths.p);
  if (options.json) {
    const { curves: _, ...figures } = assessment;
    process.stdout.write(`${JSON.stringify({ ...figures, ceiling }, null, 2)}\n`);
    return;
  }
  process.stdout.write(`${assessmentText(assessment, ceiling)}\n${ceiling ? skillText(assessment, ceiling.all) : ''}`);
}

/** Share of the way from always-the-base-rate to the ceiling, and how much rarer than chance the onsets that are named. */
function skillText(assessment: Assessment, ceiling: ClassifierScores): string {
  const accuracy = (name: string): number =>
    assessment.figures.find((f) => f.name === name)?.all.accuracy ?? Number.NaN;
  const majority = accuracy('majority');
  return assessment.figures
    .filter((f) => f.name !== 'majority')
    .map((f) => {
      const skill = (f.all.accuracy - majority) / (ceiling.accuracy - majority);
      const onset = f.onset.auprc / (f.onset.positives / f.onset.rows);
      return `  ${f.name.padEnd(12)} skill ${percent(skill).padStart(6)} % of the gap to the ceiling; onset AUPRC ${onset.toFixed(2)} times its base rate\n`;
    })
    .join('');
}

interface TruthRow {
  readonly p: number;
  readonly isHeldOut: boolean;
}

async function readTruth(file: string): Promise<ReadonlyMap<string, TruthRow>> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new UseError(`--truth ${file}: cannot be read (${messageOf(cause)}).`, { cause });
  });
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8');
  const rows = new Map<string, TruthRow>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const row = parseTruth(line);
    if (!row) throw new UseError(`--truth ${file}: line ${i + 1} must be {"id":…,"p":…,"heldout_client":…}.`);
    rows.set(row.id, { p: row.p, isHeldOut: row.isHeldOut });
  }
  return rows;
}

function parseTruth(line: string): (TruthRow & { readonly id: string }) | undefined {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof row !== 'object' || row === null || !('id' in row) || !('p' in row)) return undefined;
  const { id, p } = row;
  if (typeof id !== 'string' || typeof p !== 'number') return undefined;
  return { id, p, isHeldOut: 'heldout_client' in row && row.heldout_client === true };
}

function rowsOf(
  set: TrainingSet,
  truth: ReadonlyMap<string, TruthRow>,
  file: string,
): { readonly p: Float64Array; readonly isHeldOut: (row: number) => boolean } {
  const rows = set.ids.map((id) => truth.get(id));
  const missing = rows.indexOf(undefined);
  if (missing >= 0) throw new UseError(`--truth ${file}: has no line for the attempt ${set.ids[missing]}.`);
  return {
    p: Float64Array.from(rows, (row) => row?.p ?? Number.NaN),
    isHeldOut: (row) => rows[row]?.isHeldOut === true,
  };
}

function withoutFirstAttempts(set: TrainingSet, split: Split): Split {
  const seen = new Map<number, number>();
  const places = Uint32Array.from(set.clients, (client) => {
    const place = seen.get(client) ?? 0;
    seen.set(client, place + 1);
    return place;
  });
  return {
    ...split,
    // Held-out clients take no part in calibration either.
    validate: split.validate.filter((row) => !split.isNewClient(row)),
    test: split.test.filter((row) => (places[row] ?? 0) >= FIRST_ATTEMPTS),
  };
}

function ceilingOf(
  set: TrainingSet,
  split: Split,
  p: Float64Array,
): { readonly all: ClassifierScores; readonly onset: ClassifierScores } {
  const score = (rows: Uint32Array): ClassifierScores =>
    scoreClassifier(
      Float64Array.from(rows, (row) => p[row] ?? 0),
      Uint8Array.from(rows, (row) => set.labels[row] ?? 0),
      0.5,
    );
  return { all: score(split.test), onset: score(split.test.filter((row) => set.lastFailed[row] === 0)) };
}

async function evaluateDrift(options: { readonly model: string; readonly from: string }): Promise<void> {
  const { model, side } = await loadModel(options.model);
  const predictor = new Predictor(model, side.base_rate);
  const trainedTo = Date.parse(side.trained_on.to);
  const monitor = new DriftMonitor(side.card);
  const counts = newReadCounts();
  for await (const { record, isLate } of inOrder(readAttempts(options.from, counts), HELD_MAX, counts)) {
    if (isLate) continue;
    const { risk, basis } = predictor.next(record);
    if (record.attempt.at > trainedTo && basis === 'model') monitor.add(record, risk);
  }
  process.stdout.write(terminalText(driftText(monitor.weeks(), side)));
}
