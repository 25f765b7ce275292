import { localPart } from '../resolve/network.ts';
import type { Counts } from './company.ts';
import { decidingRule, isTokenMechanism, ruleKey } from './requests.ts';
import { pathAddress, type Session } from './session.ts';
import { silentMs } from './silences.ts';
import type { Site } from './site.ts';
import type { AddressFacts, RuleFacts, Surroundings, UserFacts } from './surroundings.ts';
import { troubleInterval } from './trouble.ts';

const MARGIN_MS = 30_000;
const USUAL_MS = 300_000;
const LOOK_BACK_MS = 45 * 60_000;

/** Looks around a session at the moment it is closed: what of the company, reputations, tunnels and limits bears on it. */
export function survey(c: Site, s: Session): Surroundings {
  const interval = troubleInterval(s);
  const { until } = interval;
  // Older company is forgotten at times that depend on how the input was cut: it is never asked for.
  const from = Math.max(interval.from, until - LOOK_BACK_MS);
  const address = pathAddress(s);
  const network = address === undefined ? undefined : c.observations.network(address);
  const scope = `net:${network ?? ''}`;
  const inNetwork = c.observations.company.between(scope, from - MARGIN_MS, until + MARGIN_MS);
  const everywhere = c.observations.company.between('all', from - MARGIN_MS, until + MARGIN_MS);
  const silence =
    network === undefined
      ? undefined
      : c.observations.company.silence(scope, from - 10_000, Math.min(until, from + 600_000) + 5_000, USUAL_MS);
  let othersDuringSilence = 0;
  if (silence) {
    othersDuringSilence =
      c.observations.company.between('all', silence.from, silence.until - 1).activity -
      c.observations.company.between(scope, silence.from, silence.until - 1).activity;
  }
  const name = s.vpn?.name;
  const troubles = name === undefined ? [] : c.leases.troublesBetween(name, from - 90_000, until + 150_000);
  const seconds = Math.max(5, (until - from) / 1000);
  const bulkCounts: Counts = c.observations.company.between(scope, from - 5000, until + 5000);
  const ban = s.clientIp === undefined ? undefined : c.bans.get(s.clientIp);
  return {
    troubleFrom: from,
    troubleUntil: until,
    network,
    inNetwork,
    meanwhileInNetwork: c.observations.company.between(scope, from, until + 5000),
    everywhere,
    inTunnel:
      name === undefined
        ? undefined
        : c.observations.company.between(`tunnel:${name}`, from - MARGIN_MS, until + MARGIN_MS),
    inVpn: name === undefined ? undefined : c.observations.company.between('vpn', from - MARGIN_MS, until + MARGIN_MS),
    usuallyInNetwork: c.observations.company.between(scope, from - USUAL_MS, until + USUAL_MS),
    silence,
    othersDuringSilence,
    tunnelTroubles: troubles,
    leaseChanged: leaseChanged(c, s),
    limits: c.limits.filter((l) => l.at >= from - MARGIN_MS && l.at <= until + MARGIN_MS).slice(0, 16),
    serverEvents: c.serverEvents.filter((e) => e.at >= until - 15_000 && e.at <= until + 15_000).slice(0, 8),
    client: addressFacts(c, s),
    user: userFacts(c, s, until),
    rule: ruleFacts(c, s),
    ban: ban && ban.at <= until + 5000 && ban.until >= from ? { at: ban.at, jail: ban.jail } : undefined,
    silencesAlike: c.observations.silences.like(silentMs(s) ?? 0),
    sources: [...c.sourcesSeen]
      .filter(([, at]) => at > from - 3_600_000)
      .map(([f]) => f)
      .sort(),
    bulkBytesPerSecond: (bulkCounts.bulkKilobytes * 1024) / (seconds + 10),
  };
}

function leaseChanged(c: Site, s: Session): boolean {
  if (s.sourceIp === undefined || s.vpn === undefined) return false;
  const later = c.leases.holder(s.sourceIp, s.endedAt ?? s.lastAt);
  return later !== undefined && (later.name !== s.vpn.name || later.realIp !== s.vpn.realIp);
}

function addressFacts(c: Site, s: Session): AddressFacts {
  const r = s.clientIp === undefined ? undefined : c.observations.clients.find(s.clientIp);
  const n =
    s.clientIp === undefined ? undefined : c.observations.clients.find(`net:${c.observations.network(s.clientIp)}`);
  return {
    logins: r?.logins ?? 0,
    usersOk: r?.okMembers.length ?? 0,
    usersFailed: r?.failedMembers.length ?? 0,
    passwordFailures: r?.passwordFailures ?? 0,
    scans: r?.scans ?? 0,
    blockedRequests: r?.blockedRequests ?? 0,
    attacksInNetwork: n?.scans ?? 0,
    loginsInNetwork: n?.logins ?? 0,
    own: c.known.isOwn(s.clientIp) || c.known.isOwn(pathAddress(s)),
    quickCloses: r?.quickCloses ?? 0,
    rhythmMs: r?.rhythmMs ?? 0,
    rhythmic:
      (r?.quickCloses ?? 0) >= 8 &&
      (r?.scans ?? 0) + (r?.passwordFailures ?? 0) === 0 &&
      (r?.rhythmMs ?? 0) > 0 &&
      (r?.rhythmJitterMs ?? 0) < 0.1 * (r?.rhythmMs ?? 0),
  };
}

function userFacts(c: Site, s: Session, until: number): UserFacts | undefined {
  if (s.user === undefined) return undefined;
  const u = c.observations.users.find(localPart(s.user));
  if (!u) return undefined;
  const before = u.recentLogins.filter((t) => t < s.startedAt);
  const after = u.recentLogins.filter((t) => t > s.startedAt + 1);
  const starts = u.recentStarts.filter((t) => t > s.startedAt + 1);
  const lastBefore = before.at(-1);
  const next = after[0];
  const nextStart = starts[0];
  return {
    logins: u.logins,
    lastLoginBeforeMs: lastBefore === undefined ? undefined : s.startedAt - lastBefore,
    nextLoginAfterMs: next === undefined ? undefined : next - until,
    nextStartAfterMs: nextStart === undefined ? undefined : nextStart - until,
    tokenFailures: isTokenMechanism(s.mechanism ?? '') ? u.tokenFailures : 0,
    tokenFailuresInARow: u.tokenFailures,
    passwordFailures: u.passwordFailures,
    addresses: u.okMembers.length,
  };
}

function ruleFacts(c: Site, s: Session): RuleFacts | undefined {
  const blocked = s.requests.find((r) => r.blocked);
  const rule = blocked && decidingRule(blocked);
  if (!blocked || !rule) return undefined;
  const r = c.observations.rules.find(ruleKey(rule.id, blocked.path));
  const clients = r?.failedMembers ?? [];
  return {
    id: rule.id,
    path: blocked.path,
    clients: clients.length,
    legitimate: clients.filter((ip) => c.known.isOwn(ip) || (c.observations.clients.find(ip)?.logins ?? 0) > 0).length,
  };
}
