import type { Facet, FacetName, SearchCounts, SearchPosition } from '../../outputs/search.ts';
import { CAUSE_LABELS, type Profile } from '../../processors/profile/profile.ts';
import { field, html, type Markup, NOTHING } from '../../reports/markup.ts';
import { durationText, wholeNumber } from '../../reports/wording.ts';
import { fieldWord, type ParsedQuery, type QueryProblem, withWord } from '../query.ts';
import { canWrite, causeText, nameField, outcomeText, ownerText, page, timeMarkup, type View } from '../view.ts';
import { bars } from './bars.ts';

export interface SearchData {
  readonly text: string;
  readonly parsed: ParsedQuery;
  readonly profiles: readonly Profile[];
  readonly next: SearchPosition | undefined;
  readonly counts: SearchCounts;
  readonly saved: readonly { readonly name: string; readonly query: string }[];
  readonly isIndexed: boolean;
}

/** The query, what matches over time and by value, and the sessions, the newest first. */
export function searchPage(view: View, data: SearchData): string {
  const { words } = view;
  const { counts, text } = data;
  const found = words.matches(wholeNumber(counts.sessions), counts.isComplete);
  return page(
    view,
    text === '' ? words.search : text,
    'search',
    html`<h1 class="hidden">${words.search}</h1>
<form class="query" method="get" action="/search" role="search"><label class="hidden" for="q">${words.query}</label><input id="q" name="q" type="search" value="${text}" maxlength="2000" spellcheck="false" autocapitalize="none" autocomplete="off" placeholder="user:anna cause:network.* is:failed since:2h"><button>${words.find}</button></form>
<details class="plain"><summary>${words.queryHelp}</summary><ul class="flow small">${words.queryHelpText.map((line) => html`<li>${line}</li>`)}</ul></details>
${data.parsed.problems.length === 0 ? NOTHING : html`<div role="alert"><ul class="problems">${data.parsed.problems.map((p) => html`<li>${problemText(view, p)}</li>`)}</ul></div>`}
${data.isIndexed || !data.parsed.query.conditions.some((c) => c.kind === 'text') ? NOTHING : html`<p class="note">${words.notIndexed}</p>`}
${savedSearches(view, data)}
<p class="found" role="status">${found}${counts.isComplete ? NOTHING : html` <span class="muted small">${words.countedNewest(wholeNumber(counts.sessions))}</span>`}</p>
${bars(view, counts, (from, to) => `/search?q=${encodeURIComponent(withWord(data.parsed.words, fieldWord('since', from), fieldWord('until', to)))}`)}
<div class="columns"><aside aria-label="${words.narrow}">${counts.facets.map((f) => facetMarkup(view, data, f))}</aside>
<div>${data.profiles.length === 0 ? html`<p>${words.nothingMatches}</p>` : sessionsTable(view, data.profiles)}
${data.next ? html`<p><a rel="next" href="/search?q=${encodeURIComponent(text)}&amp;after=${data.next.startMs}.${encodeURIComponent(data.next.id)}">${words.next}</a></p>` : NOTHING}
${data.profiles.length === 0 ? NOTHING : html`<p class="small">${words.exportAs}: <a href="/search.csv?q=${encodeURIComponent(text)}">CSV</a> <a href="/search.ndjson?q=${encodeURIComponent(text)}">NDJSON</a></p>`}</div></div>`,
  );
}

function problemText(view: View, problem: QueryProblem): string {
  const { words } = view;
  switch (problem.code) {
    case 'unknown_field':
      return words.unknownField(problem.field);
    case 'not_a_time':
      return words.notATime(problem.word);
    case 'open_quote':
      return words.openQuote;
    case 'empty':
      return words.emptyWord(problem.word);
    case 'too_long':
      return words.tooLong;
  }
}

function savedSearches(view: View, { saved, text }: SearchData): Markup {
  const { words } = view;
  const writes = canWrite(view);
  const list = saved.map(
    (s) =>
      html`<li><a href="/search?q=${encodeURIComponent(s.query)}">${field(s.name, 80)}</a>${writes ? html` <form class="inline" method="post" action="/searches/remove"><input type="hidden" name="name" value="${s.name}"><button class="link" aria-label="${words.remove}: ${s.name}">×</button></form>` : NOTHING}</li>`,
  );
  const save =
    writes && text !== ''
      ? html`<details class="plain"><summary>${words.save}</summary><form method="post" action="/searches"><input type="hidden" name="q" value="${text}"><label>${words.saveAs} <input name="name" required maxlength="80"></label> ${nameField(view)} <button>${words.save}</button></form></details>`
      : NOTHING;
  return html`${list.length === 0 ? NOTHING : html`<ul class="saved" aria-label="${words.saved}">${list}</ul>`}${save}`;
}

function facetMarkup(view: View, { parsed, counts }: SearchData, facet: Facet): Markup {
  if (facet.values.length === 0) return NOTHING;
  return html`<section class="facet"><h2>${facetTitle(view, facet.field)}</h2><ul>${facet.values.map(
    ({ value, sessions }) => {
      const narrower = withWord(parsed.words, fieldWord(facet.field, value));
      const without = withWord(parsed.words, fieldWord(facet.field, value, true));
      const name = valueText(view, facet.field, value);
      return html`<li><a href="/search?q=${encodeURIComponent(narrower)}">${field(name, 60)}</a> <span class="muted number">${wholeNumber(sessions)}</span>${sessions === counts.sessions ? NOTHING : html` <a class="not" href="/search?q=${encodeURIComponent(without)}" aria-label="− ${name}">−</a>`}</li>`;
    },
  )}</ul></section>`;
}

function facetTitle({ words }: View, name: FacetName): string {
  return words[name];
}

function valueText(view: View, name: FacetName, value: string): string {
  if (name === 'cause') return causeText(view, CAUSE_LABELS.find((l) => l === value) ?? 'none');
  if (name === 'outcome') return outcomeText(view, value);
  return name === 'owner' ? ownerText(view, value) : value;
}

/** Also on the page of an incident. */
export function sessionsTable(view: View, profiles: readonly Profile[]): Markup {
  const { words } = view;
  return html`<div class="scroll" tabindex="0"><table class="sessions"><thead><tr><th scope="col">${words.started}</th><th scope="col">${words.user}</th><th scope="col">${words.client}</th><th scope="col">${words.outcome}</th><th scope="col">${words.cause}</th><th scope="col" class="number">${words.duration}</th></tr></thead>
<tbody>${profiles.map((p) => {
    const { session, outcome, cause, stalled_in } = p.imapwhy;
    const why =
      cause.label === 'none'
        ? NOTHING
        : html`<span class="ink-${cause.layer ?? 'unexplained'}" aria-hidden="true">■</span> ${causeText(view, cause.label)}`;
    return html`<tr><th scope="row"><a href="/session/${encodeURIComponent(session.id)}">${timeMarkup(view, p.event.start)}</a></th><td>${p.user.name === null ? '–' : field(p.user.name, 60)}</td><td class="address">${field(p.client.ip ?? p.source.ip ?? '–', 45)}</td><td>${outcomeText(view, outcome)}${stalled_in === null || outcome === 'ok' ? NOTHING : html` <span class="muted small">${stalled_in}</span>`}</td><td>${why}</td><td class="number">${durationText(p.event.duration / 1e6)}</td></tr>`;
  })}</tbody></table></div>`;
}
