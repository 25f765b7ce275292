import type { SearchCounts } from '../../outputs/search.ts';
import type { Incident } from '../../processors/profile/incident.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { field, html, type Markup, NOTHING } from '../../reports/markup.ts';
import { durationText, scopeText, shareText, wholeNumber } from '../../reports/wording.ts';
import { turnOf } from '../escalation.ts';
import { canWrite, causeText, nameField, ownerText, page, timeMarkup, type View } from '../view.ts';
import { bars } from './bars.ts';
import { sessionsTable } from './search.ts';

export interface IncidentData {
  readonly incident: Incident;
  readonly isOpen: boolean;
  /** From its onset to the end of what is stored. */
  readonly openMs: number;
  readonly examples: readonly Profile[];
  /** Of the sessions with its cause while it lasted. */
  readonly counts: SearchCounts;
  readonly query: string;
  readonly notes: readonly { readonly by: string; readonly at: string; readonly text: string }[];
}

/** One incident: since when, for whom, whose it is, what its sessions have in common, and what people wrote about it. */
export function incidentPage(view: View, data: IncidentData): string {
  const { words } = view;
  const { incident, isOpen, counts } = data;
  const own = incident.imapwhy.incident;
  const users = counts.facets.find((f) => f.field === 'user')?.values ?? [];
  const clients = counts.facets.find((f) => f.field === 'client')?.values ?? [];
  return page(
    view,
    `${words.incident}: ${causeText(view, own.cause)}`,
    'now',
    html`<h1 class="headline"><span class="ink-${own.layer}" aria-hidden="true">■</span> ${causeText(view, own.cause)}</h1>
<dl class="facts"><dt>${words.scope}</dt><dd>${field(scopeText(own.scope), 100)}</dd><dt>${words.owner}</dt><dd>${ownerText(view, own.owner)}</dd>
<dt>${words.began}</dt><dd>${timeMarkup(view, incident.event.start)}</dd><dt>${words.ended}</dt><dd>${timeMarkup(view, incident.event.end)} (${durationText(incident.event.duration / 1e6)})${isOpen ? html` <strong class="bad">${words.openIncident}</strong>` : NOTHING}</dd>
${isOpen ? html`<dt>${words.clock}</dt><dd>${durationText(data.openMs)}</dd><dt>${words.escalation}</dt><dd>${ownerText(view, turnOf(data.openMs))}</dd>` : NOTHING}
<dt>${words.sessions}</dt><dd><a href="/search?q=${encodeURIComponent(data.query)}">${wholeNumber(own.sessions)}</a></dd><dt>${words.users}</dt><dd>${wholeNumber(own.users)}</dd><dt>${words.networks}</dt><dd>${wholeNumber(own.networks)}</dd></dl>
<section aria-labelledby="time"><h2 id="time">${words.overTime}</h2>${bars(view, counts)}</section>
<div class="twocol"><section aria-labelledby="users"><h2 id="users">${words.affectedUsers}</h2>${valueList(view, users)}</section>
<section aria-labelledby="clients"><h2 id="clients">${words.affectedClients}</h2>${valueList(view, clients)}</section></div>
<section aria-labelledby="common"><h2 id="common">${words.inCommon}</h2>${inCommon(data.examples)}</section>
<section aria-labelledby="examples"><h2 id="examples">${words.exampleSessions}</h2>${sessionsTable(view, data.examples)}</section>
<section aria-labelledby="notes"><h2 id="notes">${words.notes}</h2>${notes(view, data)}</section>`,
  );
}

function valueList(view: View, values: readonly { readonly value: string; readonly sessions: number }[]): Markup {
  if (values.length === 0) return html`<p class="muted">${view.words.notShown}</p>`;
  return html`<ul class="flow">${values.map((v) => html`<li>${field(v.value, 80)} <span class="muted number">${wholeNumber(v.sessions)}</span></li>`)}</ul>`;
}

/** Evidence that most examples share, the most frequent first. */
function inCommon(examples: readonly Profile[]): Markup {
  const seen = new Map<string, { readonly text: string; count: number }>();
  for (const { imapwhy } of examples)
    for (const e of imapwhy.cause.evidence) {
      if (e.name === 'base' || (e.weights[imapwhy.cause.label] ?? 0) * e.value <= 0) continue;
      const known = seen.get(e.name);
      if (known) known.count++;
      else seen.set(e.name, { text: e.text, count: 1 });
    }
  const shared = [...seen.values()].filter((s) => 2 * s.count > examples.length).sort((a, b) => b.count - a.count);
  return html`<ul class="flow">${shared.map((s) => html`<li>${field(s.text, 400)} <span class="muted number">${shareText(s.count / examples.length)}</span></li>`)}</ul>`;
}

function notes(view: View, { incident, notes: said }: IncidentData): Markup {
  const { words } = view;
  const id = incident.imapwhy.incident.id;
  return html`${said.length === 0 ? html`<p class="muted">${words.noNotes}</p>` : html`<ul class="flow">${said.map((n) => html`<li>${field(n.text, 4000)} <span class="muted small">${field(n.by, 80)}, ${timeMarkup(view, n.at)}</span></li>`)}</ul>`}${canWrite(view) ? html`<form method="post" action="/incident/${encodeURIComponent(id)}/notes" class="fields"><label>${words.note} <textarea name="text" required maxlength="4000" rows="2"></textarea></label> ${nameField(view)} <button>${words.add}</button></form>` : NOTHING}`;
}
