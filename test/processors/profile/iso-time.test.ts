import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isoTime } from '../../../processors/profile/iso-time.ts';

describe('isoTime', () => {
  it('writes every moment as the calendar of the engine does, whatever was asked for before', () => {
    const moment = fc.oneof(
      fc.integer({ min: Date.UTC(1, 0, 1) + 2_000_000_000_000, max: Date.UTC(9999, 11, 31) }),
      fc.integer({ min: Date.UTC(1969, 11, 31), max: Date.UTC(1970, 0, 2) }),
    );
    fc.assert(fc.property(moment, (ms) => assert.equal(isoTime(ms), new Date(ms).toISOString())));
  });

  it('rounds to milliseconds, and gives the ends of the range for what lies outside', () => {
    assert.equal(isoTime(999.5), '1970-01-01T00:00:01.000Z');
    assert.equal(isoTime(1e300), '9999-12-31T23:59:59.999Z');
    assert.equal(isoTime(-1e300), '0001-01-01T00:00:00.000Z');
    assert.equal(isoTime(Number.NaN), '1970-01-01T00:00:00.000Z');
  });
});
