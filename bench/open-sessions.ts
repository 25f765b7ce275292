/**
 * What a session costs while it is open. `node --expose-gc bench/open-sessions.ts [SESSIONS]`: that many sessions, four lines each (ID sent,
 * Login, two lines of mail operations), none of which ends; a quarter as many users, a fifth as many client addresses, as many networks as a
 * provider with that many customers would see. The heap is held as `analyze` holds it.
 */
import { keepHeapTight } from '../cli/heap.ts';
import { type ClosedSession, Correlate, DEFAULT_CORRELATE_OPTIONS } from '../processors/correlate/correlate.ts';
import { ParseStage } from '../processors/parse/index.ts';
import { UTC } from '../processors/time.ts';
import { timed } from '../test/timed-events.ts';
import { linesOf, START, startOf as startAmong } from './open-session-lines.ts';

const SESSIONS = Number(process.argv[2] ?? 1_000_000);
const BATCH = 1000;
const startOf = (index: number): number => startAmong(index, SESSIONS);

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
  const text = Array.from({ length: Math.min(BATCH, SESSIONS - from) }, (_, i) => linesOf(from + i, SESSIONS)).join('');
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

function memory(): { readonly rss: number; readonly heap: number } {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
