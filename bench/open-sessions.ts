/**
 * What a session costs while it is open. `node --expose-gc bench/open-sessions.ts [SESSIONS]`: that many sessions, four lines each (ID sent,
 * Login, two lines of mail operations), none of which ends; a quarter as many users, a fifth as many client addresses, as many networks as a
 * provider with that many customers would see. The heap is held as `analyze` holds it.
 */
import { keepHeapTight } from '../cli/heap.ts';
import { type ClosedSession, Correlate, DEFAULT_CORRELATE_OPTIONS } from '../processors/correlate/correlate.ts';
import { ParseStage } from '../processors/parse/index.ts';
import { UTC } from '../processors/time.ts';
import { dovecotId, timed } from '../test/timed-events.ts';

const SESSIONS = Number(process.argv[2] ?? 1_000_000);
const START = Date.UTC(2026, 10, 24, 3);
/** A site with a million connections sees them begin over many hours; here they begin within one, which is harder. */
const SPREAD_MS = 3_600_000;
const BATCH = 1000;

const source = { index: 0, name: 'mail.log', fingerprint: 'mail', modifiedAt: undefined };
const parse = new ParseStage();
parse.open(source, UTC, START);
const correlate = new Correlate({
  ...DEFAULT_CORRELATE_OPTIONS,
  openMax: SESSIONS + 1,
  idleLimitMs: 48 * 3_600_000,
});

let offset = 0;
let closed = 0;
const before = memory();
const cpuBefore = process.cpuUsage();
for (let from = 0; from < SESSIONS; from += BATCH) {
  // One text for the whole batch, cut like the framing cuts a chunk: whoever keeps a piece of a line keeps all of it.
  const text = Array.from({ length: Math.min(BATCH, SESSIONS - from) }, (_, i) => linesOf(from + i)).join('');
  const records = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    records.push({ text: text.slice(at, end), offset: offset + at });
    at = end + 1;
  }
  offset += text.length;
  correlate.push(timed(parse.push(source, records)));
  keepHeapTight();
  const out: ClosedSession[] = [];
  correlate.advance(startOf(from) - 30_000, out);
  closed += out.length;
}
const out: ClosedSession[] = [];
correlate.advance(startOf(SESSIONS) + 60_000, out);
closed += out.length;
const spent = process.cpuUsage(cpuBefore);
const after = memory();
console.log(`${correlate.openSessions} open, ${closed} closed`);
console.log(
  `RSS ${mib(after.rss)} MiB (${mib(before.rss)} before), peak ${mib(process.resourceUsage().maxRSS * 1024)} MiB`,
);
console.log(`${Math.round((after.heap - before.heap) / correlate.openSessions)} bytes of heap a session`);
console.log(
  `${((spent.user + spent.system) / (4 * SESSIONS)).toFixed(1)} us of CPU a line, parsing and making the lines included`,
);

function startOf(index: number): number {
  return START + (index * SPREAD_MS) / SESSIONS;
}

function linesOf(index: number): string {
  const start = startOf(index);
  const ip = `198.${18 + (index % 2)}.${Math.floor(index / 7) % 250}.${Math.floor(index / 7 / 250) % 200}`;
  const port = 1024 + ((index * 37) % 60_000);
  const id = dovecotId(start, port, ip);
  const user = `user${(index * 7919) % Math.ceil(SESSIONS / 4)}@example.org`;
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

function memory(): { readonly rss: number; readonly heap: number } {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
