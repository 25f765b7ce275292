/** Lines of sessions that stay open: four each (ID sent, Login, two of mail operations), a quarter as many users and a fifth as many addresses as sessions. */
import { dovecotId } from '../test/timed-events.ts';

export const START = Date.UTC(2026, 10, 24, 3);
/** A site with a million connections sees them begin over many hours; here they begin within one, which is harder. */
const SPREAD_MS = 3_600_000;

export function startOf(index: number, sessions: number): number {
  return START + (index * SPREAD_MS) / sessions;
}

export function linesOf(index: number, sessions: number): string {
  const start = startOf(index, sessions);
  const ip = `198.${18 + (index % 2)}.${Math.floor(index / 7) % 250}.${Math.floor(index / 7 / 250) % 200}`;
  const port = 1024 + ((index * 37) % 60_000);
  const id = dovecotId(start, port, ip);
  const user = `user${(index * 7919) % Math.ceil(sessions / 4)}@example.org`;
  const pid = 1000 + (index % 3_000_000);
  const where = `rip=${ip}, lip=192.0.2.10`;
  const mail = `dovecot: imap(${user})<${pid}><${id}>`;
  return (
    `${stamp(start + 200)} mx1 dovecot: imap-login: ID sent: name=Thunderbird, version=140.1: user=<>, ${where}, TLS, session=<${id}>\n` +
    `${stamp(start + 400)} mx1 dovecot: imap-login: Login: user=<${user}>, method=PLAIN, ${where}, mpid=${pid}, TLS, session=<${id}>\n` +
    `${stamp(start + 1000)} mx1 ${mail}: expunge: box=INBOX, uid=${index % 9999}, msgid=<${index}@example.org>, size=2048\n` +
    `${stamp(start + 2000)} mx1 ${mail}: copy from INBOX: box=Trash, uid=${index % 9999}, msgid=<${index}@example.org>, size=2048\n`
  );
}

function stamp(at: number): string {
  const text = new Date(at).toISOString();
  return `Nov 24 ${text.slice(11, 19)}`;
}
