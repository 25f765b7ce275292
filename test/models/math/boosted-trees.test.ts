import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { binColumns, fitTrees, treesMargin } from '../../../models/math/boosted-trees.ts';
import { auroc } from '../../../models/math/classifier-scores.ts';
import { fitLogistic } from '../../../models/math/logistic-regression.ts';
import { newRandom } from '../../../models/math/random.ts';

const ROWS = 3000;
const random = newRandom(11);
/** Failure where exactly one of two features is high (no line separates them), a third that is missing for half of the failures, noise. */
const columns = Array.from({ length: 4 }, () => new Float32Array(ROWS));
const labels = new Uint8Array(ROWS);
for (let row = 0; row < ROWS; row++) {
  const [a, b] = [random(), random()];
  const label = a > 0.5 !== b > 0.5 ? 1 : 0;
  labels[row] = label;
  [a, b, label === 1 && random() < 0.5 ? Number.NaN : random(), random()].forEach((value, f) => {
    const column = columns[f];
    if (column) column[row] = value;
  });
}
const rows = Uint32Array.from({ length: ROWS / 2 }, (_, i) => i);
const rest = Uint32Array.from({ length: ROWS / 2 }, (_, i) => ROWS / 2 + i);
const options = { rounds: 40, depth: 3, rate: 0.3, rowShare: 0.8, featureShare: 1, seed: 1 };
const binned = binColumns(columns, rows);
const rowOf = (row: number): Float64Array => Float64Array.from(columns, (column) => column[row] ?? Number.NaN);

describe('boosted trees', () => {
  test('learn what no line separates', () => {
    const model = fitTrees(binned, labels, rows, options);
    const margins = Float64Array.from(rest, (row) => treesMargin(model, rowOf(row)));
    const quality = auroc(
      margins,
      Uint8Array.from(rest, (row) => labels[row] ?? 0),
    );
    assert.ok(quality > 0.98, `AUROC ${quality}`);
  });

  test('give the same on values as on bins, missing ones too', () => {
    let last = new Float64Array();
    const model = fitTrees(binned, labels, rows, options, (_, margins) => {
      last = margins.slice();
      return true;
    });
    for (let row = 0; row < ROWS; row++)
      assert.ok(Math.abs(treesMargin(model, rowOf(row)) - (last[row] ?? 0)) < 1e-9, `row ${row}`);
  });

  test('are the same for the same seed', () => {
    assert.deepEqual(fitTrees(binned, labels, rows, options), fitTrees(binned, labels, rows, options));
  });

  test('stop when told', () => {
    assert.equal(fitTrees(binned, labels, rows, options, (round) => round < 4).trees.length, 5);
  });
});

describe('logistic regression', () => {
  test('agrees with scikit-learn', () => {
    // LogisticRegression(C=1) (scikit-learn 1.9.1) of x = 0…7, y = 0,0,1,0,1,0,1,1: one feature, ridge 1, free intercept.
    const x = Float64Array.of(0, 1, 2, 3, 4, 5, 6, 7);
    const y = Uint8Array.of(0, 0, 1, 0, 1, 0, 1, 1);
    const model = fitLogistic(
      x,
      y,
      1,
      1,
      Uint32Array.from({ length: 8 }, (_, i) => i),
    );
    assert.ok(Math.abs((model.weights[0] ?? 0) - 0.5068472856404597) < 1e-4);
    assert.ok(Math.abs(model.bias - -1.7739654997416088) < 1e-3);
  });
});
