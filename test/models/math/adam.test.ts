import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Adam } from '../../../models/math/adam.ts';

const near = (actual: number | undefined, expected: number): void =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) < 1e-12, `${actual} is not ${expected}`);

describe('Adam', () => {
  test('moves by the rate in the first step, whatever the size of the gradient (Kingma & Ba 2015, section 2.1)', () => {
    const adam = new Adam(3);
    const weights = Float64Array.of(1, 2, 3);
    adam.update(weights, Float64Array.of(1e-3, -10, 0), { rate: 0.01, decay: 0, clip: 1e9 });
    near(weights[0], 1 - (0.01 * 1e-3) / (1e-3 + 1e-8));
    near(weights[1], 2 + (0.01 * 10) / (10 + 1e-8));
    near(weights[2], 3);
  });

  test('two steps by hand', () => {
    const adam = new Adam(1);
    const weights = Float64Array.of(0);
    adam.update(weights, Float64Array.of(2), { rate: 0.1, decay: 0, clip: 1e9 });
    adam.update(weights, Float64Array.of(-1), { rate: 0.1, decay: 0, clip: 1e9 });
    // m = 0.9·0.2 - 0.1 = 0.08, v = 0.999·0.004 + 0.001 = 0.004996; corrected by 1 - 0.9² and 1 - 0.999².
    const first = (0.1 * 2) / (2 + 1e-8);
    const second = (0.1 * (0.08 / 0.19)) / (Math.sqrt(0.004996 / (1 - 0.999 ** 2)) + 1e-8);
    near(weights[0], -first - second);
  });

  test('shortens long gradients and lets weights decay', () => {
    const adam = new Adam(2);
    const weights = Float64Array.of(1, 1);
    assert.equal(adam.update(weights, Float64Array.of(30, 40), { rate: 0, decay: 0, clip: 1 }), 50);
    near(adam.mean[0], 0.1 * 0.6);
    near(adam.mean[1], 0.1 * 0.8);
    const still = new Adam(1);
    const decaying = Float64Array.of(2);
    still.update(decaying, Float64Array.of(0), { rate: 0.1, decay: 0.5, clip: 1 });
    near(decaying[0], 2 - 0.1 * 0.5 * 2);
  });
});
