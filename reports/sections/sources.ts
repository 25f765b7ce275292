import { field, html, logLine, type Markup, NOTHING } from '../markup.ts';
import type { IngestCounts, Summary } from '../summary-document.ts';
import { clockText, dateText, durationText, plural, shareText, wholeNumber } from '../wording.ts';

const SOURCES_LISTED = 50;

/** What was read, what was not understood, what was assumed, and what to enable. */
export function sourcesSection(summary: Summary): Markup {
  const { ingest, missing_sources, counts } = summary;
  const left = ingest.sources_total - Math.min(SOURCES_LISTED, ingest.sources.length);
  return html`
${
  missing_sources.length === 0
    ? NOTHING
    : html`<h3>What to enable</h3><p class="small muted">Logs that were not there and could have told more. That they are missing was not held against anybody.</p>
<table><caption>Missing sources by how many failed attempts lacked them</caption><thead><tr><th scope="col">Source</th><th scope="col" class="number">Failed attempts</th><th scope="col">How to get it</th></tr></thead>
<tbody>${missing_sources.map((m) => html`<tr><th scope="row">${field(m.source, 60)}</th><td class="number">${wholeNumber(m.sessions)}</td><td>${field(m.enable)}</td></tr>`)}</tbody></table>`
}
<h3>What was read</h3>
${
  ingest.sources_total === 0
    ? html`<p class="muted">No source is recorded for this run.</p>`
    : html`<p>${plural(ingest.lines, 'line')} from ${plural(ingest.sources_total, 'source')}${ingest.lines === 0 ? '' : `, ${shareText(ingest.parsed / ingest.lines)} understood`}.</p>
<table class="stack" role="table"><caption>Sources; times in UTC${left > 0 ? `; ${plural(left, 'more source')} not listed` : ''}</caption><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Source</th><th role="columnheader" scope="col" class="number">Lines</th><th role="columnheader" scope="col" class="number">Not understood</th><th role="columnheader" scope="col">From</th><th role="columnheader" scope="col">To</th><th role="columnheader" scope="col">Clock</th></tr></thead>
${ingest.sources.slice(0, SOURCES_LISTED).map(sourceRow)}</table>`
}
${ingest.problems.length === 0 ? NOTHING : html`<h3>Problems while reading</h3><ul class="flow">${ingest.problems.map((p) => html`<li>${field(p.source, 120)}: ${field(p.text)}</li>`)}</ul>`}
${ingest.templates.length === 0 ? NOTHING : html`<h3>Lines that were not understood</h3><p class="small muted">They are kept and searchable; nothing was dropped.</p><ol class="lines">${ingest.templates.map((t) => html`<li><span class="muted">${plural(t.lines, 'line')} like this in ${field(t.source, 120)}</span>${logLine(t.example)}</li>`)}</ol>`}
${counts.incomplete > 0 ? html`<p class="note">${plural(counts.incomplete, 'session is', 'sessions are')} marked incomplete: a part of ${counts.incomplete === 1 ? 'its' : 'their'} lines was not in the logs or had to be let go to bound memory.</p>` : NOTHING}`;
}

function sourceRow(source: IngestCounts): Markup {
  const formats = source.formats.map((f) => f.format).join(', ');
  const clock = [
    ...(source.zone === null
      ? []
      : [
          html`${source.zone.assumed ? 'taken as' : 'zone'} ${field(source.zone.name, 40)} <span class="muted">(${field(source.zone.basis, 160)})</span>`,
        ]),
    ...(source.clock === null
      ? []
      : [
          html`corrected by ${source.clock.shift_ms < 0 ? '−' : '+'}${durationText(Math.abs(source.clock.shift_ms))}, ${shareText(source.clock.confidence)} sure <span class="muted">(${field(source.clock.basis, 160)})</span>`,
        ]),
  ];
  return html`<tbody role="rowgroup"><tr role="row"><th role="rowheader" scope="row">${field(source.source, 120)} <span class="code">${field(formats, 120)}</span></th><td role="cell" class="number" data-label="lines">${wholeNumber(source.lines)}</td><td role="cell" class="number" data-label="not understood">${wholeNumber(source.unparsed)}</td><td role="cell" data-label="from">${stamp(source.first)}</td><td role="cell" data-label="to">${stamp(source.last)}</td><td role="cell" data-label="clock">${clock.length === 0 ? 'stamps carry their zone' : clock.map((c, i) => (i === 0 ? c : html`; ${c}`))}</td></tr></tbody>`;
}

function stamp(iso: string | null): string {
  return iso === null ? 'no stamps' : `${dateText(iso)} ${clockText(iso)}`;
}
