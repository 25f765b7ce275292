import type { Profile } from '../processors/profile/profile.ts';

const COLUMNS: readonly (readonly [string, (p: Profile) => string | number | null])[] = [
  ['id', (p) => p.imapwhy.session.id],
  ['start', (p) => p.event.start],
  ['end', (p) => p.event.end],
  ['user', (p) => p.user.name],
  ['client_ip', (p) => p.client.ip],
  ['source_ip', (p) => p.source.ip],
  ['server', (p) => p.host.name ?? p.server.ip],
  ['outcome', (p) => p.imapwhy.outcome],
  ['stalled_in', (p) => p.imapwhy.stalled_in],
  ['cause', (p) => p.imapwhy.cause.label],
  ['layer', (p) => p.imapwhy.cause.layer],
  ['owner', (p) => p.imapwhy.cause.owner],
  ['probability', (p) => p.imapwhy.cause.probability],
  ['duration_ms', (p) => p.event.duration / 1e6],
  ['reason', (p) => p.event.reason],
];

export const CSV_HEADER = `${COLUMNS.map(([name]) => name).join(',')}\r\n`;

/** One session as a line of CSV (RFC 4180). */
export function csvLine(profile: Profile): string {
  return `${COLUMNS.map(([, of]) => csvCell(of(profile))).join(',')}\r\n`;
}

/** Text that a spreadsheet would take for a formula gets an apostrophe in front: https://owasp.org/www-community/attacks/CSV_Injection */
function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
