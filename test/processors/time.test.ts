import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import {
  civilMs,
  daysInMonth,
  fixedZone,
  isLeapYear,
  LogZone,
  nearOfWritten,
  offsetName,
  parseZone,
  UTC,
  yearNear,
} from '../../processors/time.ts';

const DAY = 86_400_000;

test('civilMs agrees with the calendar', () => {
  const date = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(date, (d) => {
      const second = Math.floor(d.getTime() / 1000) * 1000;
      assert.equal(
        civilMs(
          d.getUTCFullYear(),
          d.getUTCMonth() + 1,
          d.getUTCDate(),
          d.getUTCHours(),
          d.getUTCMinutes(),
          d.getUTCSeconds(),
        ),
        second,
      );
    }),
  );
});

test('civilMs refuses what no clock shows, and takes a leap second as the next one', () => {
  for (const [y, mo, d, h, mi, s] of [
    [2026, 0, 1, 0, 0, 0],
    [2026, 13, 1, 0, 0, 0],
    [2026, 2, 29, 0, 0, 0],
    [2100, 2, 29, 0, 0, 0],
    [2026, 4, 31, 0, 0, 0],
    [2026, 1, 0, 0, 0, 0],
    [2026, 1, 1, 24, 0, 0],
    [2026, 1, 1, 0, 60, 0],
    [2026, 1, 1, 0, 0, 61],
    [2026, Number.NaN, 1, 0, 0, 0],
  ] as const)
    assert.ok(Number.isNaN(civilMs(y, mo, d, h, mi, s)), `${y}-${mo}-${d}`);
  assert.equal(civilMs(2016, 12, 31, 23, 59, 60), Date.UTC(2017, 0, 1));
  assert.equal(civilMs(2024, 2, 29, 12, 0, 0), Date.UTC(2024, 1, 29, 12));
});

test('leap years', () => {
  assert.deepEqual([1900, 2000, 2024, 2026, 2100].map(isLeapYear), [false, true, true, false, false]);
  assert.deepEqual(
    [daysInMonth(2024, 2), daysInMonth(2025, 2), daysInMonth(2025, 4), daysInMonth(2025, 12)],
    [29, 28, 30, 31],
  );
});

test('yearNear: New Year rolls over and back', () => {
  assert.equal(yearNear(1, 1, Date.UTC(2026, 11, 31, 23, 59)), 2027);
  assert.equal(yearNear(12, 31, Date.UTC(2027, 0, 1, 0, 1)), 2026);
  assert.equal(yearNear(12, 31, Date.UTC(2026, 11, 31)), 2026);
  assert.equal(yearNear(6, 15, Date.UTC(2026, 11, 1)), 2026);
  assert.equal(yearNear(6, 15, Date.UTC(2026, 0, 15)), 2026);
});

test('yearNear: 29 February is in a leap year', () => {
  assert.equal(yearNear(2, 29, Date.UTC(2024, 1, 28)), 2024);
  assert.equal(yearNear(2, 29, Date.UTC(2025, 5, 1)), 2024);
  assert.equal(yearNear(2, 29, Date.UTC(2027, 1, 28)), 2028);
  assert.equal(yearNear(2, 29, Date.UTC(2026, 1, 1)), 2024);
});

test('yearNear: no other year is nearer', () => {
  const near = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2090, 0) });
  fc.assert(
    fc.property(near, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 }), (ms, month, day) => {
      const distance = (year: number) => Math.abs(civilMs(year, month, day, 12, 0, 0) - ms);
      const year = yearNear(month, day, ms);
      assert.ok(distance(year) <= 183 * DAY);
      assert.ok(distance(year) <= distance(year - 1) && distance(year) <= distance(year + 1));
    }),
  );
});

test('a file’s stamps lie in the year before it was last written', () => {
  const near = nearOfWritten(Date.UTC(2026, 10, 24, 12));
  assert.deepEqual(
    [yearNear(11, 24, near), yearNear(11, 23, near), yearNear(1, 5, near), yearNear(6, 1, near), yearNear(12, 1, near)],
    [2026, 2026, 2026, 2026, 2025],
  );
  const newYear = nearOfWritten(Date.UTC(2027, 0, 1, 0, 5));
  assert.deepEqual([yearNear(12, 31, newYear), yearNear(1, 1, newYear)], [2026, 2027]);
});

const ZONES = [
  ...['Europe/Warsaw', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Apia'],
  ...['Africa/Casablanca', 'Asia/Tehran', 'America/Sao_Paulo', 'UTC', '+05:45', '-03:30'],
];

/** The wall clock of an instant, given as if it were UTC. */
function wallClock(at: number, zone: string): number {
  const d = DateTime.fromMillis(at, { zone: /^[+-]/.test(zone) ? `UTC${zone}` : zone });
  return at + d.offset * 60_000;
}

test('a zone turns a wall clock into the instant at which it showed that, as luxon says', () => {
  const at = fc.integer({ min: Date.UTC(2000, 0) / 1000, max: Date.UTC(2037, 0) / 1000 }).map((s) => s * 1000);
  fc.assert(
    fc.property(at, fc.constantFrom(...ZONES), (ms, name) => {
      const zone = parseZone(name);
      assert.ok(zone !== undefined);
      const wall = wallClock(ms, name);
      const back = zone.toUtc(wall);
      assert.equal(wallClock(back, name), wall);
      // In an overlap the clock showed it twice; then the earlier instant counts.
      assert.ok(back <= ms, `${name} ${new Date(ms).toISOString()}`);
      // A log that has just come to about there means the very instant.
      for (const near of [ms - 900_000, ms, ms + 300_000]) assert.equal(zone.toUtc(wall, near), ms, name);
    }),
    { numRuns: 2000 },
  );
});

test('the gap and the overlap of summer time', () => {
  const warsaw = parseZone('Europe/Warsaw');
  const utc = (text: string) => new Date(warsaw?.toUtc(Date.parse(`${text}Z`)) ?? Number.NaN).toISOString();
  assert.equal(utc('2026-03-29T01:59:59'), '2026-03-29T00:59:59.000Z');
  assert.equal(utc('2026-03-29T03:00:00'), '2026-03-29T01:00:00.000Z');
  // 02:30 was never shown; the offset from before (+01:00) holds, as of a clock that was not set.
  assert.equal(utc('2026-03-29T02:30:00'), '2026-03-29T01:30:00.000Z');
  // 02:30 was shown twice; the earlier instant (+02:00) holds.
  assert.equal(utc('2026-10-25T02:30:00'), '2026-10-25T00:30:00.000Z');
  assert.equal(utc('2026-10-25T03:00:00'), '2026-10-25T02:00:00.000Z');
});

test('of the two instants of an overlap the second holds if the log has left the first behind', () => {
  const warsaw = parseZone('Europe/Warsaw') ?? assert.fail();
  const log = new LogZone(warsaw);
  const utc = (text: string) => {
    log.reached = log.toUtc(Date.parse(`2026-10-25T${text}Z`));
    return new Date(log.reached).toISOString().slice(11, 19);
  };
  const shown = ['01:59:59', '02:20:00', '02:59:58', '02:00:03', '02:00:01', '02:45:00', '03:00:00'];
  assert.deepEqual(shown.map(utc), [
    '23:59:59',
    '00:20:00',
    '00:59:58',
    '01:00:03',
    '01:00:01',
    '01:45:00',
    '02:00:00',
  ]);
});

test('what was asked before changes no answer', () => {
  const name = 'Europe/Warsaw';
  const used = parseZone(name);
  const wall = fc
    .integer({ min: Date.UTC(2026, 2, 28) / 60_000, max: Date.UTC(2026, 2, 31) / 60_000 })
    .map((m) => m * 60_000);
  fc.assert(
    fc.property(wall, (ms) => {
      assert.equal(used?.toUtc(ms), parseZone(name)?.toUtc(ms));
    }),
  );
});

test('zones by name and by offset', () => {
  assert.equal(parseZone('Z'), UTC);
  assert.equal(parseZone('+02:00')?.name, '+02:00');
  assert.equal(parseZone('-0530')?.toUtc(0), 5.5 * 3_600_000);
  assert.equal(fixedZone(0).name, '+00:00');
  assert.equal(offsetName(-570), '-09:30');
  for (const wrong of ['', 'Nowhere/Land', '+25:00', '+02:60', '2', '../../etc/passwd', '__proto__'])
    assert.equal(parseZone(wrong), undefined, wrong);
  assert.ok(Number.isNaN(parseZone('Europe/Warsaw')?.toUtc(Number.NaN)));
});
