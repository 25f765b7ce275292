import type { Remedy } from '../../processors/profile/profile.ts';
import { field, html, type Markup, NOTHING, outsideLink } from '../markup.ts';
import type { CauseRow, Summary } from '../summary-document.ts';
import {
  causeMeaning,
  causeTitle,
  labelCode,
  momentIn,
  ownerText,
  plural,
  sharedScope,
  shareText,
  where,
  wholeNumber,
} from '../wording.ts';
import { layerClass } from './incidents.ts';
import { round } from './time-axis.ts';

/** Failed attempts by owner and, within, by cause: bars on one scale. */
export function causeBars(summary: Summary): Markup {
  if (summary.counts.failed === 0) return html`<p>No attempt of a legitimate user failed.</p>`;
  const most = Math.max(1, ...summary.owners.flatMap((o) => o.causes.map((c) => c.sessions)));
  const rows = new Map(summary.causes.map((row) => [String(row.label), row]));
  return html`<table class="bars"><caption>Failed attempts of legitimate users, by whose job they are and why; the colour is the layer</caption>
<thead><tr><th scope="col">Owner and cause</th><th scope="col" class="number">Failed</th><th scope="col" class="bar"><span class="muted">share of the largest</span></th></tr></thead>
${summary.owners.map(
  (
    owner,
  ) => html`<tbody><tr class="group"><th scope="rowgroup">${field(ownerText(owner.owner), 60)}</th><td class="number">${wholeNumber(owner.sessions)} <span class="muted">${shareText(owner.share)}</span></td><td class="bar"></td></tr>
${owner.causes.map(({ label, sessions }) => {
  const row = rows.get(label);
  return html`<tr><th scope="row">${row ? causeTitle(row.label) : label}</th><td class="number">${wholeNumber(sessions)}</td><td class="bar">${bar(sessions / most, layerClass(row?.layer ?? null))}</td></tr>`;
})}</tbody>`,
)}</table>
<ul class="legend">${(['network', 'server', 'client', 'security', 'unexplained'] as const)
    .filter((layer) => summary.over_time.buckets.some((b) => b[layer] > 0))
    .map((layer) => html`<li><span class="swatch fill-${layer}"></span>${layer}</li>`)}</ul>`;
}

function bar(share: number, layer: string): Markup {
  return html`<svg aria-hidden="true"><rect class="fill-${layer}" width="${Math.max(0.8, round(share * 100))}%" height="100%" rx="2"/></svg>`;
}

/** Every cause with since and until, whom it hit, who owns it and what to do. */
export function causeTable(summary: Summary): Markup {
  const moment = momentIn(summary.period);
  const rows = summary.causes.filter((row) => row.kind !== 'rest');
  if (rows.length === 0) return NOTHING;
  return html`<table class="causes stack" role="table"><caption>Causes, those with the most failed attempts first; times in UTC</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Cause and what to do</th><th role="columnheader" scope="col" class="number">Sessions</th><th role="columnheader" scope="col" class="number">Users</th><th role="columnheader" scope="col">Networks</th><th role="columnheader" scope="col">Since</th><th role="columnheader" scope="col">Until</th><th role="columnheader" scope="col">Whose job</th></tr></thead>
${rows.map((row) => causeRow(row, moment))}</table>`;
}

function causeRow(row: CauseRow, moment: (iso: string | null) => string): Markup {
  const scope = sharedScope(row);
  const hampered = row.kind === 'cause' ? row.sessions - row.failed : 0;
  const notes = [
    row.mean_probability === null ? '' : `${shareText(row.mean_probability)} sure on average`,
    row.incidents > 0 ? plural(row.incidents, 'incident') : '',
    hampered > 0 ? `${plural(hampered, 'session')} of them still completed` : '',
    scope === undefined ? '' : `shared by most: ${scope}`,
  ].filter((note) => note !== '');
  return html`<tbody role="rowgroup"><tr role="row"><th role="rowheader" scope="row"><span class="ink-${layerClass(row.layer)}" aria-hidden="true">■</span> ${causeTitle(row.label)}</th><td role="cell" class="number" data-label="sessions">${wholeNumber(row.sessions)}</td><td role="cell" class="number" data-label="users">${row.users.at_least ? 'over ' : ''}${wholeNumber(row.users.count)}</td><td role="cell" data-label="networks">${field(where(row), 60)}</td><td role="cell" class="time" data-label="since">${moment(row.since)}</td><td role="cell" class="time" data-label="until">${row.ongoing ? 'still' : moment(row.until)}</td><td role="cell" class="owner" data-label="job of">${field(ownerText(row.owner), 40)}</td></tr>
<tr role="row"><td role="cell" colspan="7"><span class="code">${labelCode(row.label)}</span> <span class="small muted">${causeMeaning(row.label)} ${notes.length > 0 ? html`<bdi>${capital(notes.join(', '))}.</bdi>` : NOTHING}</span>
${row.remedies.slice(0, 1).map((r) => remedyMarkup(r))}</td></tr></tbody>`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What to do: the sentence, the exact setting, and where it is documented. */
export function remedyMarkup(remedy: Remedy): Markup {
  const setting =
    remedy.setting === null
      ? NOTHING
      : html` <code>${field(remedy.setting, 200)}</code>${remedy.value === null ? '' : html` to <code>${field(remedy.value, 200)}</code>`}${remedy.file === null ? '' : html` in <code>${field(remedy.file, 200)}</code>`}.`;
  return html`<p class="todo">${field(remedy.summary, 600)}${setting} ${outsideLink(remedy.link, 'Documentation')}</p>`;
}
