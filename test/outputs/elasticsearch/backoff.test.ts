import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoffMs, retryAfterMs } from '../../../outputs/elasticsearch/backoff.ts';
import { ConcurrencyLimit } from '../../../outputs/elasticsearch/concurrency.ts';

const limits = { baseMs: 250, maxMs: 30_000 };

describe('the pause before another attempt', () => {
  it('has a ceiling that doubles up to the longest', () => {
    const ceilings = [0, 1, 2, 6, 7, 60, 5000].map((attempt) => backoffMs(attempt, 1, limits));
    assert.deepEqual(ceilings, [250, 500, 1000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('lies anywhere between nothing and the ceiling', () => {
    assert.equal(backoffMs(3, 0, limits), 0);
    assert.equal(backoffMs(3, 0.5, limits), 1000);
  });

  it('is at least what the server asks for, up to the longest', () => {
    assert.equal(backoffMs(0, 0, limits, 5000), 5000);
    assert.equal(backoffMs(0, 0, limits, 86_400_000), 30_000);
  });

  it('reads Retry-After as seconds or as a date, and nothing else', () => {
    const now = Date.UTC(2026, 10, 24, 12, 0, 0);
    const cases: readonly (readonly [string | undefined, number])[] = [
      [undefined, 0],
      ['7', 7000],
      ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
      ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
      ['soon', 0],
      ['-1', 0],
      ['', 0],
    ];
    for (const [header, expected] of cases) assert.equal(retryAfterMs(header, now), expected, String(header));
  });
});

describe('how many requests at once', () => {
  it('grows by one after a round without complaint, up to its most', () => {
    const limit = new ConcurrencyLimit(2, 4);
    const seen: number[] = [];
    for (let i = 0; i < 12; i++) {
      limit.answered(10, true);
      seen.push(limit.limit);
    }
    assert.deepEqual(seen, [2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]);
  });

  it('does not grow while nobody needs more, or while answers only get slower', () => {
    const limit = new ConcurrencyLimit(2, 8);
    for (let i = 0; i < 20; i++) limit.answered(10, false);
    for (let i = 0; i < 8; i++) limit.answered(100, true);
    assert.equal(limit.limit, 2);
  });

  it('halves once for all complaints about requests of the same time', () => {
    const limit = new ConcurrencyLimit(8, 8);
    limit.overloaded(100, 200);
    limit.overloaded(150, 210);
    assert.equal(limit.limit, 4);
    limit.overloaded(205, 300);
    assert.equal(limit.limit, 2);
    for (let now = 400; now < 900; now += 100) limit.overloaded(now - 1, now);
    assert.equal(limit.limit, 1);
  });
});
