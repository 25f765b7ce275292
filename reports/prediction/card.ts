import type { Assessment } from '../../models/prediction/assess.ts';
import type { SideFile } from '../../models/prediction/side-file.ts';
import { KIND_WORDS, kindsPlot, periodsPlot, precisionRecallPlot, reliabilityPlot } from './plots.ts';
import { CANDIDATE_WORDS, decimal, markdownTable, percent, scoreTable, verdict } from './tables.ts';

/** The files of the model card: Markdown under `cardName`, and its plots. Every figure comes from the assessment. */
export function renderCard(
  side: SideFile,
  assessment: Assessment,
  cardName: string,
): readonly (readonly [string, string])[] {
  return [
    [cardName, cardText(side, assessment)],
    ['reliability.svg', reliabilityPlot(assessment)],
    ['precision-recall.svg', precisionRecallPlot(assessment)],
    ['by-cause.svg', kindsPlot(assessment)],
    ['by-week.svg', periodsPlot(assessment)],
  ];
}

function cardText(side: SideFile, assessment: Assessment): string {
  const { trained_on: data, card } = side;
  const first = assessment.figures[0];
  return `# Model card: connection prediction

Written by \`imapwhy train\` (imapwhy ${side.engine}); do not edit.

| | |
| --- | --- |
| what it says | the probability that an attempt to connect will fail, from what was known before it began |
| what it is | ${CANDIDATE_WORDS[side.kind]}, calibrated |
| trained on | ${data.attempts} attempts of ${data.clients} clients, ${data.from} to ${data.to}, ${data.failed} failed; seed ${data.seed} |
| measured on | ${card.from} to ${card.to}: the last 20 % of that time |
| data | sha256 \`${data.sha256}\` |
| model file | sha256 \`${side.model_sha256}\` |
| threshold | ${side.threshold.toFixed(4)} (best mean of both recalls on the validation part) |

It was trained on this site alone and knows nothing about another. Attempts without history get the base rate (${percent(side.base_rate)} %), which is never an alarm.

How it was measured: every candidate was fitted on the first 65 % of the time without every sixth client, stopped, blended and calibrated on the next 15 %, and measured
once on the last 20 %. The one that is used was then fitted again on all attempts with the same settings, so the shipped model has seen more than the measured one.

## All attempts of the measured part

${first ? `${first.all.rows} attempts, ${percent(first.all.positives / first.all.rows)} % failed.` : ''}

${markdownTable(scoreTable(assessment, 'all'))}

${verdict(assessment)}

## Onsets: the client's last known attempt was fine

${first ? `${first.onset.rows} attempts, ${percent(first.onset.positives / first.onset.rows)} % failed.` : ''}

${markdownTable(scoreTable(assessment, 'onset'))}

## Clients that were fitted on

${markdownTable(scoreTable(assessment, 'known'))}

## Clients that were never fitted on

${markdownTable(scoreTable(assessment, 'fresh'))}

## Reliability

![Reliability](reliability.svg)

${markdownTable([
  ['risk', 'mean risk', 'failed', 'attempts'],
  ...assessment.reliability.map((b) => [
    `${(Math.floor(Math.min(0.99, b.said) * 10) / 10).toFixed(1)} and more`,
    decimal(b.said),
    decimal(b.happened),
    String(b.rows),
  ]),
])}

## Precision and recall

![Precision and recall](precision-recall.svg)

## By cause

![By cause](by-cause.svg)

${markdownTable([
  ['outcome', 'attempts', 'mean risk', 'risk over the threshold, %'],
  ...assessment.kinds.map((k) => [KIND_WORDS[k.kind] ?? k.kind, String(k.rows), decimal(k.meanRisk), percent(k.found)]),
])}

## By week

![By week](by-week.svg)

${markdownTable([
  [assessment.periods[0]?.length ?? 'week', 'attempts', 'failed, %', 'mean risk, %', 'AUROC', 'AUPRC', 'ECE'],
  ...assessment.periods.map((p) => [
    p.from,
    String(p.scores.rows),
    percent(p.scores.positives / p.scores.rows),
    percent(p.meanRisk),
    decimal(p.scores.auroc),
    decimal(p.scores.auprc),
    decimal(p.scores.ece),
  ]),
])}
`;
}
