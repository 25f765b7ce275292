import type { Page, Section } from './page.ts';
import { causesSection } from './sections/causes.ts';
import { beforeAfterSection, changesSection } from './sections/changes.ts';
import { figuresSection, headlineSection } from './sections/figures.ts';
import { gapsSection, sourcesSection } from './sections/gaps.ts';
import { predictionsSection } from './sections/predictions.ts';
import { goneSection, topSection } from './sections/top.ts';
import { wafSection } from './sections/waf.ts';
import type { WeeklyReport } from './weekly-report.ts';
import type { Words } from './words/index.ts';

/** What the report says, in the order in which a lead with five minutes reads it. */
export function weeklyPage(report: WeeklyReport, words: Words): Page {
  const sections: readonly (Section | undefined)[] = [
    gapsSection(report, words),
    headlineSection(report, words),
    beforeAfterSection(report, words),
    figuresSection(report, words),
    topSection(report, words),
    goneSection(report, words),
    changesSection(report, words),
    causesSection(report, words),
    wafSection(report, words),
    predictionsSection(report, words),
    sourcesSection(report, words),
    { id: 'reading', title: words.titles.reading, blocks: [{ kind: 'list', entries: words.reading }] },
  ];
  return {
    language: words.htmlLanguage,
    title: `${words.titles.report} · ${words.week(report.week.name)}`,
    period: words.period(report),
    sections: sections.filter((section) => section !== undefined),
    figuresOfChart: words.figuresOfChart,
    footer: [
      ...(report.pseudonyms ? [words.hiddenNames] : []),
      ...(report.engine === null ? [] : [words.engine(report.engine)]),
      words.footer,
    ],
  };
}
