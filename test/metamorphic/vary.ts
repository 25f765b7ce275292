import { behindNat, renumber, toIpv6 } from './addresses.ts';
import { inEnvelope } from './formats.ts';
import type { LabCorpus, LogFile, WriteOptions } from './lab-corpus.ts';
import { mapFiles } from './lab-corpus.ts';
import { readSessionId } from './session-ids.ts';
import { beginsHalfway, inOneFile, shuffled, withHealthChecks, withIdleTimeout, withoutProxyProtocol } from './site.ts';
import { ahead, inZone, type LogClock, moveTime, restamp } from './stamps.ts';
import {
  asDovecot22,
  asDovecot24,
  mapDovecot,
  renameHosts,
  renameUsers,
  withoutSessionIds,
  withRemotePort,
  withSessionFirst,
} from './wording.ts';

/** The same happenings, told by another site: what was true of the sessions stays true, so the answers must stay. */
export interface Variation {
  readonly name: string;
  readonly change: (c: LabCorpus) => LabCorpus;
  readonly write?: (c: LabCorpus) => WriteOptions;
  /** `--tz`, where the variation tells of a site that has to say it. */
  readonly zone?: string;
  readonly without?: readonly string[];
  /** What the logs no longer tell, so that some answers must change. */
  readonly loses?: string;
}

/** Files whose name begins with one of these get this clock. */
function clocks(c: LabCorpus, byName: Readonly<Record<string, LogClock>>): LabCorpus {
  return mapFiles(c, (f) => {
    const clock = Object.entries(byName).find(([name]) => f.name.startsWith(name))?.[1];
    return clock ? restamp(f, clock) : f;
  });
}

const MAIL_HOST = ['mail.log', 'firewall.log'] as const;
const mailHost = (clock: LogClock): Readonly<Record<string, LogClock>> =>
  Object.fromEntries(MAIL_HOST.map((name) => [name, clock]));

const zones: readonly Variation[] = [60, -300, 330].map((minutes) => ({
  name: `zones: mail ${minutes > 0 ? '+' : ''}${minutes} min, nginx -480, haproxy +120, VPN and flows UTC`,
  change: (c) =>
    clocks(c, {
      ...mailHost(inZone(minutes)),
      'nginx-error': inZone(-480),
      'nginx-access': inZone(-480),
      modsec: inZone(-480),
      haproxy: inZone(120),
    }),
}));

const formats: readonly Variation[] = [
  { name: 'format: ISO stamps with zone', change: (c) => inEnvelope(c, 'iso', 60) },
  { name: 'format: RFC 5424', change: (c) => inEnvelope(c, 'rfc5424') },
  { name: 'format: journald JSON', change: (c) => inEnvelope(c, 'journald') },
  { name: 'format: Dovecot log file, local time', change: (c) => inEnvelope(c, 'dovecot-file', 60) },
  { name: 'format: Docker JSON lines', change: (c) => inEnvelope(c, 'docker') },
];

const OTHER_NETWORKS: ReadonlyMap<string, string> = new Map([
  ['198.51.100', '172.27.130'],
  ['203.0.113', '10.201.7'],
  ['10.31.4', '192.0.2'],
  ['172.20.8', '203.0.113'],
  ['198.18.5', '198.51.100'],
  ['192.0.2', '10.44.1'],
  ['10.20.0', '10.45.2'],
  ['10.8.0', '172.30.99'],
  ['100.64.10', '198.18.77'],
]);

const names: readonly Variation[] = [
  { name: 'names: other users, half without domain', change: renameUsers },
  { name: 'names: other hosts and tunnels', change: renameHosts },
  { name: 'addresses: other networks', change: (c) => renumber(c, OTHER_NETWORKS) },
  { name: 'addresses: one site on IPv6', change: (c) => toIpv6(c, '198.51.100', '2001:db8:31:4', '2001:db8:1') },
  { name: 'addresses: lossy site on IPv6', change: (c) => toIpv6(c, '203.0.113', '2001:db8:71:c', '2001:db8:1') },
  {
    name: 'addresses: one site behind NAT',
    change: (c) => behindNat(c, '172.20.8'),
  },
];

const wordings: readonly Variation[] = [
  { name: 'Dovecot 2.2', change: (c) => mapDovecot(c, asDovecot22) },
  { name: 'Dovecot 2.4', change: (c) => mapDovecot(c, asDovecot24) },
  { name: 'session= first in login lines', change: withSessionFirst },
  { name: 'no session= in login lines', change: (c) => withoutSessionIds(c, false), loses: 'ports of sessions' },
  {
    name: 'no session id at all',
    change: (c) => withoutSessionIds(c, true),
    loses: 'ports, exact starts, ends joined by process only',
  },
  {
    name: 'rport= instead of session=',
    change: (c) =>
      withoutSessionIds(
        withRemotePort(c, (id) => readSessionId(id).port),
        true,
      ),
    loses: 'exact starts',
  },
];

const missing: readonly Variation[] = [
  ...['netflow', 'haproxy', 'modsecurity', 'nginx', 'openvpn', 'netfilter', 'dovecot'].map((family) => ({
    name: `without ${family}`,
    change: (c: LabCorpus) => c,
    without: [family],
    loses: family,
  })),
  {
    name: 'WAF log begins halfway',
    change: (c) => mapFiles(c, (f) => (f.kind === 'audit' || f.kind === 'nginx-error' ? beginsHalfway(f) : f)),
    loses: 'half of the WAF',
  },
];

const sites: readonly Variation[] = [
  {
    name: 'clocks: haproxy +3.7 s, VPN -40 s, flows +1.2 s',
    change: (c) => clocks(c, { haproxy: ahead(3700), openvpn: ahead(-40_000), flows: ahead(1200) }),
  },
  { name: 'health checks every 5 s', change: withHealthChecks },
  {
    name: 'HAProxy without the PROXY protocol',
    change: (c) => withoutProxyProtocol(c, new Set(['192.0.2.11', '192.0.2.12']), '192.0.2.10'),
    loses: 'addresses of a quarter of the clients in the lines of Dovecot',
  },
  ...[60, 240, 1860].map((seconds) => ({
    name: `HAProxy idle timeout ${seconds} s`,
    change: (c: LabCorpus) => withIdleTimeout(c, seconds),
  })),
  { name: 'order: shuffled within 5 s', change: (c) => mapFiles(c, (f) => shuffled(f, 5000)) },
  { name: 'order: rotated in four pieces', change: (c) => c, write: () => ({ pieces: 4 }) },
  { name: 'order: all lines in one file', change: (c) => inOneFile(c, 0) },
  { name: 'order: all lines in one file, shuffled within 5 s', change: (c) => inOneFile(c, 5000) },
];

/** Where the middle of the corpus is put. */
const middleAt = (c: LabCorpus, when: number): LabCorpus => moveTime(c, Math.round((when - middleOf(c)) / 1000) * 1000);

function middleOf(c: LabCorpus): number {
  const mail = c.files.find((f: LogFile) => f.name === 'mail.log')?.records ?? [];
  return mail[Math.floor(mail.length / 2)]?.at ?? 0;
}

/** Europe/Warsaw on the night of 25 October 2026: CEST until 01:00 UTC, CET after. */
const WARSAW_2026: LogClock = {
  now: (utc) => utc,
  zone: (utc) => (utc < Date.UTC(2026, 9, 25, 1) ? 120 : 60),
};
/** The night of 28 March 2027, when the hour from 02:00 does not exist. */
const WARSAW_2027: LogClock = {
  now: (utc) => utc,
  zone: (utc) => (utc < Date.UTC(2027, 2, 28, 1) ? 60 : 120),
};
const localFiles = (clock: LogClock): Readonly<Record<string, LogClock>> => ({
  ...mailHost(clock),
  haproxy: clock,
  'nginx-error': clock,
  'nginx-access': clock,
  modsec: clock,
  openvpn: clock,
});

const times: readonly Variation[] = [
  { name: 'time: across New Year', change: (c) => middleAt(c, Date.UTC(2027, 0, 1)) },
  {
    name: 'time: across New Year, copied two months later',
    change: (c) => middleAt(c, Date.UTC(2026, 0, 1)),
    write: () => ({ modifiedAt: Date.UTC(2026, 2, 3) }),
  },
  { name: 'time: across 29 February', change: (c) => middleAt(c, Date.UTC(2028, 1, 29)) },
  {
    name: 'time: 29 February, copied two years later',
    change: (c) => middleAt(c, Date.UTC(2024, 1, 29, 12)),
    write: () => ({ modifiedAt: Date.UTC(2026, 10, 24) }),
  },
  {
    name: 'time: summer time ends, local stamps, --tz',
    change: (c) => clocks(middleAt(c, Date.UTC(2026, 9, 25, 1)), localFiles(WARSAW_2026)),
    zone: 'Europe/Warsaw',
  },
  {
    name: 'time: summer time ends, local stamps, zone not told',
    change: (c) => clocks(middleAt(c, Date.UTC(2026, 9, 25, 1)), localFiles(WARSAW_2026)),
  },
  {
    name: 'time: summer time begins, local stamps, --tz',
    change: (c) => clocks(middleAt(c, Date.UTC(2027, 2, 28, 1)), localFiles(WARSAW_2027)),
    zone: 'Europe/Warsaw',
  },
  {
    name: 'time: summer time begins, local stamps, zone not told',
    change: (c) => clocks(middleAt(c, Date.UTC(2027, 2, 28, 1)), localFiles(WARSAW_2027)),
  },
];

export const VARIATIONS: readonly Variation[] = [
  ...zones,
  ...formats,
  ...names,
  ...wordings,
  ...missing,
  ...sites,
  ...times,
];
