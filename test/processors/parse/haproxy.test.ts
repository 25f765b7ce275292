import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HaproxyEvent } from '../../../processors/parse/haproxy.ts';
import { haproxy } from '../../../processors/parse/haproxy.ts';
import { parseZone, UTC } from '../../../processors/time.ts';
import { cpuMs } from '../../cpu-time.ts';
import { lineOf } from '../../line.ts';
import { contextOf, recordGolden } from './record-golden.ts';

const ENVELOPE_AT = Date.UTC(2026, 10, 24, 3, 30, 0);

recordGolden(haproxy, (file) =>
  file
    .split('\n')
    .filter((text) => text !== '')
    .map((message) => lineOf({ message, program: 'haproxy', at: ENVELOPE_AT })),
);

function eventOf(message: string, zone = UTC): HaproxyEvent {
  const outcome = haproxy.parse(lineOf({ message, program: 'haproxy', at: ENVELOPE_AT }), contextOf({ zone }));
  assert.equal(outcome.kind, 'event', message);
  return outcome.kind === 'event' ? outcome.event : assert.fail();
}

const TCP = '198.51.100.21:34633 [24/Nov/2026:03:24:10.272] imaps_vip mx/mx1 1/1/24 5590 -- 1/1/0/0/0 0/0';

test('the date in the line is read in the zone of the source, and the end is the date plus the total timer', () => {
  const zone = parseZone('Europe/Warsaw') ?? assert.fail();
  const event = eventOf(TCP, zone);
  assert.deepEqual(event.stamp, { at: Date.UTC(2026, 10, 24, 2, 24, 10, 272), precisionMs: 1, zoned: false });
  assert.equal(event.endedAt, event.stamp.at + 24);
});

test('a date that is whole hours off the end that the envelope tells is of the envelope’s zone', () => {
  const at = (written: number, zoned: boolean, accepted: string) => {
    const message = `198.51.100.21:34633 [${accepted}] imaps_vip mx/mx1 1/1/600000 5590 -- 1/1/0/0/0 0/0`;
    const line = { ...lineOf({ message, program: 'haproxy' }), stamp: { at: written, precisionMs: 1000, zoned } };
    const outcome = haproxy.parse(line, contextOf());
    assert.ok(outcome.kind === 'event');
    return outcome.event.stamp;
  };
  const written = Date.UTC(2026, 9, 25, 1, 10, 0);
  const accepted = Date.UTC(2026, 9, 25, 1, 0, 0);
  assert.deepEqual(at(written, true, '25/Oct/2026:02:00:00.000'), { at: accepted, precisionMs: 1, zoned: true });
  assert.deepEqual(at(written, false, '25/Oct/2026:03:00:00.000'), { at: accepted, precisionMs: 1, zoned: false });
  assert.equal(at(written + 3000, true, '25/Oct/2026:01:00:00.000').at, accepted, 'a delay is no zone');
  assert.equal(at(written, true, '25/Oct/2026:02:07:00.000').at, accepted + 67 * 60_000, 'nor is what fits none');
  assert.equal(at(written, true, '24/Oct/2026:01:00:00.000').at, accepted - 86_400_000, 'nor is a day');
});

test('a line without a syslog program is recognised by its date, an access log line is not', () => {
  assert.ok(haproxy.accepts(lineOf({ message: TCP })));
  assert.ok(
    !haproxy.accepts(
      lineOf({ message: '198.51.100.1 - - [24/Nov/2026:03:24:10 +0000] "GET / HTTP/1.1" 200 1 "-" "-"' }),
    ),
  );
  assert.ok(!haproxy.accepts(lineOf({ message: 'imap-login: Login: user=<anna>, rip=198.51.100.1' })));
});

test('a message needs the stamp of its envelope', () => {
  const outcome = haproxy.parse(lineOf({ message: 'Proxy mx started.', program: 'haproxy' }), contextOf());
  assert.deepEqual(outcome, { kind: 'failure', code: 'unknown_message', field: 'accept_date' });
});

test('a line cut at any byte gives an event or a failure', () => {
  const line = `${TCP.replace('1/1/24', '0/0/1/42/43')} {a|b} {} "GET /x HTTP/1.1" 0/0/0/0/1 h/TLSv1.3/C`;
  for (let i = 0; i <= line.length; i++) {
    for (const text of [line.slice(0, i), line.slice(i), `${line.slice(0, i)}\u0000${line.slice(i)}`]) {
      haproxy.parse(lineOf({ message: text, program: 'haproxy', at: ENVELOPE_AT }), contextOf());
    }
  }
});

test('hostile lines take linear time', () => {
  for (const unit of [' [', '/', ':', ' - - [', '"" ', '[24/Nov/2026:03:24:10.272] ']) {
    const started = cpuMs();
    const line = lineOf({ message: unit.repeat(200_000), program: 'haproxy', at: ENVELOPE_AT });
    haproxy.accepts(line);
    haproxy.parse(line, contextOf());
    assert.ok(cpuMs() - started < 500, unit);
  }
});
