import type { Incident } from '../../processors/profile/incident.ts';
import type { CauseLabel, Outcome, PhaseName, Profile, Remedy } from '../../processors/profile/profile.ts';
import type { IngestCounts } from '../../reports/summary.ts';
import { SummaryBuilder } from '../../reports/summary.ts';
import { sampleIncident } from '../incidents.ts';
import { sampleSessions } from '../profiles.ts';
import { type SampleSession, type SampleSpec, sampleSession } from '../sample-session.ts';

/** A made-up morning at a mail site with several faults: about 2000 sessions, the same on every call. */
export interface SampleRun {
  readonly sessions: readonly SampleSession[];
  readonly incidents: readonly Incident[];
  readonly ingest: readonly IngestCounts[];
}

const DAY = Date.UTC(2026, 2, 17, 6);
const MINUTE = 60_000;

interface Fault {
  readonly label: CauseLabel;
  readonly fromMinute: number;
  readonly minutes: number;
  readonly sessions: number;
  readonly outcome: Outcome;
  readonly stalledIn: PhaseName;
  readonly network: string;
  readonly scope: string;
  readonly reason: string;
  readonly evidence: string;
  readonly remedy: Remedy | null;
}

const link = 'https://doc.dovecot.org/latest/core/admin/timeouts.html';
const remedy = (summary: string, setting: string | null, value: string | null, file: string | null): Remedy => ({
  summary,
  setting,
  value,
  file,
  link,
});

const FAULTS: readonly Fault[] = [
  {
    label: 'server.pool_exhausted',
    fromMinute: 61,
    minutes: 14,
    sessions: 131,
    outcome: 'refused',
    stalledIn: 'auth',
    network: '198.51.100',
    scope: 'server:mx1',
    reason: 'Connection queue full',
    evidence: 'The server said that client_limit of imap-login was reached.',
    remedy: remedy(
      'Raise client_limit of service imap-login above 100, after checking who holds the connections (doveadm who), and keep 30 % in reserve.',
      'service imap-login { client_limit }',
      '200',
      '/etc/dovecot/conf.d/10-master.conf',
    ),
  },
  {
    label: 'network.packet_loss',
    fromMinute: 24,
    minutes: 22,
    sessions: 84,
    outcome: 'timeout',
    stalledIn: 'tls',
    network: '203.0.113',
    scope: 'network:203.0.113.0/24',
    reason: 'Connection closed (no auth attempts in 31 secs)',
    evidence: '84 clients of one network needed more than 8 s for a handshake that takes others 0.2 s.',
    remedy: remedy(
      'Find where packets are lost: interface errors on the uplink first, then an mtr from both ends.',
      null,
      null,
      null,
    ),
  },
  {
    label: 'security.waf_false_positive',
    fromMinute: 96,
    minutes: 62,
    sessions: 57,
    outcome: 'blocked',
    stalledIn: 'auth',
    network: '2001:db8:12:4::',
    scope: 'rule:942100',
    reason: 'token request blocked',
    evidence: 'Rule 942100 blocked the token request of a user who had logged in with the same client before.',
    remedy: remedy(
      'Exclude the parameter from the rule for this path only.',
      'SecRuleUpdateTargetById 942100',
      '!ARGS:scope',
      '/etc/modsecurity/exclusions.conf',
    ),
  },
  {
    label: 'client.stale_token',
    fromMinute: 5,
    minutes: 170,
    sessions: 41,
    outcome: 'auth_failed',
    stalledIn: 'auth',
    network: '192.0.2',
    scope: 'user:erika@example.org',
    reason: 'auth failed, 3 attempts',
    evidence: 'The same token failed 17 times after it had expired.',
    remedy: remedy('Sign in again on the device; update the client if it does not renew tokens.', null, null, null),
  },
  {
    label: 'security.attack',
    fromMinute: 40,
    minutes: 30,
    sessions: 118,
    outcome: 'auth_failed',
    stalledIn: 'auth',
    network: '198.51.100',
    scope: 'network:198.51.100.0/24',
    reason: 'auth failed, 1 attempts',
    evidence: 'The address tried 212 names in 10 minutes, and none succeeded.',
    remedy: remedy('Ban such addresses earlier.', '[dovecot] maxretry', '5', '/etc/fail2ban/jail.local'),
  },
];

export function sampleRun(healthy = 1500): SampleRun {
  const random = generator(7);
  const sessions: SampleSession[] = [
    ...sampleSessions().filter((s) => !s.profile.imapwhy.session.id.startsWith('evil')),
  ];
  for (let i = 0; i < healthy; i++) sessions.push(healthyAt(i, DAY + random() * 180 * MINUTE, random));
  for (const fault of FAULTS) {
    for (let i = 0; i < fault.sessions; i++) sessions.push(faultySession(fault, i, random));
  }
  for (let i = 0; i < 60; i++)
    sessions.push(tagged(healthyAt(90_000 + i, DAY + i * 3 * MINUTE, random), 'health_check'));
  return { sessions, incidents: incidents(), ingest: INGEST };
}

export function summaryOf(run: SampleRun) {
  const builder = new SummaryBuilder();
  for (const { profile } of run.sessions) builder.add(profile);
  for (const incident of run.incidents) builder.addIncident(incident);
  for (const counts of run.ingest) builder.addIngest(counts);
  return builder.build();
}

function incidents(): readonly Incident[] {
  return FAULTS.flatMap((f, i) => {
    const whole = sampleIncident(
      `inc-${i}`,
      f.label,
      f.scope,
      DAY + f.fromMinute * MINUTE,
      f.minutes * MINUTE,
      f.sessions,
      Math.ceil(f.sessions / 2),
      1,
      f.label,
    );
    const short = sampleIncident(
      `inc-${i}b`,
      f.label,
      f.scope,
      DAY + (f.fromMinute + f.minutes + 4) * MINUTE,
      3 * MINUTE,
      3,
      3,
      1,
      f.label,
    );
    return i % 2 === 0 ? [whole, short] : [whole];
  });
}

function healthyAt(index: number, startMs: number, random: () => number): SampleSession {
  const user = `user${Math.floor(random() * 220)}@example.org`;
  return sampleSession({
    ...BLANK,
    id: `h${String(index).padStart(6, '0')}`,
    startMs: Math.floor(startMs),
    durationMs: 2_000 + Math.floor(random() * 60_000),
    user,
    clientIp: `${random() < 0.5 ? '198.51.100' : '203.0.113'}.${1 + Math.floor(random() * 200)}`,
    outcome: 'ok',
    reason: 'Logged out',
    stalledIn: null,
    phases: [
      ['tcp', 0, 20 + Math.floor(random() * 40), 'ok'],
      ['tls', 60, null, 'ok'],
      ['auth', 60, 300 + Math.floor(random() * 1500), 'ok'],
      ['command', 2_000, 100, 'ok'],
    ],
    label: 'none',
  });
}

function faultySession(fault: Fault, index: number, random: () => number): SampleSession {
  const at = DAY + (fault.fromMinute + random() * fault.minutes) * MINUTE;
  const host = 1 + Math.floor(random() * 60);
  const clientIp = fault.network.includes(':') ? `${fault.network}${host.toString(16)}` : `${fault.network}.${host}`;
  const user = fault.label === 'security.attack' ? `admin${index}` : `user${Math.floor(random() * 90)}@example.org`;
  const waitMs = 20_000 + Math.floor(random() * 40_000);
  return sampleSession({
    ...BLANK,
    id: `${fault.label.slice(fault.label.indexOf('.') + 1)}-${String(index).padStart(4, '0')}`,
    startMs: Math.floor(at),
    durationMs: waitMs,
    user,
    clientIp,
    outcome: fault.outcome,
    reason: fault.reason,
    stalledIn: fault.stalledIn,
    phases: [
      ['tcp', 0, 12, 'ok'],
      ['tls', 12, fault.stalledIn === 'tls' ? waitMs - 12 : null, fault.stalledIn === 'tls' ? 'failed' : 'ok'],
      ...(fault.stalledIn === 'tls' ? [] : [['auth', 12, waitMs - 12, 'failed'] as const]),
    ],
    lines: [
      {
        atMs: waitMs,
        dataset: 'dovecot.login',
        action: 'disconnected',
        original: `Mar 17 07:02:40 mx1 dovecot: imap-login: Disconnected: ${fault.reason}: user=<${user}>, rip=${clientIp}, lip=192.0.2.10, TLS, session=<b8Cd4fMqErPGM2RN>`,
      },
    ],
    label: fault.label,
    evidence: [
      { name: 'main_sign', kind: 'line', text: fault.evidence, weights: { [fault.label]: 8, none: -2 }, lines: [0] },
    ],
    remedy: fault.remedy,
    scope: fault.scope,
    missing:
      fault.label === 'network.packet_loss'
        ? [{ source: 'flow records', enable: 'softflowd -i eth0 -n COLLECTOR:2055 and nfcapd; give nfdump -o csv' }]
        : [],
  });
}

const BLANK = { lines: [], evidence: [], tags: [] } as const satisfies Partial<SampleSpec>;

export function tagged(session: SampleSession, tag: string): SampleSession {
  const profile: Profile = { ...session.profile, tags: [...session.profile.tags, tag] };
  return { ...session, profile };
}

const INGEST: readonly IngestCounts[] = [
  {
    source: '/var/log/mail.log',
    formats: [
      { format: 'dovecot', lines: 8_120 },
      { format: 'postfix', lines: 2_310 },
    ],
    lines: 10_642,
    parsed: 10_430,
    unparsed: 212,
    templates: [
      { template: 'spamd: result: <*> <*> scantime=<*>', lines: 212, example: 'spamd: result: . 0 scantime=0.3' },
    ],
    first: '2026-03-17T06:00:02.000Z',
    last: '2026-03-17T12:05:45.000Z',
    zone: { name: 'UTC', assumed: true, basis: 'nothing said otherwise; --tz mail.log=ZONE overrides' },
    clock: null,
    problems: [],
  },
  {
    source: '/var/log/haproxy.log.1.gz',
    formats: [{ format: 'haproxy', lines: 1_004 }],
    lines: 1_004,
    parsed: 1_004,
    unparsed: 0,
    templates: [],
    first: '2026-03-17T06:00:00.000Z',
    last: '2026-03-17T09:00:00.000Z',
    zone: null,
    clock: { shift_ms: -1240, confidence: 0.94, basis: '412 connections that mx1 saw too' },
    problems: ['the gzip stream ends early; what could be read was used'],
  },
];

/** Numbers from 0 to 1, the same on every machine (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
