/** Years, zones and clocks that the lines do not state. */
import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { describe, test } from 'node:test';
import { healthySession, idleSession, stamp } from './lines.ts';
import { at, imapwhy, ndjson, type Workplace, workplace } from './run.ts';

const MINUTE = 60_000;
const LEAP_DAY = Date.UTC(2028, 1, 29, 12);
const BEFORE_MIDNIGHT = Date.UTC(2026, 11, 31, 23, 50);

/** A log whose file says it was written at `modified`. */
function logOf(place: Workplace, text: string, modified: number, name = 'mail.log'): string {
  const file = place.write(name, text);
  utimesSync(file, modified / 1000, modified / 1000);
  return file;
}

const starts = (place: Workplace): readonly unknown[] =>
  place
    .documents('profiles')
    .map((p) => at(p, 'event.start'))
    .sort();

/** Twenty sessions, two minutes apart. */
const sessionsFrom = (from: number): string =>
  Array.from({ length: 20 }, (_, i) => healthySession({ at: from + i * 2 * MINUTE, port: 40_000 + i })).join('');
const startsFrom = (from: number): readonly string[] =>
  Array.from({ length: 20 }, (_, i) => new Date(from + i * 2 * MINUTE).toISOString());

describe('years that the stamps do not carry', { concurrency: 2 }, () => {
  test('29 February', async (t) => {
    const place = workplace(t);
    const file = logOf(place, sessionsFrom(LEAP_DAY), LEAP_DAY + 86_400_000);
    const [parsed, analysed] = await Promise.all([imapwhy(['parse', file]), place.analyze([file])]);
    assert.deepEqual([parsed.code, analysed.code], [0, 0]);
    assert.equal(at(ndjson(parsed.stdout)[0], '@timestamp'), '2028-02-29T12:00:00.000Z');
    assert.deepEqual(starts(place), startsFrom(LEAP_DAY));
  });

  test('29 February in a file of a year that has none: told by the session ids', async (t) => {
    const place = workplace(t);
    await place.analyze([logOf(place, sessionsFrom(LEAP_DAY), Date.UTC(2027, 5, 1))]);
    assert.deepEqual(starts(place), startsFrom(LEAP_DAY));
  });

  test('New Year’s Eve: the log crosses the year', async (t) => {
    const place = workplace(t);
    const file = logOf(place, sessionsFrom(BEFORE_MIDNIGHT), BEFORE_MIDNIGHT + 60 * MINUTE);
    const [parsed] = await Promise.all([imapwhy(['parse', file]), place.analyze([file])]);
    const stamps = ndjson(parsed.stdout).map((e) => String(at(e, '@timestamp')));
    assert.deepEqual(stamps, [...stamps].sort());
    assert.equal(stamps[0], '2026-12-31T23:50:00.000Z');
    assert.equal(stamps.at(-1), '2027-01-01T00:28:02.000Z');
    assert.deepEqual(starts(place), startsFrom(BEFORE_MIDNIGHT));
  });

  test('New Year’s Eve with a file time of much later (copied, restored): told by the session ids', async (t) => {
    const place = workplace(t);
    await place.analyze([logOf(place, sessionsFrom(BEFORE_MIDNIGHT), Date.UTC(2029, 7, 1))]);
    assert.deepEqual(starts(place), startsFrom(BEFORE_MIDNIGHT));
  });

  test('--year says it where nothing else does', async (t) => {
    const lines = Array.from(
      { length: 3 },
      (_, i) =>
        `${stamp(LEAP_DAY + i * MINUTE)} mx1 dovecot: master: Warning: Killed with signal 15 (by pid=1 uid=0 code=kill)\n`,
    ).join('');
    const file = logOf(workplace(t), lines, Date.UTC(2031, 5, 1));
    const done = await imapwhy(['parse', '--year', '2028', file]);
    assert.equal(at(ndjson(done.stdout)[0], '@timestamp'), '2028-02-29T12:00:00.000Z');
  });
});

test('a clock that jumps back loses and doubles nothing', async (t) => {
  const place = workplace(t);
  const from = Date.UTC(2026, 10, 24, 12);
  // The server's clock is set back by 20 minutes halfway: its stamps and the times in its ids go back together.
  const log =
    sessionsFrom(from) +
    Array.from({ length: 20 }, (_, i) =>
      healthySession({ at: from + 20 * MINUTE + i * 2 * MINUTE, port: 41_000 + i }),
    ).join('');
  const file = logOf(place, log, from + 3_600_000);
  const [parsed, analysed] = await Promise.all([imapwhy(['parse', file]), place.analyze([file])]);
  assert.deepEqual([parsed.code, analysed.code], [0, 0]);
  assert.equal(ndjson(parsed.stdout).length, 80);
  const profiles = place.documents('profiles');
  assert.equal(profiles.length, 40);
  assert.equal(new Set(profiles.map((p) => at(p, 'imapwhy.session.id'))).size, 40);
  for (const p of profiles) assert.equal(at(p, 'imapwhy.outcome'), 'ok');
});

describe('zones', { concurrency: 2 }, () => {
  const from = Date.UTC(2026, 6, 14, 12);
  const mail = Array.from({ length: 20 }, (_, i) =>
    healthySession({ at: from + i * 2 * MINUTE, port: 40_000 + i, ip: '10.8.0.7', zoneMinutes: 120 }),
  ).join('');
  const vpn =
    '2026-07-14 11:59:00 192.0.2.9:1194 [laptop-7] Peer Connection Initiated with [AF_INET]192.0.2.9:1194\n' +
    '2026-07-14 11:59:00 laptop-7/192.0.2.9:1194 MULTI: Learn: 10.8.0.7 -> laptop-7/192.0.2.9:1194\n' +
    '2026-07-14 11:59:00 laptop-7/192.0.2.9:1194 MULTI: primary virtual IP for laptop-7/192.0.2.9:1194: 10.8.0.7\n';

  test('--tz SOURCE=ZONE: mail in +02:00, VPN in UTC, one clock', async (t) => {
    const place = workplace(t);
    const files = [logOf(place, mail, from, 'mail.log'), logOf(place, vpn, from, 'openvpn.log')];
    const done = await place.analyze(['--tz', 'mail=+02:00', '--tz', 'openvpn=UTC', ...files]);
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual(starts(place), startsFrom(from));
    for (const p of place.documents('profiles')) {
      assert.equal(at(p, 'source.ip'), '10.8.0.7');
      assert.equal(at(p, 'client.ip'), '192.0.2.9');
      assert.equal(at(p, 'imapwhy.path.vpn.assigned_ip'), '10.8.0.7');
    }
    const parsed = await imapwhy(['parse', '--tz', 'mail=+02:00', ...files]);
    const events = ndjson(parsed.stdout);
    assert.equal(at(events[0], '@timestamp'), '2026-07-14T12:00:00.000Z');
    assert.equal(at(events[0], 'event.timezone'), '+02:00');
    assert.equal(at(events.at(-1), '@timestamp'), '2026-07-14T11:59:00.000Z');
  });

  test('a named zone with summer time', async (t) => {
    const file = logOf(workplace(t), mail, from);
    const done = await imapwhy(['parse', '--tz', 'Europe/Warsaw', file]);
    assert.equal(at(ndjson(done.stdout)[0], '@timestamp'), '2026-07-14T12:00:00.000Z');
  });
});

test('--since and --until keep sessions by their beginning', async (t) => {
  const place = workplace(t);
  const from = Date.UTC(2026, 10, 24, 12);
  const file = logOf(place, sessionsFrom(from), from);
  await place.analyze(['--since', '2026-11-24T12:10', '--until', '2026-11-24 12:20', file]);
  assert.deepEqual(starts(place), startsFrom(from).slice(5, 10));
  const later = await place.analyze(['--since', '2026-11-25', file]);
  assert.equal(later.code, 0);
  assert.match(later.stdout, /no sessions/);
});

test('--config-from: a timer of haproxy.cfg is named as what ended the silence', async (t) => {
  const place = workplace(t);
  const from = Date.UTC(2026, 10, 24, 12);
  const config = place.write(
    'haproxy.cfg',
    'defaults\n  mode tcp\n  timeout client 437s # ours\n  timeout server 437s\n',
  );
  const log = Array.from({ length: 12 }, (_, i) => {
    const begin = from + i * 3 * MINUTE;
    const ip = `192.0.2.${100 + i}`;
    return (
      idleSession({ at: begin, port: 40_000 + i, ip, user: `user${i}@example.org`, silence: 437 }) +
      `${stamp(begin + 437_000)} mx1 haproxy[1]: ${ip}:${40_000 + i} [${haproxyTime(begin)}] imaps mx/mx1 1/0/437000 900 cD 1/1/0/0/0 0/0\n`
    );
  }).join('');
  const done = await place.analyze([logOf(place, log, from), '--config-from', config]);
  assert.equal(done.code, 0, done.stderr);
  const profiles = place.documents('profiles');
  assert.equal(profiles.length, 12);
  for (const p of profiles) assert.equal(at(p, 'imapwhy.cause.label'), 'server.idle_timeout');
  assert.match(JSON.stringify(profiles[0]), /437/);
  assert.match(JSON.stringify(profiles[0]), /haproxy\.cfg/);
});

/** `24/Nov/2026:12:00:00.000` */
function haproxyTime(ms: number): string {
  const iso = new Date(ms).toISOString();
  return `${iso.slice(8, 10)}/${stamp(ms).slice(0, 3)}/${iso.slice(0, 4)}:${iso.slice(11, 23)}`;
}
