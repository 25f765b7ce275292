import { CAUSE_LABELS, type CauseLabel } from '../../processors/profile/profile.ts';
import type { Weights } from './case.ts';
import { type CauseModel, EVIDENCE } from './decide.ts';
import { SHIPPED_MODEL } from './shipped-model.ts';

export type ReadWeights =
  | { readonly kind: 'model'; readonly model: CauseModel }
  | { readonly kind: 'problem'; readonly problem: string };

/** A revision is the epoch times 1e9 and more, and must stay a whole number that a double holds. */
export const EPOCH_MAX = 9_000_000;
/** Beyond this a piece of evidence is no evidence but a verdict: e^30 is ten million million. */
const WEIGHT_MAX = 30;

/** One line per piece of evidence, so that a change of weights can be read in a diff. */
export function weightsText(model: CauseModel): string {
  const rows = Object.entries(model.weights).map(([name, w]) => `    ${JSON.stringify(name)}: ${JSON.stringify(w)}`);
  return `{\n  "epoch": ${model.epoch},\n  "base": ${JSON.stringify(model.base)},\n  "weights": {\n${rows.join(',\n')}\n  }\n}\n`;
}

/** Reads what `fit causes` wrote. Whatever this imapwhy does not know, or misses, is a problem: it would judge otherwise than the file says. */
export function parseWeights(text: string): ReadWeights {
  const problem = (what: string): ReadWeights => ({ kind: 'problem', problem: what });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return problem('is no JSON: it is half-written or another file');
  }
  const file = entriesOf(parsed);
  const unknown = [...file.keys()].find((key) => key !== 'epoch' && key !== 'base' && key !== 'weights');
  if (unknown !== undefined) return problem(`has ${unknown}, which is no part of it`);
  const epoch = file.get('epoch');
  if (typeof epoch !== 'number' || !Number.isInteger(epoch) || epoch < 1 || epoch > EPOCH_MAX)
    return problem(`has no epoch that is a whole number from 1 to ${EPOCH_MAX}`);
  if (epoch < SHIPPED_MODEL.epoch)
    return problem(`is of epoch ${epoch}, older than the shipped weights (${SHIPPED_MODEL.epoch})`);
  const base = weightsOf(file.get('base'), 'base');
  if (typeof base === 'string') return problem(base);
  const given = entriesOf(file.get('weights'));
  const names = new Set(EVIDENCE.map((rule) => rule.name));
  const weights: [string, Weights][] = [];
  for (const [name, value] of given) {
    if (!names.has(name)) return problem(`names ${name}, which is no evidence that this imapwhy knows`);
    const own = weightsOf(value, name);
    if (typeof own === 'string') return problem(own);
    weights.push([name, own]);
  }
  const missing = [...names].filter((name) => !given.has(name));
  if (missing.length > 0)
    return problem(
      `lacks the evidence ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ` and ${missing.length - 3} more` : ''}`,
    );
  return { kind: 'model', model: { epoch, base, weights: Object.fromEntries(weights) } };
}

/** The log-odds by label, or what is wrong with them. */
function weightsOf(value: unknown, name: string): Weights | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `has no weights for ${name}`;
  const weights: Partial<Record<CauseLabel, number>> = {};
  for (const [key, weight] of Object.entries(value)) {
    const label = CAUSE_LABELS.find((l) => l === key);
    if (label === undefined) return `names the cause ${key} under ${name}, which this imapwhy does not know`;
    if (typeof weight !== 'number' || !(Math.abs(weight) <= WEIGHT_MAX))
      return `has a weight for ${label} under ${name} that is no number from -${WEIGHT_MAX} to ${WEIGHT_MAX}`;
    weights[label] = weight;
  }
  return weights;
}

/** Own keys only, in a Map: `__proto__` is a name like any other. Empty for what is no object. */
function entriesOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []);
}
