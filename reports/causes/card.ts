import type { CalibrationScore, CauseScore } from '../../models/cause/score.ts';
import { CAUSE_LABELS } from '../../processors/profile/profile.ts';
import { layersPlot, reliabilityPlot } from './plots.ts';

/** What the card of the cause model tells. Every figure comes from one run. */
export interface CausesCard {
  /** Of the card's file, without ending; the plots are named after it. */
  readonly name: string;
  readonly command: string;
  readonly weightsSha256: string;
  readonly epoch: number;
  readonly attempts: number;
  /** Sessions that weights are fitted on. */
  readonly cases: number;
  readonly folds: number;
  /** The first is as the answers say; the others are corrected by layer. All on faults that were held out of everything. */
  readonly calibrations: readonly { readonly name: string; readonly score: CalibrationScore }[];
  /** The first is with all logs. */
  readonly sources: readonly {
    readonly without: readonly string[];
    readonly shipped: CauseScore;
    readonly heldOut: CauseScore;
  }[];
}

const CONFUSIONS_SHOWN = 20;

/** Its files, by name. */
export function causesCard(card: CausesCard): readonly (readonly [string, string])[] {
  const all = card.sources[0]?.heldOut;
  if (!all) return [];
  return [
    [`${card.name}.md`, cardText(card, all)],
    [`${card.name}-reliability.svg`, reliabilityPlot(all)],
    [`${card.name}-layers.svg`, layersPlot(all)],
  ];
}

const figure = (x: number): string => x.toFixed(3);
/** Mail log alone: every other family is left out. */
const sourcesText = (without: readonly string[]): string =>
  without.length === 0 ? 'all logs' : without.length > 4 ? 'mail log alone' : `without ${without.join(', ')}`;

function cardText(card: CausesCard, all: CauseScore): string {
  const { name, sources } = card;
  return `# Model card: causes

Written by \`${card.command}\`; do not edit. What each cause means, its evidence and weights: [causes.md](causes.md).

| | |
| --- | --- |
| what it says | for each session one of ${CAUSE_LABELS.length - 1} causes or \`none\`, with a probability, the evidence that adds up to it, and the two best alternatives |
| what it is | named evidence with weights in log-odds; the probabilities are the softmax of the sums ([ADR 5](adr/0005-additive-log-odds.md)); weights by penalised maximum likelihood towards priors ([ADR 6](adr/0006-map-fitting-towards-priors.md)) |
| weights | \`models/cause/weights.json\`, epoch ${card.epoch}, sha256 \`${card.weightsSha256}\` |
| fitted on | ${card.cases} sessions of [samples/lab-a](../samples/lab-a/README.md) that needed an explanation, each seen with ${sources.length} sets of logs |
| measured on | ${card.attempts} attempts of the same corpus, held out in ${card.folds} folds |
| feedback of people | none is in the shipped weights; \`imapwhy fit causes --with-feedback\` makes own ones |

How it was measured: a fold holds whole faults. The weights that judge a fold were fitted as the shipped ones are, but without that fold, so no fault is judged by weights that
have seen it. Attempts whose truth is ambiguous are left out. An answer *accuses* if it is not \`none\`; *reliability* is of the answers that accuse. ECE: how far stated and right are apart, mean over
the answers, in tenths of probability.

## By logs at hand

| logs | macro-F1 | the same, shipped weights | healthy accused | recall of hidden attempts | ECE |
| --- | ---: | ---: | ---: | ---: | ---: |
${sources.map(({ without, shipped, heldOut: h }) => `| ${sourcesText(without)} | ${figure(h.macroF1)} | ${figure(shipped.macroF1)} | ${(100 * h.accusedShare).toFixed(2)} % | ${h.hidden.some((l) => l.recall > 0) ? figure(h.hiddenRecall) : '–'} | ${figure(h.ece)} |`).join('\n')}

Shipped weights have seen what they judge here: their column shows how much that flatters. *Hidden* attempts are those that no Dovecot line shows.

## Reliability

![Reliability](${name}-reliability.svg)

| stated | answers | mean stated | right |
| --- | ---: | ---: | ---: |
${all.reliability.flatMap((b, i) => (b.n === 0 ? [] : [`| ${(i / 10).toFixed(1)} to ${((i + 1) / 10).toFixed(1)} | ${b.n} | ${figure(b.said)} | ${figure(b.right)} |`])).join('\n')}

## Reliability by layer

![Reliability by layer](${name}-layers.svg)

| layer accused | answers | mean stated | right | ECE | ${sources
    .slice(1)
    .map((s) => `ECE ${sourcesText(s.without)}`)
    .join(' | ')} |
| --- | ---: | ---: | ---: | ---: |${sources
    .slice(1)
    .map(() => ' ---: |')
    .join('')}
${all.layers
  .map(
    (l, i) =>
      `| ${l.layer} | ${l.n} | ${figure(l.said)} | ${figure(l.right)} | ${figure(l.ece)} | ${sources
        .slice(1)
        .map((s) => figure(s.heldOut.layers[i]?.ece ?? Number.NaN))
        .join(' | ')} |`,
  )
  .join('\n')}

## Would a correction by layer help?

Fitted for each fold on the answers about the other folds, given by weights that have seen neither, and measured on the fold: all logs, answers that accuse.

${calibrationTable(card)}

${calibrationVerdict(card)}

## By cause, held out, all logs

| cause | attempts | precision | recall | F1 |
| --- | ---: | ---: | ---: | ---: |
${all.visible.map((l) => `| \`${l.label}\` | ${l.n} | ${figure(l.precision)} | ${figure(l.recall)} | ${figure(l.f1)} |`).join('\n')}

Attempts with a Dovecot line. Of those that only other logs show:

| cause | attempts | precision | recall | F1 |
| --- | ---: | ---: | ---: | ---: |
${all.hidden.map((l) => `| \`${l.label}\` | ${l.n} | ${figure(l.precision)} | ${figure(l.recall)} | ${figure(l.f1)} |`).join('\n')}

## Confusion that remains

| truth | answer | attempts | |
| --- | --- | ---: | --- |
${all.confusions
  .slice(0, CONFUSIONS_SHOWN)
  .map((c) => `| \`${c.truth}\` | \`${c.answer}\` | ${c.n} | ${c.group === 'visible' ? '' : 'no Dovecot line'} |`)
  .join('\n')}

${confusionSentence(all)}

## Limits

- One laboratory of 45 minutes. Some causes were injected in one or two faults only, so a fold leaves few or none of its kind to learn from, and all answers about one fault are right or wrong together: the intervals are wider than the numbers of answers suggest.
- The lab injects faults far more often than they happen. The base (three to one for \`none\`) is therefore not fitted, and the probabilities of a quiet site will be somewhat too high.
- No correction by layer is laid over the sums, so that the probability of each decision can be recomputed from its evidence. What one would do on other faults is shown above.
- Without flow records the network's causes are told apart badly (see the columns by layer): loss, path and queue look alike in a mail log. The profile then names the missing source.
- Other sites have causes that are none of these. They come out as \`none\`, shown as unexplained, or as the nearest of these with a low probability.
`;
}

function calibrationTable({ calibrations }: CausesCard): string {
  const layers = calibrations[0]?.score.layers ?? [];
  const heads = ['all', ...layers.map((l) => l.layer)].flatMap((name) => [`ECE ${name}`, 'log loss']);
  const row = ({ name, score }: CausesCard['calibrations'][number]): string => {
    const cells = [score, ...score.layers].flatMap(({ ece, logLoss }) => [figure(ece), figure(logLoss)]);
    return `| ${name} | ${cells.join(' | ')} |`;
  };
  return [`| | ${heads.join(' | ')} |`, `| --- |${' ---: |'.repeat(heads.length)}`, ...calibrations.map(row)].join(
    '\n',
  );
}

/** A correction is worth having if no layer is told less truly with it. */
function calibrationVerdict({ calibrations }: CausesCard): string {
  const [stated, ...others] = calibrations;
  const harmed = (score: CalibrationScore): readonly string[] =>
    score.layers
      .filter((l, i) => {
        const before = stated?.score.layers[i];
        return before !== undefined && (l.ece > before.ece || l.logLoss > before.logLoss);
      })
      .map((l) => l.layer);
  const told = others.map(({ name, score }) => {
    const layers = harmed(score);
    return layers.length === 0
      ? `*${name}* harms no layer.`
      : `*${name}* makes ${layers.join(', ')} worse (ECE or log loss).`;
  });
  return `${told.join(' ')} What is shipped are the sums as they are.`;
}

function confusionSentence({ confusions }: CauseScore): string {
  const total = confusions.reduce((sum, c) => sum + c.n, 0);
  const shown = confusions.slice(0, CONFUSIONS_SHOWN).reduce((sum, c) => sum + c.n, 0);
  return total > shown
    ? `And ${total - shown} more attempts, in confusions that are no more frequent.`
    : `These are all ${total}.`;
}
