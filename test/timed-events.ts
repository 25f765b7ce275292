import { findInputs } from '../ingest/find.ts';
import { type OpenedLog, openLog } from '../ingest/open.ts';
import type { SourceRecord } from '../ingest/record.ts';
import { timed as onClock, type TimedEvent } from '../processors/correlate/timed-event.ts';
import { type ParsedEvent, ParseStage } from '../processors/parse/index.ts';
import { ClockSurvey } from '../processors/resolve/clock-skew.ts';
import { UTC } from '../processors/time.ts';

/** Near which stamps without a year lie, in all tests of the correlation. */
export const NEAR = Date.UTC(2026, 10, 24, 4);

/** The events of one log of a test, as the flow hands them to the correlation: parsed, and on the common clock. */
export function timed(events: readonly ParsedEvent[], shift = 0): TimedEvent[] {
  return events.flatMap((event) => (event.dataset === 'unparsed' ? [] : [onClock(event, shift)]));
}

/**
 * Lines of several logs through the real parsers; each text, or list of records of several lines, is one log. All stamps are UTC. Throws if a
 * line is not understood: the test would be about nothing.
 */
export function timedLines(...logs: readonly (string | readonly string[])[]): TimedEvent[] {
  const parse = new ParseStage();
  return logs.flatMap((log, index) => {
    const source = { index, name: `log-${index}`, fingerprint: `log-${index}`, modifiedAt: undefined };
    parse.open(source, UTC, NEAR);
    let offset = 0;
    const records: SourceRecord[] = [];
    for (const text of typeof log === 'string' ? log.split('\n').map((line) => line.trim()) : log) {
      records.push({ text, offset });
      offset += text.length + 1;
    }
    const events = parse.push(source, records);
    const lost = events.find((e) => e.dataset === 'unparsed');
    if (lost) throw new Error(`a line of the test was not understood: ${lost.line.raw}`);
    return timed(events);
  });
}

/** What Dovecot puts into `session=<...>`: 48 bits of microseconds and the port, little endian, then the address. IPv4 only. */
export function dovecotId(at: number, port: number, ip: string): string {
  const bytes = Buffer.alloc(12);
  bytes.writeUIntLE(Math.floor(at * 1000) % 2 ** 48, 0, 6);
  bytes.writeUInt16LE(port, 6);
  bytes.set(ip.split('.').map(Number), 8);
  return bytes.toString('base64');
}

/** All events of a folder of logs, in time order, with the clocks of the sources set by what they share. */
export async function timedFolder(folder: string): Promise<TimedEvent[]> {
  const logs: OpenedLog[] = [];
  for (const input of (await findInputs([folder])).inputs) logs.push(await openLog(input, logs.length));
  const parse = new ParseStage();
  const survey = new ClockSurvey();
  const parsed: ParsedEvent[][] = [];
  for (const log of logs) {
    parse.open(log.source, UTC, NEAR);
    const events: ParsedEvent[] = [];
    for await (const batch of log.batches()) for (const e of parse.push(log.source, batch.records)) events.push(e);
    for (const e of events) survey.observe(e);
    parsed.push(events);
  }
  const clocks = survey.estimate();
  return parsed
    .flatMap((events, index) => timed(events, clocks.get(index)?.shiftMs))
    .sort((a, b) => a.seenAt - b.seenAt || a.event.line.source - b.event.line.source);
}
