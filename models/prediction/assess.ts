import {
  balancedThreshold,
  type ClassifierScores,
  precisionRecall,
  type ReliabilityBin,
  reliability,
  scoreClassifier,
} from '../math/classifier-scores.ts';
import { averagePrecisionDifference, type Interval } from '../math/cluster-bootstrap.ts';
import { fitLogistic } from '../math/logistic-regression.ts';
import type { DecisionKind } from './attempt.ts';
import type { ModelKind } from './prediction-model.ts';
import type { Split } from './split.ts';
import type { TrainingSet } from './training-set.ts';

const BLEND_RIDGE = 1e-3;
const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

export type CandidateName = 'majority' | 'persistence' | ModelKind;

/** Log-odds of the parts, one per row of the set. */
export interface PartMargins {
  readonly net: Float64Array;
  readonly trees: Float64Array;
  readonly logistic: Float64Array;
  readonly rates: Float64Array;
}

/** How parts' log-odds add up to calibrated ones, fitted on the validation part. */
export interface Blend {
  readonly bias: number;
  readonly net: number;
  readonly trees: number;
  readonly linear: number;
}

export interface Candidate {
  readonly name: CandidateName;
  /** Undefined for what is no model but a rule. */
  readonly blend: Blend | undefined;
  /** Calibrated risk of every row. */
  readonly risks: Float64Array;
  readonly threshold: number;
}

/** Figures of one candidate on the part that nothing was fitted on. */
export interface CandidateFigures {
  readonly name: CandidateName;
  readonly threshold: number;
  readonly all: ClassifierScores;
  readonly known: ClassifierScores;
  readonly fresh: ClassifierScores;
  readonly onset: ClassifierScores;
}

export interface Assessment {
  readonly figures: readonly CandidateFigures[];
  readonly bestBaseline: CandidateName;
  /** AUPRC against the best baseline, 95 % interval over clients. */
  readonly lstm: Interval;
  readonly ensemble: Interval;
  readonly winner: ModelKind;
  readonly blend: Blend;
  readonly threshold: number;
  readonly reliability: readonly ReliabilityBin[];
  readonly curves: readonly {
    readonly name: CandidateName;
    readonly points: readonly { readonly recall: number; readonly precision: number }[];
  }[];
  readonly kinds: readonly KindFigures[];
  readonly periods: readonly PeriodFigures[];
}

/** Failures of one kind: how well they were seen coming. */
export interface KindFigures {
  readonly kind: DecisionKind;
  readonly rows: number;
  readonly meanRisk: number;
  /** Share with a risk at or above the threshold. */
  readonly found: number;
}

export interface PeriodFigures {
  /** First day, UTC. */
  readonly from: string;
  readonly length: 'week' | 'day';
  readonly scores: ClassifierScores;
  readonly meanRisk: number;
}

/** All candidates, calibrated on the validation part. The order is that of the card. */
export function candidatesOf(set: TrainingSet, split: Split, margins: PartMargins): readonly Candidate[] {
  const { validate } = split;
  const blended = (
    name: ModelKind,
    parts: readonly Float64Array[],
    toBlend: (w: readonly number[], bias: number) => Blend,
  ): Candidate => {
    const x = new Float64Array(set.rows * parts.length);
    for (let row = 0; row < set.rows; row++)
      parts.forEach((part, i) => {
        x[row * parts.length + i] = part[row] ?? 0;
      });
    const fitted = fitLogistic(x, set.labels, parts.length, BLEND_RIDGE, validate);
    const risks = new Float64Array(set.rows);
    for (let row = 0; row < set.rows; row++) {
      let margin = fitted.bias;
      for (let i = 0; i < parts.length; i++) margin += (fitted.weights[i] ?? 0) * (x[row * parts.length + i] ?? 0);
      risks[row] = sigmoid(margin);
    }
    return withThreshold(set, validate, name, risks, toBlend(fitted.weights, fitted.bias));
  };
  const single =
    (part: 'net' | 'trees' | 'linear') =>
    (w: readonly number[], bias: number): Blend => ({
      bias,
      net: part === 'net' ? (w[0] ?? 0) : 0,
      trees: part === 'trees' ? (w[0] ?? 0) : 0,
      linear: part === 'linear' ? (w[0] ?? 0) : 0,
    });
  return [
    withThreshold(set, validate, 'majority', constantRisks(set, split.fit), undefined),
    withThreshold(set, validate, 'persistence', persistenceRisks(set, split.fit), undefined),
    blended('rates', [margins.rates], single('linear')),
    blended('logistic', [margins.logistic], single('linear')),
    blended('trees', [margins.trees], single('trees')),
    blended('lstm', [margins.net], single('net')),
    blended('ensemble', [margins.net, margins.trees], ([net = 0, trees = 0], bias) => ({
      bias,
      net,
      trees,
      linear: 0,
    })),
  ];
}

function withThreshold(
  set: TrainingSet,
  validate: Uint32Array,
  name: CandidateName,
  risks: Float64Array,
  blend: Blend | undefined,
): Candidate {
  const threshold = balancedThreshold(pick(risks, validate), pickLabels(set.labels, validate));
  return { name, blend, risks, threshold };
}

function constantRisks(set: TrainingSet, fit: Uint32Array): Float64Array {
  return new Float64Array(set.rows).fill(failureRate(set, fit));
}

/** How often an attempt failed after a failure, after a success, and after nothing known. */
function persistenceRisks(set: TrainingSet, fit: Uint32Array): Float64Array {
  const base = failureRate(set, fit);
  const rateAfter = (last: number): number => {
    const rows = fit.filter((row) => Object.is(set.lastFailed[row], last));
    return rows.length === 0 ? base : failureRate(set, rows);
  };
  const afterFailure = rateAfter(1);
  const afterSuccess = rateAfter(0);
  return Float64Array.from(set.lastFailed, (last) =>
    Number.isNaN(last) ? base : last === 1 ? afterFailure : afterSuccess,
  );
}

export function failureRate(set: TrainingSet, rows: Uint32Array): number {
  let failed = 0;
  for (const row of rows) failed += set.labels[row] ?? 0;
  return failed / rows.length;
}

/** Measures the candidates on the test part and names the one to ship. */
export function assess(set: TrainingSet, split: Split, candidates: readonly Candidate[], seed: number): Assessment {
  const { test } = split;
  const subsets = {
    all: test,
    known: test.filter((row) => !split.isNewClient(row)),
    fresh: test.filter((row) => split.isNewClient(row)),
    onset: test.filter((row) => set.lastFailed[row] === 0),
  };
  const scores = (c: Candidate, rows: Uint32Array): ClassifierScores =>
    scoreClassifier(pick(c.risks, rows), pickLabels(set.labels, rows), c.threshold);
  const figures = candidates.map((c) => ({
    name: c.name,
    threshold: c.threshold,
    all: scores(c, subsets.all),
    known: scores(c, subsets.known),
    fresh: scores(c, subsets.fresh),
    onset: scores(c, subsets.onset),
  }));
  const baselines = figures.filter((f) => f.name !== 'lstm' && f.name !== 'ensemble');
  const bestBaseline = baselines.reduce((best, f) => (f.all.auprc > best.all.auprc ? f : best)).name;
  const named = (name: CandidateName): Candidate => {
    const found = candidates.find((c) => c.name === name);
    if (!found) throw new RangeError(`no candidate ${name}`);
    return found;
  };
  const labels = pickLabels(set.labels, test);
  const clients = Uint32Array.from(test, (row) => set.clients[row] ?? 0);
  const against = (name: CandidateName): Interval =>
    averagePrecisionDifference(
      pick(named(name).risks, test),
      pick(named(bestBaseline).risks, test),
      labels,
      clients,
      seed,
    );
  const lstm = against('lstm');
  const ensemble = against('ensemble');
  const winner = winnerOf(lstm, ensemble, bestBaseline, figures);
  const chosen = named(winner);
  const risks = pick(chosen.risks, test);
  return {
    figures,
    bestBaseline,
    lstm,
    ensemble,
    winner,
    blend: chosen.blend ?? { bias: 0, net: 0, trees: 0, linear: 0 },
    threshold: chosen.threshold,
    reliability: reliability(risks, labels),
    curves: candidates
      .filter((c) => c.name !== 'majority')
      .map((c) => ({ name: c.name, points: precisionRecall(pick(c.risks, test), labels, 60) })),
    kinds: kindFigures(set, test, chosen),
    periods: periodFigures(set, test, chosen),
  };
}

/** The net, alone or with the trees, is shipped only when it beats every baseline beyond chance; else the best model that can be shipped. */
function winnerOf(
  lstm: Interval,
  ensemble: Interval,
  bestBaseline: CandidateName,
  figures: readonly CandidateFigures[],
): ModelKind {
  const beats = [
    { name: 'ensemble' as const, interval: ensemble },
    { name: 'lstm' as const, interval: lstm },
  ].filter(({ interval }) => interval.low > 0);
  const best = beats.sort((a, b) => b.interval.difference - a.interval.difference)[0];
  if (best) return best.name;
  if (bestBaseline !== 'majority' && bestBaseline !== 'persistence') return bestBaseline;
  const auprc = (name: CandidateName): number => figures.find((f) => f.name === name)?.all.auprc ?? 0;
  return (['trees', 'logistic', 'rates'] as const).reduce((a, b) => (auprc(b) > auprc(a) ? b : a));
}

function kindFigures(set: TrainingSet, test: Uint32Array, chosen: Candidate): readonly KindFigures[] {
  const kinds: readonly DecisionKind[] = ['timeout_tls', 'timeout_auth', 'auth_failed', 'other_failure', 'ok'];
  return kinds.flatMap((kind) => {
    const rows = test.filter((row) => set.kinds[row] === kind);
    if (rows.length === 0) return [];
    const risks = pick(chosen.risks, rows);
    return [
      {
        kind,
        rows: rows.length,
        meanRisk: mean(risks),
        found: risks.filter((r) => r >= chosen.threshold).length / rows.length,
      },
    ];
  });
}

/** By week; by day when there are fewer than two weeks. */
function periodFigures(set: TrainingSet, test: Uint32Array, chosen: Candidate): readonly PeriodFigures[] {
  const first = set.at[test[0] ?? 0] ?? 0;
  const last = set.at[test.at(-1) ?? 0] ?? 0;
  const length = last - first >= 2 * WEEK_MS ? 'week' : 'day';
  const periodMs = length === 'week' ? WEEK_MS : DAY_MS;
  const periodOf = (row: number): number => Math.floor(((set.at[row] ?? 0) - FIRST_MONDAY_MS) / periodMs);
  return [...new Set(Array.from(test, periodOf))].map((period) => {
    const rows = test.filter((row) => periodOf(row) === period);
    const risks = pick(chosen.risks, rows);
    return {
      from: new Date(period * periodMs + FIRST_MONDAY_MS).toISOString().slice(0, 10),
      length,
      scores: scoreClassifier(risks, pickLabels(set.labels, rows), chosen.threshold),
      meanRisk: mean(risks),
    };
  });
}

export const pick = (values: Float64Array, rows: Uint32Array): Float64Array =>
  Float64Array.from(rows, (row) => values[row] ?? 0);
export const pickLabels = (labels: Uint8Array, rows: Uint32Array): Uint8Array =>
  Uint8Array.from(rows, (row) => labels[row] ?? 0);
const mean = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
