import { type BoostedTrees, treesMargin } from '../math/boosted-trees.ts';
import type { LogisticModel } from '../math/logistic-regression.ts';
import { LstmWindowReader, layoutOf, type NetShape } from '../math/lstm-window-net.ts';
import { type Scaling, scaled } from './net-input.ts';
import { type EventWindow, STEP_INPUTS, STEPS_MAX, writeWindow } from './window.ts';

export const MODEL_KINDS = ['ensemble', 'lstm', 'trees', 'logistic', 'rates'] as const;
export type ModelKind = (typeof MODEL_KINDS)[number];

export interface Net {
  readonly shape: NetShape;
  readonly weights: Float64Array;
}

/** What a model is made of. `blend` adds the parts' log-odds into calibrated ones; a part that is absent has no weight. */
export interface PredictionModel {
  readonly kind: ModelKind;
  readonly scaling: Scaling;
  readonly net: Net | undefined;
  readonly trees: BoostedTrees | undefined;
  readonly linear: LogisticModel | undefined;
  readonly blend: { readonly bias: number; readonly net: number; readonly trees: number; readonly linear: number };
}

/** Everything in single precision, as the ONNX file keeps it, so that what was measured is what is loaded. */
export function inSinglePrecision(model: PredictionModel): PredictionModel {
  const f = Math.fround;
  return {
    ...model,
    scaling: { mean: model.scaling.mean.map(f), deviation: model.scaling.deviation.map(f) },
    net: model.net && { shape: model.net.shape, weights: Float64Array.from(model.net.weights, f) },
    trees: model.trees && {
      base: f(model.trees.base),
      trees: model.trees.trees.map((t) => ({ ...t, threshold: t.threshold.map(f), value: t.value.map(f) })),
    },
    linear: model.linear && { bias: f(model.linear.bias), weights: model.linear.weights.map(f) },
    blend: {
      bias: f(model.blend.bias),
      net: f(model.blend.net),
      trees: f(model.blend.trees),
      linear: f(model.blend.linear),
    },
  };
}

/** Applies a model to one query at a time; keeps scratch space, allocates nothing in a query. */
export class ModelReader {
  readonly #model: PredictionModel;
  readonly #reader: LstmWindowReader | undefined;
  readonly #query: Float64Array;
  readonly #steps = new Float64Array(STEPS_MAX * STEP_INPUTS.length);

  constructor(model: PredictionModel) {
    this.#model = model;
    this.#reader = model.net && new LstmWindowReader(model.net.shape, model.net.weights);
    this.#query = new Float64Array(model.scaling.mean.length);
  }

  /** Calibrated log-odds of failure. `features` in the order of FEATURES, NaN for missing; `at` is the query's time. */
  margin(features: Float64Array, window: EventWindow, at: number): number {
    const { blend, scaling, trees, linear } = this.#model;
    let margin = blend.bias;
    if (trees) margin += blend.trees * treesMargin(trees, features);
    if (!this.#reader && !linear) return margin;
    for (let f = 0; f < this.#query.length; f++) {
      this.#query[f] = scaled(Math.fround(features[f] ?? Number.NaN), scaling.mean[f] ?? 0, scaling.deviation[f] ?? 1);
    }
    if (this.#reader) margin += blend.net * this.#netMargin(this.#reader, window, at);
    if (linear) {
      let sum = linear.bias;
      for (let f = 0; f < this.#query.length; f++) sum += (linear.weights[f] ?? 0) * (this.#query[f] ?? 0);
      margin += blend.linear * sum;
    }
    return margin;
  }

  #netMargin(reader: LstmWindowReader, window: EventWindow, at: number): number {
    writeWindow(window, at, this.#steps);
    return reader.margin(this.#steps, window.length, this.#query);
  }
}

/** Undefined when a model's parts fit each other; else what does not. */
export function modelFault(model: PredictionModel, features: number): string | undefined {
  const { net, trees, linear, scaling } = model;
  if (scaling.mean.length !== features || scaling.deviation.length !== features) return 'scaling';
  if (net && (net.shape.query !== features || net.shape.inputs !== STEP_INPUTS.length || net.shape.steps !== STEPS_MAX))
    return 'shape of the net';
  if (net && net.weights.length !== layoutOf(net.shape).length) return 'weights of the net';
  if (linear && linear.weights.length !== features) return 'weights of the linear part';
  if (!net && !trees && !linear) return 'parts: there are none';
  for (const tree of trees?.trees ?? []) {
    for (let node = 0; node < tree.feature.length; node++) {
      const f = tree.feature[node] ?? -1;
      const left = tree.left[node] ?? 0;
      // Children lie behind their parent, so that no walk can go in a circle.
      if (f >= features || (f >= 0 && (left <= node || left + 1 >= tree.feature.length))) return 'trees';
    }
  }
  return undefined;
}
