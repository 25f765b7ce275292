/**
 * Five made weeks of a mail site, 2026-W43 to W47 in Warsaw (the first has 169 hours): steady noise, a fault that grows, one that was mended,
 * a burst of one hour, one that came back. The same on every call.
 */
import { DateTime } from 'luxon';
import type { SourceHour } from '../../../outputs/output.ts';
import type { Incident } from '../../../processors/profile/incident.ts';
import type {
  CauseLabel,
  Outcome,
  PhaseName,
  Prediction,
  Profile,
  Remedy,
} from '../../../processors/profile/profile.ts';
import { PLAIN_NAMES } from '../../../reports/weekly/names.ts';
import { parseWeek, type Week } from '../../../reports/weekly/week.ts';
import { type WeeklyOptions, type WeeklySources, weeklyReport } from '../../../reports/weekly/weekly.ts';
import type { WeeklyReport } from '../../../reports/weekly/weekly-report.ts';
import { sampleIncident } from '../../incidents.ts';
import { sampleSession } from '../../sample-session.ts';

export const ZONE = 'Europe/Warsaw';
const HOUR = 3_600_000;
const MINUTE = 60_000;

interface Fault {
  readonly label: CauseLabel;
  readonly scope: string | null;
  readonly outcome: Outcome;
  readonly stalledIn: PhaseName;
  readonly evidence: string;
  readonly remedy: Remedy | null;
  /** Failures of each day of a week, Monday first; weeks that are not named have none. */
  readonly days: Readonly<Record<string, readonly number[]>>;
  /** Within one hour instead of over the day. */
  readonly isBurst?: boolean;
}

const link = 'https://doc.dovecot.org/latest/core/admin/timeouts.html';
const remedy = (summary: string, setting: string | null, value: string | null, file: string | null): Remedy => ({
  summary,
  setting,
  value,
  file,
  link,
});
const daily = (...counts: readonly number[]): readonly number[] =>
  counts.length === 1 ? Array<number>(7).fill(counts[0] ?? 0) : counts;

export const FAULTS: readonly Fault[] = [
  {
    label: 'network.packet_loss',
    scope: 'network:203.0.113.0/24',
    outcome: 'timeout',
    stalledIn: 'tls',
    evidence: '14 clients of 203.0.113.0/24 needed more than 8 s for a handshake that takes others 0.2 s.',
    remedy: remedy(
      'Find where packets of 203.0.113.0/24 are lost: interface errors on its uplink first.',
      null,
      null,
      null,
    ),
    days: {
      '2026-W43': daily(2, 3, 1, 2, 2, 0, 1),
      '2026-W44': daily(1, 2, 2, 3, 2, 1, 0),
      '2026-W45': daily(2, 2, 3, 1, 2, 1, 1),
      '2026-W46': daily(2, 1, 2, 2, 3, 0, 1),
      '2026-W47': daily(12, 15, 11, 14, 13, 9, 10),
    },
  },
  {
    label: 'server.pool_exhausted',
    scope: 'server:mx1',
    outcome: 'refused',
    stalledIn: 'auth',
    evidence: 'The server said that client_limit of imap-login was reached.',
    remedy: remedy(
      'Raise client_limit of service imap-login above 100, after checking who holds the connections (doveadm who), and keep 30 % in reserve.',
      'service imap-login { client_limit }',
      '200',
      '/etc/dovecot/conf.d/10-master.conf',
    ),
    days: { '2026-W47': daily(0, 0, 70, 0, 0, 0, 0) },
    isBurst: true,
  },
  {
    label: 'server.auth_slow',
    scope: 'server:mx1',
    outcome: 'timeout',
    stalledIn: 'auth',
    evidence: '20 logins were waiting for the authentication service in that minute, in all networks.',
    remedy: null,
    days: { '2026-W45': daily(4, 5, 3, 4, 5, 2, 3), '2026-W46': daily(5, 4, 6, 5, 4, 3, 4) },
  },
  {
    label: 'security.waf_false_positive',
    scope: 'rule:942100 /oauth/token',
    outcome: 'blocked',
    stalledIn: 'auth',
    evidence: 'Rule 942100 blocked the token request of a user who had logged in with the same client before.',
    remedy: remedy(
      'Exclude rule 942100 for /oauth/token and ARGS:scope only, after a look at the blocked requests.',
      'SecRule REQUEST_FILENAME "@streq /oauth/token" "id:…,phase:1,pass,nolog,ctl:ruleRemoveTargetById=942100;ARGS:scope"',
      null,
      'REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf',
    ),
    days: { '2026-W45': daily(0, 2, 0, 0, 0, 0, 0), '2026-W47': daily(0, 3, 4, 2, 0, 0, 0) },
  },
  {
    label: 'client.stale_token',
    scope: 'user:erika@example.org',
    outcome: 'auth_failed',
    stalledIn: 'auth',
    evidence: 'The same token failed 17 times after it had expired.',
    remedy: remedy('Let the user sign in again (erika@example.org): the token has expired.', null, null, null),
    days: {
      '2026-W43': daily(1, 0, 2, 1, 1, 0, 0),
      '2026-W44': daily(0, 1, 1, 2, 0, 1, 0),
      '2026-W45': daily(1, 1, 0, 1, 2, 0, 0),
      '2026-W46': daily(2, 0, 1, 1, 0, 0, 1),
      '2026-W47': daily(1, 1, 2, 0, 1, 0, 1),
    },
  },
  {
    label: 'none',
    scope: null,
    outcome: 'timeout',
    stalledIn: 'command',
    evidence: '',
    remedy: null,
    days: { '2026-W46': daily(1, 0, 0, 1, 0, 0, 0), '2026-W47': daily(0, 1, 0, 0, 2, 0, 0) },
  },
  {
    label: 'security.attack',
    scope: 'network:198.51.100.0/24',
    outcome: 'auth_failed',
    stalledIn: 'auth',
    evidence: 'The address tried 212 names in 10 minutes, and none succeeded.',
    remedy: null,
    days: { '2026-W46': daily(10), '2026-W47': daily(40) },
  },
];

export interface MadeWeeks {
  readonly profiles: readonly Profile[]; // by start
  readonly incidents: readonly Incident[];
  readonly coverage: readonly SourceHour[];
}

export interface MadeOptions {
  readonly weeks?: readonly string[];
  readonly healthyPerDay?: number;
  readonly faults?: readonly Fault[];
}

export const WEEKS = ['2026-W43', '2026-W44', '2026-W45', '2026-W46', '2026-W47'];

export function weekOf(name: string, zone = ZONE): Week {
  const week = parseWeek(name, zone);
  if (week === undefined) throw new Error(`${name}: no week`);
  return week;
}

export function madeWeeks({ weeks = WEEKS, healthyPerDay = 240, faults = FAULTS }: MadeOptions = {}): MadeWeeks {
  const random = generator(11);
  const profiles: Profile[] = [];
  const incidents: Incident[] = [];
  for (const name of weeks) {
    const week = weekOf(name);
    week.days.forEach((day, i) => {
      const length = day.endMs - day.startMs;
      for (let n = 0; n < healthyPerDay * (i > 4 ? 0.6 : 1); n++)
        profiles.push(healthy(`h-${day.date}-${n}`, day.startMs + Math.floor(random() * length), random));
      for (const fault of faults) {
        const failures = fault.days[name]?.[i] ?? 0;
        for (let n = 0; n < failures; n++) {
          const at = fault.isBurst ? 9 * HOUR + random() * 40 * MINUTE : random() * length;
          profiles.push(faulty(fault, `${fault.label}-${day.date}-${n}`, day.startMs + Math.floor(at), random));
        }
        if (failures > 0 && fault.scope !== null)
          incidents.push(
            sampleIncident(
              `inc-${fault.label}-${day.date}`,
              fault.label,
              fault.scope,
              day.startMs + 9 * HOUR,
              HOUR,
              failures,
              failures,
              1,
              'no',
            ),
          );
      }
    });
  }
  profiles.sort((a, b) => Date.parse(a.event.start) - Date.parse(b.event.start));
  return { profiles, incidents, coverage: weeks.flatMap((name) => coverageOf(weekOf(name))) };
}

/** Both logs write every hour; the proxy's is silent on Thursday of W47 from 08:00 to 14:00. */
function coverageOf(week: Week): readonly SourceHour[] {
  const rows: SourceHour[] = [];
  for (let ms = week.startMs; ms < week.endMs; ms += HOUR) {
    const row = { format: 'dovecot', hourMs: ms, lines: 60, unparsed: 0, lastMs: ms + HOUR - 1000 };
    rows.push({ ...row, origin: `m${week.name}`, source: `mail.log-${week.name.replace(/\D/g, '')}11` });
    const time = DateTime.fromMillis(ms, { zone: ZONE });
    const isSilent = week.name === '2026-W47' && time.weekday === 4 && time.hour >= 8 && time.hour < 14;
    if (!isSilent) rows.push({ ...row, format: 'haproxy', origin: `p${week.name}`, source: 'haproxy.log.1.gz' });
  }
  return rows;
}

export function sourcesOf({ profiles, incidents, coverage }: MadeWeeks): WeeklySources {
  const startOf = (p: Profile): number => Date.parse(p.event.start);
  return {
    profiles: ({ since, until }) => profiles.filter((p) => startOf(p) >= since && startOf(p) < until),
    incidents: () => incidents,
    coverage: ({ since, until }) => coverage.filter((r) => r.hourMs >= since && r.hourMs < until),
    period: () => {
      const [first, last] = [profiles[0], profiles.at(-1)];
      return first && last && { first: startOf(first), last: startOf(last) };
    },
  };
}

export function reportOf(made: MadeWeeks, week: string, options: Partial<WeeklyOptions> = {}): WeeklyReport {
  return weeklyReport(sourcesOf(made), { week: weekOf(week), names: PLAIN_NAMES, engine: '0.1.0', ...options });
}

function healthy(id: string, startMs: number, random: () => number): Profile {
  const user = Math.floor(random() * 120);
  return predicted(
    sampleSession({
      ...NOTHING,
      id,
      startMs,
      durationMs: 4_000 + Math.floor(random() * 60_000),
      user: `user${user}@example.org`,
      clientIp: `198.51.100.${1 + (user % 200)}`,
      outcome: 'ok',
      reason: 'Logged out',
      stalledIn: null,
      phases: [
        ['tcp', 0, 20, 'ok'],
        ['auth', 20, 400 + Math.floor(random() * 900), 'ok'],
      ],
      label: 'none',
    }).profile,
    random() < 0.03 ? 0.3 + 0.4 * random() : 0.01 + 0.03 * random(),
  );
}

function faulty(fault: Fault, id: string, startMs: number, random: () => number): Profile {
  const host = 1 + Math.floor(random() * 40);
  const network = fault.scope?.startsWith('network:') ? fault.scope.slice(8, fault.scope.lastIndexOf('.')) : '192.0.2';
  const clientIp = `${network}.${host}`;
  const user = fault.scope?.startsWith('user:') ? fault.scope.slice(5) : `user${host}@example.org`;
  const waitMs = 20_000 + Math.floor(random() * 40_000);
  const evidence =
    fault.label === 'none'
      ? []
      : [
          {
            name: 'main_sign',
            kind: 'line' as const,
            text: fault.evidence,
            weights: { [fault.label]: 8, none: -2 },
            lines: [0],
          },
        ];
  return predicted(
    sampleSession({
      ...NOTHING,
      id,
      startMs,
      durationMs: waitMs,
      user,
      clientIp,
      outcome: fault.outcome,
      reason: 'Disconnected',
      stalledIn: fault.stalledIn,
      phases: [[fault.stalledIn, 100, waitMs - 100, 'failed']],
      lines: [
        {
          atMs: waitMs,
          dataset: 'dovecot.login',
          action: 'disconnected',
          original: `Nov 18 09:02:40 mx1 dovecot: imap-login: Disconnected: Connection closed: user=<${user}>, rip=${clientIp}, lip=192.0.2.10, TLS, session=<b8Cd4fMqErPGM2RN>`,
        },
      ],
      label: fault.label,
      evidence,
      remedy: fault.remedy,
      scope: fault.scope,
      missing:
        fault.stalledIn === 'tls' ? [{ source: 'flow records', enable: 'export NetFlow from the border router' }] : [],
    }).profile,
    fault.isBurst ? 0.05 : 0.3 + 0.6 * random(),
  );
}

function predicted(profile: Profile, risk: number): Profile {
  const next = { client: null, network: null, server: null, tunnel: null };
  const prediction: Prediction = { risk: Math.round(risk * 1e6) / 1e6, model: 'trees-0a1b2c', basis: 'model', next };
  return { ...profile, imapwhy: { ...profile.imapwhy, prediction } };
}

const NOTHING = { lines: [], evidence: [], tags: [] } as const;

/** Numbers from 0 to 1, the same on every machine (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
