/**
 * The scorer of the Numenta benchmark, on a file that can be scored by hand. That it gives the 45 published scores of 15 detectors is checked by
 * `npm run bench:nab`, which needs the benchmark's own files.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NAB_PROFILES, NabScores } from '../../bench/nab-score.ts';

const [standard, lowFalse, lowMissed] = NAB_PROFILES;
const ROWS = 200;
const WINDOW = { from: 100, to: 119 };
const sigmoid = (y: number): number => 2 / (1 + Math.exp(5 * y)) - 1;

/** Scores of 1 in these rows. */
function firing(...rows: readonly number[]): NabScores {
  const scores = new Float64Array(ROWS);
  for (const row of rows) scores[row] = 1;
  return new NabScores([{ windows: [WINDOW], scores }]);
}

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, not ${expected}`);
}

describe('one file, one window', () => {
  test('silent is 0, the first row of the window is 100', () => {
    near(firing().score(standard, 1).score, 0);
    near(firing(100).score(standard).score, 100);
  });

  test('a later row is worth less; only the earliest counts', () => {
    const worth = sigmoid(-10 / 20) / sigmoid(-1);
    near(firing(110, 115).score(standard).score, (100 * (worth + 1)) / 2);
  });

  test('a false alarm costs all of it before any window and far behind one, little just behind', () => {
    near(firing(50).score(standard, 1).score, (100 * -0.11) / 2);
    near(firing(199).score(lowFalse, 1).score, (100 * -0.22) / 2);
    near(firing(120).score(standard, 1).score, (100 * 0.11 * sigmoid(1 / 19)) / 2);
  });

  test('the first 15 % of a file are not scored', () => near(firing(29, 100).score(standard).score, 100));

  test('a missed window costs twice where misses matter', () => near(firing(100).score(lowMissed).score, 100));
});

test('the threshold of a fold comes from the other folds', () => {
  const file = (hit: number, noise: number) => {
    const scores = new Float64Array(ROWS);
    scores[100] = hit;
    for (let row = 40; row < 90; row++) scores[row] = noise;
    return { windows: [WINDOW], scores };
  };
  const scores = new NabScores([file(0.9, 0.2), file(0.6, 0.5)]);
  near(scores.score(standard).score, 100);
  assert.equal(scores.score(standard).threshold, 0.6);
  // The second file is scored at 0.9, the best for the first, and missed; the first at 0.6.
  near(scores.crossValidated(standard, 2), 50);
});
