import type { Block, Section } from '../page.ts';
import type { WeeklyReport } from '../weekly-report.ts';
import type { Words } from '../words/index.ts';

const SHOWN = 8;
const SOURCES_SHOWN = 25;

/** Stands first: all that follows is about what could be seen. */
export function gapsSection(report: WeeklyReport, words: Words): Section {
  const { gaps, week } = report;
  const sentences = [
    ...words.gaps(gaps, week.hours),
    ...gaps.sources.filter((s) => s.vanished).map(words.vanished),
    ...gaps.sources.filter((s) => s.silent.length > 0).map(words.silent),
  ];
  const blocks: readonly Block[] = [
    { kind: 'list', tone: 'note', entries: sentences.length === 0 ? [words.noGaps] : sentences.slice(0, SHOWN) },
  ];
  return { id: 'gaps', title: words.titles.gaps, blocks };
}

export function sourcesSection(report: WeeklyReport, words: Words): Section {
  const { gaps } = report;
  const c = words.columns;
  const rows = gaps.sources
    .slice(0, SOURCES_SHOWN)
    .map((s) => [
      [s.source, ...(s.formats.length === 0 ? [] : [{ kind: 'muted' as const, text: ` ${s.formats.join(', ')}` }])],
      words.number(s.lines),
      s.first === '' ? '–' : words.moment(s.first),
      s.last === '' ? '–' : words.moment(s.last),
      words.number(s.hours),
      s.silent.map(words.silence).join(', '),
    ]);
  const missing = gaps.missing.map(words.missing);
  return {
    id: 'sources',
    title: words.titles.sources,
    blocks: [
      rows.length === 0
        ? { kind: 'paragraph', text: words.sourcesNone, tone: 'muted' }
        : {
            kind: 'table',
            table: {
              caption: words.sourcesCaption(gaps.sources.length - rows.length),
              columns: [
                { title: c.source },
                { title: c.lines, isNumber: true },
                { title: c.from, isTime: true },
                { title: c.to, isTime: true },
                { title: c.hours, isNumber: true },
                { title: c.silent },
              ],
              rows,
            },
          },
      ...(missing.length === 0
        ? []
        : [
            {
              kind: 'table' as const,
              table: {
                caption: words.missingCaption,
                columns: [{ title: c.source }, { title: c.failed, isNumber: true }, { title: c.enable }],
                rows: missing.map((m, i) => [m.source, words.number(gaps.missing[i]?.sessions ?? 0), m.enable]),
              },
            },
          ]),
    ],
  };
}
