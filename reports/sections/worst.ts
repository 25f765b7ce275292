import { field, html, type Markup } from '../markup.ts';
import type { Summary, WorstRow } from '../summary-document.ts';
import { momentIn, shareText, wholeNumber } from '../wording.ts';

/** Users, networks and servers with the most failed attempts. */
export function worstSection(summary: Summary): Markup {
  const { worst, worst_exact } = summary;
  if (worst.networks.length + worst.users.length + worst.servers.length === 0) {
    return html`<p>None: no attempt of a legitimate user failed.</p>`;
  }
  return html`${worst_exact ? '' : html`<p class="small muted">There were more names than can be held: figures are lower bounds.</p>`}
<div class="twocol">${worstTable('Networks', 'by the real client address: /24, IPv6 /64', worst.networks, summary)}${worstTable('Users', 'by login name', worst.users, summary)}</div>
${worstTable('Servers', 'by host name in the logs, else by address', worst.servers, summary)}`;
}

function worstTable(title: string, basis: string, rows: readonly WorstRow[], summary: Summary): Markup {
  const moment = momentIn(summary.period);
  if (rows.length === 0) return html`<div><h3>${title}</h3><p class="muted">None.</p></div>`;
  return html`<div><h3>${title}</h3><table><caption>${basis}</caption>
<thead><tr><th scope="col">${title.slice(0, -1)}, and what it mostly fails from</th><th scope="col" class="number">Failed</th><th scope="col" class="number">of</th><th scope="col" class="number">Last</th></tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><th scope="row">${field(row.name, 64)}<div class="code">${row.main_cause}</div></th><td class="number">${wholeNumber(row.failed)} <span class="muted">${shareText(row.failed / row.attempts)}</span></td><td class="number">${wholeNumber(row.attempts)}</td><td class="number">${moment(row.last_failure)}</td></tr>`,
  )}</tbody></table></div>`;
}
