import type { Incident } from '../../processors/profile/incident.ts';
import { CAUSE_LABELS, type CauseLabel } from '../../processors/profile/profile.ts';
import type { Indicator } from '../../reports/indicators.ts';
import { levelMark } from '../../reports/level-mark.ts';
import { field, html, type Markup, NOTHING } from '../../reports/markup.ts';
import type { Summary } from '../../reports/summary-document.ts';
import { durationText, rateText, scopeText, wholeNumber } from '../../reports/wording.ts';
import { turnOf } from '../escalation.ts';
import { fieldWord } from '../query.ts';
import type { SilentSource } from '../silent-sources.ts';
import { causeText, ownerText, page, timeIn, type View } from '../view.ts';

/** Who is likely to fail within the next quarter of an hour, as `analyze --model` writes it. */
export interface Outlook {
  readonly asOf: string;
  readonly likely: readonly { readonly client: string; readonly risk: number; readonly reasons: readonly string[] }[];
}

export interface NowData {
  readonly hours: number;
  readonly summary: Summary;
  /** Set if the summary holds only the newest so many sessions of the time. */
  readonly cutAt: number | undefined;
  /** Start of the newest session, UTC epoch ms. */
  readonly last: number;
  readonly open: readonly Incident[];
  readonly outlook: Outlook | undefined;
  /** Undefined where it is not known. */
  readonly silent: readonly SilentSource[] | undefined;
}

export const WINDOWS_HOURS = [1, 6, 24, 168] as const;
const OPEN_MAX = 50;
const LIKELY_MAX = 20;

/** How it stands: the three indicators, what is still going on and whose it is, and what is expected next. */
export function nowPage(view: View, data: NowData | undefined): string {
  const { words } = view;
  if (!data) return page(view, words.now, 'now', html`<h1>${words.nowTitle}</h1><p class="note">${words.empty}</p>`);
  const { summary, hours } = data;
  const { success_rate, setup_time, tls_time } = summary.indicators;
  return page(
    view,
    words.now,
    'now',
    html`<h1>${words.nowTitle}</h1>
<ul class="tabs">${WINDOWS_HOURS.map((h) => html`<li><a href="/?hours=${h}"${h === hours ? html` aria-current="true"` : NOTHING}>${words.lastWindow(h)}</a></li>`)}</ul>
<p class="muted small">${words.dataUntil(timeIn(view, data.last))}${data.cutAt === undefined ? NOTHING : html` ${words.onlyNewest(wholeNumber(data.cutAt))}`}</p>
<ul class="cards">
${indicatorCard(view, words.successRate, success_rate, success_rate.value === null ? null : rateText(success_rate.value), words.limitsSuccess)}
${indicatorCard(view, words.setupTime, setup_time, timeOf(setup_time), words.limitsSetup)}
${indicatorCard(view, words.tlsTime, tls_time, timeOf(tls_time), words.limitsTls)}
</ul>
<section aria-labelledby="open"><h2 id="open">${words.openIncidents}</h2>${openIncidents(view, data)}</section>
<section aria-labelledby="why"><h2 id="why">${words.whyFailed}</h2>${summary.counts.failed === 0 ? html`<p>${words.nothingFailed}</p>` : causeTable(view, summary, hours)}</section>
<section aria-labelledby="next"><h2 id="next">${words.likely}</h2>${likelyTable(view, data.outlook)}</section>
${data.silent === undefined ? NOTHING : html`<section aria-labelledby="silent"><h2 id="silent">${words.silentSources}</h2>${silentList(view, data.silent, data.last)}</section>`}`,
  );
}

function timeOf(indicator: Indicator): string | null {
  return indicator.value === null ? null : durationText(indicator.value);
}

function indicatorCard(view: View, name: string, indicator: Indicator, value: string | null, limits: string): Markup {
  const { words } = view;
  return html`<li class="card"><h3>${name}</h3><div class="value${value === null ? ' none' : ''}">${value ?? words.notMeasurable}</div>
${indicator.level === 'unknown' ? NOTHING : html`<div class="level level-${indicator.level}">${levelMark(indicator.level)}${words.level[indicator.level]}</div>`}
${indicator.sessions === 0 ? NOTHING : html`<p>${words.measuredFrom(wholeNumber(indicator.sessions))}</p>`}<p>${limits}</p></li>`;
}

function openIncidents(view: View, { open, last }: NowData): Markup {
  const { words } = view;
  if (open.length === 0) return html`<p>${words.noIncidents}</p>`;
  // A cause that hit one session is no matter for a team; it stands in the search like any other.
  const shared = open.filter((i) => i.imapwhy.incident.sessions > 1);
  const single = open.length - shared.length;
  const rest = single === 0 ? NOTHING : html`<p class="small muted">${words.singleIncidents(single)}</p>`;
  if (shared.length === 0) return rest;
  return html`<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">${words.cause}</th><th scope="col">${words.scope}</th><th scope="col">${words.owner}</th><th scope="col">${words.clock}</th><th scope="col">${words.escalation}</th><th scope="col" class="number">${words.sessions}</th><th scope="col" class="number">${words.users}</th></tr></thead>
<tbody>${shared.slice(0, OPEN_MAX).map((i) => {
    const { id, cause, layer, owner, scope, sessions, users } = i.imapwhy.incident;
    const openMs = Math.max(0, last - Date.parse(i.event.start));
    return html`<tr><th scope="row"><span class="ink-${layer}" aria-hidden="true">■</span> <a href="/incident/${encodeURIComponent(id)}">${causeText(view, cause)}</a></th><td>${field(scopeText(scope), 80)}</td><td class="owner">${ownerText(view, owner)}</td><td class="number">${durationText(openMs)}</td><td>${ownerText(view, turnOf(openMs))}</td><td class="number">${wholeNumber(sessions)}</td><td class="number">${wholeNumber(users)}</td></tr>`;
  })}</tbody></table></div>${rest}`;
}

function causeTable(view: View, summary: Summary, hours: number): Markup {
  const { words } = view;
  const rows = summary.causes.filter((row) => row.failed > 0 && row.kind !== 'attack');
  const most = Math.max(...rows.map((row) => row.failed));
  return html`<table class="bars"><thead><tr><th scope="col">${words.cause}</th><th scope="col">${words.owner}</th><th scope="col" class="number">${words.sessions}</th><th scope="col" class="bar"><span>${words.sessions}</span></th></tr></thead><tbody>${rows.map(
    (row) => {
      const label = row.label === 'unexplained' ? undefined : row.label;
      const query =
        label === undefined ? `is:failed cause:none since:${hours}h` : `${fieldWord('cause', label)} since:${hours}h`;
      const title = label === undefined ? words.unexplained : causeText(view, isCause(label) ? label : 'none');
      return html`<tr><th scope="row"><a href="/search?q=${encodeURIComponent(query)}">${title}</a></th><td>${ownerText(view, row.owner)}</td><td class="number">${wholeNumber(row.failed)}</td><td class="bar"><svg aria-hidden="true"><rect class="fill-${row.layer ?? 'unexplained'}" width="${Math.round((100 * row.failed) / most)}%" height="100%" rx="2"/></svg></td></tr>`;
    },
  )}</tbody></table>`;
}

const isCause = (label: string): label is CauseLabel => CAUSE_LABELS.some((l) => l === label);

function likelyTable(view: View, outlook: Outlook | undefined): Markup {
  const { words } = view;
  if (!outlook) return html`<p>${words.noModel}</p>`;
  if (outlook.likely.length === 0) return html`<p>${words.nothingLikely}</p>`;
  return html`<table><thead><tr><th scope="col">${words.client}</th><th scope="col" class="number">${words.risk}</th><th scope="col">${words.because}</th></tr></thead><tbody>${outlook.likely.slice(0, LIKELY_MAX).map((l) => html`<tr><th scope="row"><a href="/search?q=${encodeURIComponent(fieldWord('client', l.client))}">${field(l.client, 64)}</a></th><td class="number">${Math.round(100 * l.risk)} %</td><td>${l.reasons.map((r) => html`<div>${field(r, 300)}</div>`)}</td></tr>`)}</tbody></table>`;
}

function silentList(view: View, silent: readonly SilentSource[], last: number): Markup {
  const { words } = view;
  if (silent.length === 0) return html`<p>${words.noSilentSources}</p>`;
  return html`<ul class="flow">${silent.map((s) => html`<li>${field(s.source, 120)}: ${words.silentFor(durationText(last - s.lastMs), wholeNumber(s.linesAnHour))}</li>`)}</ul>`;
}
