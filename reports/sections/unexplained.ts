import { field, html, type Markup, NOTHING } from '../markup.ts';
import type { Summary } from '../summary-document.ts';
import { plural, shareText, wholeNumber } from '../wording.ts';
import { type Example, exampleMarkup } from './examples.ts';

/** Failed attempts without a cause: how many, how they ended, what the logs would need to show. */
export function unexplainedSection(summary: Summary, examples: readonly Example[]): Markup {
  const { unexplained, counts } = summary;
  if (unexplained.sessions === 0) {
    return html`<p>${counts.failed === 0 ? 'Nothing failed.' : 'Every failed attempt has a cause.'}</p>`;
  }
  const ends = unexplained.outcomes.map((o) => `${o.outcome.replaceAll('_', ' ')} ${wholeNumber(o.sessions)}`);
  const stalls = unexplained.stalled_in.map((s) => `${s.phase ?? 'nowhere that shows'} ${wholeNumber(s.sessions)}`);
  const own = examples.filter((e) => unexplained.example_sessions.includes(e.profile.imapwhy.session.id));
  return html`<p>${plural(unexplained.sessions, 'failed attempt has', 'failed attempts have')} no named cause (${shareText(counts.failed === 0 ? 0 : unexplained.sessions / counts.failed)} of all failures). They are failures all the same, and count as such.</p>
<dl class="facts"><dt>How they ended</dt><dd>${ends.join(', ')}</dd><dt>Where they stalled</dt><dd>${stalls.join(', ')}</dd></dl>
${unexplained.reasons.length === 0 ? NOTHING : html`<h3>In the server’s words</h3><ul class="flow small">${unexplained.reasons.map((r) => html`<li>${field(r.key)} <span class="muted number">${wholeNumber(r.count)}</span></li>`)}</ul>`}
${own.map((e) => exampleMarkup(e, false))}`;
}
