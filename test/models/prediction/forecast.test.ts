/** Risks while profiles come: in whatever order and however late they do. The whole of it on the sample: test/cli/stream/partitions.test.ts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Forecast, TOLD_AFTER_MS } from '../../../models/prediction/forecast.ts';
import type { Profile } from '../../../processors/profile/profile.ts';
import { healthySession, unexplainedSession } from '../../profiles.ts';
import { smallModel } from './small-model.ts';

const model = smallModel();
const T0 = Date.parse('2026-11-24T04:00:00.000Z');
const iso = (ms: number): string => new Date(ms).toISOString();

function at(profile: Profile, ms: number, more: Partial<Profile['imapwhy']> = {}): Profile {
  const event = { ...profile.event, start: iso(ms), end: iso(ms + 1000) };
  return { ...profile, event, imapwhy: { ...profile.imapwhy, decided_at: iso(ms + 500), ...more } };
}
const ok = (ms: number): Profile => at(healthySession().profile, ms);
const failed = (ms: number): Profile => at(unexplainedSession().profile, ms);
const fresh = (): Forecast => new Forecast(model, { listMs: undefined, since: '0' });

/** Enough outcomes for a model to speak, one a minute; the serials are below 1000. */
function withHistory(): { readonly forecast: Forecast; readonly now: number } {
  const forecast = fresh();
  let now = T0;
  for (let i = 0; i < 150; i++) {
    now = T0 + i * 60_000;
    forecast.advance(now + 181_000);
    forecast.closed(i % 5 === 0 ? failed(now) : ok(now), i, false);
  }
  forecast.advance(now + TOLD_AFTER_MS + 1);
  assert.equal(forecast.take().profiles.length, 150);
  return { forecast, now: now + TOLD_AFTER_MS + 1 };
}

describe('risks while profiles come', () => {
  test('a profile waits until all that was decided before its attempt may be known', () => {
    const forecast = fresh();
    forecast.advance(T0 + 200_000);
    forecast.closed(ok(T0), 1, false);
    forecast.advance(T0 + TOLD_AFTER_MS);
    assert.equal(forecast.take().profiles.length, 0);
    forecast.advance(T0 + TOLD_AFTER_MS + 1);
    assert.equal(forecast.take().profiles[0]?.imapwhy.prediction?.basis, 'base_rate', 'nothing was known yet');
  });

  test('what becomes known too late has the base rate, and is learned', () => {
    const { forecast, now } = withHistory();
    forecast.closed(failed(T0 + 1000), 5000, false);
    const { prediction } = forecast.take().profiles[0]?.imapwhy ?? {};
    assert.equal(prediction?.basis, 'base_rate');
    assert.equal(prediction?.risk, model.side.base_rate);
    assert.ok(forecast.cold > 100);
    forecast.closed(ok(now), 5001, false);
    forecast.advance(now + TOLD_AFTER_MS + 1);
    assert.equal(forecast.take().profiles[0]?.imapwhy.prediction?.basis, 'model');
  });

  test('a session that goes on has its risk from its login, and keeps it when it closes and is revised', () => {
    const { forecast, now } = withHistory();
    const profile = ok(now);
    const { user, client, server } = profile;
    const names = { user: user.name, address: client.ip, server: server.ip, tunnel: undefined, mechanism: undefined };
    forecast.loggedIn({
      serial: 7000,
      startedAt: now,
      at: now + 500,
      knownAt: now + 500,
      rekeyed: false,
      poolFull: false,
      ...names,
    });
    forecast.advance(now + 3_600_000);
    assert.equal(forecast.take().profiles.length, 0);
    forecast.closed(profile, 7000, false);
    const first = forecast.take().profiles[0]?.imapwhy.prediction;
    assert.equal(first?.basis, 'model');
    forecast.closed(at(profile, now, { revision: profile.imapwhy.revision + 1 }), 7000, true);
    assert.deepEqual(forecast.take().profiles[0]?.imapwhy.prediction, first);
  });

  test('a state of another format is not taken up: history begins anew', () => {
    const { forecast } = withHistory();
    forecast.keepJournal();
    const { core, since } = forecast.changes();
    const other = new Forecast(
      model,
      { listMs: undefined, since: '1' },
      { core: { ...core, format: 0 }, since, entries: [] },
    );
    assert.equal(other.cold, 0);
    assert.equal(other.changes().since, '1');
  });
});
