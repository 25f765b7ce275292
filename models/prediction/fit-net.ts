import { Adam } from '../math/adam.ts';
import { initialWeights, LstmWindowNet, layoutOf, type NetShape } from '../math/lstm-window-net.ts';
import { newRandom, shuffle } from '../math/random.ts';
import { fillBatch } from './net-input.ts';
import type { Windows } from './training-set.ts';

export const BATCH = 256;
/** Rows whose gradient is summed in one go. Shards are added in a fixed order, so that the result does not hang on how many workers share them. */
export const SHARD = 64;
const RATE = 0.003;
const WARM_UP_STEPS = 100;
const DECAY = 0.01;
const CLIP_NORM = 1;
/** Fewer steps than this leave the net half-trained, more than these epochs memorise. */
const STEPS_MIN = 2000;
const EPOCHS_MIN = 6;
const EPOCHS_MAX = 10;

/** What the net learns from; arrays in shared memory. */
export interface NetProblem {
  readonly shape: NetShape;
  readonly windows: Windows;
  /** (rows,Q) scaled. */
  readonly query: Float32Array;
  readonly labels: Uint8Array;
}

/** Computes the gradient of the mean loss over a batch, here or spread over workers. */
export interface GradientRunner {
  /** Overwrites `gradient`; returns the sum of the losses. */
  run(weights: Float64Array, batch: Uint32Array, gradient: Float64Array): number;
}

/** Adds the gradient of one shard of a batch of `batchRows`; returns the sum of its losses. */
export function addShardGradient(
  net: LstmWindowNet,
  problem: NetProblem,
  weights: Float64Array,
  rows: Uint32Array,
  batchRows: number,
  gradient: Float64Array,
): number {
  fillBatch(net, problem.windows, problem.query, rows);
  net.forward(weights, rows.length);
  const dMargins = new Float64Array(rows.length);
  let loss = 0;
  for (let r = 0; r < rows.length; r++) {
    const margin = net.margins[r] ?? 0;
    const label = problem.labels[rows[r] ?? 0] ?? 0;
    dMargins[r] = (1 / (1 + Math.exp(-margin)) - label) / batchRows;
    // log(1 + e^m) - label·m, without overflow
    loss += Math.max(margin, 0) + Math.log1p(Math.exp(-Math.abs(margin))) - label * margin;
  }
  net.backward(weights, dMargins, rows.length, gradient);
  return loss;
}

export class LocalRunner implements GradientRunner {
  readonly #problem: NetProblem;
  readonly #net: LstmWindowNet;
  readonly #shard: Float64Array;

  constructor(problem: NetProblem) {
    this.#problem = problem;
    this.#net = new LstmWindowNet(problem.shape, SHARD);
    this.#shard = new Float64Array(layoutOf(problem.shape).length);
  }

  run(weights: Float64Array, batch: Uint32Array, gradient: Float64Array): number {
    gradient.fill(0);
    let loss = 0;
    for (let at = 0; at < batch.length; at += SHARD) {
      this.#shard.fill(0);
      const rows = batch.subarray(at, at + SHARD);
      loss += addShardGradient(this.#net, this.#problem, weights, rows, batch.length, this.#shard);
      for (let i = 0; i < gradient.length; i++) gradient[i] = (gradient[i] ?? 0) + (this.#shard[i] ?? 0);
    }
    return loss;
  }
}

/** All that is needed to go on after a stop. */
export interface NetFitState {
  readonly epoch: number;
  readonly step: number;
  readonly weights: Float64Array;
  readonly mean: Float64Array;
  readonly square: Float64Array;
  readonly best: BestEpoch | undefined;
}

/** The epoch after which the loss on rows that are not trained on was lowest. */
export interface BestEpoch {
  readonly epoch: number;
  readonly loss: number;
  readonly weights: Float64Array;
}

/** Trains a net epoch by epoch. The same seed and rows give the same weights, whoever computes the gradients and however often it was stopped. */
export class NetFit {
  readonly epochs: number;
  readonly stepsInEpoch: number;
  readonly weights: Float64Array;
  epoch = 0;
  best: BestEpoch | undefined;
  readonly #rows: Uint32Array;
  readonly #seed: number;
  readonly #adam: Adam;
  readonly #gradient: Float64Array;

  constructor(problem: NetProblem, rows: Uint32Array, seed: number) {
    this.#rows = rows;
    this.#seed = seed;
    this.stepsInEpoch = Math.ceil(rows.length / BATCH);
    this.epochs = Math.max(EPOCHS_MIN, Math.min(EPOCHS_MAX, Math.ceil(STEPS_MIN / this.stepsInEpoch)));
    let failed = 0;
    for (const row of rows) failed += problem.labels[row] ?? 0;
    this.weights = initialWeights(problem.shape, seed, Math.log((failed + 1) / (rows.length - failed + 1)));
    this.#adam = new Adam(this.weights.length);
    this.#gradient = new Float64Array(this.weights.length);
  }

  get state(): NetFitState {
    return {
      epoch: this.epoch,
      step: this.#adam.step,
      weights: this.weights,
      mean: this.#adam.mean,
      square: this.#adam.square,
      best: this.best,
    };
  }

  resume(state: NetFitState): void {
    this.epoch = state.epoch;
    this.best = state.best;
    this.#adam.step = state.step;
    this.weights.set(state.weights);
    this.#adam.mean.set(state.mean);
    this.#adam.square.set(state.square);
  }

  /** Keeps the weights if they are the best so far by their loss on rows that are not trained on. */
  judge(loss: number): void {
    if (this.best === undefined || loss < this.best.loss)
      this.best = { epoch: this.epoch, loss, weights: this.weights.slice() };
  }

  /** One pass over all rows; returns the mean loss. `onStep` hears the loss so far. */
  runEpoch(runner: GradientRunner, onStep: (step: number, loss: number) => void): number {
    const order = this.#rows.slice();
    shuffle(order, newRandom(this.#seed + 7919 * (this.epoch + 1)));
    const steps = this.epochs * this.stepsInEpoch;
    let loss = 0;
    for (let at = 0; at < order.length; at += BATCH) {
      const batch = order.subarray(at, at + BATCH);
      loss += runner.run(this.weights, batch, this.#gradient);
      // Rises for a while, then falls as half a cosine (Loshchilov & Hutter 2017).
      const step = this.#adam.step;
      const fall = 0.5 + 0.5 * Math.cos((Math.PI * step) / steps);
      const rate = RATE * Math.min(1, (step + 1) / Math.min(WARM_UP_STEPS, 0.1 * steps)) * (0.01 + 0.99 * fall);
      this.#adam.update(this.weights, this.#gradient, { rate, decay: DECAY, clip: CLIP_NORM });
      onStep(this.#adam.step, loss / Math.min(order.length, at + BATCH));
    }
    this.epoch++;
    return loss / order.length;
  }
}

/** Mean logistic loss of `rows`. */
export function netLoss(problem: NetProblem, weights: Float64Array, rows: Uint32Array): number {
  const margins = netMargins(problem, weights, rows);
  let sum = 0;
  for (let i = 0; i < rows.length; i++) {
    const margin = margins[i] ?? 0;
    sum += Math.max(margin, 0) + Math.log1p(Math.exp(-Math.abs(margin))) - (problem.labels[rows[i] ?? 0] ?? 0) * margin;
  }
  return sum / rows.length;
}

/** Log-odds of `rows`. */
export function netMargins(problem: NetProblem, weights: Float64Array, rows: Uint32Array): Float64Array {
  const net = new LstmWindowNet(problem.shape, SHARD);
  const margins = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at += SHARD) {
    const part = rows.subarray(at, at + SHARD);
    fillBatch(net, problem.windows, problem.query, part);
    net.forward(weights, part.length);
    margins.set(net.margins.subarray(0, part.length), at);
  }
  return margins;
}
