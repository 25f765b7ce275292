import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { corrected, fitCorrection, NO_CORRECTION, type StatedAnswer } from '../../../models/cause/calibration.ts';
import { scoreCalibration } from '../../../models/cause/score.ts';

/** `n` answers that say `probability`, of which `right` are right. */
const answers = (probability: number, n: number, right: number): StatedAnswer[] =>
  Array.from({ length: n }, (_, i) => ({ layer: 'server', probability, right: i < right }));

describe('a correction of stated probabilities', () => {
  test('leaves alone what is right already', () => {
    const { slope, shift } = fitCorrection([...answers(0.8, 500, 400), ...answers(0.6, 500, 300)], 'slope and shift');
    assert.ok(Math.abs(slope - 1) < 0.01 && Math.abs(shift) < 0.01, `${slope} ${shift}`);
  });

  test('tells less where too much was said, and more where too little', () => {
    const bold = answers(0.9, 2000, 1400);
    assert.ok(Math.abs(corrected(0.9, fitCorrection(bold, 'slope')) - 0.7) < 0.01);
    const timid = answers(0.6, 2000, 1800);
    assert.ok(Math.abs(corrected(0.6, fitCorrection(timid, 'slope and shift')) - 0.9) < 0.01);
    const before = scoreCalibration(bold);
    const line = fitCorrection(bold, 'slope');
    const after = scoreCalibration(bold.map((a) => ({ ...a, probability: corrected(a.probability, line) })));
    assert.ok(Math.abs(before.ece - 0.2) < 1e-9);
    assert.ok(after.ece < 0.01 && after.logLoss < before.logLoss);
  });

  test('few answers move it less than many, and certainty stays finite', () => {
    const few = fitCorrection(answers(0.9, 2, 0), 'slope').slope;
    assert.ok(few > 0 && few < 1 && fitCorrection(answers(0.9, 200, 0), 'slope').slope < few - 0.5, String(few));
    assert.deepEqual(fitCorrection([], 'slope and shift'), NO_CORRECTION);
    for (const p of [0, 1]) assert.ok(Number.isFinite(corrected(p, { slope: 2, shift: -1 })));
    const certain = fitCorrection([...answers(1, 50, 50), ...answers(0, 50, 0)], 'slope and shift');
    assert.ok(Number.isFinite(certain.slope) && Number.isFinite(certain.shift));
  });
});
