/** Lines of the site that are no web requests: what they change in what is known of tunnels, bans, limits and traffic. */
import { forgetOldest } from '../forget-oldest.ts';
import type { DovecotServiceEvent } from '../parse/dovecot.ts';
import type { Fail2banEvent } from '../parse/fail2ban.ts';
import type { NetflowEvent } from '../parse/netflow.ts';
import type { OpenvpnLogEvent } from '../parse/openvpn.ts';
import type { RequestEvent } from './requests.ts';
import type { SiteEvent } from './route.ts';
import type { Site } from './site.ts';
import { keep, keepMaybe } from './texts.ts';
import type { TimedEvent } from './timed-event.ts';

const BANS_MAX = 100_000;
const OTHER_SERVICE_PORTS: ReadonlySet<number> = new Set([25, 80, 110, 443, 465, 587, 995, 4190]);

export function applySiteLine(site: Site, { event: e, at, shift }: TimedEvent<Exclude<SiteEvent, RequestEvent>>): void {
  switch (e.dataset) {
    case 'dovecot.service':
      applyService(site, e, at);
      return;
    case 'netflow.flow':
      applyTraffic(site, e, at, e.endedAt + shift);
      return;
    case 'openvpn.log':
    case 'openvpn.status':
      applyVpn(site, e, at);
      return;
    case 'fail2ban.action':
      applyBan(site, e, at);
      return;
    case 'postfix.smtp':
      if (e.clientIp !== undefined && e.action === 'auth-failed')
        site.observations.passwordFailed(e.clientIp, undefined, at);
      return;
    default:
      e satisfies never;
  }
}

function applyService(site: Site, e: DovecotServiceEvent, at: number): void {
  if (e.action === 'limit-reached')
    addBounded(site.limits, {
      at,
      service: keep(e.service ?? 'unknown'),
      name: keep(e.limitName ?? 'limit'),
      limit: e.limit,
    });
  else if (e.action === 'reload' || e.action === 'stopped' || e.action === 'started' || e.action === 'killed') {
    addBounded(site.serverEvents, { at, kind: e.action });
  }
}

function applyBan(site: Site, e: Fail2banEvent, at: number): void {
  if (e.ip === undefined) return;
  if (e.action === 'banned') {
    site.bans.set(keep(e.ip), { at, jail: keepMaybe(e.jail), until: Number.POSITIVE_INFINITY });
    forgetOldest(site.bans, BANS_MAX);
  }
  if (e.action === 'unbanned') {
    const ban = site.bans.get(e.ip);
    if (ban) ban.until = at;
  }
}

function applyTraffic(site: Site, e: NetflowEvent, at: number, endedAt: number): void {
  if (OTHER_SERVICE_PORTS.has(e.destinationPort) || OTHER_SERVICE_PORTS.has(e.sourcePort)) return;
  const kilobytes = e.bytes / 1024;
  const buckets = Math.min(120, Math.max(1, Math.ceil((endedAt - at) / 5000)));
  for (let i = 0; i < buckets; i++) {
    const when = at + ((endedAt - at) * (i + 0.5)) / buckets;
    site.observations.inNetwork(e.sourceIp, 'bulkKilobytes', when, kilobytes / buckets);
    site.observations.inNetwork(e.destinationIp, 'bulkKilobytes', when, kilobytes / buckets);
  }
}

function applyVpn(site: Site, e: OpenvpnLogEvent, at: number): void {
  // A client's own log names the server at the other end, not itself: it tells nothing about who is behind which address.
  if (e.dataset === 'openvpn.log' && e.side === 'client') return;
  const name = e.commonName ?? e.user ?? (e.realIp === undefined ? undefined : site.leases.nameAt(e.realIp));
  if (name === undefined) {
    // The daemon as a whole stopped or started: every tunnel went with it.
    if (e.dataset === 'openvpn.log' && (e.action === 'exit' || e.action === 'started') && e.realIp === undefined) {
      site.leases.troubleForAll(e.action === 'exit' ? 'exit' : 'restart', at);
    }
    return;
  }
  if (e.leaseIp !== undefined) site.leases.grant(e.leaseIp, name, e.realIp, at);
  if (e.dataset === 'openvpn.status') {
    if (e.bytesReceived !== undefined && e.bytesSent !== undefined)
      site.leases.sample(name, at, e.bytesReceived, e.bytesSent);
    return;
  }
  switch (e.action) {
    case 'ping-timeout':
    case 'restart':
    case 'exit':
    case 'tls-failed':
    case 'network-error':
      site.leases.trouble(name, e.action, at);
      site.observations.company.count(`tunnel:${name}`, 'tunnelTrouble', at);
      break;
    case 'connected':
      site.leases.trouble(name, 'reconnected', at);
      break;
    case 'rekeyed':
      site.leases.rekeyed(name, at);
      break;
    default:
      break;
  }
}
function addBounded<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > 1000) list.shift();
}
