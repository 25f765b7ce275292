import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Block, changeOf, heldTogether, rateInterval } from '../../../reports/weekly/change.ts';
import {
  binomialTwoSided,
  incompleteBeta,
  studentCritical,
  studentTwoSided,
} from '../../../reports/weekly/incomplete-beta.ts';
import { generator } from './made-weeks.ts';

const near = (actual: number, expected: number, relative = 1e-6): void =>
  assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} is not ${expected}`);

describe('distributions', () => {
  // Closed forms: I_x(1, b) = 1 - (1-x)^b, I_x(a, 1) = x^a, and binomial sums by hand.
  it('the incomplete beta function has its closed forms', () => {
    near(incompleteBeta(0.3, 1, 4), 1 - 0.7 ** 4);
    near(incompleteBeta(0.3, 5, 1), 0.3 ** 5);
    near(incompleteBeta(0.5, 2, 3), 0.6875);
    near(incompleteBeta(0.001, 0.5, 0.5), (2 / Math.PI) * Math.asin(Math.sqrt(0.001)));
    assert.equal(incompleteBeta(0, 2, 3), 0);
    assert.equal(incompleteBeta(1, 2, 3), 1);
  });

  // Student's t with 1 degree of freedom is Cauchy's distribution; with 2 it is t / sqrt(2 + t²). The others are from printed tables.
  it('Student’s t', () => {
    near(studentTwoSided(1, 1), 0.5);
    near(studentTwoSided(3, 2), 1 - 3 / Math.sqrt(11));
    near(studentCritical(0.05, 10), 2.2281, 1e-4);
    near(studentCritical(0.05, 3), 3.1824, 1e-4);
    near(studentCritical(0.01, 30), 2.75, 1e-4);
  });

  it('the exact binomial test', () => {
    near(binomialTwoSided(0, 5, 0.5), 2 / 32);
    near(binomialTwoSided(9, 10, 0.5), (2 * 11) / 1024);
    assert.equal(binomialTwoSided(5, 10, 0.5), 1);
    assert.equal(binomialTwoSided(0, 0, 0.5), 1);
  });
});

const week = (failed: readonly number[], attempts = 1000): readonly Block[] =>
  failed.map((n) => ({ attempts, failed: n }));

describe('a change', () => {
  it('that lasts all week is one', () => {
    const change = changeOf(week([30, 28, 33, 31, 29, 30, 27]), week([10, 12, 9, 11, 10, 8, 12]));
    assert.equal(change.verdict, 'up');
    assert.ok(change.interval !== null && change.interval.low > 0);
    assert.equal(changeOf(week([10, 12, 9, 11, 10, 8, 12]), week([30, 28, 33, 31, 29, 30, 27])).verdict, 'down');
  });

  it('that is one burst is none, however many it hit', () => {
    const change = changeOf(week([0, 0, 800, 0, 0, 0, 0]), week([0, 0, 0, 0, 0, 0, 0]));
    assert.equal(change.verdict, 'unclear');
    assert.ok((change.p ?? 0) > 0.05);
  });

  it('of very few failures is none, though each came on another day', () => {
    assert.equal(changeOf(week([1, 1, 1, 0, 1, 0, 0]), week([0, 0, 0, 0, 0, 0, 0])).verdict, 'unclear');
  });

  it('is not told from less than three days', () => {
    const two = week([500, 400]);
    assert.equal(changeOf(two, week([0, 0, 0, 0])).verdict, 'too_little');
    assert.equal(changeOf(week([0, 0, 0, 0]), []).verdict, 'too_little');
    assert.equal(changeOf(week([0, 0, 0]), week([0, 0, 0])).verdict, 'none');
  });

  it('against four weeks must also be more than those differed', () => {
    const weeks = [week(Array(7).fill(5)), week(Array(7).fill(20)), week(Array(7).fill(6)), week(Array(7).fill(18))];
    const now = week(Array(7).fill(24));
    assert.equal(changeOf(now, weeks.flat()).verdict, 'up');
    assert.equal(changeOf(now, weeks.flat(), weeks).verdict, 'unclear');
  });

  it('of one of twenty causes needs more than a change looked at alone', () => {
    const barely = changeOf(week([4, 3, 3, 3, 4, 2, 3]), week([1, 1, 2, 0, 1, 2, 2]));
    assert.equal(barely.verdict, 'up');
    const same = changeOf(week([3, 2, 3, 2, 3, 2, 3]), week([2, 3, 2, 3, 2, 3, 2]));
    const held = heldTogether(
      new Map([['a', barely], ...Array.from({ length: 19 }, (_, i) => [`${i}`, same] as const)]),
    );
    assert.equal(held.get('a')?.verdict, 'unclear');
    assert.ok((held.get('a')?.p ?? 0) > (barely.p ?? 1));
  });

  it('is seen where there is none in about one of twenty weeks at most, though failures come in bursts', () => {
    const random = generator(5);
    const burstyWeek = (): readonly Block[] =>
      Array.from({ length: 7 }, () => ({
        attempts: 800 + Math.floor(random() * 400),
        failed: Array.from({ length: 3 }, () => (random() < 0.3 ? Math.floor(random() * 60) : 1)).reduce(
          (a, b) => a + b,
        ),
      }));
    const trials = 1000;
    let called = 0;
    let calledByAttempts = 0;
    for (let i = 0; i < trials; i++) {
      const { verdict, now, before } = changeOf(burstyWeek(), burstyWeek());
      if (verdict === 'up' || verdict === 'down') called++;
      // What a test would say that takes attempts for independent.
      const share = now.attempts / (now.attempts + before.attempts);
      if (binomialTwoSided(now.failed, now.failed + before.failed, share) < 0.05) calledByAttempts++;
    }
    assert.ok(called / trials < 0.06, `${called} of ${trials}`);
    assert.ok(calledByAttempts / trials > 0.5, `${calledByAttempts} of ${trials}`);
  });
});

describe('the interval of a rate', () => {
  it('is wider for failures in bursts', () => {
    const even = rateInterval(week([10, 10, 10, 10, 10, 10, 10]));
    const burst = rateInterval(week([0, 0, 70, 0, 0, 0, 0]));
    assert.ok(even !== null && burst !== null);
    assert.ok(even.low < 0.01 && 0.01 < even.high);
    assert.ok(burst.high - burst.low > 3 * (even.high - even.low));
  });

  it('is above zero without a failure, and unknown for two days', () => {
    const none = rateInterval(week([0, 0, 0, 0]));
    assert.ok(none !== null && none.low === 0 && none.high > 0);
    assert.equal(rateInterval(week([1, 2])), null);
  });
});
