import { addOuter, addProduct, addRowProduct, transpose } from './matrix.ts';
import { newNormal, newRandom } from './random.ts';

/** Steps, inputs of a step (E), hidden units (H), inputs of the query (Q), units of the layer that joins both (M). */
export interface NetShape {
  readonly steps: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly query: number;
  readonly joint: number;
}

/** Where each matrix begins in the flat weights. Row-major; gate order is input, forget, cell, output. */
export interface NetLayout {
  readonly input: number; // (E,4H)
  readonly recurrent: number; // (H,4H)
  readonly bias: number; // (4H)
  readonly jointHidden: number; // (H,M)
  readonly jointQuery: number; // (Q,M)
  readonly jointBias: number; // (M)
  readonly out: number; // (M)
  readonly outBias: number; // (1)
  readonly length: number;
}

export function layoutOf({ inputs, hidden, query, joint }: NetShape): NetLayout {
  const input = 0;
  const recurrent = input + inputs * 4 * hidden;
  const bias = recurrent + hidden * 4 * hidden;
  const jointHidden = bias + 4 * hidden;
  const jointQuery = jointHidden + hidden * joint;
  const jointBias = jointQuery + query * joint;
  const out = jointBias + joint;
  const outBias = out + joint;
  return { input, recurrent, bias, jointHidden, jointQuery, jointBias, out, outBias, length: outBias + 1 };
}

/** Glorot-normal weights; forget gates start open (Gers, Schmidhuber & Cummins 2000), the output at the base rate's log-odds. */
export function initialWeights(shape: NetShape, seed: number, baseMargin: number): Float64Array {
  const { inputs, hidden, query, joint } = shape;
  const layout = layoutOf(shape);
  const weights = new Float64Array(layout.length);
  const normal = newNormal(newRandom(seed));
  const fill = (at: number, length: number, deviation: number): void => {
    for (let i = 0; i < length; i++) weights[at + i] = normal() * deviation;
  };
  fill(layout.input, inputs * 4 * hidden, Math.sqrt(2 / (inputs + hidden)));
  fill(layout.recurrent, hidden * 4 * hidden, Math.sqrt(1 / hidden));
  weights.fill(1, layout.bias + hidden, layout.bias + 2 * hidden);
  fill(layout.jointHidden, hidden * joint, Math.sqrt(1 / (hidden + joint)));
  fill(layout.jointQuery, query * joint, Math.sqrt(1 / (query + joint)));
  fill(layout.out, joint, Math.sqrt(1 / joint));
  weights[layout.outBias] = baseMargin;
  return weights;
}

/**
 * A net that reads the last events before a query with an LSTM and joins its last hidden state with the query: p = sigmoid(w·tanh(…)).
 * Works on batches of at most `rows` windows, time-major; allocates only when made. Windows shorter than `steps` are padded in front:
 * `lengths` says how many steps count, and the state before them is zero.
 * Source: Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000 (forget gate).
 */
export class LstmWindowNet {
  readonly shape: NetShape;
  readonly layout: NetLayout;
  readonly rows: number;
  /** (steps,rows,E), filled by the caller. */
  readonly x: Float64Array;
  /** (rows,Q), filled by the caller. */
  readonly q: Float64Array;
  /** (rows), filled by the caller. */
  readonly lengths: Int32Array;
  /** Log-odds (rows), the result. */
  readonly margins: Float64Array;
  readonly #gates: Float64Array; // (steps,rows,4H): activated gates
  readonly #cells: Float64Array; // (steps+1,rows,H)
  readonly #tanhs: Float64Array; // (steps,rows,H)
  readonly #hiddens: Float64Array; // (steps+1,rows,H)
  readonly #joint: Float64Array; // (rows,M)
  readonly #dGates: Float64Array; // (rows,4H)
  readonly #dHidden: Float64Array; // (rows,H)
  readonly #dCell: Float64Array; // (rows,H)
  readonly #dJoint: Float64Array; // (rows,M)
  readonly #recurrentT: Float64Array; // (4H,H)
  readonly #jointHiddenT: Float64Array; // (M,H)

  constructor(shape: NetShape, rows: number) {
    const { steps, inputs, hidden, query, joint } = shape;
    this.shape = shape;
    this.layout = layoutOf(shape);
    this.rows = rows;
    this.x = new Float64Array(steps * rows * inputs);
    this.q = new Float64Array(rows * query);
    this.lengths = new Int32Array(rows);
    this.margins = new Float64Array(rows);
    this.#gates = new Float64Array(steps * rows * 4 * hidden);
    this.#cells = new Float64Array((steps + 1) * rows * hidden);
    this.#tanhs = new Float64Array(steps * rows * hidden);
    this.#hiddens = new Float64Array((steps + 1) * rows * hidden);
    this.#joint = new Float64Array(rows * joint);
    this.#dGates = new Float64Array(rows * 4 * hidden);
    this.#dHidden = new Float64Array(rows * hidden);
    this.#dCell = new Float64Array(rows * hidden);
    this.#dJoint = new Float64Array(rows * joint);
    this.#recurrentT = new Float64Array(4 * hidden * hidden);
    this.#jointHiddenT = new Float64Array(joint * hidden);
  }

  /** Margins of the first `n` rows. */
  forward(weights: Float64Array, n: number): void {
    const { steps, inputs, hidden, query, joint } = this.shape;
    const { layout, rows } = this;
    const wide = 4 * hidden;
    for (let t = this.#firstStep(n); t < steps; t++) {
      const gatesAt = t * rows * wide;
      for (let r = 0; r < n; r++) {
        this.#gates.set(weights.subarray(layout.bias, layout.bias + wide), gatesAt + r * wide);
      }
      addProduct(this.#gates, gatesAt, wide, this.x, t * rows * inputs, inputs, n, inputs, weights, layout.input, wide);
      const before = t * rows * hidden;
      addProduct(this.#gates, gatesAt, wide, this.#hiddens, before, hidden, n, hidden, weights, layout.recurrent, wide);
      this.#activate(t, n);
    }
    for (let r = 0; r < n; r++)
      this.#joint.set(weights.subarray(layout.jointBias, layout.jointBias + joint), r * joint);
    const last = steps * rows * hidden;
    addProduct(this.#joint, 0, joint, this.#hiddens, last, hidden, n, hidden, weights, layout.jointHidden, joint);
    addProduct(this.#joint, 0, joint, this.q, 0, query, n, query, weights, layout.jointQuery, joint);
    for (let r = 0; r < n; r++) {
      let margin = weights[layout.outBias]!;
      for (let m = 0; m < joint; m++) {
        const unit = Math.tanh(this.#joint[r * joint + m]!);
        this.#joint[r * joint + m] = unit;
        margin += unit * weights[layout.out + m]!;
      }
      this.margins[r] = margin;
    }
  }

  /** Adds to `gradient` that of the loss whose derivative by each margin is `dMargins`. Call after `forward` with the same weights. */
  backward(weights: Float64Array, dMargins: Float64Array, n: number, gradient: Float64Array): void {
    const { steps, inputs, hidden, query, joint } = this.shape;
    const { layout, rows } = this;
    const wide = 4 * hidden;
    transpose(this.#recurrentT, weights, layout.recurrent, hidden, wide);
    transpose(this.#jointHiddenT, weights, layout.jointHidden, hidden, joint);
    for (let r = 0; r < n; r++) {
      const d = dMargins[r]!;
      gradient[layout.outBias]! += d;
      for (let m = 0; m < joint; m++) {
        const unit = this.#joint[r * joint + m]!;
        gradient[layout.out + m]! += d * unit;
        const dUnit = d * weights[layout.out + m]! * (1 - unit * unit);
        this.#dJoint[r * joint + m] = dUnit;
        gradient[layout.jointBias + m]! += dUnit;
      }
    }
    const last = steps * rows * hidden;
    addOuter(gradient, layout.jointHidden, this.#hiddens, last, hidden, this.#dJoint, 0, n, hidden, joint);
    addOuter(gradient, layout.jointQuery, this.q, 0, query, this.#dJoint, 0, n, query, joint);
    this.#dHidden.fill(0);
    this.#dCell.fill(0);
    addProduct(this.#dHidden, 0, hidden, this.#dJoint, 0, joint, n, joint, this.#jointHiddenT, 0, hidden);
    for (let t = steps - 1; t >= this.#firstStep(n); t--) {
      this.#deactivate(t, n);
      for (let r = 0; r < n; r++) {
        for (let j = 0; j < wide; j++) gradient[layout.bias + j]! += this.#dGates[r * wide + j]!;
      }
      addOuter(gradient, layout.input, this.x, t * rows * inputs, inputs, this.#dGates, 0, n, inputs, wide);
      const before = t * rows * hidden;
      addOuter(gradient, layout.recurrent, this.#hiddens, before, hidden, this.#dGates, 0, n, hidden, wide);
      this.#dHidden.fill(0);
      addProduct(this.#dHidden, 0, hidden, this.#dGates, 0, wide, n, wide, this.#recurrentT, 0, hidden);
    }
  }

  /** The first step that any of the rows has. The state before it is zero. */
  #firstStep(n: number): number {
    let longest = 0;
    for (let r = 0; r < n; r++) longest = Math.max(longest, this.lengths[r]!);
    const first = this.shape.steps - longest;
    const at = first * this.rows * this.shape.hidden;
    this.#cells.fill(0, at, at + this.rows * this.shape.hidden);
    this.#hiddens.fill(0, at, at + this.rows * this.shape.hidden);
    return first;
  }

  /** Gates of step t from sums to activations; cell and hidden state after it. */
  #activate(t: number, n: number): void {
    const { steps, hidden } = this.shape;
    const { rows } = this;
    for (let r = 0; r < n; r++) {
      const g = (t * rows + r) * 4 * hidden;
      const before = (t * rows + r) * hidden;
      const after = ((t + 1) * rows + r) * hidden;
      const counts = t >= steps - this.lengths[r]!;
      for (let k = 0; k < hidden; k++) {
        if (!counts) {
          this.#cells[after + k] = 0;
          this.#hiddens[after + k] = 0;
          continue;
        }
        const i = sigmoid(this.#gates[g + k]!);
        const f = sigmoid(this.#gates[g + hidden + k]!);
        const c = Math.tanh(this.#gates[g + 2 * hidden + k]!);
        const o = sigmoid(this.#gates[g + 3 * hidden + k]!);
        const cell = f * this.#cells[before + k]! + i * c;
        const tanh = Math.tanh(cell);
        this.#gates[g + k] = i;
        this.#gates[g + hidden + k] = f;
        this.#gates[g + 2 * hidden + k] = c;
        this.#gates[g + 3 * hidden + k] = o;
        this.#cells[after + k] = cell;
        this.#tanhs[before + k] = tanh;
        this.#hiddens[after + k] = o * tanh;
      }
    }
  }

  /** From the gradient by the state after step t to that by its gate sums; `#dCell` becomes that by the cell before it. */
  #deactivate(t: number, n: number): void {
    const { steps, hidden } = this.shape;
    const { rows } = this;
    for (let r = 0; r < n; r++) {
      const g = (t * rows + r) * 4 * hidden;
      const s = (t * rows + r) * hidden;
      const d = r * 4 * hidden;
      const counts = t >= steps - this.lengths[r]!;
      for (let k = 0; k < hidden; k++) {
        if (!counts) {
          this.#dGates[d + k] = 0;
          this.#dGates[d + hidden + k] = 0;
          this.#dGates[d + 2 * hidden + k] = 0;
          this.#dGates[d + 3 * hidden + k] = 0;
          this.#dCell[r * hidden + k] = 0;
          continue;
        }
        const i = this.#gates[g + k]!;
        const f = this.#gates[g + hidden + k]!;
        const c = this.#gates[g + 2 * hidden + k]!;
        const o = this.#gates[g + 3 * hidden + k]!;
        const tanh = this.#tanhs[s + k]!;
        const dHidden = this.#dHidden[r * hidden + k]!;
        const dCell = this.#dCell[r * hidden + k]! + dHidden * o * (1 - tanh * tanh);
        this.#dGates[d + k] = dCell * c * i * (1 - i);
        this.#dGates[d + hidden + k] = dCell * this.#cells[s + k]! * f * (1 - f);
        this.#dGates[d + 2 * hidden + k] = dCell * i * (1 - c * c);
        this.#dGates[d + 3 * hidden + k] = dHidden * tanh * o * (1 - o);
        this.#dCell[r * hidden + k] = dCell * f;
      }
    }
  }
}

/** One window at a time, for the stream: the same sums as `LstmWindowNet.forward`, without what only training needs. */
export class LstmWindowReader {
  readonly #shape: NetShape;
  readonly #layout: NetLayout;
  readonly #weights: Float64Array;
  readonly #gates: Float64Array;
  readonly #hidden: Float64Array;
  readonly #cell: Float64Array;
  readonly #joint: Float64Array;

  constructor(shape: NetShape, weights: Float64Array) {
    this.#shape = shape;
    this.#layout = layoutOf(shape);
    this.#weights = weights;
    this.#gates = new Float64Array(4 * shape.hidden);
    this.#hidden = new Float64Array(shape.hidden);
    this.#cell = new Float64Array(shape.hidden);
    this.#joint = new Float64Array(shape.joint);
  }

  /** Log-odds. `x` holds `length` steps (length,E), oldest first; `q` the query (Q). */
  margin(x: Float64Array, length: number, q: Float64Array): number {
    const { inputs, hidden, query, joint } = this.#shape;
    const layout = this.#layout;
    const weights = this.#weights;
    const gates = this.#gates;
    const wide = 4 * hidden;
    this.#hidden.fill(0);
    this.#cell.fill(0);
    for (let t = 0; t < length; t++) {
      for (let j = 0; j < wide; j++) gates[j] = weights[layout.bias + j]!;
      addRowProduct(gates, 0, x, t * inputs, inputs, weights, layout.input, wide);
      if (t > 0) addRowProduct(gates, 0, this.#hidden, 0, hidden, weights, layout.recurrent, wide);
      for (let k = 0; k < hidden; k++) {
        const cell =
          sigmoid(gates[hidden + k]!) * this.#cell[k]! + sigmoid(gates[k]!) * Math.tanh(gates[2 * hidden + k]!);
        this.#cell[k] = cell;
        this.#hidden[k] = sigmoid(gates[3 * hidden + k]!) * Math.tanh(cell);
      }
    }
    this.#joint.set(weights.subarray(layout.jointBias, layout.jointBias + joint));
    addRowProduct(this.#joint, 0, this.#hidden, 0, hidden, weights, layout.jointHidden, joint);
    addRowProduct(this.#joint, 0, q, 0, query, weights, layout.jointQuery, joint);
    let margin = weights[layout.outBias]!;
    for (let m = 0; m < joint; m++) margin += Math.tanh(this.#joint[m]!) * weights[layout.out + m]!;
    return margin;
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
