/** Scores and findings of the sample: they do not depend on how the input was cut, and the faults are found. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { runAnalysis } from '../../cli/run-analysis.ts';
import { Judging } from '../../cli/verdicts.ts';
import type { AnomalyFinding } from '../../models/anomaly/finding.ts';
import { AnomalyWatch } from '../../models/anomaly/watch.ts';
import { SHIPPED_MODEL } from '../../models/cause/shipped-model.ts';
import type { ClosedSession } from '../../processors/correlate/correlate.ts';
import { DEFAULT_TIMERS } from '../../processors/profile/known-timers.ts';
import { newRedaction } from '../../processors/redact.ts';
import { UTC } from '../../processors/time.ts';

const LOGS = join(import.meta.dirname, '..', '..', 'samples', 'lab-a', 'logs');
const closed: ClosedSession[] = [];
const written: AnomalyFinding[] = [];

before(async () => {
  await runAnalysis({
    paths: [LOGS],
    clock: { zone: UTC, zoneBySource: [], near: undefined, now: Date.UTC(2026, 11, 1) },
    model: SHIPPED_MODEL,
    timers: DEFAULT_TIMERS,
    redaction: newRedaction('a key for tests only'),
    since: Number.NEGATIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
    keepEvents: false,
    onBatch: async ({ findings = [] }) => {
      written.push(...findings);
    },
    onClosed: (sessions) => {
      closed.push(...sessions);
    },
  });
});

/** The judged documents as text, with `size` sessions at once. */
function judgedIn(size: number): readonly string[] {
  const judging = new Judging({
    model: SHIPPED_MODEL,
    timers: DEFAULT_TIMERS,
    facts: { eventId: (source, offset) => `${source}-${offset}`, clock: () => undefined },
    watch: new AnomalyWatch(),
  });
  const out: string[] = [];
  const add = (sessions: readonly ClosedSession[], now: number): void => {
    const { profiles, findings } = judging.push(sessions, [], now);
    for (const document of [...profiles, ...findings]) out.push(JSON.stringify(document));
  };
  for (let from = 0; from < closed.length; from += size) {
    const batch = closed.slice(from, from + size);
    add(batch, batch.at(-1)?.closedAt ?? 0);
  }
  add([], Number.POSITIVE_INFINITY);
  return out.sort();
}

describe('the sample', () => {
  test('gives the same scores and findings however many sessions come at once', () => {
    // What closes at the same moment is never parted: of such sessions one stays.
    const moments = [...closed].sort((a, b) => a.closedAt - b.closedAt);
    closed.splice(0, closed.length, ...moments.filter((c, i) => moments[i + 1]?.closedAt !== c.closedAt));
    const whole = judgedIn(closed.length);
    assert.ok(whole.some((document) => document.includes('"anomaly":{"score":')));
    for (const size of [1, 97]) assert.deepEqual(judgedIn(size), whole);
  });

  test('its faults are findings, each with the sessions that it explains', () => {
    const causes = new Set(written.map((f) => f.imapwhy.anomaly.incident?.cause));
    for (const cause of [
      'network.packet_loss',
      'network.qos_starvation',
      'server.pool_exhausted',
      'server.auth_slow',
      'server.tls_misconfig',
      'security.waf_false_positive',
      'security.rate_limit',
    ] as const)
      assert.ok(causes.has(cause), cause);
    for (const { event, imapwhy } of written) {
      assert.ok(event.start <= event.end);
      assert.ok(imapwhy.anomaly.series.length > 0 && imapwhy.anomaly.reason !== '');
      assert.ok(imapwhy.anomaly.example_sessions.length <= Math.min(5, imapwhy.anomaly.sessions));
    }
    assert.equal(new Set(written.map((f) => f.imapwhy.anomaly.id)).size, written.length);
  });
});
