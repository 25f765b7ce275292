import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type EventBatch, readEventBatch, writeEvents } from '../../../cli/stream/messages.ts';
import {
  LATENESS_MS,
  type RejectedEvent,
  SessionsPartition,
  type StoredPartition,
} from '../../../cli/stream/sessions-partition.ts';
import { DEFAULT_CORRELATE_OPTIONS } from '../../../processors/correlate/options.ts';
import { isSessionLine } from '../../../processors/correlate/route.ts';
import type { TimedSessionEvent } from '../../../processors/correlate/sessions.ts';
import { dovecotId, NEAR, timedLines } from '../../timed-events.ts';
import { KeptSessions } from './in-memory.ts';

const options = { partition: 0, units: ['raw/0'], correlate: DEFAULT_CORRELATE_OPTIONS };
const MINUTE = 60_000;

function login(clock: string, port: number): string {
  const id = dovecotId(Date.parse(`2026-11-24T${clock}Z`) - 100, port, '198.51.100.20');
  return `Nov 24 ${clock} mx1 dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=198.51.100.20, lip=192.0.2.10, mpid=4000, TLS, session=<${id}>`;
}
const unknownLogout = (clock: string): string =>
  `Nov 24 ${clock} mx1 dovecot: imap(bert@example.org)<4711><${Buffer.from('another make').toString('base64')}>: Disconnected: Logged out in=70 out=4221 deleted=0 expunged=0 trashed=0 hdr_count=16 hdr_bytes=2694 body_count=0 body_bytes=0`;
const eventsOf = (...lines: readonly string[]): TimedSessionEvent[] =>
  timedLines(lines.join('\n')).filter(isSessionLine);

function batch(reached: number, ...events: readonly TimedSessionEvent[]): EventBatch {
  const [record] = writeEvents({ unit: 'raw/0', reached, caughtUp: false, ended: false }, events);
  const read = readEventBatch(record ?? null);
  assert.ok(read);
  return read;
}

/** What is written down in one step after a start, as a restart would read it. */
function stored(p: SessionsPartition): StoredPartition | undefined {
  const kept = new KeptSessions();
  kept.add(p);
  return kept.stored();
}

describe('a partition of sessions', () => {
  test('an event that comes late while time stands still is not lost by a restart', () => {
    const p = new SessionsPartition(options);
    const now = NEAR + 10 * MINUTE;
    p.take(batch(now), 0);
    p.advance();
    p.take(batch(now, ...eventsOf(login('04:01:00', 41_000))), 1);
    p.advance();
    const again = new SessionsPartition(options, stored(p));
    if (p.neededFrom <= 1) again.take(batch(now, ...eventsOf(login('04:01:00', 41_000))), 1);
    again.advance();
    assert.equal(again.open, 1);
  });

  test('a line whose session is in doubt is taken up after a restart, though its record is done', () => {
    const p = new SessionsPartition(options);
    p.take(batch(NEAR + MINUTE + LATENESS_MS + 1000, ...eventsOf(unknownLogout('04:01:00'))), 0);
    p.advance();
    assert.equal(p.neededFrom, 1);
    assert.equal(p.open, 0);
    const again = new SessionsPartition(options, stored(p));
    again.take(batch(NEAR + MINUTE + LATENESS_MS + 5000), 1);
    again.advance();
    assert.equal(again.open, 1);
    assert.deepEqual(
      again.changes().postponed.map(([, event]) => event),
      [undefined],
      'and is written down no more',
    );
  });

  test('an event that cannot be applied is handed over, and the rest flows', () => {
    const [good, other] = eventsOf(login('04:01:00', 41_000), login('04:01:01', 41_001));
    assert.ok(good && other);
    const poison: TimedSessionEvent = JSON.parse(
      JSON.stringify({ ...good, event: { ...good.event, rip: { not: 'an address' }, session: undefined } }),
    );
    const p = new SessionsPartition(options);
    p.take(batch(NEAR + 2 * MINUTE, poison, other), 0);
    const rejected: RejectedEvent[] = [];
    const { facts } = p.advance(rejected);
    assert.equal(rejected.length, 1);
    assert.ok(rejected[0]?.error instanceof TypeError);
    assert.ok(facts.some((f) => f.kind === 'logged-in' && f.who.startedAt === other.at - 100));
  });

  test('a topic that is read no more holds up nobody after a restart; a partition that was added does', () => {
    const progress = (unit: string, reached: number) => ({ unit, reached, caughtUp: false, ended: false });
    const p = new SessionsPartition({ ...options, units: ['raw/0', 'old/0'] });
    [progress('old/0', NEAR), progress('raw/1', NEAR + MINUTE), progress('raw/0', NEAR + 2 * MINUTE)].forEach(
      (told, i) => {
        p.take({ progress: told, events: [] }, i);
      },
    );
    p.advance();
    assert.equal(p.advancedTo, NEAR - LATENESS_MS);
    const again = new SessionsPartition(options, stored(p));
    again.advance();
    assert.equal(again.advancedTo, NEAR + MINUTE - LATENESS_MS);
  });

  test('of a topic that was made anew everything is read, though it was further before', () => {
    const now = NEAR + 10 * MINUTE;
    const p = new SessionsPartition(options);
    p.take(batch(NEAR), 50);
    p.advance();
    const again = new SessionsPartition(options, stored(p));
    assert.equal(again.position, 51);
    again.madeAnew();
    again.take(batch(now, ...eventsOf(login('04:01:00', 41_000))), 0);
    again.advance();
    assert.deepEqual([again.open, again.position, again.neededFrom], [1, 1, 1]);
  });

  test('a record that is passed over is known after a restart', () => {
    const p = new SessionsPartition(options);
    p.skip(6);
    assert.equal(p.knows(6), true);
    assert.equal(new SessionsPartition(options, stored(p)).knows(6), true);
    assert.equal(p.knows(7), false);
  });
});

describe('records of events', () => {
  test('what the order of things hangs on must be there, and finite', () => {
    const [event] = eventsOf(login('04:01:00', 41_000));
    assert.ok(event);
    const progress = '{"unit":"raw/0","reached":1,"caughtUp":false,"ended":false}';
    const text = JSON.stringify(event);
    const read = (of: string, with_: string) => readEventBatch(Buffer.from(`{"progress":${of},"events":[${with_}]}`));
    assert.ok(read(progress, text));
    assert.equal(read(progress.replace(':1,', ':1e999,'), text), undefined);
    assert.equal(read(progress, text.replace(/"seenAt":\d+/, '"seenAt":1e999')), undefined);
    assert.equal(read(progress, text.replace(/"offset":\d+/, '"offset":null')), undefined);
    assert.equal(read(progress, '{"seenAt":1,"at":1,"shift":0,"event":{"dataset":"dovecot.login"}}'), undefined);
  });
});
