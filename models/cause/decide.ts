import { CAUSE_LABELS, type CauseLabel } from '../../processors/profile/profile.ts';
import type { Case, EvidenceRule, Weights } from './case.ts';
import { CLIENT_EVIDENCE } from './evidence-client.ts';
import { COMPANY_EVIDENCE } from './evidence-company.ts';
import { LINE_EVIDENCE } from './evidence-lines.ts';
import { PATH_EVIDENCE } from './evidence-path.ts';
import { SEQUENCE_EVIDENCE } from './evidence-sequence.ts';
import { WEB_EVIDENCE } from './evidence-web.ts';

export const EVIDENCE: readonly EvidenceRule[] = [
  ...LINE_EVIDENCE,
  ...WEB_EVIDENCE,
  ...PATH_EVIDENCE,
  ...COMPANY_EVIDENCE,
  ...CLIENT_EVIDENCE,
  ...SEQUENCE_EVIDENCE,
];

/** Log-odds by evidence name and label, with what every label starts from under `base`. Read from weights.json; `fit.ts` writes it. */
export interface CauseModel {
  readonly epoch: number;
  readonly base: Weights;
  readonly weights: Readonly<Record<string, Weights>>;
}

/** What a session is before anything is known of it: nobody's fault, three to one against all causes together. */
export const PRIOR_BASE: Weights = { none: 4 };

export const PRIOR_MODEL: CauseModel = {
  epoch: 0,
  base: PRIOR_BASE,
  weights: Object.fromEntries(EVIDENCE.map((rule) => [rule.name, rule.prior])),
};

export interface WeighedEvidence {
  readonly rule: EvidenceRule;
  readonly value: number;
  readonly weights: Weights;
}

export interface Decision {
  readonly label: CauseLabel;
  readonly probabilities: ReadonlyMap<CauseLabel, number>;
  readonly evidence: readonly WeighedEvidence[];
}

/** How strongly each piece of evidence holds, in the order of EVIDENCE. */
export function measure(c: Case): Float64Array {
  const values = new Float64Array(EVIDENCE.length);
  for (let i = 0; i < EVIDENCE.length; i++) {
    const v = EVIDENCE[i]?.measure(c) ?? 0;
    values[i] = Number.isFinite(v) ? Math.min(1, Math.max(0, v)) : 0;
  }
  return values;
}

/**
 * Adds up the evidence: the log-odds of a label are its base plus value times weight of each piece of evidence, and the probabilities are
 * their softmax. Nothing else enters, so that the decision can be recomputed from what is stored with it.
 */
export function decide(values: Float64Array, model: CauseModel): Decision {
  const scores = new Map<CauseLabel, number>();
  for (const label of CAUSE_LABELS) scores.set(label, model.base[label] ?? 0);
  const evidence: WeighedEvidence[] = [];
  for (let i = 0; i < EVIDENCE.length; i++) {
    const value = values[i] ?? 0;
    const rule = EVIDENCE[i];
    if (value === 0 || !rule) continue;
    const weights = model.weights[rule.name] ?? rule.prior;
    evidence.push({ rule, value, weights });
    for (const label of CAUSE_LABELS) {
      const w = weights[label];
      if (w !== undefined) scores.set(label, (scores.get(label) ?? 0) + w * value);
    }
  }
  const probabilities = softmax(scores);
  let label: CauseLabel = 'none';
  for (const candidate of CAUSE_LABELS) {
    if ((probabilities.get(candidate) ?? 0) > (probabilities.get(label) ?? 0)) label = candidate;
  }
  return { label, probabilities, evidence };
}

export function softmax<K>(scores: ReadonlyMap<K, number>): ReadonlyMap<K, number> {
  let top = Number.NEGATIVE_INFINITY;
  for (const s of scores.values()) top = Math.max(top, s);
  let sum = 0;
  const result = new Map<K, number>();
  for (const [k, s] of scores) {
    const e = Math.exp(s - top);
    sum += e;
    result.set(k, e);
  }
  for (const [k, e] of result) result.set(k, e / sum);
  return result;
}
