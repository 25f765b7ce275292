/** The small memories that connection prediction keeps for each key: means, lines, rhythms and phases. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DecayedMeans } from '../../../models/math/decayed-mean.ts';
import { LocalLine } from '../../../models/math/local-line.ts';
import { PhaseFilter } from '../../../models/math/phase-filter.ts';
import { newNormal, newRandom } from '../../../models/math/random.ts';
import { Rhythm } from '../../../models/math/rhythm.ts';

const near = (actual: number, expected: number, tolerance: number): void =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);

describe('decayed means', () => {
  test('are weighted means with weights exp(-age/scale)', () => {
    const means = new DecayedMeans([1000, 60_000]);
    means.observe(0, 1);
    means.observe(1000, 0);
    means.observe(3000, 1);
    const weights = [Math.exp(-3), Math.exp(-2), 1];
    const [a = 0, b = 0, c = 0] = weights;
    near(means.mean(0, 3000, 0, 0), (a + c) / (a + b + c), 1e-12);
    near(means.mean(0, 4000, 0.5, 1), ((a + c) * Math.exp(-1) + 0.5) / ((a + b + c) * Math.exp(-1) + 1), 1e-12);
    near(means.weight(1, 3000), Math.exp(-3 / 60) + Math.exp(-2 / 60) + 1, 1e-12);
  });

  test('know nothing but the prior at first', () => {
    assert.equal(new DecayedMeans([1000]).mean(0, 5, 0.13, 1), 0.13);
  });
});

describe('a local line', () => {
  test('follows a straight line exactly when nothing pulls at its slope', () => {
    const line = new LocalLine(60_000, 0);
    for (let i = 0; i < 50; i++) line.observe(i * 10_000, 0.2 + i * 0.01);
    near(line.slope(), 0.06, 1e-9); // 0.01 in 10 s is 0.06 in a scale of 60 s
    near(line.valueAt(500_000), 0.7, 1e-9);
  });

  test('is carried on for one scale and no further', () => {
    const line = new LocalLine(60_000, 0);
    for (let i = 0; i < 50; i++) line.observe(i * 10_000, i * 0.01);
    near(line.valueAt(490_000 + 60_000), line.valueAt(490_000 + 600_000), 1e-12);
  });

  test('has no value before the first and after a reset', () => {
    const line = new LocalLine(60_000, 1);
    assert.ok(Number.isNaN(line.valueAt(0)));
    line.observe(0, 0.4);
    assert.equal(line.valueAt(10), 0.4);
    line.reset();
    assert.ok(Number.isNaN(line.valueAt(20)));
  });
});

const MINUTE = 60_000;

/** Onsets every `period` with jitter that adds up; some are missed, and now and then there is a false one. */
function onsets(period: number, jitter: number, missed: number, falseSigns: number, seed: number): readonly number[] {
  const random = newRandom(seed);
  const normal = newNormal(random);
  const signs: number[] = [];
  for (let i = 0, at = 5 * MINUTE; i < 120; i++, at += period + jitter * normal()) {
    if (random() >= missed) signs.push(at);
    if (random() < falseSigns) signs.push(at + random() * period);
  }
  return signs.sort((a, b) => a - b);
}

describe('a rhythm', () => {
  for (const [what, period, missed, falseSigns] of [
    ['when all is seen', 54 * MINUTE, 0, 0],
    ['when half is missed', 54 * MINUTE, 0.5, 0],
    ['of another length, with false signs', 7 * MINUTE, 0.3, 0.05],
    ['of hours', 300 * MINUTE, 0.3, 0.05],
  ] as const) {
    test(`knows the period nearly always ${what}`, () => {
      let asked = 0;
      let right = 0;
      for (let seed = 1; seed <= 20; seed++) {
        const rhythm = new Rhythm();
        for (const [i, at] of onsets(period, 0.012 * period, missed, falseSigns, seed).entries()) {
          rhythm.observe(at, 2 * MINUTE);
          if (i < 20) continue;
          asked++;
          if (Math.abs(rhythm.period / period - 1) < 0.03) right++;
        }
      }
      assert.ok(right / asked > (falseSigns === 0 ? 0.99 : 0.9), `${right} of ${asked}`);
    });
  }

  test('expects nothing before it has a period', () => {
    const rhythm = new Rhythm();
    rhythm.observe(0, MINUTE);
    assert.ok(Number.isNaN(rhythm.period) && Number.isNaN(rhythm.distance(MINUTE)));
  });
});

describe('a phase filter', () => {
  const period = 54 * MINUTE;
  const width = 2 * MINUTE;

  test('is sure inside the window and sure outside of it, once it has seen some', () => {
    const filter = new PhaseFilter();
    const random = newRandom(4);
    for (let at = 0; at < 30 * period; at += 40_000 * random()) {
      const isOpen = at % period < width;
      const failed = random() < (isOpen ? 0.92 : 0.05);
      filter.observe(at, period, width, failed ? { inside: 0.9, outside: 0.05 } : { inside: 0.1, outside: 0.95 });
    }
    const next = 30 * period;
    assert.ok(filter.chance(next + width / 2, period, width) > 0.8);
    assert.ok(filter.chance(next + period / 2, period, width) < 0.02);
  });

  test('knows nothing at first', () => {
    const filter = new PhaseFilter();
    assert.ok(Number.isNaN(filter.chance(0, period, width)));
    filter.observe(0, period, width, { inside: 1, outside: 1 });
    near(filter.chance(period / 3, period, width), width / period, 0.01);
  });
});
