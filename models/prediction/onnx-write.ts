import type { BoostedTrees } from '../math/boosted-trees.ts';
import { layoutOf } from '../math/lstm-window-net.ts';
import { CLIP } from './net-input.ts';
import { WireWriter } from './onnx-wire.ts';
import type { Net, PredictionModel } from './prediction-model.ts';

const IR_VERSION = 8;
const OPSET = 17;
const ML_OPSET = 3;
const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;

/** Order of the gates: ours is input, forget, cell, output; ONNX has input, output, forget, cell. */
export const ONNX_GATES = [0, 3, 1, 2];

/**
 * The whole model as one ONNX graph. Inputs: `query` (N,features), raw, NaN for missing; with a net also `events` (steps,N,inputs), oldest
 * first, and `lengths` (N), how many steps count. Output: `risk` (N,1), calibrated.
 * Source: onnx.proto and Operators.md of github.com/onnx/onnx; TreeEnsembleRegressor of ai.onnx.ml 3.
 */
export function writeOnnx(model: PredictionModel, engine: string): Buffer {
  const graph = new GraphWriter();
  const margins: string[] = [];
  const scaleBy = (margin: string, factor: number): void => {
    graph.tensor(`${margin}_blend`, [1], [factor]);
    graph.node('Mul', [margin, `${margin}_blend`], [`${margin}_part`]);
    margins.push(`${margin}_part`);
  };
  const features = model.scaling.mean.length;
  graph.input('query', FLOAT, ['N', features]);
  writeScaling(graph, model);
  if (model.trees) {
    writeTrees(graph, model.trees);
    scaleBy('trees_margin', model.blend.trees);
  }
  if (model.net) {
    writeNet(graph, model.net, features);
    scaleBy('net_margin', model.blend.net);
  }
  if (model.linear) {
    graph.tensor('linear_weights', [features, 1], model.linear.weights);
    graph.tensor('linear_bias', [1], [model.linear.bias]);
    graph.node('Gemm', ['scaled', 'linear_weights', 'linear_bias'], ['linear_margin']);
    scaleBy('linear_margin', model.blend.linear);
  }
  graph.tensor('blend_bias', [1], [model.blend.bias]);
  let sum = 'blend_bias';
  for (const [i, margin] of margins.entries()) {
    graph.node('Add', [sum, margin], [`sum_${i}`]);
    sum = `sum_${i}`;
  }
  graph.node('Sigmoid', [sum], ['risk']);
  graph.output('risk', FLOAT, ['N', 1]);
  const entry = (key: string, value: string): WireWriter => new WireWriter().text(1, key).text(2, value);
  return new WireWriter()
    .varint(1, IR_VERSION)
    .text(2, 'imapwhy')
    .text(3, engine)
    .message(7, graph.finish('connection-prediction'))
    .message(8, new WireWriter().text(1, '').varint(2, OPSET))
    .message(8, new WireWriter().text(1, 'ai.onnx.ml').varint(2, ML_OPSET))
    .message(14, entry('kind', model.kind))
    .message(14, entry('steps', String(model.net?.shape.steps ?? 0)))
    .finish();
}

/** Standardised, clipped, zero where missing: `net-input.ts` in ONNX. */
function writeScaling(graph: GraphWriter, { scaling }: PredictionModel): void {
  graph.tensor('scaling_mean', [scaling.mean.length], scaling.mean);
  graph.tensor('scaling_deviation', [scaling.deviation.length], scaling.deviation);
  graph.tensor('clip_low', [], [-CLIP]);
  graph.tensor('clip_high', [], [CLIP]);
  graph.node('IsNaN', ['query'], ['missing']);
  graph.node('Where', ['missing', 'scaling_mean', 'query'], ['filled']);
  graph.node('Sub', ['filled', 'scaling_mean'], ['centred']);
  graph.node('Div', ['centred', 'scaling_deviation'], ['standardised']);
  graph.node('Clip', ['standardised', 'clip_low', 'clip_high'], ['scaled']);
}

function writeNet(graph: GraphWriter, { shape, weights }: Net, features: number): void {
  const { inputs, hidden, joint, steps } = shape;
  const layout = layoutOf(shape);
  const wide = 4 * hidden;
  graph.input('events', FLOAT, [steps, 'N', inputs]);
  graph.input('lengths', INT32, ['N']);
  const gates = (from: number, width: number): number[] =>
    ONNX_GATES.flatMap((gate) =>
      Array.from({ length: hidden * width }, (_, i) => {
        const unit = Math.floor(i / width);
        return weights[from + (i % width) * wide + gate * hidden + unit] ?? 0;
      }),
    );
  const bias = ONNX_GATES.flatMap((gate) => [
    ...weights.subarray(layout.bias + gate * hidden, layout.bias + (gate + 1) * hidden),
  ]);
  graph.tensor('lstm_w', [1, wide, inputs], gates(layout.input, inputs));
  graph.tensor('lstm_r', [1, wide, hidden], gates(layout.recurrent, hidden));
  graph.tensor('lstm_b', [1, 2 * wide], [...bias, ...new Array<number>(wide).fill(0)]);
  graph.tensor('joint_weights', [hidden + features, joint], weights.subarray(layout.jointHidden, layout.jointBias));
  graph.tensor('joint_bias', [joint], weights.subarray(layout.jointBias, layout.out));
  graph.tensor('out_weights', [joint, 1], weights.subarray(layout.out, layout.outBias));
  graph.tensor('out_bias', [1], weights.subarray(layout.outBias, layout.length));
  graph.integers('first_axis', [0]);
  graph.node(
    'LSTM',
    ['events', 'lstm_w', 'lstm_r', 'lstm_b', 'lengths'],
    ['', 'last_hidden'],
    [attribute('hidden_size', hidden)],
  );
  graph.node('Squeeze', ['last_hidden', 'first_axis'], ['hidden']);
  graph.node('Concat', ['hidden', 'scaled'], ['joined'], [attribute('axis', 1)]);
  graph.node('Gemm', ['joined', 'joint_weights', 'joint_bias'], ['joint_sum']);
  graph.node('Tanh', ['joint_sum'], ['joint']);
  graph.node('Gemm', ['joint', 'out_weights', 'out_bias'], ['net_margin']);
}

function writeTrees(graph: GraphWriter, { base, trees }: BoostedTrees): void {
  const nodes = trees.flatMap((tree, t) =>
    tree.feature.map((feature, n) => ({
      t,
      n,
      isLeaf: feature < 0,
      feature: Math.max(0, feature),
      threshold: feature < 0 ? 0 : (tree.threshold[n] ?? 0),
      left: tree.left[n] ?? 0,
      missingLeft: tree.missingLeft[n] === true,
      value: tree.value[n] ?? 0,
    })),
  );
  const leaves = nodes.filter((node) => node.isLeaf);
  const integers = (name: string, of: (node: (typeof nodes)[number]) => number): WireWriter =>
    attributeList(name, 7, (w) => w.varints(8, nodes.map(of)));
  graph.node(
    'TreeEnsembleRegressor',
    ['query'],
    ['trees_margin'],
    [
      attribute('n_targets', 1),
      attributeList('base_values', 6, (w) => w.floats(7, [base])),
      integers('nodes_treeids', (node) => node.t),
      integers('nodes_nodeids', (node) => node.n),
      integers('nodes_featureids', (node) => node.feature),
      attributeList('nodes_values', 6, (w) =>
        w.floats(
          7,
          nodes.map((node) => node.threshold),
        ),
      ),
      attributeList('nodes_modes', 8, (w) => {
        for (const node of nodes) w.text(9, node.isLeaf ? 'LEAF' : 'BRANCH_LEQ');
      }),
      integers('nodes_truenodeids', (node) => (node.isLeaf ? 0 : node.left)),
      integers('nodes_falsenodeids', (node) => (node.isLeaf ? 0 : node.left + 1)),
      integers('nodes_missing_value_tracks_true', (node) => (node.missingLeft ? 1 : 0)),
      attributeList('target_treeids', 7, (w) =>
        w.varints(
          8,
          leaves.map((node) => node.t),
        ),
      ),
      attributeList('target_nodeids', 7, (w) =>
        w.varints(
          8,
          leaves.map((node) => node.n),
        ),
      ),
      attributeList('target_ids', 7, (w) =>
        w.varints(
          8,
          leaves.map(() => 0),
        ),
      ),
      attributeList('target_weights', 6, (w) =>
        w.floats(
          7,
          leaves.map((node) => node.value),
        ),
      ),
    ],
    'ai.onnx.ml',
  );
}

/** An integer attribute. */
function attribute(name: string, value: number): WireWriter {
  return new WireWriter().text(1, name).varint(3, value).varint(20, 2);
}

function attributeList(name: string, type: 6 | 7 | 8, write: (w: WireWriter) => void): WireWriter {
  const writer = new WireWriter().text(1, name);
  write(writer);
  return writer.varint(20, type);
}

class GraphWriter {
  readonly #nodes: WireWriter[] = [];
  readonly #tensors: WireWriter[] = [];
  readonly #inputs: WireWriter[] = [];
  readonly #outputs: WireWriter[] = [];

  node(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: readonly WireWriter[] = [],
    domain = '',
  ): void {
    const node = new WireWriter();
    for (const name of inputs) node.text(1, name);
    for (const name of outputs) node.text(2, name);
    node.text(3, `${type}_${this.#nodes.length}`).text(4, type);
    for (const a of attributes) node.message(5, a);
    if (domain !== '') node.text(7, domain);
    this.#nodes.push(node);
  }

  tensor(name: string, dims: readonly number[], values: ArrayLike<number>): void {
    const raw = Buffer.alloc(4 * values.length);
    for (let i = 0; i < values.length; i++) raw.writeFloatLE(values[i] ?? 0, 4 * i);
    this.#tensors.push(new WireWriter().varints(1, dims).varint(2, FLOAT).text(8, name).bytes(9, raw));
  }

  integers(name: string, values: readonly number[]): void {
    const raw = Buffer.alloc(8 * values.length);
    for (const [i, value] of values.entries()) raw.writeBigInt64LE(BigInt(value), 8 * i);
    this.#tensors.push(new WireWriter().varints(1, [values.length]).varint(2, INT64).text(8, name).bytes(9, raw));
  }

  input(name: string, type: number, dims: readonly (number | string)[]): void {
    this.#inputs.push(valueInfo(name, type, dims));
  }

  output(name: string, type: number, dims: readonly (number | string)[]): void {
    this.#outputs.push(valueInfo(name, type, dims));
  }

  finish(name: string): WireWriter {
    const graph = new WireWriter();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, name);
    for (const tensor of this.#tensors) graph.message(5, tensor);
    for (const input of this.#inputs) graph.message(11, input);
    for (const output of this.#outputs) graph.message(12, output);
    return graph;
  }
}

function valueInfo(name: string, type: number, dims: readonly (number | string)[]): WireWriter {
  const shape = new WireWriter();
  for (const dim of dims) {
    const d = new WireWriter();
    shape.message(1, typeof dim === 'number' ? d.varint(1, dim) : d.text(2, dim));
  }
  const tensor = new WireWriter().varint(1, type).message(2, shape);
  return new WireWriter().text(1, name).message(2, new WireWriter().message(1, tensor));
}
