import type { Block, Section } from '../page.ts';
import type { WeeklyReport } from '../weekly-report.ts';
import type { Words } from '../words/index.ts';

const CAUSES_SHOWN = 12;

/** Against last week and the four weeks before; of causes only what is more than chance is called a change. */
export function changesSection(report: WeeklyReport, words: Words): Section {
  const { changes, history, causes } = report;
  const c = words.columns;
  const allowed = 1 - report.availability.budget.objective;
  const weeksBefore = Math.max(1, history.slice(0, -1).filter((w) => w.attempts > 0).length);
  const blocks: Block[] = [
    { kind: 'paragraph', text: words.changeSentence(changes.last_week, 'last_week') },
    { kind: 'paragraph', text: words.changeSentence(changes.four_weeks, 'four_weeks') },
    {
      kind: 'chart',
      chart: {
        title: words.weeksChart.title,
        unit: words.weeksChart.unit(allowed),
        drawing: {
          kind: 'weeks',
          weeks: history,
          allowed,
        },
        table: {
          caption: words.weeksCaption,
          columns: [
            { title: c.week },
            { title: c.attempts, isNumber: true },
            { title: c.failed, isNumber: true },
            { title: c.failureRate, isNumber: true },
            { title: c.interval, isNumber: true },
          ],
          rows: history.map((w) => [
            w.name,
            words.number(w.attempts),
            words.number(w.failed),
            w.rate === null ? '–' : words.failureRate(1 - w.rate),
            w.interval === null
              ? '–'
              : `${words.failureRate(1 - w.interval.high)} – ${words.failureRate(1 - w.interval.low)}`,
          ]),
        },
      },
    },
  ];
  if (causes.length > 0)
    blocks.push(
      {
        kind: 'table',
        table: {
          caption: words.causesCaption,
          columns: [
            { title: c.cause },
            { title: c.failed, isNumber: true },
            { title: c.lastWeek },
            { title: c.fourWeeks },
          ],
          rows: causes
            .slice(0, CAUSES_SHOWN)
            .map((row) => [
              words.causeTitle(row.label),
              words.number(row.failed),
              words.change(row.last_week),
              words.change(row.four_weeks, weeksBefore),
            ]),
        },
      },
      { kind: 'paragraph', text: words.changesNote, tone: 'muted' },
    );
  return { id: 'changes', title: words.titles.changes, blocks };
}

export function beforeAfterSection(report: WeeklyReport, words: Words): Section | undefined {
  const b = report.before_after;
  if (b === null) return undefined;
  const c = words.columns;
  const side = (s: typeof b.before): string =>
    s.rate === null
      ? '–'
      : `${words.number(s.failed)} / ${words.number(s.attempts)} (${words.failureRate(1 - s.rate)})`;
  return {
    id: 'before-after',
    title: words.titles.beforeAfter,
    blocks: [
      ...words.beforeAfter(b).map((text): Block => ({ kind: 'paragraph', text })),
      {
        kind: 'table',
        table: {
          caption: words.beforeAfterCaption,
          columns: [
            { title: c.cause },
            { title: c.before, isNumber: true },
            { title: c.after, isNumber: true },
            { title: c.change },
          ],
          rows: [
            [
              [{ kind: 'strong', text: `${c.failed} / ${c.attempts}` }],
              side(b.before),
              side(b.after),
              words.change(b.change),
            ],
            [c.lost, words.minutes(b.before.lost_minutes), words.minutes(b.after.lost_minutes), ''],
            ...b.causes.map((row) => [
              words.causeTitle(row.label),
              words.number(row.change.before.failed),
              words.number(row.change.now.failed),
              words.change(row.change),
            ]),
          ],
        },
      },
    ],
  };
}
