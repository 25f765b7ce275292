import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Attempt, attemptOf, type Decision } from '../../../models/prediction/attempt.ts';
import { SiteRates } from '../../../models/prediction/site-rates.ts';

const NOBODY = { user: undefined, address: undefined, server: undefined, tunnel: undefined, mechanism: undefined };
const START = Date.UTC(2026, 2, 2);

const attempt = (at: number): Attempt => attemptOf(String(at), at, NOBODY);
const decided = (at: number, kind: Decision['kind']): Decision => ({
  at,
  kind,
  tcpMs: undefined,
  tlsMs: undefined,
  authMs: undefined,
  poolUsed: undefined,
  rekeyed: false,
});

describe('failure rates of the whole site', () => {
  test('quick successes do not stand against failures that take until a timer', () => {
    const rates = new SiteRates();
    // Every second attempt fails, and takes 30 s to.
    for (let i = 0; i < 1000; i++) {
      const at = START + i * 1000;
      rates.advance(at);
      rates.add(attempt(at), decided(at + 100, 'ok'));
      rates.add(attempt(at), decided(at + 30_000, 'timeout_tls'));
    }
    const now = START + 1_000_000;
    rates.advance(now);
    assert.ok(Math.abs(rates.rate(0, now) - 0.5) < 0.01, String(rates.rate(0, now)));
    assert.ok(Math.abs(rates.base - 0.5) < 0.02, String(rates.base));
  });

  test('an outcome of the last minute changes nothing yet', () => {
    const [one, other] = [new SiteRates(), new SiteRates()];
    one.add(attempt(START), decided(START + 150, 'ok'));
    for (const rates of [one, other]) rates.advance(START + 59_999);
    assert.deepEqual([one.base, one.rate(0, START + 59_999)], [other.base, other.rate(0, START + 59_999)]);
    one.advance(START + 60_000);
    assert.ok(one.base < other.base);
  });

  test('a refused password is a failure of the site, but not of its paths', () => {
    const rates = new SiteRates();
    const { base } = rates;
    rates.add(attempt(START), decided(START + 100, 'auth_failed'));
    rates.advance(START + 60_000);
    assert.ok(rates.base > base);
    assert.ok(rates.rate(0, START + 60_000) < rates.base);
  });

  test('goes on from what was written down', () => {
    const whole = new SiteRates();
    let parts = new SiteRates();
    for (let i = 0; i < 300; i++) {
      const at = START + i * 7000;
      for (const rates of [whole, parts]) {
        rates.advance(at);
        rates.add(attempt(at), decided(at + 40 * i, i % 3 === 0 ? 'timeout_auth' : 'ok'));
      }
      if (i % 50 === 0) parts = new SiteRates(JSON.parse(JSON.stringify(parts.toData())));
    }
    assert.deepEqual(parts.toData(), whole.toData());
  });
});
