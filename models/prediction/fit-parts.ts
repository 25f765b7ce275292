import { type Binned, type BoostedTrees, binColumns, fitTrees, type TreesOptions } from '../math/boosted-trees.ts';
import { fitLogistic, type LogisticModel } from '../math/logistic-regression.ts';
import type { NetShape } from '../math/lstm-window-net.ts';
import { FEATURES } from './knowledge.ts';
import { fitScaling, type Scaling, scaledRows } from './net-input.ts';
import type { TrainingSet } from './training-set.ts';
import { STEP_INPUTS, STEPS_MAX } from './window.ts';

export const NET_SHAPE: NetShape = {
  steps: STEPS_MAX,
  inputs: STEP_INPUTS.length,
  hidden: 24,
  query: FEATURES.length,
  joint: 32,
};

const ROUNDS_MAX = 200;
/** Rounds without a better validation loss before boosting stops. */
const PATIENCE = 20;
const RIDGE = 1;
/** Newton's method looks at every row in every iteration; a linear model learns nothing from more than these. */
const LOGISTIC_ROWS_MAX = 40_000;

/** Failure rates of the four keys and of all: what a table of rates by key would say. */
const RATE_FEATURES = [
  'all.base',
  'client.failed_last20',
  'client.failed_1d',
  'network.failed_6h',
  'server.failed_6h',
  'tunnel.failed_6h',
];

/** A training set with its features scaled and cut into bins by some of its rows. */
export interface PreparedRows {
  readonly rows: Uint32Array;
  readonly scaling: Scaling;
  readonly query: Float32Array;
  readonly binned: Binned;
}

export function prepareRows(set: TrainingSet, rows: Uint32Array): PreparedRows {
  const scaling = fitScaling(set.columns, rows);
  return { rows, scaling, query: scaledRows(set.columns, scaling), binned: binColumns(set.columns, rows) };
}

export interface FittedTrees {
  readonly trees: BoostedTrees;
  readonly rounds: number;
  /** Log-odds of every row of the set after the best round. */
  readonly margins: Float64Array;
}

/** Boosts until the loss on `validate` no longer falls. */
export function fitTreesEarly(
  set: TrainingSet,
  prepared: PreparedRows,
  validate: Uint32Array,
  seed: number,
  onRound: (round: number, of: number) => void,
): FittedTrees {
  let best = Number.POSITIVE_INFINITY;
  let rounds = 0;
  let margins = new Float64Array(set.rows);
  const all = fitTrees(prepared.binned, set.labels, prepared.rows, treesOptions(ROUNDS_MAX, seed), (round, now) => {
    const loss = meanLoss(now, set.labels, validate);
    if (loss < best) {
      best = loss;
      rounds = round + 1;
      margins = now.slice();
    }
    onRound(round + 1, ROUNDS_MAX);
    return round + 1 - rounds < PATIENCE;
  });
  return { trees: { base: all.base, trees: all.trees.slice(0, rounds) }, rounds, margins };
}

export function fitTreesFor(
  set: TrainingSet,
  prepared: PreparedRows,
  rounds: number,
  seed: number,
  onRound: (round: number, of: number) => void,
): BoostedTrees {
  return fitTrees(prepared.binned, set.labels, prepared.rows, treesOptions(rounds, seed), (round) => {
    onRound(round + 1, rounds);
    return true;
  });
}

function treesOptions(rounds: number, seed: number): TreesOptions {
  return { rounds, depth: 6, rate: 0.08, rowShare: 0.6, featureShare: 0.4, seed };
}

/** Mean logistic loss of `rows`; `margins` has one of every row. */
function meanLoss(margins: Float64Array, labels: Uint8Array, rows: Uint32Array): number {
  let sum = 0;
  for (const row of rows) {
    const margin = margins[row] ?? 0;
    sum += Math.max(margin, 0) + Math.log1p(Math.exp(-Math.abs(margin))) - (labels[row] ?? 0) * margin;
  }
  return sum / rows.length;
}

/** A linear model of all features, or of the failure rates alone. */
export function fitLinear(set: TrainingSet, prepared: PreparedRows, which: 'all' | 'rates'): LogisticModel {
  const step = Math.max(1, Math.ceil(prepared.rows.length / LOGISTIC_ROWS_MAX));
  const rows = prepared.rows.filter((_, i) => i % step === 0);
  const width = FEATURES.length;
  if (which === 'all') return fitLogistic(prepared.query, set.labels, width, RIDGE, rows);
  const chosen = RATE_FEATURES.map((name) => FEATURES.indexOf(name));
  const narrow = new Float32Array(set.rows * chosen.length);
  for (let row = 0; row < set.rows; row++)
    chosen.forEach((f, i) => {
      narrow[row * chosen.length + i] = prepared.query[row * width + f] ?? 0;
    });
  const model = fitLogistic(narrow, set.labels, chosen.length, RIDGE, rows);
  const weights = new Array<number>(width).fill(0);
  chosen.forEach((f, i) => {
    weights[f] = model.weights[i] ?? 0;
  });
  return { bias: model.bias, weights };
}

/** Log-odds of every row. */
export function linearMargins(model: LogisticModel, query: Float32Array): Float64Array {
  const width = model.weights.length;
  const margins = new Float64Array(query.length / width);
  for (let row = 0; row < margins.length; row++) {
    let margin = model.bias;
    for (let f = 0; f < width; f++) margin += (model.weights[f] ?? 0) * (query[row * width + f] ?? 0);
    margins[row] = margin;
  }
  return margins;
}
