import { newRandom } from './random.ts';

/** Bin 0 holds what is missing, the others quantiles of what is there. */
const BINS = 64;
const LAMBDA = 1;
const HESSIAN_MIN = 10;

export interface TreesOptions {
  readonly rounds: number;
  readonly depth: number;
  readonly rate: number;
  /** Shares of rows and features that each tree sees. */
  readonly rowShare: number;
  readonly featureShare: number;
  readonly seed: number;
}

/** Binary trees in arrays. Node i is a leaf when feature[i] is -1; else values up to threshold[i] go to left[i], others to left[i] + 1. */
export interface Tree {
  readonly feature: readonly number[];
  readonly threshold: readonly number[];
  readonly missingLeft: readonly boolean[];
  readonly left: readonly number[];
  readonly value: readonly number[];
}

export interface BoostedTrees {
  readonly base: number;
  readonly trees: readonly Tree[];
}

/** Columns of features, one array each; NaN is missing. */
export type Columns = readonly Float32Array[];

/** Columns cut into quantile bins, and the values at which they were cut. */
export interface Binned {
  readonly bins: readonly Uint8Array[];
  readonly edges: readonly Float32Array[];
}

export function binColumns(columns: Columns, rows: Uint32Array): Binned {
  const edges = columns.map((column) => quantiles(column, rows));
  const bins = columns.map((column, f) => {
    const cuts = edges[f] ?? new Float32Array();
    return Uint8Array.from(column, (value) => binOf(value, cuts));
  });
  return { bins, edges };
}

/** Distinct upper edges; a value belongs to the first bin whose edge is not below it. */
function quantiles(column: Float32Array, rows: Uint32Array): Float32Array {
  const step = Math.max(1, Math.floor(rows.length / 20_000));
  const sample: number[] = [];
  for (let i = 0; i < rows.length; i += step) {
    const value = column[rows[i] ?? 0] ?? Number.NaN;
    if (!Number.isNaN(value)) sample.push(value);
  }
  const sorted = Float32Array.from(sample).sort();
  const edges: number[] = [];
  for (let b = 1; b < BINS - 1; b++) {
    const edge = sorted[Math.floor((b * sorted.length) / (BINS - 1))];
    if (edge !== undefined && edge !== edges.at(-1)) edges.push(edge);
  }
  return Float32Array.from(edges);
}

function binOf(value: number, edges: Float32Array): number {
  if (Number.isNaN(value)) return 0;
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low + 1;
}

/**
 * Gradient boosting of depth-limited trees on the logistic loss with second-order leaf values and histograms of quantile bins.
 * Deterministic for a seed. `afterRound` may look at the margins of all rows (also those not trained on) and stop by returning false.
 * Source: Friedman 2001; Chen & Guestrin 2016 (XGBoost), sections 2.2 and 3.2; Ke et al. 2017 (LightGBM), histogram subtraction.
 */
export function fitTrees(
  binned: Binned,
  labels: Uint8Array,
  rows: Uint32Array,
  options: TreesOptions,
  afterRound: (round: number, margins: Float64Array) => boolean = () => true,
): BoostedTrees {
  const random = newRandom(options.seed);
  const n = labels.length;
  let positive = 0;
  for (const row of rows) positive += labels[row] ?? 0;
  const base = Math.log((positive + 0.5) / (rows.length - positive + 0.5));
  const margins = new Float64Array(n).fill(base);
  const gradient = new Float64Array(n);
  const hessian = new Float64Array(n);
  const grower = new Grower(binned, gradient, hessian, options);
  const trees: Tree[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const kept = rows.filter(() => random() < options.rowShare);
    for (const row of kept) {
      const p = 1 / (1 + Math.exp(-(margins[row] ?? 0)));
      gradient[row] = p - (labels[row] ?? 0);
      hessian[row] = p * (1 - p);
    }
    const features = binned.bins.map((_, f) => f).filter(() => random() < options.featureShare);
    const tree = grower.grow(kept, features.length > 0 ? features : [0]);
    trees.push(tree);
    addTree(tree, binned, margins);
    if (!afterRound(round, margins)) break;
  }
  return { base, trees };
}

/** Log-odds of one row. */
export function treesMargin(model: BoostedTrees, row: Float64Array): number {
  let margin = model.base;
  for (const tree of model.trees) {
    let node = 0;
    for (let f = tree.feature[0] ?? -1; f >= 0; f = tree.feature[node] ?? -1) {
      // Rounded as in training, or a value on an edge would fall on its other side.
      const value = Math.fround(row[f] ?? Number.NaN);
      const goesLeft = Number.isNaN(value) ? tree.missingLeft[node] : value <= (tree.threshold[node] ?? 0);
      node = (tree.left[node] ?? 0) + (goesLeft ? 0 : 1);
    }
    margin += tree.value[node] ?? 0;
  }
  return margin;
}

function addTree(tree: Tree, { bins, edges }: Binned, margins: Float64Array): void {
  const cut = tree.feature.map((f, i) => (f < 0 ? 0 : binOf(tree.threshold[i] ?? 0, edges[f] ?? new Float32Array())));
  for (let row = 0; row < margins.length; row++) {
    let node = 0;
    for (let f = tree.feature[0] ?? -1; f >= 0; f = tree.feature[node] ?? -1) {
      const bin = bins[f]?.[row] ?? 0;
      const goesLeft = bin === 0 ? tree.missingLeft[node] : bin <= (cut[node] ?? 0);
      node = (tree.left[node] ?? 0) + (goesLeft ? 0 : 1);
    }
    margins[row] = (margins[row] ?? 0) + (tree.value[node] ?? 0);
  }
}

interface Node {
  readonly index: number;
  readonly rows: Uint32Array;
  readonly histogram: Float64Array;
  readonly gradient: number;
  readonly hessian: number;
}

interface Split {
  readonly gain: number;
  readonly feature: number;
  readonly bin: number;
  readonly missingLeft: boolean;
}

interface GrowingTree {
  readonly feature: number[];
  readonly threshold: number[];
  readonly missingLeft: boolean[];
  readonly left: number[];
  readonly value: number[];
}

class Grower {
  readonly #binned: Binned;
  readonly #gradient: Float64Array;
  readonly #hessian: Float64Array;
  readonly #options: TreesOptions;
  readonly #ordered: Float64Array;

  constructor(binned: Binned, gradient: Float64Array, hessian: Float64Array, options: TreesOptions) {
    this.#binned = binned;
    this.#gradient = gradient;
    this.#hessian = hessian;
    this.#options = options;
    this.#ordered = new Float64Array(2 * gradient.length);
  }

  grow(rows: Uint32Array, features: readonly number[]): Tree {
    const tree: GrowingTree = { feature: [], threshold: [], missingLeft: [], left: [], value: [] };
    const root = this.#node(this.#leaf(tree), rows, this.#histogram(rows, features));
    let level: readonly Node[] = [root];
    for (let depth = 0; depth < this.#options.depth && level.length > 0; depth++) {
      const next: Node[] = [];
      for (const node of level) {
        const split = this.#bestSplit(node, features);
        if (split) next.push(...this.#split(tree, node, split, features));
        else this.#close(tree, node);
      }
      level = next;
    }
    for (const node of level) this.#close(tree, node);
    return tree;
  }

  #leaf(tree: GrowingTree): number {
    tree.threshold.push(0);
    tree.missingLeft.push(false);
    tree.left.push(0);
    tree.value.push(0);
    return tree.feature.push(-1) - 1;
  }

  #node(index: number, rows: Uint32Array, histogram: Float64Array): Node {
    let gradient = 0;
    let hessian = 0;
    for (const row of rows) {
      gradient += this.#gradient[row] ?? 0;
      hessian += this.#hessian[row] ?? 0;
    }
    return { index, rows, histogram, gradient, hessian };
  }

  #close(tree: GrowingTree, node: Node): void {
    tree.value[node.index] = (-this.#options.rate * node.gradient) / (node.hessian + LAMBDA);
  }

  /** Sums of gradient and hessian for each bin of each feature, interleaved. The hot loop of training. */
  #histogram(rows: Uint32Array, features: readonly number[]): Float64Array {
    const ordered = this.#ordered;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0;
      ordered[2 * i] = this.#gradient[row] ?? 0;
      ordered[2 * i + 1] = this.#hessian[row] ?? 0;
    }
    const histogram = new Float64Array(features.length * BINS * 2);
    features.forEach((f, slot) => {
      addToHistogram(this.#binned.bins[f] ?? new Uint8Array(), rows, ordered, histogram.subarray(slot * BINS * 2));
    });
    return histogram;
  }

  #bestSplit(node: Node, features: readonly number[]): Split | undefined {
    let best: Split | undefined;
    const score = (g: number, h: number): number => (g * g) / (h + LAMBDA);
    const whole = score(node.gradient, node.hessian);
    for (let slot = 0; slot < features.length; slot++) {
      const at = slot * BINS * 2;
      const missingG = node.histogram[at] ?? 0;
      const missingH = node.histogram[at + 1] ?? 0;
      let g = 0;
      let h = 0;
      for (let bin = 1; bin < BINS - 1; bin++) {
        g += node.histogram[at + 2 * bin] ?? 0;
        h += node.histogram[at + 2 * bin + 1] ?? 0;
        for (let side = missingH > 0 ? 0 : 1; side < 2; side++) {
          const leftG = side === 0 ? g + missingG : g;
          const leftH = side === 0 ? h + missingH : h;
          const rightH = node.hessian - leftH;
          if (leftH < HESSIAN_MIN || rightH < HESSIAN_MIN) continue;
          const gain = score(leftG, leftH) + score(node.gradient - leftG, rightH) - whole;
          if (gain > (best?.gain ?? 1e-6)) best = { gain, feature: features[slot] ?? 0, bin, missingLeft: side === 0 };
        }
      }
    }
    return best;
  }

  #split(tree: GrowingTree, node: Node, split: Split, features: readonly number[]): readonly Node[] {
    const bins = this.#binned.bins[split.feature] ?? new Uint8Array();
    const leftRows = new Uint32Array(node.rows.length);
    const rightRows = new Uint32Array(node.rows.length);
    let l = 0;
    let r = 0;
    for (const row of node.rows) {
      const bin = bins[row] ?? 0;
      if (bin === 0 ? split.missingLeft : bin <= split.bin) leftRows[l++] = row;
      else rightRows[r++] = row;
    }
    const left = leftRows.subarray(0, l);
    const right = rightRows.subarray(0, r);
    // Only the smaller side is counted; the other is the difference.
    const counted = this.#histogram(l <= r ? left : right, features);
    const rest = node.histogram;
    for (let i = 0; i < rest.length; i++) rest[i] = (rest[i] ?? 0) - (counted[i] ?? 0);
    const leftIndex = this.#leaf(tree);
    const rightIndex = this.#leaf(tree);
    tree.feature[node.index] = split.feature;
    // The bin of values above every edge has no edge of its own.
    tree.threshold[node.index] = this.#binned.edges[split.feature]?.[split.bin - 1] ?? Number.MAX_VALUE;
    tree.missingLeft[node.index] = split.missingLeft;
    tree.left[node.index] = leftIndex;
    return [
      this.#node(leftIndex, left, l <= r ? counted : rest),
      this.#node(rightIndex, right, l <= r ? rest : counted),
    ];
  }
}

function addToHistogram(bins: Uint8Array, rows: Uint32Array, ordered: Float64Array, histogram: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    const at = 2 * (bins[rows[i]!] ?? 0);
    histogram[at]! += ordered[2 * i]!;
    histogram[at + 1]! += ordered[2 * i + 1]!;
  }
}
