import { field, html, type Markup } from '../markup.ts';
import type { Summary } from '../summary-document.ts';
import { labelTitle, momentIn, plural, scopeText, wholeNumber } from '../wording.ts';

/** What was unusual together, the widest first: when, where, why it stands out, and the cause of the sessions in it. */
export function anomaliesSection({ anomalies, period }: Summary): Markup {
  const { total, widest } = anomalies;
  if (total === 0)
    return html`<p>Nothing: no fixed limit was passed by more than chance, and nothing that has been learned of these series was left. What is usual is known after five hours of lines.</p>`;
  const moment = momentIn(period);
  return html`<p>${plural(total, 'finding')}${widest.length < total ? html`, the ${wholeNumber(widest.length)} widest of them here` : ''}: series that left their limits, or what is usual for that hour of the week, at the same time and in the same sessions.</p>
<table class="stack" role="table"><caption>Findings by failed sessions; times in UTC</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Where</th><th role="columnheader" scope="col">What</th><th role="columnheader" scope="col">From</th><th role="columnheader" scope="col">To</th><th role="columnheader" scope="col">Level</th><th role="columnheader" scope="col" class="number">Sessions</th><th role="columnheader" scope="col">Cause of most</th></tr></thead>
${widest.map(({ event, imapwhy }) => {
  const a = imapwhy.anomaly;
  return html`<tbody role="rowgroup"><tr role="row"><th role="rowheader" scope="row">${field(scopeText(a.scope), 80)}</th><td role="cell">${field(a.reason, 160)}</td><td role="cell" class="time" data-label="from">${moment(event.start)}</td><td role="cell" class="time" data-label="to">${moment(event.end)}</td><td role="cell">${a.level}</td><td role="cell" class="number" data-label="sessions">${wholeNumber(a.sessions)}</td><td role="cell">${a.incident === null ? '–' : labelTitle(a.incident.cause)}</td></tr></tbody>`;
})}</table>`;
}
