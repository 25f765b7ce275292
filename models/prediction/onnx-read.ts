import type { BoostedTrees, Tree } from '../math/boosted-trees.ts';
import { layoutOf } from '../math/lstm-window-net.ts';
import { readFields, readFloats, readVarints, type WireField } from './onnx-wire.ts';
import { ONNX_GATES } from './onnx-write.ts';
import { MODEL_KINDS, type Net, type PredictionModel } from './prediction-model.ts';

const FLOAT = 1;
const SIZE_MAX = 4096;

interface Tensor {
  readonly dims: readonly number[];
  readonly values: readonly number[];
}

/** Reads a model that `writeOnnx` wrote. Undefined when the bytes are something else; never throws. */
export function readOnnx(bytes: Buffer): PredictionModel | undefined {
  const file = readFields(bytes);
  const graph = file && readFields(only(file, 7)?.bytes ?? Buffer.alloc(0));
  if (!file || !graph) return undefined;
  const kindName = entryOf(file, 'kind');
  const kind = MODEL_KINDS.find((k) => k === kindName);
  const tensors = tensorsOf(graph);
  const treesNode = graph
    .filter((f) => f.field === 1)
    .map((f) => readFields(f.bytes))
    .find(isTrees);
  const mean = tensors.get('scaling_mean')?.values;
  const deviation = tensors.get('scaling_deviation')?.values;
  const bias = tensors.get('blend_bias')?.values[0];
  if (kind === undefined || !mean || !deviation || bias === undefined) return undefined;
  const net = tensors.has('lstm_w') ? netOf(tensors, mean.length, Number(entryOf(file, 'steps'))) : undefined;
  const trees = treesNode ? treesOf(treesNode) : undefined;
  if ((tensors.has('lstm_w') && !net) || (treesNode && !trees)) return undefined;
  const weights = tensors.get('linear_weights')?.values;
  const linearBias = tensors.get('linear_bias')?.values[0];
  const blendOf = (part: string): number => tensors.get(`${part}_margin_blend`)?.values[0] ?? 0;
  return {
    kind,
    scaling: { mean, deviation },
    net,
    trees,
    linear: weights && linearBias !== undefined ? { bias: linearBias, weights } : undefined,
    blend: { bias, net: blendOf('net'), trees: blendOf('trees'), linear: blendOf('linear') },
  };
}

/** A metadata entry of the file. */
function entryOf(file: readonly WireField[], key: string): string | undefined {
  for (const entry of file) {
    if (entry.field !== 14) continue;
    const pair = readFields(entry.bytes) ?? [];
    if (only(pair, 1)?.bytes.toString('utf8') === key) return only(pair, 2)?.bytes.toString('utf8');
  }
  return undefined;
}

function tensorsOf(graph: readonly WireField[]): ReadonlyMap<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const entry of graph) {
    if (entry.field !== 5) continue;
    const fields = readFields(entry.bytes) ?? [];
    const name = only(fields, 8)?.bytes.toString('utf8');
    if (name === undefined || only(fields, 2)?.value !== FLOAT) continue;
    tensors.set(name, {
      dims: readVarints(only(fields, 1)?.bytes ?? Buffer.alloc(0)),
      values: readFloats(only(fields, 9)?.bytes ?? Buffer.alloc(0)),
    });
  }
  return tensors;
}

function netOf(tensors: ReadonlyMap<string, Tensor>, query: number, steps: number): Net | undefined {
  const need = (name: string): Tensor => tensors.get(name) ?? { dims: [], values: [] };
  const w = need('lstm_w');
  const r = need('lstm_r');
  const b = need('lstm_b');
  const inputs = w.dims[2] ?? 0;
  const hidden = r.dims[2] ?? 0;
  const joint = need('joint_bias').values.length;
  const wide = 4 * hidden;
  if (![inputs, hidden, joint, steps].every((n) => n > 0 && n <= SIZE_MAX)) return undefined;
  const shape = { steps, inputs, hidden, query, joint };
  const layout = layoutOf(shape);
  const expected: readonly (readonly [Tensor, number])[] = [
    [w, wide * inputs],
    [r, wide * hidden],
    [b, 2 * wide],
    [need('joint_weights'), (hidden + query) * joint],
    [need('out_weights'), joint],
    [need('out_bias'), 1],
  ];
  if (expected.some(([tensor, length]) => tensor.values.length !== length)) return undefined;
  const weights = new Float64Array(layout.length);
  ONNX_GATES.forEach((gate, place) => {
    for (let unit = 0; unit < hidden; unit++) {
      const row = place * hidden + unit;
      const column = gate * hidden + unit;
      for (let i = 0; i < inputs; i++) weights[layout.input + i * wide + column] = w.values[row * inputs + i] ?? 0;
      for (let i = 0; i < hidden; i++) weights[layout.recurrent + i * wide + column] = r.values[row * hidden + i] ?? 0;
      weights[layout.bias + column] = b.values[row] ?? 0;
    }
  });
  weights.set(need('joint_weights').values, layout.jointHidden);
  weights.set(need('joint_bias').values, layout.jointBias);
  weights.set(need('out_weights').values, layout.out);
  weights.set(need('out_bias').values, layout.outBias);
  return { shape, weights };
}

const isTrees = (node: readonly WireField[] | undefined): boolean =>
  node !== undefined && only(node, 4)?.bytes.toString('utf8') === 'TreeEnsembleRegressor';

function treesOf(node: readonly WireField[]): BoostedTrees | undefined {
  const attributes = new Map<string, readonly WireField[]>();
  for (const entry of node) {
    if (entry.field !== 5) continue;
    const fields = readFields(entry.bytes) ?? [];
    attributes.set(only(fields, 1)?.bytes.toString('utf8') ?? '', fields);
  }
  const packed = (name: string, field: number): Buffer =>
    only(attributes.get(name) ?? [], field)?.bytes ?? Buffer.alloc(0);
  const treeIds = readVarints(packed('nodes_treeids', 8));
  const features = readVarints(packed('nodes_featureids', 8));
  const thresholds = readFloats(packed('nodes_values', 7));
  const lefts = readVarints(packed('nodes_truenodeids', 8));
  const missing = readVarints(packed('nodes_missing_value_tracks_true', 8));
  const modes = (attributes.get('nodes_modes') ?? []).filter((f) => f.field === 9).map((f) => f.bytes.toString('utf8'));
  const values = readFloats(packed('target_weights', 7));
  const base = readFloats(packed('base_values', 7))[0];
  const n = treeIds.length;
  if (base === undefined || [features, thresholds, lefts, missing, modes].some((list) => list.length !== n))
    return undefined;
  const trees: { [K in keyof Tree]: Tree[K][number][] }[] = [];
  let leaf = 0;
  for (let i = 0; i < n; i++) {
    const id = treeIds[i] ?? 0;
    if (id === trees.length) trees.push({ feature: [], threshold: [], missingLeft: [], left: [], value: [] });
    const tree = trees[id];
    if (!tree || id !== trees.length - 1) return undefined;
    const isLeaf = modes[i] === 'LEAF';
    tree.feature.push(isLeaf ? -1 : (features[i] ?? 0));
    tree.threshold.push(thresholds[i] ?? 0);
    tree.missingLeft.push(missing[i] === 1);
    tree.left.push(lefts[i] ?? 0);
    tree.value.push(isLeaf ? (values[leaf++] ?? 0) : 0);
  }
  return { base, trees };
}

function only(fields: readonly WireField[], field: number): WireField | undefined {
  return fields.find((f) => f.field === field);
}
