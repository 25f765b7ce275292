import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { initialWeights, LstmWindowNet, LstmWindowReader, layoutOf } from '../../../models/math/lstm-window-net.ts';
import { newNormal, newRandom } from '../../../models/math/random.ts';

const SHAPE = { steps: 5, inputs: 6, hidden: 4, query: 7, joint: 5 };
const ROWS = 3;
const LABELS = [1, 0, 1];

/** A batch with windows of different lengths, one of them empty. */
function filled(): LstmWindowNet {
  const net = new LstmWindowNet(SHAPE, 4);
  const normal = newNormal(newRandom(5));
  for (let i = 0; i < net.x.length; i++) net.x[i] = normal();
  for (let i = 0; i < net.q.length; i++) net.q[i] = normal();
  net.lengths.set([5, 2, 0, 0]);
  return net;
}

function lossOf(net: LstmWindowNet, weights: Float64Array): number {
  net.forward(weights, ROWS);
  return LABELS.reduce((sum, label, r) => {
    const margin = net.margins[r] ?? 0;
    return sum + Math.log1p(Math.exp(margin)) - label * margin;
  }, 0);
}

describe('the LSTM over a window', () => {
  test('its gradient is that of central differences', () => {
    const net = filled();
    const weights = initialWeights(SHAPE, 1, -1);
    const gradient = new Float64Array(weights.length);
    lossOf(net, weights);
    const dMargins = Float64Array.from(LABELS, (label, r) => 1 / (1 + Math.exp(-(net.margins[r] ?? 0))) - label);
    net.backward(weights, dMargins, ROWS, gradient);
    const step = 1e-5;
    let worst = 0;
    for (let i = 0; i < weights.length; i++) {
      const kept = weights[i] ?? 0;
      weights[i] = kept + step;
      const above = lossOf(net, weights);
      weights[i] = kept - step;
      const below = lossOf(net, weights);
      weights[i] = kept;
      const numeric = (above - below) / (2 * step);
      worst = Math.max(worst, Math.abs(numeric - (gradient[i] ?? 0)) / Math.max(1e-3, Math.abs(numeric)));
    }
    assert.ok(worst < 1e-6, `worst relative difference ${worst}`);
  });

  test('gives in the stream what it gives in a batch', () => {
    const net = filled();
    const weights = initialWeights(SHAPE, 2, -1);
    net.forward(weights, ROWS);
    const reader = new LstmWindowReader(SHAPE, weights);
    for (let r = 0; r < ROWS; r++) {
      const length = net.lengths[r] ?? 0;
      const x = new Float64Array(length * SHAPE.inputs);
      for (let s = 0; s < length; s++) {
        const from = ((SHAPE.steps - length + s) * net.rows + r) * SHAPE.inputs;
        x.set(net.x.subarray(from, from + SHAPE.inputs), s * SHAPE.inputs);
      }
      const margin = reader.margin(x, length, net.q.slice(r * SHAPE.query, (r + 1) * SHAPE.query));
      assert.ok(Math.abs(margin - (net.margins[r] ?? 0)) < 1e-12);
    }
  });

  test('does not see what lies before a window', () => {
    const net = filled();
    const weights = initialWeights(SHAPE, 3, -1);
    net.forward(weights, ROWS);
    const before = net.margins.slice(0, ROWS);
    // Row 1 has two steps: the first three are padding.
    for (let s = 0; s < 3; s++) net.x.fill(9, (s * net.rows + 1) * SHAPE.inputs, (s * net.rows + 2) * SHAPE.inputs);
    net.forward(weights, ROWS);
    assert.deepEqual(net.margins.slice(0, ROWS), before);
  });

  test('one unit by hand', () => {
    // H = E = Q = M = 1, all weights 0.5, no bias but the forget gate's 1: one step with x = 1, q = 2.
    const shape = { steps: 1, inputs: 1, hidden: 1, query: 1, joint: 1 };
    const layout = layoutOf(shape);
    const weights = new Float64Array(layout.length).fill(0.5);
    weights.fill(0, layout.bias, layout.bias + 4);
    weights[layout.jointBias] = 0;
    weights[layout.outBias] = 0;
    const net = new LstmWindowNet(shape, 1);
    net.x[0] = 1;
    net.q[0] = 2;
    net.lengths[0] = 1;
    net.forward(weights, 1);
    const gate = 1 / (1 + Math.exp(-0.5));
    const hidden = gate * Math.tanh(gate * Math.tanh(0.5));
    assert.ok(Math.abs((net.margins[0] ?? 0) - 0.5 * Math.tanh(0.5 * hidden + 0.5 * 2)) < 1e-15);
  });
});
