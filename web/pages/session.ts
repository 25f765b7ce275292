import { CAUSE_LABELS, type Profile, type Remedy } from '../../processors/profile/profile.ts';
import type { EvidenceRow, Explanation, PhaseRow, TimelineLine } from '../../reports/explain.ts';
import { field, html, logLine, type Markup, NOTHING, outsideLink } from '../../reports/markup.ts';
import { durationText, explainCommand, scopeText, shareText } from '../../reports/wording.ts';
import { fieldWord } from '../query.ts';
import {
  canWrite,
  causeText,
  nameField,
  outcomeText,
  ownerText,
  page,
  timeIn,
  timeMarkup,
  type View,
} from '../view.ts';
import { lanesFigure } from './lanes.ts';

/** How many sessions of one network, server or user failed around the same moment, and the search that shows them. */
export interface Neighbours {
  readonly of: string;
  readonly sessions: number;
  readonly query: string;
}

export interface SessionData {
  readonly profile: Profile;
  readonly explanation: Explanation;
  readonly neighbours: readonly Neighbours[];
}

/** Evidence that moves the log-odds of the answer by less says nothing about it. */
const ADDS_MIN = 0.005;

/** Everything that is known about one session: what happened, where it stalled, why, why not something else, and what to do. */
export function sessionPage(view: View, { profile, explanation: e, neighbours }: SessionData): string {
  const { words } = view;
  const h = e.headline;
  const layer = profile.imapwhy.cause.layer ?? 'unexplained';
  const who = h.user ?? h.client_ip ?? words.unexplained;
  return page(
    view,
    `${words.session} ${e.id}`,
    'search',
    html`<h1 class="headline">${field(who, 80)} ${outcomeText(view, h.outcome)}</h1>
<p class="lead">${causeLine(view, profile, e)}</p>
<dl class="facts">
<dt>${words.started}</dt><dd>${timeMarkup(view, h.start, 'yyyy-MM-dd HH:mm:ss.SSS')} (${durationText(profile.event.duration / 1e6)})</dd>
<dt>${words.from}</dt><dd>${h.client_ip === null ? '–' : searchLink('client', h.client_ip)}${h.source_ip !== null && h.source_ip !== h.client_ip ? html` (${words.sawAddress(h.source_ip)})` : NOTHING}</dd>
<dt>${words.to}</dt><dd>${h.server === null ? '–' : field(h.server, 100)}</dd>
${h.path.length === 0 ? NOTHING : html`<dt>${words.through}</dt><dd>${h.path.map((p) => html`<div>${field(p, 120)}</div>`)}</dd>`}
${h.agent === null ? NOTHING : html`<dt>${words.with}</dt><dd>${field(h.agent, 120)}</dd>`}
${h.reason === null ? NOTHING : html`<dt>${words.theServerSaid}</dt><dd>${field(h.reason)}</dd>`}
${h.tags.length === 0 ? NOTHING : html`<dt>#</dt><dd>${field(h.tags.join(', '), 200)}</dd>`}
</dl>
${lanesFigure(view, e, layer)}
<div class="twocol"><section aria-labelledby="phases"><h2 id="phases">${words.phases}</h2>${phaseTable(view, e.phases)}</section>
<section aria-labelledby="todo"><h2 id="todo">${words.remedy}</h2>${e.remedy === null ? html`<p class="muted">–</p>` : remedyMarkup(view, e.remedy)}
${e.missing_sources.length === 0 ? NOTHING : html`<h3>${words.missing}</h3><ul class="flow small">${e.missing_sources.map((m) => html`<li>${field(m.source, 80)}: ${field(m.enable)}</li>`)}</ul>`}</section></div>
<section aria-labelledby="evidence"><h2 id="evidence">${words.evidence}</h2>${evidenceTable(view, e)}</section>
${alternatives(view, e)}
<section aria-labelledby="near"><h2 id="near">${words.neighbours}</h2>${neighbourList(view, neighbours)}</section>
<section aria-labelledby="lines"><h2 id="lines">${words.lines}</h2>${timeline(view, e)}</section>
${canWrite(view) ? html`<section aria-labelledby="right"><h2 id="right">${words.feedback}</h2>${feedbackForm(view, profile, e)}</section>` : NOTHING}
<p class="small muted">${words.session} <code>${field(e.id, 60)}</code>${e.dovecot_id === null ? NOTHING : html`, Dovecot <code>${field(e.dovecot_id, 60)}</code>`}, <code>${field(explainCommand(e.id), 200)}</code></p>`,
  );
}

const searchLink = (name: 'client', value: string): Markup =>
  html`<a href="/search?q=${encodeURIComponent(fieldWord(name, value))}">${field(value, 64)}</a>`;

function causeLine(view: View, profile: Profile, e: Explanation): Markup {
  const { words } = view;
  const { cause } = profile.imapwhy;
  if (e.feedback)
    return html`${causeText(view, cause.label)}, ${words.saidByPerson}. ${words.saidBy(e.feedback.by, timeIn(view, e.feedback.at))}${e.feedback.note === null ? NOTHING : html`: ${field(e.feedback.note, 600)}`}. ${words.modelSaid(causeText(view, e.feedback.model_label), shareText(e.feedback.model_probability))}`;
  if (cause.label === 'none') {
    const guess = e.alternatives[0];
    if (profile.imapwhy.outcome === 'ok') return html`${causeText(view, 'none')}`;
    return html`${words.unexplained}${guess ? html`; ${words.bestGuess(causeText(view, guess.label), shareText(guess.probability))}` : NOTHING}`;
  }
  return html`<span class="ink-${cause.layer ?? 'unexplained'}" aria-hidden="true">■</span> ${causeText(view, cause.label)}, ${words.sure(shareText(cause.probability))}. ${words.owner}: ${ownerText(view, cause.owner)}${cause.scope === null ? NOTHING : html`. ${words.scope}: ${field(scopeText(cause.scope), 100)}`}`;
}

function phaseTable(view: View, phases: readonly PhaseRow[]): Markup {
  const { words } = view;
  if (phases.length === 0) return html`<p class="muted">${words.notShown}</p>`;
  return html`<table><tbody>${phases.map((p) => {
    const near = p.duration_ms !== null && p.precision_ms >= 1000 ? ` (${words.toTheSecond})` : '';
    return html`<tr><th scope="row">${p.name}${p.stalled ? html` <strong class="bad">${words.stall}</strong>` : NOTHING}</th><td class="number">${p.duration_ms === null ? words.notShown : `${durationText(p.duration_ms)}${near}`}</td><td class="code">${field(p.source, 40)}</td></tr>`;
  })}</tbody></table>`;
}

function remedyMarkup(view: View, remedy: Remedy): Markup {
  const { words } = view;
  const setting = [remedy.setting, remedy.value].filter((part) => part !== null).join(' = ');
  return html`<p>${field(remedy.summary, 600)}</p>${setting === '' ? NOTHING : html`<p class="setting"><code id="setting">${field(setting, 300)}</code> <button type="button" class="copy" data-copy="setting" data-copied="${words.copied}" hidden>${words.copy}</button></p>`}${remedy.file === null ? NOTHING : html`<p class="small"><code>${field(remedy.file, 200)}</code></p>`}<p class="small">${outsideLink(remedy.link, words.documentation)}</p>`;
}

function evidenceTable(view: View, e: Explanation): Markup {
  const { words } = view;
  if (e.evidence.length === 0) return html`<p class="muted">${words.noEvidence}</p>`;
  const sorted = [...e.evidence].sort((a, b) => Math.abs(b.adds) - Math.abs(a.adds));
  const rows = sorted.filter((row) => row.name === 'base' || Math.abs(row.adds) >= ADDS_MIN);
  const idle = sorted.filter((row) => row.name !== 'base' && Math.abs(row.adds) < ADDS_MIN);
  const { recomputed, stated, log_odds } = e.decision;
  const label = e.feedback?.model_label ?? e.headline.cause;
  return html`<table class="evidence"><caption>${words.evidenceNote}</caption><thead><tr><th scope="col">${words.evidence}</th><th scope="col" class="number">${words.weight}</th></tr></thead><tbody>${rows.map((row) => evidenceRow(view, row))}</tbody>${recomputed === null ? NOTHING : html`<tfoot><tr><th scope="row">${words.sum}</th><td class="number">${signed(log_odds[label] ?? 0)}</td></tr></tfoot>`}</table>${recomputed === null ? NOTHING : html`<p class="small muted">${words.recomputed(recomputed.toFixed(3), stated.toFixed(3))}</p>`}${e.decision.warning === null ? NOTHING : html`<p class="problems">${field(e.decision.warning, 300)}</p>`}${idle.length === 0 ? NOTHING : html`<details class="plain"><summary>${words.alsoSeen}</summary><table class="evidence"><tbody>${idle.map((row) => evidenceRow(view, row))}</tbody></table></details>`}`;
}

function evidenceRow(view: View, row: EvidenceRow): Markup {
  return html`<tr><td>${field(row.text, 500)} <span class="code">${field(row.name, 60)}</span>${row.mostly === null || row.name === 'base' ? NOTHING : html`<div class="small muted">${causeText(view, row.mostly.label)}: ${signed(row.mostly.adds)}</div>`}${row.lines.length === 0 ? NOTHING : html`<ol class="lines">${row.lines.map((l) => html`<li><span class="muted number">${timeIn(view, l.at, 'HH:mm:ss.SSS')}</span>${logLine(l.original)}</li>`)}</ol>`}</td><td class="number">${signed(row.adds)}</td></tr>`;
}

function alternatives(view: View, e: Explanation): Markup {
  if (e.alternatives.length === 0) return NOTHING;
  return html`<section aria-labelledby="not"><h2 id="not">${view.words.alternatives}</h2><ul class="flow">${e.alternatives.map((a) => html`<li>${causeText(view, a.label)} (${shareText(a.probability)}): ${field(a.why_not, 500)}</li>`)}</ul></section>`;
}

function neighbourList(view: View, neighbours: readonly Neighbours[]): Markup {
  const { words } = view;
  const some = neighbours.filter((n) => n.sessions > 0);
  if (some.length === 0) return html`<p class="muted">${words.noNeighbours}</p>`;
  return html`<ul class="flow">${some.map((n) => html`<li><a href="/search?q=${encodeURIComponent(n.query)}">${words.neighboursOf(n.sessions, n.of)}</a></li>`)}</ul>`;
}

function timeline(view: View, e: Explanation): Markup {
  const { words } = view;
  return html`<ol class="lines">${e.timeline.map((l) => lineMarkup(view, l))}</ol>${e.lines_omitted > 0 ? html`<p class="small muted">${words.linesOmitted(e.lines_omitted)}</p>` : NOTHING}`;
}

function lineMarkup(view: View, l: TimelineLine): Markup {
  return html`<li><span class="muted"><span class="number">${timeIn(view, l.at, 'HH:mm:ss.SSS')}</span> ${field(l.source, 60)} · ${field(l.dataset, 60)}</span>${l.original === null ? html`<span class="line muted">${field(l.action, 60)} (${view.words.lineNotKept})</span>` : logLine(l.original)}</li>`;
}

const signed = (n: number): string => `${n < 0 ? '−' : '+'}${Math.abs(n).toFixed(2)}`;

/** One button says that it is right; a choice says what it was instead. */
function feedbackForm(view: View, profile: Profile, e: Explanation): Markup {
  const { words } = view;
  const action = `/session/${encodeURIComponent(e.id)}/feedback`;
  const { label } = profile.imapwhy.cause;
  const note = html`<label>${words.note} <input name="note" maxlength="4000"></label>`;
  return html`<form method="post" action="${action}" class="fields"><input type="hidden" name="label" value="${label}">${nameField(view)} <button>${words.right}</button></form>
<form method="post" action="${action}" class="fields"><label>${words.wrong} <select name="label">${CAUSE_LABELS.filter((l) => l !== label).map((l) => html`<option value="${l}">${causeText(view, l)} (${l})</option>`)}</select></label> ${nameField(view)} ${note} <button>${words.send}</button></form>
${e.feedback ? html`<form method="post" action="${action}" class="fields"><input type="hidden" name="label" value="">${nameField(view)} <button>${words.takeBack}</button></form>` : NOTHING}`;
}
