import type { WeekDrift } from '../../models/prediction/drift.ts';
import type { SideFile } from '../../models/prediction/side-file.ts';
import { alignedTable, decimal, percent } from './tables.ts';

/** Live figures week by week under those of the card, and what to do. */
export function driftText(weeks: readonly WeekDrift[], { card, trained_on }: SideFile): string {
  if (weeks.length === 0)
    return `No attempt began after ${trained_on.to}, to which the model was trained: there is nothing to compare yet.\n`;
  const table = alignedTable([
    ['week from', 'attempts', 'said, %', 'failed, %', 'ECE', 'Brier skill', 'verdict'],
    ['card', '', percent(card.mean_risk), percent(card.failure_rate), decimal(card.ece), decimal(card.brier_skill), ''],
    ...weeks.map((w) => [
      w.from,
      String(w.attempts),
      percent(w.meanRisk),
      percent(w.failureRate),
      decimal(w.ece),
      decimal(w.brierSkill),
      w.verdict,
    ]),
  ]);
  return `${table}${driftAdvice(weeks) ?? 'The model says what happens: no reason to train again.'}\n`;
}

/** What to do, judged by the last week that tells something; undefined when nothing is to be done. */
export function driftAdvice(weeks: readonly WeekDrift[]): string | undefined {
  const last = weeks.findLast((w) => w.verdict !== 'too few attempts');
  if (last?.verdict !== 'train again') return undefined;
  return `Train again (imapwhy train): in the week from ${last.from} ${last.reasons.join(', and ')}.`;
}
