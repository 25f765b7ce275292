import type { Block, Section, Table } from '../page.ts';
import type { ShareRow, WeeklyReport } from '../weekly-report.ts';
import { LAYERS } from '../weekly-report.ts';
import type { Words } from '../words/index.ts';

/** Failures and lost time by day, layer and owner. */
export function causesSection(report: WeeklyReport, words: Words): Section {
  if (report.availability.failed === 0)
    return {
      id: 'causes',
      title: words.titles.causes,
      blocks: [{ kind: 'paragraph', text: words.causesNone }],
    };
  const c = words.columns;
  const layerOf = (name: string | null): string =>
    words.layers[LAYERS.find((layer) => layer === name) ?? 'unexplained'];
  const blocks: readonly Block[] = [
    {
      kind: 'chart',
      chart: {
        title: words.daysChart.title,
        unit: words.daysChart.unit,
        drawing: {
          kind: 'days',
          days: report.days.map((d) => ({ ...d, label: words.chartDay(d.date), short: words.weekday(d.date) })),
          layers: words.layers,
        },
        table: {
          caption: words.daysChart.title,
          columns: [
            { title: c.day },
            { title: c.attempts, isNumber: true },
            ...LAYERS.map((layer) => ({ title: words.layers[layer], isNumber: true })),
          ],
          rows: report.days.map((d) => [
            words.day(d.date),
            words.number(d.attempts),
            ...LAYERS.map((layer) => (d[layer] === 0 ? '' : words.number(d[layer]))),
          ]),
        },
      },
    },
    { kind: 'table', table: shares(words.layersCaption, c.layer, report.layers, layerOf, words) },
    { kind: 'table', table: shares(words.ownersCaption, c.owner, report.owners, words.owner, words) },
    {
      kind: 'table',
      table: {
        caption: words.titles.causes,
        columns: [
          { title: c.cause },
          { title: c.owner },
          { title: c.failed, isNumber: true },
          { title: c.share, isNumber: true },
          { title: c.lost, isNumber: true },
          { title: c.users, isNumber: true },
        ],
        rows: report.causes
          .filter((row) => row.failed > 0)
          .map((row) => [
            words.causeTitle(row.label),
            words.owner(row.owner),
            words.number(row.failed),
            words.share(row.share),
            words.minutes(row.lost_minutes),
            `${row.users.at_least ? '> ' : ''}${words.number(row.users.count)}`,
          ]),
      },
    },
  ];
  return { id: 'causes', title: words.titles.causes, blocks };
}

function shares(
  caption: string,
  title: string,
  rows: readonly ShareRow[],
  nameOf: (name: string | null) => string,
  words: Words,
): Table {
  const c = words.columns;
  return {
    caption,
    columns: [
      { title },
      { title: c.failed, isNumber: true },
      { title: c.share, isNumber: true },
      { title: c.lost, isNumber: true },
    ],
    rows: rows.map((row) => [
      nameOf(row.name),
      words.number(row.failed),
      words.share(row.share),
      words.minutes(row.lost_minutes),
    ]),
  };
}
