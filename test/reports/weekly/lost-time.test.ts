import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LostTime } from '../../../reports/weekly/lost-time.ts';
import { type SampleSpec, sampleSession } from '../../sample-session.ts';

const START = Date.UTC(2026, 10, 18, 9);
const MINUTE = 60_000;

/** Of anna, `minute` after nine, a minute long. */
function attempt(minute: number, more: Partial<SampleSpec> = {}) {
  return sampleSession({
    id: `s${minute}`,
    startMs: START + minute * MINUTE,
    durationMs: MINUTE,
    user: 'anna@example.org',
    clientIp: '203.0.113.7',
    outcome: 'ok',
    reason: null,
    stalledIn: null,
    phases: [],
    lines: [],
    label: 'none',
    evidence: [],
    ...more,
  }).profile;
}

const failed = (minute: number, more: Partial<SampleSpec> = {}) =>
  attempt(minute, { outcome: 'timeout', label: 'network.packet_loss', scope: 'network:203.0.113.0/24', ...more });

function lost(profiles: readonly ReturnType<typeof attempt>[], endMinute = 600): Readonly<Record<string, number>> {
  const time = new LostTime();
  for (const profile of profiles) time.add(profile);
  return Object.fromEntries([...time.finish(START + endMinute * MINUTE)].map(([key, ms]) => [key, ms / MINUTE]));
}

const LOSS = 'network.packet_loss network:203.0.113.0/24';

describe('lost time', () => {
  it('runs until the same user tries again, whoever else comes meanwhile', () => {
    assert.deepEqual(lost([failed(0), attempt(3, { user: 'bob', clientIp: '192.0.2.1' }), attempt(5)]), { [LOSS]: 5 });
  });

  it('is taken over by the next failure, so that no minute counts twice', () => {
    assert.deepEqual(lost([failed(0), failed(4, { label: 'none', scope: null }), attempt(6)]), {
      [LOSS]: 4,
      unexplained: 2,
    });
  });

  it('ends after 30 minutes, and with the data', () => {
    assert.deepEqual(lost([failed(0)]), { [LOSS]: 30 });
    assert.deepEqual(lost([failed(0)], 12), { [LOSS]: 12 });
  });

  it('begins where the session stalled: after a silence that was cut, at its end', () => {
    const idle = failed(0, {
      stalledIn: 'idle',
      durationMs: 10 * MINUTE,
      phases: [['idle', 0, 10 * MINUTE, 'failed']],
    });
    assert.deepEqual(lost([idle, attempt(2), attempt(11)]), { [LOSS]: 1 });
    const auth = failed(0, { stalledIn: 'auth', phases: [['auth', 30_000, 30_000, 'failed']] });
    assert.deepEqual(lost([auth, attempt(2)]), { [LOSS]: 1.5 });
  });

  it('of a client that came not as far as its name ends with the next attempt of its address', () => {
    assert.deepEqual(lost([failed(0, { user: null }), attempt(2)]), { [LOSS]: 2 });
  });

  it('is not there for attacks, health checks and wrong passwords', () => {
    const attack = failed(0, { label: 'security.attack' });
    const check = failed(1, { tags: ['health_check'] });
    const wrong = failed(2, { outcome: 'auth_failed', label: 'none' });
    assert.deepEqual(lost([attack, check, wrong]), {});
  });
});
