import type { CauseLabel } from '../../processors/profile/profile.ts';
import { CAUSE_LABELS } from '../../processors/profile/profile.ts';
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
  /** Per tenth of probability: how many answers accuse, what they say on average, how many are right. */
  readonly reliability: readonly { readonly n: number; readonly said: number; readonly right: number }[];
}

const LABEL_MIN = 20;

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
  const bins = Array.from({ length: 10 }, () => ({ n: 0, said: 0, right: 0 }));
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
      const bin = bins[Math.min(9, Math.floor(answer.probability * 10))];
      if (bin) {
        bin.n++;
        bin.said += answer.probability;
        if (answer.label === t.cause) bin.right++;
      }
    }
  }
  const visible = labelScores(tables.visible);
  const hidden = labelScores(tables.hidden);
  const accusing = bins.reduce((n, b) => n + b.n, 0);
  return {
    visible,
    hidden,
    macroF1: mean(visible.filter((s) => s.label !== 'none' && s.n >= LABEL_MIN).map((s) => s.f1)),
    accusedShare: counts.accused / Math.max(1, counts.healthy),
    ece: bins.reduce((sum, b) => sum + Math.abs(b.said - b.right), 0) / Math.max(1, accusing),
    hiddenRecall: mean(hidden.filter((s) => s.label !== 'none' && s.n >= LABEL_MIN).map((s) => s.recall)),
    matchedVisible: counts.visibleMatched / Math.max(1, counts.visible),
    matchedHidden: counts.hiddenMatched / Math.max(1, counts.hidden),
    outcomeAgrees: counts.outcomesRight / Math.max(1, counts.outcomes),
    confusions: (['visible', 'hidden'] as const).flatMap((group) => confusionsOf(group, tables[group])),
    reliability: bins.map((b) => ({
      n: b.n,
      said: b.n === 0 ? 0 : b.said / b.n,
      right: b.n === 0 ? 0 : b.right / b.n,
    })),
  };
}

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
