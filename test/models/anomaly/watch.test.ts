/** Series of the stream of profiles: what is found, from a cold start and with two weeks behind, and that it can be taken up again anywhere. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AnomalyFinding } from '../../../models/anomaly/finding.ts';
import { AnomalyWatch } from '../../../models/anomaly/watch.ts';
import { poisson } from '../../../models/math/distributions.ts';
import { newNormal, newRandom } from '../../../models/math/random.ts';
import type { Cause, Profile } from '../../../processors/profile/profile.ts';
import { networkOf } from '../../../processors/resolve/network.ts';
import { healthySession } from '../../profiles.ts';

const MINUTE = 60_000;
const MONDAY = Date.UTC(2026, 0, 5);
const healthy = healthySession('base').profile;

interface Attempt {
  readonly id: string;
  readonly at: number;
  readonly ip?: string;
  readonly cause?: Pick<Cause, 'label' | 'scope'>;
  readonly outcome?: Profile['imapwhy']['outcome'];
  readonly setupMs?: number;
  readonly tags?: readonly string[];
  readonly bytes?: number;
}

function profileOf({
  id,
  at,
  ip = '198.51.100.7',
  cause,
  outcome = 'ok',
  setupMs = 300,
  tags = [],
  bytes = 2000,
}: Attempt): Profile {
  const [start, end] = [new Date(at).toISOString(), new Date(at + setupMs).toISOString()];
  return {
    ...healthy,
    event: { ...healthy.event, start, end },
    client: { ip },
    source: { ip, port: 1024 },
    network: { ...healthy.network, bytes },
    host: { name: 'mx1' },
    user: { name: `user-${id}` },
    user_agent: { name: 'Thunderbird/115.6.0' },
    tags,
    imapwhy: {
      ...healthy.imapwhy,
      session: { id, dovecot_id: null },
      outcome,
      phases: [
        { name: 'tcp', start, duration_ms: 10, outcome: 'ok', precision_ms: 10, source: 'netflow.flow' },
        { name: 'auth', start, duration_ms: setupMs, outcome: 'ok', precision_ms: 1000, source: 'dovecot.login' },
      ],
      cause: { ...healthy.imapwhy.cause, label: 'none', scope: null, ...cause },
    },
  };
}

const LOSS = { label: 'network.packet_loss', scope: 'network:203.0.113.0/24' } as const;

/** `minutes` of about 20 healthy attempts each, then whatever `extra` adds to a minute. */
function stream(
  minutes: number,
  extra: (minute: number) => readonly Attempt[] = () => [],
  rate = 20,
): readonly Attempt[] {
  const uniform = newRandom(1);
  const normal = newNormal(uniform);
  return Array.from({ length: minutes }, (_, minute) => {
    const at = MONDAY + minute * MINUTE;
    const usual = Array.from({ length: poisson(rate, uniform, normal) }, (_, i) => ({
      id: `h${minute}-${i}`,
      at: at + i * 1000,
      ip: i % 2 === 0 ? '198.51.100.7' : '203.0.113.9',
    }));
    return [...usual, ...extra(minute)];
  }).flat();
}

function run(attempts: readonly Attempt[], watch = new AnomalyWatch()) {
  const findings: AnomalyFinding[] = [];
  const profiles = attempts.map((a) => {
    const closedAt = a.at + 180_000;
    findings.push(...watch.take(closedAt, 1));
    return watch.add(profileOf(a), closedAt, true, networkOf);
  });
  findings.push(...watch.take(Number.POSITIVE_INFINITY, 1));
  return { profiles, findings };
}

const failing = (minute: number, n: number, cause: Attempt['cause'] = LOSS): readonly Attempt[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `f${minute}-${i}`,
    at: MONDAY + minute * MINUTE + i,
    ip: '203.0.113.9',
    outcome: 'timeout',
    ...(cause && { cause }),
  }));

describe('from a cold start', () => {
  test('healthy sessions get no score and there is no finding', () => {
    const { profiles, findings } = run(stream(40));
    assert.deepEqual(findings, []);
    assert.ok(profiles.every((p) => p.imapwhy.anomaly === undefined));
  });

  test('a passed limit is one finding over all scopes, named after its cause, with its sessions', () => {
    const { profiles, findings } = run(stream(40, (m) => (m >= 20 && m < 24 ? failing(m, 8) : [])));
    assert.equal(findings.length, 1, JSON.stringify(findings.map((f) => f.imapwhy.anomaly.scope)));
    const [finding = assert.fail()] = findings;
    const { anomaly } = finding.imapwhy;
    assert.deepEqual(
      [anomaly.level, anomaly.scope, anomaly.sessions, anomaly.users, anomaly.networks, anomaly.incident],
      ['alarm', LOSS.scope, 32, 32, 1, { cause: LOSS.label, scope: LOSS.scope }],
    );
    assert.match(anomaly.reason, /^\d+ of \d+ attempts failed: success rate \d+(\.\d)? %$/);
    assert.ok(
      anomaly.series.some((s) => s.scope === 'server:mx1') &&
        anomaly.series.some((s) => s.scope === 'client:Thunderbird'),
    );
    assert.equal(finding.event.start, new Date(MONDAY + 20 * MINUTE).toISOString());
    const scored = profiles.filter((p) => p.imapwhy.anomaly !== undefined);
    assert.ok(scored.length > 20);
    assert.ok(scored.every((p) => p.imapwhy.outcome === 'timeout'));
  });

  test('one failure of few is chance, and one user’s own trouble is no matter of the server', () => {
    assert.deepEqual(run(stream(40, (m) => failing(m, m === 20 ? 1 : 0), 5)).findings, []);
    const own = { label: 'client.stale_token', scope: 'user:anna' } as const;
    assert.deepEqual(run(stream(40, (m) => (m === 20 ? failing(m, 8, own) : []))).findings, []);
  });

  test('one session of more than 1 GB is to be looked at, though it went well', () => {
    const large = (bytes: number) => (m: number) =>
      m === 20 ? [{ id: 'large', at: MONDAY + m * MINUTE, ip: '198.51.100.7', bytes }] : [];
    assert.deepEqual(run(stream(40, large(1e9))).findings, []);
    const { findings } = run(stream(40, large(1.4e9)));
    assert.deepEqual(
      findings.map(({ imapwhy: { anomaly } }) => [anomaly.scope, anomaly.level, anomaly.series[0]?.metric]),
      [['session:large', 'watch', 'session size']],
    );
    assert.match(findings[0]?.imapwhy.anomaly.reason ?? '', /^1\.4 GB in one session of user-large: more than 1 GB/);
  });

  test('slow set-ups pass a limit without a failure', () => {
    const slow = (m: number): readonly Attempt[] =>
      m < 20 || m > 22
        ? []
        : Array.from({ length: 200 }, (_, i) => ({
            id: `s${m}-${i}`,
            at: MONDAY + m * MINUTE + i,
            setupMs: 9000 + 10 * (i % 7),
          }));
    const [finding = assert.fail()] = run(stream(40, slow)).findings;
    assert.ok(
      finding.imapwhy.anomaly.series.some((s) => /^mean set-up time [89](\.\d)? s over \d+ sessions$/.test(s.reason)),
    );
    assert.equal(finding.imapwhy.anomaly.incident, null);
  });

  test('more than 500 attempts a minute from one address', () => {
    const flood = (m: number): readonly Attempt[] =>
      m === 20
        ? Array.from({ length: 600 }, (_, i) => ({ id: `x${i}`, at: MONDAY + m * MINUTE + i, ip: '198.18.5.66' }))
        : [];
    const [finding = assert.fail()] = run(stream(40, flood)).findings;
    assert.equal(finding.imapwhy.anomaly.scope, 'address:198.18.5.66');
    assert.match(finding.imapwhy.anomaly.reason, /^600 attempts a minute from one address, above 500$/);
  });

  test('health checks and sessions that were never seen to end are left out', () => {
    const checks = (m: number): readonly Attempt[] =>
      failing(m, 9).map((a) => ({ ...a, tags: [m % 2 === 0 ? 'health_check' : 'incomplete'] }));
    assert.deepEqual(run(stream(40, checks)).findings, []);
  });
});

describe('with what is usual learned', () => {
  const HOURS = 9 * 60;

  test('healthy sessions have a low score; attempts that stop are found', () => {
    const { profiles, findings } = run([
      ...stream(HOURS),
      ...stream(HOURS + 20)
        .slice(-100)
        .map((a) => ({ ...a, id: `l${a.id}` })),
    ]);
    const last = profiles[stream(HOURS).length - 1];
    assert.ok((last?.imapwhy.anomaly?.score ?? 1) < 0.75);
    assert.ok(
      findings.some((f) => f.imapwhy.anomaly.series.some((s) => s.metric === 'attempts' && s.basis === 'learned')),
    );
  });
});

test('goes on from its state at any point, through JSON, with the same answers', () => {
  const attempts = stream(400, (m) => (m % 90 === 50 ? failing(m, 9) : []), 6);
  const whole = run(attempts);
  for (const cut of [1, 777, 1600]) {
    const first = new AnomalyWatch();
    const findings: AnomalyFinding[] = [];
    for (const a of attempts.slice(0, cut)) {
      findings.push(...first.take(a.at + 180_000, 1));
      first.add(profileOf(a), a.at + 180_000, true, networkOf);
    }
    const second = run(attempts.slice(cut), new AnomalyWatch(JSON.parse(JSON.stringify(first.toData()))));
    assert.deepEqual([...findings, ...second.findings], whole.findings, `cut at ${cut}`);
    assert.deepEqual(second.profiles, whole.profiles.slice(cut));
  }
});

test('a revision is scored and not counted again', () => {
  const watch = new AnomalyWatch();
  for (const a of failing(0, 40)) watch.add(profileOf(a), a.at, true, networkOf);
  for (let i = 0; i < 500; i++) watch.add(profileOf({ id: 'again', at: MONDAY }), MONDAY, false, networkOf);
  const [finding] = watch.take(Number.POSITIVE_INFINITY, 1);
  assert.equal(finding?.imapwhy.anomaly.series[0]?.attempts, 40);
});

test('made-up names take their turn, and those that matter stay', () => {
  const watch = new AnomalyWatch();
  const uniform = newRandom(3);
  for (let i = 0; i < 6000; i++) {
    const ip = `10.${Math.floor(uniform() * 250)}.${i % 250}.1`;
    watch.add(profileOf({ id: `n${i}`, at: MONDAY + i, ip }), MONDAY + i, true, networkOf);
  }
  const names = watch.toData().scopes.map((s) => s.name);
  assert.ok(names.length <= 2000);
  assert.ok(names.includes('server:mx1') && names.includes('client:Thunderbird'));
});
