import type { ClassifierScores } from '../../models/math/classifier-scores.ts';
import type { Interval } from '../../models/math/cluster-bootstrap.ts';
import type { Assessment, CandidateName } from '../../models/prediction/assess.ts';

/** What each candidate is, in words. */
export const CANDIDATE_WORDS: Readonly<Record<CandidateName, string>> = {
  majority: 'majority: always the base rate',
  persistence: 'persistence: as the last attempt ended',
  rates: 'rates by client, network, server, tunnel',
  logistic: 'logistic regression, all features',
  trees: 'boosted trees, all features',
  lstm: 'LSTM over related events',
  ensemble: 'LSTM and trees together',
};

/** Rows of cells; the first row is the heading. Columns after the first are numbers. */
export type Table = readonly (readonly string[])[];

export const percent = (x: number): string => (Number.isFinite(x) ? (100 * x).toFixed(2) : '–');
export const decimal = (x: number): string => (Number.isFinite(x) ? x.toFixed(4) : '–');

/** Candidates on one part of the attempts. `ceiling` is what knowing the true probabilities would reach, where they are known. */
export function scoreTable(
  assessment: Assessment,
  of: 'all' | 'known' | 'fresh' | 'onset',
  ceiling?: ClassifierScores,
): Table {
  const row = (name: string, s: ClassifierScores): readonly string[] => [
    name,
    percent(s.accuracy),
    percent(s.balancedAccuracy),
    decimal(s.auroc),
    decimal(s.auprc),
    decimal(s.brier),
    decimal(s.logLoss),
    decimal(s.ece),
  ];
  return [
    ['', 'accuracy', 'balanced', 'AUROC', 'AUPRC', 'Brier', 'log loss', 'ECE'],
    ...assessment.figures.map((f) => row(CANDIDATE_WORDS[f.name], f[of])),
    ...(ceiling ? [row('ceiling: the true probability', ceiling)] : []),
  ];
}

/** One sentence on whether the net earned its place. */
export function verdict(assessment: Assessment): string {
  const { lstm, ensemble, winner, bestBaseline } = assessment;
  const against = (name: string, i: Interval): string =>
    `${name} less ${bestBaseline}: AUPRC ${signed(i.difference)} (95 % interval over clients ${signed(i.low)} to ${signed(i.high)})`;
  const shipped =
    winner === 'ensemble' || winner === 'lstm'
      ? `The ${winner} beats every baseline beyond chance, so it is what this model uses.`
      : `Neither the LSTM nor the ensemble beats every baseline beyond chance, so this model uses ${winner}.`;
  return `${against('LSTM', lstm)}; ${against('ensemble', ensemble)}. ${shipped}`;
}

const signed = (x: number): string => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(4)}`;

/** As text in columns, for a terminal. */
export function alignedTable(table: Table): string {
  const widths = (table[0] ?? []).map((_, c) => Math.max(...table.map((row) => (row[c] ?? '').length)));
  return table
    .map((row) =>
      row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c] ?? 0) : cell.padStart((widths[c] ?? 0) + 2))).join(''),
    )
    .map((line) => `  ${line.trimEnd()}\n`)
    .join('');
}

export function markdownTable(table: Table): string {
  const [head = [], ...rows] = table;
  return [
    `| ${head.join(' | ')} |`,
    `| --- |${head
      .slice(1)
      .map(() => ' ---: |')
      .join('')}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}

/** All of it for the terminal: baselines are always beside the model. */
export function assessmentText(
  assessment: Assessment,
  ceiling?: { readonly all: ClassifierScores; readonly onset: ClassifierScores },
): string {
  const { all, onset, known, fresh } = assessment.figures[0] ?? {};
  if (!all || !onset || !known || !fresh) return '';
  return [
    `On the last part of the time, which nothing was fitted on: ${all.rows} attempts, ${percent(all.positives / all.rows)} % failed`,
    alignedTable(scoreTable(assessment, 'all', ceiling?.all)),
    `Onsets, the client's last known attempt was fine: ${onset.rows} attempts, ${percent(onset.positives / onset.rows)} % failed`,
    alignedTable(scoreTable(assessment, 'onset', ceiling?.onset)),
    ...(fresh.rows > 0
      ? [
          `Clients that were never fitted on: ${fresh.rows} attempts, ${percent(fresh.positives / fresh.rows)} % failed`,
          alignedTable(scoreTable(assessment, 'fresh')),
        ]
      : []),
    verdict(assessment),
    '',
  ].join('\n');
}
