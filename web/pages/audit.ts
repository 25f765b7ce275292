import type { AuditEntry } from '../../outputs/sqlite-desk.ts';
import { field, html } from '../../reports/markup.ts';
import { page, timeMarkup, type View } from '../view.ts';

/** Who changed what, the latest first. */
export function auditPage(view: View, trail: readonly AuditEntry[]): string {
  const { words } = view;
  return page(
    view,
    words.audit,
    'audit',
    html`<h1>${words.audit}</h1>${trail.length === 0 ? html`<p>${words.auditEmpty}</p>` : html`<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">${words.auditWhen}</th><th scope="col">${words.auditWho}</th><th scope="col">${words.auditWhat}</th><th scope="col">${words.auditOf}</th></tr></thead><tbody>${trail.map((a) => html`<tr><td>${timeMarkup(view, a.at)}</td><td>${field(a.by, 80)}</td><td>${field(a.action, 60)}</td><td>${field(a.subject, 120)}</td></tr>`)}</tbody></table></div>`}`,
  );
}
