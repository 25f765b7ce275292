import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  levelOfRate,
  levelOfTime,
  SETUP_LIMITS_MS,
  SUCCESS_LIMITS,
  TLS_LIMITS_MS,
} from '../../processors/profile/limits.ts';
import type { Phase, Profile } from '../../processors/profile/profile.ts';
import { exampleSessionIds, SummaryBuilder } from '../../reports/summary.ts';
import {
  attackSession,
  healthySession,
  hostileSession,
  idleTimeoutSession,
  poolExhaustedSession,
  unexplainedSession,
} from '../profiles.ts';
import { sampleRun, summaryOf, tagged } from './sample-run.ts';

function sumUp(profiles: readonly Profile[]) {
  const builder = new SummaryBuilder();
  for (const p of profiles) builder.add(p);
  return builder.build();
}

function withOutcome(profile: Profile, outcome: Profile['imapwhy']['outcome']): Profile {
  return { ...profile, imapwhy: { ...profile.imapwhy, outcome } };
}

function withPhases(profile: Profile, phases: readonly Phase[]): Profile {
  return { ...profile, imapwhy: { ...profile.imapwhy, phases } };
}

test('an empty run has every part, with nothing in it', () => {
  const summary = new SummaryBuilder().build();
  assert.deepEqual(summary.period, { start: null, end: null, seconds: 0 });
  assert.equal(summary.counts.sessions, 0);
  assert.equal(summary.indicators.success_rate.level, 'unknown');
  assert.deepEqual(
    summary.causes.map((c) => [c.label, c.sessions]),
    [['healthy', 0]],
  );
  assert.deepEqual(exampleSessionIds(summary), []);
});

test('what is no attempt of a legitimate user stays outside availability', () => {
  const healthy = healthySession().profile;
  const wrongPassword = withOutcome({ ...unexplainedSession('w').profile }, 'auth_failed');
  const unknown = withOutcome({ ...unexplainedSession('u').profile }, 'unknown');
  const summary = sumUp([
    healthy,
    idleTimeoutSession().profile,
    unexplainedSession().profile,
    attackSession().profile,
    wrongPassword,
    unknown,
    tagged(unexplainedSession('monitor'), 'health_check').profile,
    tagged(attackSession(), 'known_scanner').profile,
  ]);
  assert.deepEqual(summary.counts, {
    sessions: 8,
    health_checks: 1,
    known_scanners: 1,
    attempts: 6,
    legitimate: 3,
    succeeded: 1,
    failed: 2,
    explained: 1,
    unexplained: 1,
    undetermined: 1,
    attacks: 1,
    wrong_passwords: 1,
    incomplete: 0,
  });
  assert.equal(summary.indicators.success_rate.value, 1 / 3);
  assert.equal(summary.indicators.success_rate.level, 'alarm');
  assert.equal(summary.indicators.success_rate.sessions, 3);
});

test('a failure without a cause is unexplained, never healthy', () => {
  const summary = sumUp([unexplainedSession().profile]);
  assert.deepEqual(
    summary.causes.map((c) => [c.label, c.sessions, c.failed]),
    [
      ['unexplained', 1, 1],
      ['healthy', 0, 0],
    ],
  );
  assert.deepEqual(summary.unexplained.outcomes, [{ outcome: 'timeout', sessions: 1 }]);
  assert.deepEqual(summary.unexplained.example_sessions, ['unk-33ab10']);
  assert.deepEqual(summary.owners, [
    { owner: null, sessions: 1, share: 1, causes: [{ label: 'unexplained', sessions: 1 }] },
  ]);
  assert.deepEqual(
    summary.missing_sources.map((m) => [m.source, m.sessions]),
    [
      ['flow', 1],
      ['haproxy', 1],
    ],
  );
});

test('the figures of a whole run add up', () => {
  const run = sampleRun();
  const summary = summaryOf(run);
  const { counts, causes } = summary;
  assert.equal(counts.sessions, run.sessions.length);
  assert.equal(
    causes.reduce((sum, row) => sum + row.sessions, 0),
    counts.attempts,
  );
  assert.equal(
    causes.reduce((sum, row) => sum + row.failed, 0),
    counts.failed,
  );
  assert.equal(
    summary.owners.reduce((sum, row) => sum + row.sessions, 0),
    counts.failed,
  );
  assert.equal(
    summary.over_time.buckets.reduce((sum, b) => sum + b.attempts, 0) + summary.over_time.outside,
    counts.legitimate,
  );
  assert.equal(
    summary.over_time.buckets.reduce((sum, b) => sum + b.network + b.server + b.client + b.security + b.unexplained, 0),
    counts.failed,
  );
  assert.equal(causes.at(-1)?.label, 'healthy');
  assert.equal(causes[0]?.label, 'server.pool_exhausted');
  assert.equal(causes.find((c) => c.kind === 'attack')?.share, 0);
  assert.equal(summary.incidents.total, run.incidents.length);
  assert.equal(summary.incidents.largest[0]?.imapwhy.incident.sessions, 131);
  assert.equal(summary.ingest.lines, 11_646);
  assert.equal(summary.ingest.unparsed, 212);
  assert.equal(summary.ingest.problems.length, 1);
});

test('a cause says since when, for whom, whose job and what to do', () => {
  const row = summaryOf(sampleRun()).causes.find((c) => c.label === 'network.packet_loss');
  assert.equal(row?.owner, 'network');
  assert.equal(row?.layer, 'network');
  assert.equal(row?.since?.slice(0, 14), '2026-03-17T06:');
  assert.equal(row?.until, '2026-03-17T09:31:39.600Z');
  assert.equal(row?.ongoing, false);
  assert.deepEqual(row?.networks, { count: 1, at_least: false });
  assert.equal(row?.top_networks[0]?.key, '203.0.113.0/24');
  assert.match(row?.remedies[0]?.summary ?? '', /interface errors/);
  assert.equal(row?.example_sessions.length, 3);
  assert.ok(row?.peak && Date.parse(row.peak.end) - Date.parse(row.peak.start) < 25 * 60_000);
});

test('IPv6 clients are counted by /64', () => {
  const profile = poolExhaustedSession().profile;
  const from = (ip: string): Profile => ({ ...profile, client: { ip } });
  const summary = sumUp([from('2001:db8:1:2:3:4:5:6'), from('2001:db8:1:2::9'), from('2001:db8:1:3::9')]);
  assert.deepEqual(
    summary.worst.networks.map((n) => [n.name, n.failed]),
    [
      ['2001:db8:1:2::/64', 2],
      ['2001:db8:1:3::/64', 1],
    ],
  );
});

test('times enter an indicator only where the stamps can carry it', () => {
  const base = healthySession().profile;
  const phase = (name: Phase['name'], afterMs: number, duration_ms: number | null, precision_ms: number): Phase => ({
    name,
    start: new Date(Date.UTC(2026, 0, 1) + afterMs).toISOString(),
    duration_ms,
    outcome: 'ok',
    precision_ms,
    source: 'test',
  });
  const coarse = sumUp([
    withPhases(base, [phase('tcp', 0, 5, 10), phase('tls', 5, 3000, 1000), phase('auth', 5, 6000, 1000)]),
  ]);
  assert.equal(coarse.indicators.tls_time.value, null);
  assert.equal(coarse.indicators.tls_time.level, 'unknown');
  assert.equal(coarse.indicators.setup_time.value, 6005);
  assert.equal(coarse.indicators.setup_time.level, 'warning');
  assert.equal(coarse.indicators.setup_time.certain, false); // 6.0 s within 1 s may be watch
  const fine = sumUp([withPhases(base, [phase('tls', 0, 3000, 1), phase('auth', 0, null, 1)])]);
  assert.equal(fine.indicators.tls_time.value, 3000);
  assert.equal(fine.indicators.tls_time.level, 'warning');
  assert.equal(fine.indicators.tls_time.certain, true);
  assert.equal(fine.indicators.setup_time.value, null);
  const failed = sumUp([withPhases(base, [{ ...phase('tls', 0, 60_000, 1), outcome: 'failed' }])]);
  assert.equal(failed.indicators.tls_time.value, null);
});

test('levels change exactly at the limits of the three indicators', () => {
  const rates: readonly (readonly [number, string])[] = [
    [1, 'normal'],
    [0.9995, 'normal'],
    [0.9994, 'watch'],
    [0.995, 'watch'],
    [0.9949, 'warning'],
    [0.98, 'warning'],
    [0.9799, 'alarm'],
  ];
  for (const [rate, level] of rates) assert.equal(levelOfRate(rate, SUCCESS_LIMITS), level, String(rate));
  const setup = [4200, 4201, 5500, 5501, 8000, 8001].map((ms) => levelOfTime(ms, SETUP_LIMITS_MS));
  assert.deepEqual(setup, ['normal', 'watch', 'watch', 'warning', 'warning', 'alarm']);
  const tls = [1800, 1801, 2500, 2501, 4000, 4001].map((ms) => levelOfTime(ms, TLS_LIMITS_MS));
  assert.deepEqual(tls, ['normal', 'watch', 'watch', 'warning', 'warning', 'alarm']);
});

test('the order of sessions changes nothing', () => {
  const run = sampleRun(300);
  const forward = summaryOf(run);
  const backward = summaryOf({
    ...run,
    sessions: [...run.sessions].reverse(),
    incidents: [...run.incidents].reverse(),
  });
  assert.deepEqual(backward, forward);
});

test('hostile names are counted like any other, and the summary is plain JSON', () => {
  const summary = sumUp([hostileSession().profile, hostileSession('evil-2').profile]);
  assert.equal(summary.worst.users[0]?.failed, 2);
  assert.deepEqual(JSON.parse(JSON.stringify(summary)), summary);
});

test('a broken or distant stamp harms neither period nor counts', () => {
  const stamped = (start: string, id: string): Profile => {
    const p = healthySession(id).profile;
    return { ...p, event: { ...p.event, start, end: start } };
  };
  const many = Array.from({ length: 400 }, (_, i) => healthySession(`ok-${i}`, i).profile);
  const summary = sumUp([...many, stamped('not a time', 'x'), stamped('9999-12-31T23:59:59.999Z', 'y')]);
  assert.equal(summary.counts.succeeded, 402);
  assert.equal(summary.over_time.outside, 1);
  assert.equal(summary.period.end?.slice(0, 10), '2026-03-17');
});

test('memory is bounded: a hundred thousand names leave a summary of some kilobytes', () => {
  const builder = new SummaryBuilder();
  const base = idleTimeoutSession().profile;
  for (let i = 0; i < 100_000; i++) {
    builder.add({ ...base, user: { name: `u${i}` }, client: { ip: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` } });
  }
  const summary = builder.build();
  assert.equal(summary.counts.failed, 100_000);
  assert.deepEqual(summary.causes[0]?.users, { count: 20_000, at_least: true });
  assert.equal(summary.worst_exact, false);
  assert.ok(JSON.stringify(summary).length < 50_000);
});
