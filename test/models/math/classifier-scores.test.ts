import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  auroc,
  averagePrecision,
  balancedThreshold,
  calibrationError,
  logLoss,
  reliability,
  scoreClassifier,
} from '../../../models/math/classifier-scores.ts';
import { averagePrecisionDifference } from '../../../models/math/cluster-bootstrap.ts';
import { newRandom } from '../../../models/math/random.ts';

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

describe('scores of a classifier', () => {
  // Expected values from scikit-learn 1.9.1: roc_auc_score, average_precision_score, log_loss, brier_score_loss of these rows.
  const labels = Uint8Array.of(0, 0, 1, 1, 0, 1, 0, 1);
  const risks = Float64Array.of(0.1, 0.4, 0.35, 0.8, 0.4, 0.4, 0.2, 0.9);

  test('agree with scikit-learn', () => {
    near(auroc(risks, labels), 0.8125);
    near(averagePrecision(risks, labels), 0.8166666666666667);
    near(logLoss(risks, labels), 0.45559652973111076);
    near(scoreClassifier(risks, labels, 0.5).brier, 0.15031250000000002);
  });

  test('a constant risk orders nothing', () => {
    const constant = new Float64Array(8).fill(0.3);
    near(auroc(constant, labels), 0.5);
    near(averagePrecision(constant, labels), 0.5);
  });

  test('a perfect one is perfect', () => {
    const perfect = Float64Array.from(labels, (label) => 0.1 + 0.8 * label);
    near(auroc(perfect, labels), 1);
    near(averagePrecision(perfect, labels), 1);
    near(scoreClassifier(perfect, labels, balancedThreshold(perfect, labels)).balancedAccuracy, 1);
  });

  test('calibration error weighs each bin by its rows', () => {
    // Three rows at 0.05 of which none failed, one at 0.95 that did: (3 · 0.05 + 1 · 0.05) / 4.
    near(calibrationError(Float64Array.of(0.05, 0.05, 0.05, 0.95), Uint8Array.of(0, 0, 0, 1)), 0.05);
    assert.equal(reliability(Float64Array.of(0.05, 0.95), Uint8Array.of(0, 1)).length, 2);
  });
});

describe('the bootstrap over clients', () => {
  const random = newRandom(3);
  const clients = Uint32Array.from({ length: 4000 }, (_, i) => i % 50);
  const labels = Uint8Array.from(clients, () => (random() < 0.2 ? 1 : 0));
  const good = Float64Array.from(labels, (label) => label + random());
  const noise = Float64Array.from(labels, () => random());

  test('sees a real difference', () => {
    const { low, difference, high } = averagePrecisionDifference(good, noise, labels, clients, 1);
    assert.ok(low > 0.3 && low < difference && difference < high);
  });

  test('sees none where there is none', () => {
    const other = Float64Array.from(labels, () => random());
    const { low, high } = averagePrecisionDifference(noise, other, labels, clients, 1);
    assert.ok(low < 0 && high > 0);
  });

  test('is the same for the same seed', () => {
    assert.deepEqual(
      averagePrecisionDifference(good, noise, labels, clients, 7),
      averagePrecisionDifference(good, noise, labels, clients, 7),
    );
  });
});
