import { CAUSE_LABELS, type CauseLabel } from '../../processors/profile/profile.ts';
import type { Weights } from './case.ts';
import type { CauseModel } from './decide.ts';
import { EVIDENCE, PRIOR_MODEL } from './decide.ts';

/** One judged session with its truth. */
export interface Example {
  readonly values: Float64Array;
  readonly label: CauseLabel;
  readonly weight: number;
}

export interface FitOptions {
  /** Strength of the pull towards the prior weights. */
  readonly pull: number;
  readonly steps: number;
  readonly rate: number;
}

export const DEFAULT_FIT: FitOptions = { pull: 0.02, steps: 400, rate: 0.05 };

/**
 * Fits the weights by penalised multinomial logistic regression: maximum likelihood with a Gaussian pull towards the prior weights, only for
 * the labels that each piece of evidence names. The base is not fitted: a lab injects faults far more often than they happen, and what a session
 * without evidence is must not be learned from that. So what the examples cannot tell stays what an engineer would say. Full batch, Adam; deterministic.
 * Source: Hastie, Tibshirani & Friedman, "The Elements of Statistical Learning", 4.4; Kingma & Ba 2015 for Adam.
 */
export function fitCauses(examples: readonly Example[], options: FitOptions = DEFAULT_FIT): CauseModel {
  const labels = CAUSE_LABELS.length;
  const features = EVIDENCE.length + 1; // the last one is the base
  const prior = new Float64Array(features * labels);
  const free = new Uint8Array(features * labels);
  CAUSE_LABELS.forEach((label, l) => {
    EVIDENCE.forEach((rule, f) => {
      const p = rule.prior[label];
      if (p !== undefined) {
        prior[f * labels + l] = p;
        free[f * labels + l] = 1;
      }
    });
    prior[EVIDENCE.length * labels + l] = PRIOR_MODEL.base[label] ?? 0;
  });
  const w = Float64Array.from(prior);
  const gradient = new Float64Array(w.length);
  const m = new Float64Array(w.length);
  const v = new Float64Array(w.length);
  const targets = examples.map((e) => CAUSE_LABELS.indexOf(e.label));
  const active = examples.map((e) => activeFeatures(e.values));
  const total = examples.reduce((sum, e) => sum + e.weight, 0) || 1;
  const scores = new Float64Array(labels);
  for (let step = 1; step <= options.steps; step++) {
    for (let i = 0; i < w.length; i++) gradient[i] = options.pull * ((w[i] ?? 0) - (prior[i] ?? 0));
    for (let n = 0; n < examples.length; n++) {
      const example = examples[n];
      if (!example) continue;
      scores.fill(0);
      for (const f of active[n] ?? []) {
        const x = f === EVIDENCE.length ? 1 : (example.values[f] ?? 0);
        for (let l = 0; l < labels; l++) scores[l] = (scores[l] ?? 0) + x * (w[f * labels + l] ?? 0);
      }
      softmaxInPlace(scores);
      const target = targets[n] ?? 0;
      for (const f of active[n] ?? []) {
        const x = (f === EVIDENCE.length ? 1 : (example.values[f] ?? 0)) * (example.weight / total) * 100;
        for (let l = 0; l < labels; l++) {
          const i = f * labels + l;
          gradient[i] = (gradient[i] ?? 0) + x * ((scores[l] ?? 0) - (l === target ? 1 : 0));
        }
      }
    }
    for (let i = 0; i < w.length; i++) {
      if (free[i] === 0) continue;
      const g = gradient[i] ?? 0;
      m[i] = 0.9 * (m[i] ?? 0) + 0.1 * g;
      v[i] = 0.999 * (v[i] ?? 0) + 0.001 * g * g;
      const mHat = (m[i] ?? 0) / (1 - 0.9 ** step);
      const vHat = (v[i] ?? 0) / (1 - 0.999 ** step);
      w[i] = (w[i] ?? 0) - (options.rate * mHat) / (Math.sqrt(vHat) + 1e-8);
    }
  }
  return {
    epoch: 1,
    base: PRIOR_MODEL.base,
    weights: Object.fromEntries(EVIDENCE.map((rule, f) => [rule.name, pick(w, f, free)])),
  };
}

function activeFeatures(values: Float64Array): readonly number[] {
  const list: number[] = [];
  for (let f = 0; f < EVIDENCE.length; f++) if ((values[f] ?? 0) !== 0) list.push(f);
  list.push(EVIDENCE.length);
  return list;
}

function softmaxInPlace(scores: Float64Array): void {
  let top = Number.NEGATIVE_INFINITY;
  for (const s of scores) top = Math.max(top, s);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const e = Math.exp((scores[i] ?? 0) - top);
    scores[i] = e;
    sum += e;
  }
  for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] ?? 0) / sum;
}

function pick(w: Float64Array, feature: number, free: Uint8Array): Weights {
  const weights: Partial<Record<CauseLabel, number>> = {};
  CAUSE_LABELS.forEach((label, l) => {
    const i = feature * CAUSE_LABELS.length + l;
    if (free[i] === 1) weights[label] = Math.round((w[i] ?? 0) * 1000) / 1000;
  });
  return weights;
}
