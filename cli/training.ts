import { createHash } from 'node:crypto';
import { type Assessment, assess, type Candidate, candidatesOf, failureRate } from '../models/prediction/assess.ts';
import type { AttemptRecord } from '../models/prediction/attempt.ts';
import { NetFit, type NetFitState, type NetProblem, netMargins } from '../models/prediction/fit-net.ts';
import {
  fitLinear,
  fitTreesEarly,
  fitTreesFor,
  linearMargins,
  NET_SHAPE,
  type PreparedRows,
  prepareRows,
} from '../models/prediction/fit-parts.ts';
import { inSinglePrecision, type PredictionModel } from '../models/prediction/prediction-model.ts';
import { type Split, splitFault } from '../models/prediction/split.ts';
import { buildTrainingSet, type TrainingSet } from '../models/prediction/training-set.ts';
import { GradientWorkers } from './gradient-workers.ts';
import { stepProgress } from './step-progress.ts';
import { UseError } from './use-error.ts';

export interface TrainingOptions {
  readonly seed: number;
  readonly jobs: number;
  readonly quiet: boolean;
  /** Where a net that was being trained is kept, so that a killed run goes on. */
  readonly checkpoints: Checkpoints | undefined;
}

export interface Checkpoints {
  /** The state saved last under `name`, if it belongs to the same rows and options. */
  load(name: string): Promise<NetFitState | undefined>;
  save(name: string, state: NetFitState): Promise<void>;
}

export interface Measured {
  readonly assessment: Assessment;
  readonly candidates: readonly Candidate[];
  readonly rounds: number;
}

/** Fits every candidate on the fit part, blends and calibrates on the validation part, and measures on the test part. */
export async function measure(set: TrainingSet, split: Split, options: TrainingOptions): Promise<Measured> {
  const fault = splitFault(set, split);
  if (fault !== undefined) throw new UseError(fault);
  const prepared = prepareRows(set, split.fit);
  const progress = stepProgress('trees', process.stderr, options.quiet);
  const trees = fitTreesEarly(set, prepared, split.validate, options.seed, (round, of) =>
    progress.show(round, of, `round ${round}`),
  );
  progress.finish();
  const logistic = linearMargins(fitLinear(set, prepared, 'all'), prepared.query);
  const rates = linearMargins(fitLinear(set, prepared, 'rates'), prepared.query);
  const problem = netProblem(set, prepared);
  const weights = await trainNet('measured', problem, prepared.rows, options);
  const seen = Uint32Array.of(...split.validate, ...split.test);
  const net = new Float64Array(set.rows);
  netMargins(problem, weights, seen).forEach((margin, i) => {
    net[seen[i] ?? 0] = margin;
  });
  const candidates = candidatesOf(set, split, { net, trees: trees.margins, logistic, rates });
  return { assessment: assess(set, split, candidates, options.seed), candidates, rounds: trees.rounds };
}

/** The winner, fitted again on all rows: as many rounds and epochs, and the blend and calibration that were measured. */
export async function refit(
  set: TrainingSet,
  { assessment, rounds }: Measured,
  options: TrainingOptions,
): Promise<PredictionModel> {
  const prepared = prepareRows(
    set,
    Uint32Array.from(set.labels, (_, row) => row),
  );
  const { winner, blend } = assessment;
  const progress = stepProgress('trees, all rows', process.stderr, options.quiet);
  const trees =
    blend.trees === 0
      ? undefined
      : fitTreesFor(set, prepared, rounds, options.seed, (round, of) => progress.show(round, of, `round ${round}`));
  progress.finish();
  const net =
    blend.net === 0
      ? undefined
      : { shape: NET_SHAPE, weights: await trainNet('shipped', netProblem(set, prepared), prepared.rows, options) };
  const linear = blend.linear === 0 ? undefined : fitLinear(set, prepared, winner === 'rates' ? 'rates' : 'all');
  return inSinglePrecision({ kind: winner, scaling: prepared.scaling, net, trees, linear, blend });
}

function netProblem(set: TrainingSet, prepared: PreparedRows): NetProblem {
  const labels = new Uint8Array(new SharedArrayBuffer(set.rows));
  labels.set(set.labels);
  return { shape: NET_SHAPE, windows: set.windows, query: prepared.query, labels };
}

async function trainNet(
  name: 'measured' | 'shipped',
  problem: NetProblem,
  rows: Uint32Array,
  { seed, jobs, quiet, checkpoints }: TrainingOptions,
): Promise<Float64Array> {
  const fit = new NetFit(problem, rows, seed);
  const saved = await checkpoints?.load(name);
  if (saved) fit.resume(saved);
  if (fit.epoch >= fit.epochs) return fit.weights;
  if (saved && !quiet) process.stderr.write(`LSTM: goes on after epoch ${fit.epoch} of ${fit.epochs}\n`);
  const progress = stepProgress(name === 'measured' ? 'LSTM' : 'LSTM, all rows', process.stderr, quiet);
  const workers = await GradientWorkers.start(problem, jobs);
  try {
    while (fit.epoch < fit.epochs) {
      const epoch = fit.epoch + 1;
      fit.runEpoch(workers, (step, loss) =>
        progress.show(step, fit.epochs * fit.stepsInEpoch, `epoch ${epoch} of ${fit.epochs}, loss ${loss.toFixed(4)}`),
      );
      await checkpoints?.save(name, fit.state);
    }
  } finally {
    progress.finish();
    await workers.close();
  }
  return fit.weights;
}

/** The set of attempts that are in order; shows progress. */
export function prepareSet(records: readonly AttemptRecord[], quiet: boolean): TrainingSet {
  const progress = stepProgress('features', process.stderr, quiet);
  const set = buildTrainingSet(records, (row) => {
    if (row % 256 === 0) progress.show(row + 1, records.length, '');
  });
  progress.finish();
  return set;
}

/** What was trained on: ids, times and outcomes. */
export function fingerprintOf(records: readonly AttemptRecord[]): string {
  const hash = createHash('sha256');
  for (const { attempt, decision } of records)
    hash.update(`${attempt.id}\n${attempt.at} ${decision.at} ${decision.kind}\n`);
  return hash.digest('hex');
}

export const overallRate = (set: TrainingSet): number =>
  failureRate(
    set,
    Uint32Array.from(set.labels, (_, row) => row),
  );
