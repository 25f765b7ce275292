import assert from 'node:assert/strict';
import { test } from 'node:test';
import { profileOf } from '../../../bench/stored-profile.ts';
import { withFeedback } from '../../../processors/profile/feedback.ts';
import { withIndicators } from '../../../processors/profile/indicators.ts';
import type { CauseLabel, Outcome, Phase, Profile } from '../../../processors/profile/profile.ts';

interface Change {
  readonly outcome?: Outcome;
  readonly label?: CauseLabel;
  readonly tags?: readonly string[];
  readonly phases?: readonly Phase[];
}

const healthy = profileOf(0);

function changed({ outcome = 'ok', label = 'none', tags = [], phases = healthy.imapwhy.phases }: Change): Profile {
  const { imapwhy } = healthy;
  return withIndicators({
    ...healthy,
    tags,
    imapwhy: { ...imapwhy, outcome, phases, cause: { ...imapwhy.cause, label } },
  });
}

const phase = (name: Phase['name'], after: number, duration_ms: number | null, precision_ms: number): Phase => ({
  name,
  start: new Date(Date.parse(healthy['@timestamp']) + after).toISOString(),
  duration_ms,
  outcome: 'ok',
  precision_ms,
  source: 'dovecot.login',
});

test('what a session counts as, what was found, and whether availability counts it', () => {
  const rows: readonly (readonly [Change, string, string, 0 | 1 | null])[] = [
    [{}, 'succeeded', 'healthy', 1],
    [{ outcome: 'timeout', label: 'network.packet_loss' }, 'explained', 'network.packet_loss', 0],
    [{ outcome: 'timeout' }, 'unexplained', 'unexplained', 0],
    [{ outcome: 'unknown' }, 'undetermined', 'undetermined', null],
    [{ outcome: 'auth_failed' }, 'wrong_password', 'wrong_password', null],
    [{ outcome: 'auth_failed', label: 'security.attack' }, 'attack', 'security.attack', null],
    [{ tags: ['health_check'] }, 'health_check', 'health_check', null],
    [{ tags: ['known_scanner'], outcome: 'reset' }, 'known_scanner', 'known_scanner', null],
    // It worked in the end, and what disturbed it is known all the same.
    [{ label: 'network.packet_loss' }, 'succeeded', 'network.packet_loss', 1],
  ];
  for (const [change, standing, finding, success] of rows) {
    const { indicators } = changed(change).imapwhy;
    assert.deepEqual(
      { standing: indicators.standing, finding: indicators.finding, success: indicators.success },
      { standing, finding, success },
      JSON.stringify(change),
    );
  }
});

test('times are of attempts that count, and null where stamps are too coarse to tell', () => {
  const exact = [phase('tcp', 0, 12, 1), phase('tls', 12, 0, 1), phase('auth', 100, 50, 1000)];
  const { indicators } = changed({ phases: exact }).imapwhy;
  assert.equal(indicators.setup_ms, 150, 'from the beginning of the first phase to the end of the login');
  assert.equal(indicators.tls_ms, 0, 'a handshake in no time is one');
  const coarse = changed({ phases: [phase('tls', 0, 1000, 1000), phase('auth', 100, 50, 2000)] }).imapwhy.indicators;
  assert.deepEqual([coarse.setup_ms, coarse.tls_ms], [null, null]);
  const attack = changed({ phases: exact, label: 'security.attack', outcome: 'auth_failed' }).imapwhy.indicators;
  assert.deepEqual([attack.setup_ms, attack.tls_ms], [null, null]);
});

test('a person who names another cause changes them too', () => {
  const failed = changed({ outcome: 'timeout', label: 'network.packet_loss' });
  const said = withFeedback(failed, {
    session: failed.imapwhy.session.id,
    label: 'security.attack',
    by: 'anna',
    at: '2026-11-25T00:00:00.000Z',
    note: null,
    model_label: 'network.packet_loss',
    model_probability: 0.9,
  });
  assert.equal(said.imapwhy.indicators.standing, 'attack');
  assert.equal(said.imapwhy.indicators.success, null);
});
