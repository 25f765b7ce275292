import type { LAYERS } from './score.ts';

/** An answer that accuses, what it said and whether it was right. */
export interface StatedAnswer {
  readonly layer: (typeof LAYERS)[number];
  readonly probability: number;
  readonly right: boolean;
}

/** Stated log-odds times `slope`, plus `shift`, are calibrated log-odds. */
export interface Correction {
  readonly slope: number;
  readonly shift: number;
}

export const NO_CORRECTION: Correction = { slope: 1, shift: 0 };

/** Strength of the pull towards no correction, in answers. */
const PULL = 5;
const STEPS_MAX = 60;
const CERTAIN = 1e-6;

/**
 * The correction under which the answers are most likely, pulled towards none: `slope` alone (a temperature), or `slope` and shift. Newton's method.
 * Source: Platt 1999; Guo et al. 2017 for the temperature.
 */
export function fitCorrection(answers: readonly StatedAnswer[], kind: 'slope' | 'slope and shift'): Correction {
  let { slope, shift } = NO_CORRECTION;
  for (let step = 0; step < STEPS_MAX; step++) {
    const gradient = { slope: PULL * (slope - 1), shift: PULL * shift };
    const curve = { slope: PULL, both: 0, shift: PULL };
    for (const { probability, right } of answers) {
      const x = logOdds(probability);
      const p = 1 / (1 + Math.exp(-(slope * x + shift)));
      const error = p - (right ? 1 : 0);
      const weight = p * (1 - p);
      gradient.slope += error * x;
      gradient.shift += error;
      curve.slope += weight * x * x;
      curve.both += weight * x;
      curve.shift += weight;
    }
    const area = curve.slope * curve.shift - curve.both ** 2;
    const move =
      kind === 'slope'
        ? { slope: gradient.slope / curve.slope, shift: 0 }
        : {
            slope: (curve.shift * gradient.slope - curve.both * gradient.shift) / area,
            shift: (curve.slope * gradient.shift - curve.both * gradient.slope) / area,
          };
    slope -= move.slope;
    shift -= move.shift;
    if (Math.abs(move.slope) + Math.abs(move.shift) < 1e-9) break;
  }
  return { slope, shift };
}

export const corrected = (probability: number, { slope, shift }: Correction): number =>
  1 / (1 + Math.exp(-(slope * logOdds(probability) + shift)));

function logOdds(probability: number): number {
  const p = Math.min(1 - CERTAIN, Math.max(CERTAIN, probability));
  return Math.log(p / (1 - p));
}
