import { createHash } from 'node:crypto';
import { type Assessment, assess, type Candidate, candidatesOf, failureRate } from '../models/prediction/assess.ts';
import type { AttemptRecord } from '../models/prediction/attempt.ts';
import { NetFit, type NetFitState, type NetProblem, netLoss, netMargins } from '../models/prediction/fit-net.ts';
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
  /** Rounds of boosting, and share of the net's epochs, that were best on the validation part. */
  readonly rounds: number;
  readonly epochShare: number;
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
  const { weights, epochShare } = await trainNet('measured', problem, prepared.rows, options, {
    validate: split.validate,
  });
  const seen = Uint32Array.of(...split.validate, ...split.test);
  const net = new Float64Array(set.rows);
  netMargins(problem, weights, seen).forEach((margin, i) => {
    net[seen[i] ?? 0] = margin;
  });
  const candidates = candidatesOf(set, split, { net, trees: trees.margins, logistic, rates });
  return { assessment: assess(set, split, candidates, options.seed), candidates, rounds: trees.rounds, epochShare };
}

/** The winner, fitted again on all rows: as many rounds and epochs, and the blend and calibration that were measured. */
export async function refit(
  set: TrainingSet,
  { assessment, rounds, epochShare }: Measured,
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
  const trained =
    blend.net === 0
      ? undefined
      : await trainNet('shipped', netProblem(set, prepared), prepared.rows, options, { epochShare });
  const net = trained && { shape: NET_SHAPE, weights: trained.weights };
  const linear = blend.linear === 0 ? undefined : fitLinear(set, prepared, winner === 'rates' ? 'rates' : 'all');
  return inSinglePrecision({ kind: winner, scaling: prepared.scaling, net, trees, linear, blend });
}

function netProblem(set: TrainingSet, prepared: PreparedRows): NetProblem {
  const labels = new Uint8Array(new SharedArrayBuffer(set.rows));
  labels.set(set.labels);
  return { shape: NET_SHAPE, windows: set.windows, query: prepared.query, labels };
}

/** Either trains to the end and takes what was best on `validate`, or trains for the share of the epochs that was best before. */
type StopRule = { readonly validate: Uint32Array } | { readonly epochShare: number };

async function trainNet(
  name: 'measured' | 'shipped',
  problem: NetProblem,
  rows: Uint32Array,
  { seed, jobs, quiet, checkpoints }: TrainingOptions,
  stop: StopRule,
): Promise<{ readonly weights: Float64Array; readonly epochShare: number }> {
  const fit = new NetFit(problem, rows, seed);
  // The rate falls over all epochs either way, so that the same epoch means the same.
  const until = 'epochShare' in stop ? Math.max(1, Math.round(stop.epochShare * fit.epochs)) : fit.epochs;
  const saved = await checkpoints?.load(name);
  if (saved) fit.resume(saved);
  if (saved && !quiet) process.stderr.write(`LSTM: goes on after epoch ${fit.epoch} of ${until}\n`);
  if (fit.epoch < until) {
    const progress = stepProgress(name === 'measured' ? 'LSTM' : 'LSTM, all rows', process.stderr, quiet);
    const workers = await GradientWorkers.start(problem, jobs);
    try {
      while (fit.epoch < until) {
        const epoch = fit.epoch + 1;
        fit.runEpoch(workers, (step, loss) =>
          progress.show(step, until * fit.stepsInEpoch, `epoch ${epoch} of ${until}, loss ${loss.toFixed(4)}`),
        );
        if ('validate' in stop) fit.judge(netLoss(problem, fit.weights, stop.validate));
        await checkpoints?.save(name, fit.state);
      }
    } finally {
      progress.finish();
      await workers.close();
    }
  }
  const { weights, epoch } = fit.best ?? fit;
  return { weights, epochShare: epoch / fit.epochs };
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
