/** The streaming forms of models/math, beside reference values. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mean, variance } from 'simple-statistics';
import { binomial, logUniform, poisson } from '../../../models/math/distributions.ts';
import { P2Quantile } from '../../../models/math/p2-quantile.ts';
import { Packer, Unpacker } from '../../../models/math/packing.ts';
import { signedPoissonDeviance } from '../../../models/math/poisson-deviance.ts';
import { newNormal, newRandom } from '../../../models/math/random.ts';
import { PEAKS_MAX, RecentPeak } from '../../../models/math/recent-peak.ts';
import { VarianceSplit } from '../../../models/math/variance-split.ts';

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not within ${tolerance} of ${expected}`);
}

describe('signed Poisson deviance', () => {
  // scipy 1.17: numpy.sign(k - m) * numpy.sqrt(2 * (scipy.special.xlogy(k, k / m) - (k - m)))
  const reference = [
    [0, 3, -2.449489742783178],
    [1, 0.05, 2.0227368951764295],
    [7, 3.2, 1.8326567462279606],
    [12, 20, -1.9339557982581252],
    [340, 300.5, 2.2312658451566314],
    [5, 5, 0],
  ] as const;
  for (const [k, expected, deviance] of reference)
    test(`${k} where ${expected} are expected`, () => near(signedPoissonDeviance(k, expected), deviance, 1e-12));

  test('is nearly the normal deviate of the tail: scipy.stats.norm.isf of the mid-p tail of poisson(m)', () => {
    near(signedPoissonDeviance(7, 3.2), 1.8702512, 0.06);
    near(signedPoissonDeviance(12, 20), -1.877871, 0.06);
    near(signedPoissonDeviance(340, 300.5), 2.2398202, 0.06);
  });
});

describe('P² quantile', () => {
  test('the example of Jain & Chlamtac (1985), table I: the median of 20 observations is estimated as 4.44', () => {
    const median = new P2Quantile(0.5);
    for (const x of [
      0.02, 0.15, 0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92, 34.6, 10.28, 1.47, 0.4, 0.05, 11.39, 0.27, 0.42,
      0.09, 11.37,
    ])
      median.add(x);
    near(median.value, 4.44, 0.005);
  });

  test('is exact for few values, and near the true quantile for many', () => {
    const quantile = new P2Quantile(0.9);
    assert.ok(Number.isNaN(quantile.value));
    quantile.add(7);
    assert.equal(quantile.value, 7);
    const normal = newNormal(newRandom(5));
    for (let i = 0; i < 20_000; i++) quantile.add(normal());
    near(quantile.value, 1.2816, 0.05); // scipy.stats.norm.ppf(0.9)
  });

  test('goes on after packing', () => {
    const one = new P2Quantile(0.5);
    for (let i = 0; i < 50; i++) one.add((i * 37) % 101);
    const to = new Packer(200);
    one.pack(to);
    const other = P2Quantile.unpack(0.5, new Unpacker(to.bytes()));
    one.add(3);
    other.add(3);
    assert.equal(other.value, one.value);
  });
});

describe('variance split', () => {
  test('process and per-unit variance of 8000 residuals, beside their maximum likelihood', () => {
    // scipy.optimize.minimize (Nelder-Mead) of the normal likelihood over the same residuals: 0.0097555, 0.48979568.
    const uniform = newRandom(7);
    const normal = newNormal(uniform);
    const split = new VarianceSplit(undefined);
    for (let i = 0; i < 8000; i++) {
      const n = 1 + Math.floor(uniform() * 60);
      const residual = Math.sqrt(0.01 + 0.5 / n) * normal();
      split.learn(residual * residual, n, 1e9, 9, 30);
    }
    near(split.process, 0.0097555, 0.0025);
    near(split.perUnit, 0.48979568, 0.04);
  });

  test('with the per-unit variance known, the process stands out of Poisson noise', () => {
    const uniform = newRandom(8);
    const normal = newNormal(uniform);
    const split = new VarianceSplit(1);
    for (let i = 0; i < 8000; i++) {
      const expected = 2 + 200 * uniform();
      const residual = Math.sqrt(0.02 + 1 / expected) * normal();
      split.learn(residual * residual, expected, 1e9, 9, 30);
    }
    near(split.process, 0.02, 0.003);
    assert.equal(split.perUnit, 1);
  });

  test('stays positive when nothing varies', () => {
    const split = new VarianceSplit(undefined);
    for (let i = 0; i < 1000; i++) split.learn(0, 1, 100, 9, 30);
    assert.ok(split.at(1) > 0);
  });
});

describe('recent peak', () => {
  test('is the largest of the last rows', () => {
    const uniform = newRandom(3);
    const peak = new RecentPeak();
    const values: number[] = [];
    for (let row = 0; row < 3000; row++) {
      const expected = Math.max(0, ...values.slice(Math.max(0, row - 20)));
      assert.equal(peak.since(row - 20), expected);
      const value = uniform();
      values.push(value);
      peak.add(row, value);
    }
  });

  test('of a long fall only a few are kept, the largest among them', () => {
    const peak = new RecentPeak();
    for (let row = 0; row < 1000; row++) peak.add(row, 1000 - row);
    assert.equal(peak.since(0), 1000);
    const to = new Packer(16 * (PEAKS_MAX + 1));
    peak.pack(to);
    assert.equal(RecentPeak.unpack(new Unpacker(to.bytes())).since(0), 1000);
  });
});

describe('distributions', () => {
  test('have the mean and variance that they should', () => {
    const uniform = newRandom(11);
    const normal = newNormal(uniform);
    const sample = (draw: () => number): readonly number[] => Array.from({ length: 20_000 }, draw);
    for (const rate of [0.3, 7, 80]) {
      const xs = [...sample(() => poisson(rate, uniform, normal))];
      near(mean(xs), rate, 4 * Math.sqrt(rate / 20_000));
      near(variance(xs), rate, 0.06 * rate + 0.02);
    }
    const successes = [...sample(() => binomial(20, 0.3, uniform))];
    near(mean(successes), 6, 0.06);
    near(variance(successes), 4.2, 0.2);
    const factors = [...sample(() => Math.log(logUniform(1, Math.E, uniform)))];
    near(mean(factors), 0.5, 0.01);
    near(variance(factors), 1 / 12, 0.005);
  });
});

describe('packing', () => {
  test('what is written comes out, NaN and infinities too', () => {
    const to = new Packer(1000);
    to.number(Number.NaN);
    to.numbers([1.5, Number.NEGATIVE_INFINITY]);
    to.floats(Float32Array.of(0.1, Number.NaN));
    to.shorts(Uint16Array.of(65_535, 0));
    const from = new Unpacker(to.bytes());
    assert.ok(Number.isNaN(from.number()));
    assert.deepEqual(from.numbers(2), [1.5, Number.NEGATIVE_INFINITY]);
    const floats = new Float32Array(3);
    assert.equal(from.floats(floats), 2);
    assert.deepEqual([...floats], [Math.fround(0.1), Number.NaN, 0]);
    const shorts = new Uint16Array(2);
    assert.equal(from.shorts(shorts), 2);
    assert.deepEqual([...shorts], [65_535, 0]);
    assert.equal(from.rest, 0);
  });

  test('too much, too little and too long arrays are RangeErrors', () => {
    const to = new Packer(24);
    to.numbers([1, 2]);
    assert.throws(() => to.number(3), RangeError);
    assert.throws(() => new Unpacker(to.bytes()).numbers(1), RangeError);
    assert.throws(() => new Unpacker(to.bytes().subarray(0, 20)).numbers(2), RangeError);
  });
});
