/** What is normal at an hour of the week. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Packer, Unpacker } from '../../../models/math/packing.ts';
import { WeekProfile } from '../../../models/math/week-profile.ts';

const SETTINGS = { dayVisitsMax: 10, weekVisitsMax: 3, weekVisitsHalf: 2, informationHalf: 8 };
const HOUR = 3_600_000;
const MONDAY = Date.UTC(2026, 0, 5);
const EXACT = Number.POSITIVE_INFINITY;
const isWeekend = (at: number): boolean => [0, 6].includes(new Date(at).getUTCDay());

/** Three parts: the hour of the day, the weekend, and Mondays. */
function load(at: number): number {
  const hour = (at / HOUR) % 24;
  const day = 100 + 40 * Math.sin((hour / 24) * 2 * Math.PI);
  return day * (isWeekend(at) ? 0.5 : 1) + (new Date(at).getUTCDay() === 1 ? 20 : 0);
}

function learned(days: number, step = HOUR / 12): WeekProfile {
  const profile = new WeekProfile(SETTINGS);
  for (let at = MONDAY; at < MONDAY + days * 24 * HOUR; at += step) profile.learn(at, load(at), step / HOUR, 1, EXACT);
  return profile;
}

/** Largest error over one day, in units of load. */
function errorOn(profile: WeekProfile, day: number): number {
  let most = 0;
  for (let i = 36; i < 252; i++) {
    const at = MONDAY + day * 24 * HOUR + (i * HOUR) / 12;
    most = Math.max(most, Math.abs(profile.predict(at, EXACT) - load(at)));
  }
  return most;
}

describe('week profile', () => {
  test('knows nothing of an hour that it has not seen', () => {
    const profile = new WeekProfile(SETTINGS);
    assert.ok(Number.isNaN(profile.predict(MONDAY, EXACT)));
    profile.learn(MONDAY + 9.5 * HOUR, 5, 1, 1, EXACT);
    assert.equal(profile.predict(MONDAY + 9.5 * HOUR, EXACT), 5);
    assert.ok(Number.isNaN(profile.predict(MONDAY + 20 * HOUR, EXACT)));
  });

  test('predicts a working day from those before it, and a weekend from a weekend', () => {
    const profile = learned(14);
    assert.ok(errorOn(profile, 15) < 6, `Tuesday: ${errorOn(profile, 15)}`);
    assert.ok(errorOn(profile, 19) < 6, `Saturday: ${errorOn(profile, 19)}`);
  });

  test('what is special about one day of the week is learned over weeks', () => {
    assert.ok(errorOn(learned(7), 7) > errorOn(learned(28), 28) + 5);
    assert.ok(errorOn(learned(28), 28) < 12, `${errorOn(learned(28), 28)}`);
  });

  test('a deviation beyond the limit counts as the limit', () => {
    const profile = learned(14);
    const at = MONDAY + 15 * 24 * HOUR + 10 * HOUR;
    const before = profile.predict(at, EXACT);
    for (let i = 0; i < 12; i++) profile.learn(at + (i * HOUR) / 12, 1e9, 1 / 12, 1, 10);
    assert.ok(profile.predict(at + HOUR, EXACT) < before + 25);
  });

  test('an hour that holds little information is drawn towards the mean', () => {
    const profile = learned(14);
    const at = MONDAY + 15 * 24 * HOUR + 6 * HOUR;
    const drawn = profile.predict(at, 0.1);
    assert.ok(Math.abs(drawn - profile.mean) < Math.abs(profile.predict(at, EXACT) - profile.mean) / 2);
  });

  test('forgets after more than four weeks without values, not before', () => {
    const profile = learned(7);
    assert.equal(profile.forgetAfter(27 * 24 * HOUR), false);
    assert.equal(profile.forgetAfter(10 * 365 * 24 * HOUR), true);
    assert.ok(Number.isNaN(profile.predict(MONDAY, EXACT)));
  });

  test('any step will do: rows an hour or a day apart', () => {
    assert.ok(errorOn(learned(28, HOUR), 29) < 12);
    const daily = learned(60, 24 * HOUR);
    assert.ok(Number.isFinite(daily.predict(MONDAY + 61 * 24 * HOUR, EXACT)));
  });

  test('goes on after packing', () => {
    const one = learned(9);
    const to = new Packer(1024);
    one.pack(to);
    const other = WeekProfile.unpack(SETTINGS, new Unpacker(to.bytes()));
    for (let i = 0; i < 500; i++) {
      const at = MONDAY + 9 * 24 * HOUR + (i * HOUR) / 7;
      one.learn(at, load(at) + i, 1 / 7, 1, 30);
      other.learn(at, load(at) + i, 1 / 7, 1, 30);
      assert.equal(other.predict(at, 3), one.predict(at, 3));
    }
  });
});
