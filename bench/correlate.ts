/** CPU of the correlation alone, a line. `node bench/correlate.ts [ROUNDS]`: the events of the sample, again and again, in batches as the flow makes them. */
import { type ClosedSession, Correlate } from '../processors/correlate/correlate.ts';
import { timedFolder } from '../test/timed-events.ts';

const ROUNDS = Number(process.argv[2] ?? 20);
const BATCH = 2000;

const events = await timedFolder(new URL('../samples/lab-a/logs', import.meta.url).pathname);
const perEvent: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const correlate = new Correlate();
  let sessions = 0;
  const before = process.cpuUsage();
  for (let i = 0; i < events.length; i += BATCH) {
    const out: ClosedSession[] = [];
    const batch = events.slice(i, i + BATCH);
    correlate.push(batch);
    correlate.advance((batch[0]?.seenAt ?? 0) - 30_000, out);
    sessions += out.length;
  }
  const out: ClosedSession[] = [];
  correlate.flush(out);
  sessions += out.length;
  const spent = process.cpuUsage(before);
  perEvent.push((spent.user + spent.system) / events.length);
  if (round === 0) console.log(`${events.length} events, ${sessions} sessions`);
}
perEvent.sort((a, b) => a - b);
console.log(`${(perEvent[ROUNDS >> 1] ?? 0).toFixed(2)} us of CPU an event, median of ${ROUNDS}; first rounds compile`);
