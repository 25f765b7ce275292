import { layerOf } from '../../processors/profile/owners.ts';
import type { Cause, CauseLabel } from '../../processors/profile/profile.ts';
import { CAUSE_LABELS } from '../../processors/profile/profile.ts';
import type { StatedAnswer } from './calibration.ts';
import type { TruthSession } from './truth.ts';

/** What was answered for one truth session; undefined when no profile answers for it. */
export interface Answer {
  readonly label: CauseLabel;
  readonly probability: number;
  readonly outcome: string;
}

export interface LabelScore {
  readonly label: CauseLabel;
  readonly n: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface CauseScore {
  readonly visible: readonly LabelScore[];
  readonly hidden: readonly LabelScore[];
  readonly macroF1: number;
  readonly accusedShare: number;
  readonly ece: number;
  readonly hiddenRecall: number;
  readonly matchedVisible: number;
  readonly matchedHidden: number;
  readonly outcomeAgrees: number;
  /** Most frequent confusions among sessions with a Dovecot line, then among the hidden ones. */
  readonly confusions: readonly {
    readonly group: string;
    readonly truth: string;
    readonly answer: string;
    readonly n: number;
  }[];
  readonly reliability: readonly ReliabilityBin[];
  /** The answers that accuse, by the layer that they accuse. */
  readonly layers: readonly LayerScore[];
}

/** One tenth of probability: how many answers accuse, what they say on average, and which share of them is right. */
export interface ReliabilityBin {
  readonly n: number;
  readonly said: number;
  readonly right: number;
}

export interface LayerScore {
  readonly layer: NonNullable<Cause['layer']>;
  readonly n: number;
  /** What the answers say on average, and which share of them is right. */
  readonly said: number;
  readonly right: number;
  readonly ece: number;
  readonly reliability: readonly ReliabilityBin[];
}

const LABEL_MIN = 20;
export const LAYERS = ['network', 'server', 'client', 'security'] as const;

/**
 * Scores answers by groups: visible sessions have a Dovecot line, hidden ones are shown only by another log, untraced ones are left out.
 * Ambiguous truth counts only when it cannot hurt: it is left out. Macro-F1 and hidden recall: mean over labels with at least 20 sessions.
 */
export function scoreCauses(
  truth: readonly TruthSession[],
  answerOf: (t: TruthSession) => Answer | undefined,
): CauseScore {
  const tables = { visible: new Map<string, number>(), hidden: new Map<string, number>() };
  const counts = {
    visible: 0,
    visibleMatched: 0,
    hidden: 0,
    hiddenMatched: 0,
    outcomes: 0,
    outcomesRight: 0,
    healthy: 0,
    accused: 0,
  };
  const bins = newBins();
  const layerBins = new Map(LAYERS.map((layer) => [layer, newBins()]));
  for (const t of truth) {
    const group = t.dovecotId !== null ? 'visible' : t.trace === 'none' ? undefined : 'hidden';
    if (!group) continue;
    const answer = answerOf(t);
    counts[group]++;
    if (answer) counts[group === 'visible' ? 'visibleMatched' : 'hiddenMatched']++;
    if (t.ambiguous) continue;
    const said = answer?.label ?? 'missing';
    const key = `${t.cause} ${said}`;
    tables[group].set(key, (tables[group].get(key) ?? 0) + 1);
    if (group === 'visible' && t.cause === 'none') {
      counts.healthy++;
      if (answer && answer.label !== 'none') counts.accused++;
    }
    if (!answer) continue;
    counts.outcomes++;
    if (answer.outcome === t.outcome) counts.outcomesRight++;
    if (answer.label !== 'none') {
      count(bins, answer, t.cause);
      const layer = layerOf(answer.label);
      if (layer !== null) count(layerBins.get(layer) ?? [], answer, t.cause);
    }
  }
  const visible = labelScores(tables.visible);
  const hidden = labelScores(tables.hidden);
  return {
    visible,
    hidden,
    macroF1: mean(visible.filter((s) => s.label !== 'none' && s.n >= LABEL_MIN).map((s) => s.f1)),
    accusedShare: counts.accused / Math.max(1, counts.healthy),
    ece: eceOf(bins),
    hiddenRecall: mean(hidden.filter((s) => s.label !== 'none' && s.n >= LABEL_MIN).map((s) => s.recall)),
    matchedVisible: counts.visibleMatched / Math.max(1, counts.visible),
    matchedHidden: counts.hiddenMatched / Math.max(1, counts.hidden),
    outcomeAgrees: counts.outcomesRight / Math.max(1, counts.outcomes),
    confusions: (['visible', 'hidden'] as const).flatMap((group) => confusionsOf(group, tables[group])),
    reliability: meansOf(bins),
    layers: [...layerBins].map(([layer, own]) => layerScore(layer, own)),
  };
}

/** Sums, until they become means. */
interface Bin {
  n: number;
  said: number;
  right: number;
}

const newBins = (): Bin[] => Array.from({ length: 10 }, () => ({ n: 0, said: 0, right: 0 }));

const count = (bins: readonly Bin[], answer: Answer, truth: CauseLabel): void =>
  countOne(bins, answer.probability, answer.label === truth);

function countOne(bins: readonly Bin[], probability: number, right: boolean): void {
  const bin = bins[Math.min(9, Math.floor(probability * 10))];
  if (!bin) return;
  bin.n++;
  bin.said += probability;
  if (right) bin.right++;
}

/** Expected calibration error: how far what is said lies from what is right, mean over the answers, by tenths of probability. */
function eceOf(bins: readonly Bin[]): number {
  return (
    sum(bins, (b) => Math.abs(b.said - b.right)) /
    Math.max(
      1,
      sum(bins, (b) => b.n),
    )
  );
}

function meansOf(bins: readonly Bin[]): readonly ReliabilityBin[] {
  return bins.map(({ n, said, right }) => ({ n, said: said / Math.max(1, n), right: right / Math.max(1, n) }));
}

function layerScore(layer: LayerScore['layer'], bins: readonly Bin[]): LayerScore {
  const n = sum(bins, (b) => b.n);
  return {
    layer,
    n,
    said: sum(bins, (b) => b.said) / Math.max(1, n),
    right: sum(bins, (b) => b.right) / Math.max(1, n),
    ece: eceOf(bins),
    reliability: meansOf(bins),
  };
}

/** How well what is said about accusations agrees with what is right. */
export interface CalibrationScore {
  readonly n: number;
  readonly ece: number;
  /** Mean over the answers; punishes what is sure and wrong. */
  readonly logLoss: number;
  readonly layers: readonly { readonly layer: LayerScore['layer']; readonly ece: number; readonly logLoss: number }[];
}

export function scoreCalibration(answers: readonly StatedAnswer[]): CalibrationScore {
  const of = (some: readonly StatedAnswer[]) => {
    const bins = newBins();
    for (const { probability, right } of some) countOne(bins, probability, right);
    const loss = some.map(({ probability: p, right }) => -Math.log(Math.max(1e-9, right ? p : 1 - p)));
    return { ece: eceOf(bins), logLoss: mean(loss) };
  };
  const layers = LAYERS.map((layer) => ({ layer, ...of(answers.filter((a) => a.layer === layer)) }));
  return { n: answers.length, ...of(answers), layers };
}

const sum = (bins: readonly Bin[], of: (b: Bin) => number): number => bins.reduce((total, b) => total + of(b), 0);

function labelScores(table: ReadonlyMap<string, number>): readonly LabelScore[] {
  return CAUSE_LABELS.flatMap((label) => {
    let n = 0;
    let said = 0;
    for (const [key, count] of table) {
      if (key.startsWith(`${label} `)) n += count;
      if (key.endsWith(` ${label}`)) said += count;
    }
    if (n === 0) return [];
    const right = table.get(`${label} ${label}`) ?? 0;
    const precision = said === 0 ? 0 : right / said;
    const recall = right / n;
    return [
      {
        label,
        n,
        precision,
        recall,
        f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
      },
    ];
  });
}

function confusionsOf(group: string, table: ReadonlyMap<string, number>): CauseScore['confusions'] {
  return [...table]
    .map(([key, n]) => {
      const [truth = '', answer = ''] = key.split(' ');
      return { group, truth, answer, n };
    })
    .filter((c) => c.truth !== c.answer)
    .sort((a, b) => b.n - a.n || (a.truth < b.truth ? -1 : 1));
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
