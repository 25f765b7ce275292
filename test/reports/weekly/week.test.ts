import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { localIso, parseWeek, weekAt, weekBefore } from '../../../reports/weekly/week.ts';

const hours = (name: string, zone: string): number => {
  const week = parseWeek(name, zone);
  return week === undefined ? Number.NaN : (week.endMs - week.startMs) / 3_600_000;
};

describe('ISO weeks', () => {
  it('begin on Monday in their zone', () => {
    const week = parseWeek('2026-W48', 'Europe/Warsaw');
    assert.equal(week?.name, '2026-W48');
    assert.equal(new Date(week?.startMs ?? 0).toISOString(), '2026-11-22T23:00:00.000Z');
    assert.deepEqual(
      week?.days.map((d) => d.date),
      ['2026-11-23', '2026-11-24', '2026-11-25', '2026-11-26', '2026-11-27', '2026-11-28', '2026-11-29'],
    );
  });

  // ISO 8601: week 1 holds the first Thursday of the year. 2026 has 53 weeks, 2025 and 2027 have 52.
  it('have a 53rd only in long years, and may begin in the year before', () => {
    assert.equal(new Date(parseWeek('2026-W01', 'UTC')?.startMs ?? 0).toISOString(), '2025-12-29T00:00:00.000Z');
    assert.equal(parseWeek('2026-W53', 'UTC')?.name, '2026-W53');
    assert.equal(parseWeek('2025-W53', 'UTC'), undefined);
    assert.equal(weekAt(Date.UTC(2027, 0, 2), 'UTC').name, '2026-W53');
  });

  it('have 167 or 169 hours when the clock is changed', () => {
    assert.equal(hours('2026-W13', 'Europe/Warsaw'), 167);
    assert.equal(hours('2026-W43', 'Europe/Warsaw'), 169);
    assert.equal(hours('2026-W43', 'UTC'), 168);
    assert.equal(hours('2026-W43', 'UTC+05:30'), 168);
  });

  it('are found before others across a change of the clock', () => {
    const week = parseWeek('2026-W44', 'Europe/Warsaw');
    assert.ok(week);
    assert.deepEqual(weekBefore(week, 1), parseWeek('2026-W43', 'Europe/Warsaw'));
  });

  it('are refused when they are none', () => {
    for (const text of ['', '2026', '2026-W00', '2026-W54', '2026-47', 'W47', '2026-W7', '__proto__'])
      assert.equal(parseWeek(text, 'UTC'), undefined, text);
  });
});

it('a time is shown with the offset of its zone', () => {
  assert.equal(localIso(Date.UTC(2026, 10, 24, 8), 'Europe/Warsaw'), '2026-11-24T09:00+01:00');
  assert.equal(localIso(Date.UTC(2026, 10, 24, 8), 'UTC'), '2026-11-24T08:00Z');
});
