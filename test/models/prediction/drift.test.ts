import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { newRandom } from '../../../models/math/random.ts';
import { DriftMonitor } from '../../../models/prediction/drift.ts';
import { driftAdvice } from '../../../reports/prediction/drift.ts';
import { worldAttempts } from './thin-world.ts';

const [one] = worldAttempts(0, 1);
const MONDAY = Date.parse('2026-03-02T00:00:00Z');
const WEEK_MS = 7 * 86_400_000;
const CARD = {
  from: '',
  to: '',
  auprc: 0.7,
  auroc: 0.9,
  accuracy: 0.9,
  brier_skill: 0.1,
  ece: 0.01,
  failure_rate: 0.12,
  mean_risk: 0.12,
};

/** A week of attempts whose risks are 0.05 or 0.3, and which fail `factor` times as often as said. */
function fill(monitor: DriftMonitor, week: number, attempts: number, factor: number): void {
  assert.ok(one);
  const random = newRandom(week + 1);
  for (let i = 0; i < attempts; i++) {
    const risk = random() < 0.7 ? 0.05 : 0.3;
    const at = MONDAY + week * WEEK_MS + Math.floor((i * WEEK_MS) / attempts);
    const kind = random() < risk * factor ? 'timeout_tls' : 'ok';
    monitor.add({ ...one, attempt: { ...one.attempt, at }, decision: { ...one.decision, at, kind } }, risk);
  }
}

describe('the weekly drift check', () => {
  test('is quiet while risks come true', () => {
    const monitor = new DriftMonitor(CARD);
    for (let week = 0; week < 6; week++) fill(monitor, week, 5000, 1);
    assert.deepEqual(
      monitor.weeks().map((w) => w.verdict),
      new Array(6).fill('fine'),
    );
    assert.equal(driftAdvice(monitor.weeks()), undefined);
  });

  test('says when to train again, and why', () => {
    const monitor = new DriftMonitor(CARD);
    fill(monitor, 0, 5000, 1);
    fill(monitor, 1, 5000, 1.8);
    const [first, second] = monitor.weeks();
    assert.equal(first?.verdict, 'fine');
    assert.equal(second?.from, '2026-03-09');
    assert.equal(second?.verdict, 'train again');
    assert.match(driftAdvice(monitor.weeks()) ?? '', /week from 2026-03-09 more fail than it says/);
  });

  test('does not judge by a handful of attempts', () => {
    const monitor = new DriftMonitor(CARD);
    fill(monitor, 0, 200, 3);
    assert.equal(monitor.weeks()[0]?.verdict, 'too few attempts');
    assert.equal(driftAdvice(monitor.weeks()), undefined);
  });
});
