import type { Block, Section, Table } from '../page.ts';
import type { WafRow, WeeklyReport } from '../weekly-report.ts';
import type { Words } from '../words/index.ts';

export function wafSection(report: WeeklyReport, words: Words): Section {
  const { waf } = report;
  const blocks: Block[] =
    waf.open_total + waf.decided_total === 0
      ? [{ kind: 'paragraph', text: words.wafNone(waf.basis) }]
      : [
          { kind: 'paragraph', text: words.wafSentence(waf.open_total, waf.decided_total, waf.basis) },
          ...[...waf.open, ...waf.decided]
            .filter((row) => row.wrong_for_everyone !== null)
            .map((row): Block => ({ kind: 'paragraph', text: words.wafForEveryone(row) })),
          ...(waf.open.length === 0
            ? []
            : [{ kind: 'table' as const, table: wafTable(words.wafOpen, waf.open, waf.basis === 'review', words) }]),
          ...(waf.decided.length === 0
            ? []
            : [{ kind: 'table' as const, table: wafTable(words.wafDecided, waf.decided, true, words) }]),
        ];
  return { id: 'waf', title: words.titles.waf, blocks };
}

/** `reviewed`: the review knows the requests too, not only the sessions that they cost. */
function wafTable(caption: string, rows: readonly WafRow[], reviewed: boolean, words: Words): Table {
  const c = words.columns;
  return {
    caption,
    columns: [
      { title: c.rule },
      { title: c.path },
      ...(reviewed ? [{ title: c.target }, { title: c.blocked, isNumber: true }] : []),
      { title: c.sessions, isNumber: true },
      { title: c.users, isNumber: true },
      { title: c.probability, isNumber: true },
      ...(reviewed ? [{ title: c.decision }] : []),
    ],
    rows: rows.map((row) => [
      row.rule,
      [{ kind: 'code', text: row.path ?? '–' }],
      ...(reviewed ? [row.variable ?? '–', row.blocked === null ? '–' : words.number(row.blocked)] : []),
      words.number(row.sessions),
      words.number(row.users),
      words.share(row.probability),
      ...(reviewed ? [words.decision(row)] : []),
    ]),
  };
}
