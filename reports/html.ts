import type { Incident } from '../processors/profile/incident.ts';
import { compareText } from './counting/top-counter.ts';
import { html, Markup, styleHash } from './markup.ts';
import { anomaliesSection } from './sections/anomalies.ts';
import { causeBars, causeTable } from './sections/causes.ts';
import { type Example, examplesSection } from './sections/examples.ts';
import { headlineSection, indicatorsSection } from './sections/headline.ts';
import { howToReadSection } from './sections/how-to-read.ts';
import { incidentsSection } from './sections/incidents.ts';
import { overTimeCharts } from './sections/over-time.ts';
import { sourcesSection } from './sections/sources.ts';
import { timeAxis } from './sections/time-axis.ts';
import { unexplainedSection } from './sections/unexplained.ts';
import { worstSection } from './sections/worst.ts';
import { STYLE } from './style.css.ts';
import type { Summary } from './summary-document.ts';
import { periodText } from './wording.ts';

export type { Example, ExampleEvent } from './sections/examples.ts';

const EXAMPLES_MAX = 80;

/**
 * The report: one page that holds everything it shows. It loads nothing, runs no script, and its policy forbids both; the same input
 * gives the same bytes. `incidents` may be more than the summary lists; `examples` are the sessions of `exampleSessionIds(summary)`
 * with their events.
 */
export function renderReport(summary: Summary, incidents: readonly Incident[], examples: readonly Example[]): string {
  const sorted = [...incidents].sort(
    (a, b) =>
      b.imapwhy.incident.sessions - a.imapwhy.incident.sessions ||
      compareText(a.event.start, b.event.start) ||
      compareText(a.imapwhy.incident.id, b.imapwhy.incident.id),
  );
  const total = Math.max(summary.incidents.total, sorted.length);
  const axis = timeAxis(summary.period, summary.over_time);
  const shown = examples.slice(0, EXAMPLES_MAX);
  const sections: readonly Section[] = [
    {
      id: 'time',
      title: 'When',
      body: html`${axis ? overTimeCharts(summary.over_time, axis) : html`<p class="muted">No attempts of legitimate users to draw.</p>`}${incidentsSection(sorted.length > 0 ? sorted : summary.incidents.largest, total, summary.period, axis)}`,
    },
    { id: 'unusual', title: 'What was unusual', body: anomaliesSection(summary) },
    { id: 'owners', title: 'Whose job', body: causeBars(summary) },
    { id: 'causes', title: 'Why, and what to do', body: causeTable(summary) },
    { id: 'worst', title: 'For whom', body: worstSection(summary) },
    { id: 'examples', title: 'Example sessions', body: examplesSection(summary, shown) },
    { id: 'unexplained', title: 'Unexplained', body: unexplainedSection(summary, shown) },
    { id: 'sources', title: 'Sources and data quality', body: sourcesSection(summary) },
    { id: 'reading', title: 'How to read this page', body: howToReadSection() },
  ];
  const policy = `default-src 'none'; style-src ${styleHash(STYLE)}; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Why IMAP connections failed: ${periodText(summary.period)}</title>
<style>${Markup.trusted(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the answer</a>
<header><h1>Why IMAP connections failed · ${periodText(summary.period)}</h1></header>
<main id="main">
${headlineSection(summary)}
<nav aria-label="On this page"><ul>${sections.map((s) => html`<li><a href="#${s.id}">${s.title}</a></li>`)}</ul></nav>
${indicatorsSection(summary)}
${sections.map((s) => html`<section id="${s.id}" aria-labelledby="${s.id}-title"><h2 id="${s.id}-title">${s.title}</h2>${s.body}</section>`)}
</main>
<footer><p>Made by imapwhy from log files. This page is complete in itself: it loads nothing and sends nothing.</p></footer>
</body>
</html>
`.toString();
}

interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}
