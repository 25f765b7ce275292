import { WAF_DECISIONS } from '../../models/waf/decision.ts';
import type { BlockExample } from '../../models/waf/example.ts';
import type { WafQueue, WafRow } from '../../models/waf/queue.ts';
import { cutText, field, html, type Markup, NOTHING } from '../../reports/markup.ts';
import { shareText, wholeNumber } from '../../reports/wording.ts';
import { canWrite, nameField, page, timeIn, timeMarkup, type View } from '../view.ts';

const ROWS_SHOWN = 200;
const VALUE_MAX = 600;

/** The queue: which rule stops whom where, what it costs, and how likely it is wrong. */
export function wafPage(view: View, queue: WafQueue): string {
  const { words } = view;
  return page(
    view,
    words.waf,
    'waf',
    html`<h1>${words.waf}</h1><p class="lead">${words.wafLead(wholeNumber(queue.requests.blocked), wholeNumber(queue.sessions_lost))}</p>
${queue.requests.unexplained === 0 ? NOTHING : html`<p class="note">${words.wafUnexplained(wholeNumber(queue.requests.unexplained))}</p>`}
${queue.rows.length === 0 ? html`<p>${words.wafNothing}</p>` : queueTable(view, queue.rows.slice(0, ROWS_SHOWN))}
<p class="small muted">${words.wafNext} <code>imapwhy waf prove</code>, <code>imapwhy waf export --accepted</code></p>`,
  );
}

function queueTable(view: View, rows: readonly WafRow[]): Markup {
  const { words } = view;
  return html`<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">${words.wafPlace}</th><th scope="col" class="number">${words.wafProbability}</th><th scope="col" class="number">${words.wafBlocked}</th><th scope="col" class="number">${words.wafUsers}</th><th scope="col" class="number">${words.wafLost}</th><th scope="col">${words.wafStatus}</th></tr></thead>
<tbody>${rows.map((row) => html`<tr><th scope="row"><a href="/waf/${row.id}">${field(row.rule.id, 20)} ${field(row.path === '' ? '–' : row.path, 80)}</a> <span class="code">${field(row.target, 60)}</span><div class="small muted">${field(row.rule.message, 120)}</div>${row.wrong_for_everyone === null ? NOTHING : html`<div class="small bad">${words.wafWrongForAll(row.wrong_for_everyone.logins_before, row.wrong_for_everyone.logins_after)}</div>`}</th><td class="number">${shareText(row.probability)}</td><td class="number">${wholeNumber(row.requests_blocked)}</td><td class="number">${wholeNumber(row.legitimate_users)}</td><td class="number">${wholeNumber(row.sessions_lost)}</td><td>${words.wafStatuses[row.status]}</td></tr>`)}</tbody></table></div>`;
}

/** One place: what it cost, the evidence with weights, the requests with the matched bytes marked, and the decision. */
export function wafPlacePage(view: View, row: WafRow): string {
  const { words } = view;
  const { decision } = row;
  return page(
    view,
    `${row.rule.id} ${row.path}`,
    'waf',
    html`<p class="small"><a href="/waf">${words.waf}</a></p><h1 class="headline">${field(row.rule.id, 20)} ${field(row.path, 120)}</h1>
<p class="lead">${field(row.rule.message, 300)}</p>
<dl class="facts"><dt>${words.wafTarget}</dt><dd><code>${field(row.target, 200)}</code></dd>
<dt>${words.wafProbability}</dt><dd>${shareText(row.probability)}</dd><dt>${words.wafStatus}</dt><dd>${words.wafStatuses[row.status]}${decision === null ? NOTHING : html`: ${words.saidBy(decision.by, timeIn(view, decision.at))}${decision.note === null ? NOTHING : html`: ${field(decision.note, 600)}`}${decision.expires === null ? NOTHING : html` (${words.wafUntil} ${timeMarkup(view, decision.expires)})`}`}</dd>
<dt>${words.wafBlocked}</dt><dd>${wholeNumber(row.requests_blocked)}, ${timeMarkup(view, row.first_seen)} – ${timeMarkup(view, row.last_seen)}</dd>
<dt>${words.wafUsers}</dt><dd>${wholeNumber(row.legitimate_users)}${row.users.length === 0 ? NOTHING : html`: ${field(row.users.join(', '), 300)}`}</dd><dt>${words.networks}</dt><dd>${wholeNumber(row.networks)}</dd>
${row.rule.pattern === null ? NOTHING : html`<dt>${words.wafPattern}</dt><dd><code>${field(row.rule.pattern, 300)}</code></dd>`}</dl>
${row.wrong_for_everyone === null ? NOTHING : html`<p class="note bad">${words.wafWrongForAll(row.wrong_for_everyone.logins_before, row.wrong_for_everyone.logins_after)}</p>`}
<section aria-labelledby="evidence"><h2 id="evidence">${words.evidence}</h2><table class="evidence"><caption>${words.evidenceNote}</caption><tbody>${[...row.evidence].sort((a, b) => Math.abs(b.log_odds) - Math.abs(a.log_odds)).map((e) => html`<tr><td>${field(e.text, 400)} <span class="code">${field(e.name, 60)}</span></td><td class="number">${signed(e.log_odds)}</td></tr>`)}</tbody><tfoot><tr><th scope="row">${words.sum}</th><td class="number">${signed(row.log_odds)}</td></tr></tfoot></table></section>
<section aria-labelledby="requests"><h2 id="requests">${words.wafRequests}</h2><ol class="lines">${row.examples.map((e) => exampleMarkup(view, e))}</ol></section>
${row.lost_sessions.length === 0 ? NOTHING : html`<section aria-labelledby="lost"><h2 id="lost">${words.wafLost}</h2><ul class="flow">${row.lost_sessions.map((s) => html`<li><a href="/session/${encodeURIComponent(s.session)}">${timeMarkup(view, s.at)}</a> ${s.user === null ? NOTHING : field(s.user, 80)}</li>`)}</ul></section>`}
${canWrite(view) ? decideForm(view, row) : NOTHING}`,
  );
}

const signed = (n: number): string => `${n < 0 ? '−' : '+'}${Math.abs(n).toFixed(2)}`;

function exampleMarkup(view: View, e: BlockExample): Markup {
  const request = [e.method, e.path, e.query === null || e.query === '' ? null : `?${e.query}`].filter(
    (part) => part !== null,
  );
  return html`<li><span class="muted"><span class="number">${timeIn(view, e.at)}</span> ${field([e.client, e.user, e.user_agent].filter((part) => part !== null).join(' · '), 200)}</span><span class="line">${field(request.join(' '), 300)}</span>${e.value.length === 0 ? NOTHING : html`<span class="line">${e.value.map((piece) => (piece.matched ? html`<mark>${cutText(piece.text, VALUE_MAX)}</mark>` : html`${cutText(piece.text, VALUE_MAX)}`))}</span>`}${e.session === null ? NOTHING : html`<a class="small" href="/session/${encodeURIComponent(e.session)}">${view.words.session}</a>`}</li>`;
}

function decideForm(view: View, row: WafRow): Markup {
  const { words } = view;
  return html`<section aria-labelledby="decide"><h2 id="decide">${words.wafDecide}</h2><p class="small muted">${words.wafDecideNote}</p>
<form method="post" action="/waf/${row.id}/decision" class="fields"><label>${words.wafDecision} <select name="decision" required>${WAF_DECISIONS.map((d) => html`<option value="${d}">${words.wafDecisions[d]}</option>`)}</select></label> <label>${words.wafExpires} <input name="expires" type="date"></label> <label>${words.note} <input name="note" maxlength="4000"></label> ${nameField(view)} <button>${words.send}</button></form></section>`;
}
