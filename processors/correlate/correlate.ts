import type { DovecotAuthEvent, DovecotEvent, DovecotServiceEvent } from '../parse/dovecot.ts';
import { decodeSessionId } from '../parse/dovecot-session-id.ts';
import type { HaproxyEvent } from '../parse/haproxy.ts';
import type { ParsedEvent } from '../parse/index.ts';
import type { NetfilterEvent } from '../parse/netfilter.ts';
import type { NetflowEvent } from '../parse/netflow.ts';
import type { OpenvpnLogEvent } from '../parse/openvpn.ts';
import { localPart, networkOf } from '../resolve/network.ts';
import { VpnLeases } from '../resolve/vpn-leases.ts';
import { addMember, addRecent, Company, Reputations } from './company.ts';
import { gatherAuth, gatherDrop, gatherFlow, gatherLogin, gatherMailSession, gatherProxy } from './gather.ts';
import {
  decidingRule,
  gatherRequest,
  isTokenMechanism,
  newRequest,
  type RequestEvent,
  ruleKey,
  sameRequest,
} from './requests.ts';
import { addLine, type HttpRequest, newSession, type Session } from './session.ts';
import { Silences, silentMs } from './silences.ts';
import type { Surroundings } from './surroundings.ts';
import { survey } from './survey.ts';
import { Timers } from './timers.ts';
import { isPlainlyHealthy, troubleOf } from './trouble.ts';

/** A parsed event on the common clock: `shift` was added to its stamp. `seenAt` is when its source could know it. */
export interface TimedEvent {
  readonly event: ParsedEvent;
  readonly shift: number;
  readonly at: number;
  readonly seenAt: number;
}

export interface CorrelateOptions {
  /** How long after its end a session waits for what other sources say about it, and for its company. */
  readonly settleMs: number;
  /** A session without any line for this long is closed, marked incomplete. Above RFC 9051's 30 minutes. */
  readonly idleLimitMs: number;
  /** No session is kept open for longer than this. */
  readonly absoluteLimitMs: number;
  readonly openMax: number;
}

export const DEFAULT_CORRELATE_OPTIONS: CorrelateOptions = {
  settleMs: 180_000,
  idleLimitMs: 2 * 3_600_000,
  absoluteLimitMs: 48 * 3_600_000,
  openMax: 1_200_000,
};

/** A finished session and, unless it is plainly healthy, what was going on around it. */
export interface ClosedSession {
  readonly session: Session;
  readonly surroundings: Surroundings | undefined;
  /** How much this judgement could know: its own lines, and the lines and facts of the company it was judged by. More gives a higher revision. */
  readonly knowledge: number;
  /** A late line came: this replaces an answer that was given before. */
  readonly revised: boolean;
}

const BANS_MAX = 100_000;
const SHARED_MAX = 5000;
const SHARED_USERS = 3;
const REVISABLE_MAX = 50_000;
const MAIL_PORTS = new Set([143, 993]);
const OTHER_SERVICE_PORTS = new Set([25, 80, 110, 443, 465, 587, 995, 4190]);
/** Connections whose first line may come long after they began are still found by these tolerances. */
const START_TOLERANCE_MS = 12_000;
const AFTER_END_MS = 150_000;
/** A client goes on to connect within this after the answer to its token or portal request. */
const REQUEST_TO_CONNECTION_MS = 3000;
const SLOW_REQUEST_TO_CONNECTION_MS = 20_000;

/**
 * Joins timed events into sessions. One instance per partition; pure: time comes with the events. Events within the allowed lateness may come
 * in any order and any chunking: they are applied in the order of (seenAt, source, offset).
 */
export class Correlate {
  readonly company = new Company();
  readonly clients = new Reputations();
  readonly users = new Reputations();
  readonly rules = new Reputations();
  readonly leases = new VpnLeases();
  readonly silences = new Silences();
  readonly bans = new Map<string, { at: number; jail: string | undefined; until: number }>();
  readonly limits: { at: number; service: string; name: string; limit: number | undefined }[] = [];
  readonly serverEvents: { at: number; kind: string }[] = [];
  readonly sourcesSeen = new Map<string, number>();

  private readonly options: CorrelateOptions;
  private waiting: TimedEvent[] = [];
  private now = Number.NEGATIVE_INFINITY;
  private serial = 0;
  private readonly timers = new Timers<Session | HttpRequest>();
  private readonly open = new Set<Session>();
  private readonly byDovecotId = new Map<string, Session>();
  private readonly byTransport = new Map<string, Session>();
  private readonly byProcess = new Map<string, Session>();
  private readonly byUser = new Map<string, Session[]>();
  private readonly byClient = new Map<string, Session[]>();
  private readonly requests = new Map<string, HttpRequest[]>();
  private readonly networks = new Map<string, string>();
  /** Sessions from addresses that several users share: those behind a proxy that hides the client are among them. */
  private readonly shared = new Set<Session>();
  /** Closed a short while ago: a late line opens them again, and a revision follows. */
  private readonly revisable = new Map<string, Session>();
  private readonly revised = new WeakSet<Session>();
  evicted = 0;
  late = 0;

  constructor(options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS) {
    this.options = options;
  }

  get openSessions(): number {
    return this.open.size;
  }

  push(events: readonly TimedEvent[]): void {
    for (const e of events) this.waiting.push(e);
  }

  /** Event time has reached `to`: applies what is older, and closes what is due by then. */
  advance(to: number, out: ClosedSession[]): void {
    const ready: TimedEvent[] = [];
    const rest: TimedEvent[] = [];
    for (const e of this.waiting) (e.seenAt <= to ? ready : rest).push(e);
    this.waiting = rest;
    ready.sort(inOrder);
    for (const e of ready) {
      if (e.seenAt < this.now) this.late++;
      else this.closeDue(e.seenAt, out);
      this.apply(e, out);
    }
    if (Number.isFinite(to)) this.closeDue(to, out);
    this.company.forget(this.now);
  }

  /** End of input: closes everything; what had not ended is marked incomplete. */
  flush(out: ClosedSession[]): void {
    this.advance(Number.POSITIVE_INFINITY, out);
    for (;;) {
      const due = this.timers.take(Number.POSITIVE_INFINITY);
      if (!due) break;
      this.fallDue(due.what, this.now, true, out);
    }
  }

  private closeDue(now: number, out: ClosedSession[]): void {
    if (now > this.now) this.now = now;
    for (;;) {
      const due = this.timers.take(this.now);
      if (!due) return;
      this.fallDue(due.what, due.at, false, out);
    }
  }

  private fallDue(what: Session | HttpRequest, at: number, atEnd: boolean, out: ClosedSession[]): void {
    if (!('kind' in what)) {
      this.settleRequest(what, at);
      return;
    }
    if (!this.open.has(what)) return;
    const due = this.dueOf(what);
    if (!atEnd && due > at) {
      this.timers.add({ at: due, serial: what.serial, what });
      return;
    }
    this.close(what, out);
  }

  private dueOf(s: Session): number {
    if (s.endedAt !== undefined || s.kind === 'request')
      return Math.max(s.endedAt ?? s.lastAt, s.lastAt) + this.options.settleMs;
    if (s.dovecotId === undefined && s.loggedInAt === undefined && s.preLogin === undefined)
      return s.lastAt + 2 * this.options.settleMs;
    return Math.min(s.lastAt + this.options.idleLimitMs, s.startedAt + this.options.absoluteLimitMs);
  }

  private close(s: Session, out: ClosedSession[]): void {
    this.open.delete(s);
    this.shared.delete(s);
    if (s.dovecotId !== undefined && this.byDovecotId.get(s.dovecotId) === s) this.byDovecotId.delete(s.dovecotId);
    const key = transportKey(s.sourceIp, s.sourcePort);
    if (key !== undefined && this.byTransport.get(key) === s) this.byTransport.delete(key);
    if (s.process !== undefined && this.byProcess.get(s.process) === s) this.byProcess.delete(s.process);
    remove(this.byUser, s.user === undefined ? undefined : localPart(s.user), s);
    remove(this.byClient, s.clientIp, s);
    if (s.endedAt === undefined && s.kind === 'connection' && (s.loggedInAt !== undefined || s.idSentAt !== undefined))
      tag(s, 'incomplete');
    this.resolveClient(s);
    const surroundings = isPlainlyHealthy(s) ? undefined : survey(this, s);
    out.push({
      session: s,
      surroundings,
      knowledge: s.lineKinds.length + s.linesOmitted + (surroundings ? factsIn(surroundings) : 0),
      revised: this.revised.has(s),
    });
    if (s.dovecotId === undefined) return;
    this.revisable.delete(s.dovecotId);
    this.revisable.set(s.dovecotId, s);
    if (this.revisable.size > REVISABLE_MAX) this.revisable.delete(this.revisable.keys().next().value ?? '');
  }

  // ---- one event ----

  private apply(t: TimedEvent, out: ClosedSession[]): void {
    const e = t.event;
    this.sourcesSeen.set(family(e.dataset), t.at);
    switch (e.dataset) {
      case 'dovecot.login':
      case 'dovecot.session':
      case 'dovecot.auth':
      case 'dovecot.service':
        this.applyDovecot(e, t, out);
        return;
      case 'haproxy.connection':
        this.applyProxy(e, t, out);
        return;
      case 'netflow.flow':
        this.applyFlow(e, t, out);
        return;
      case 'netfilter.packet':
        this.applyPacket(e, t, out);
        return;
      case 'modsecurity.audit':
      case 'modsecurity.error':
      case 'nginx.access':
      case 'nginx.error':
        this.applyRequest(e, t);
        return;
      case 'openvpn.log':
      case 'openvpn.status':
        this.applyVpn(e, t.at);
        return;
      case 'fail2ban.action':
        if (e.ip !== undefined && e.action === 'banned') {
          if (this.bans.size >= BANS_MAX) this.bans.delete(this.bans.keys().next().value ?? '');
          this.bans.set(e.ip, { at: t.at, jail: e.jail, until: Number.POSITIVE_INFINITY });
        }
        if (e.ip !== undefined && e.action === 'unbanned') {
          const ban = this.bans.get(e.ip);
          if (ban) ban.until = t.at;
        }
        return;
      case 'postfix.smtp':
        if (e.clientIp !== undefined && e.action === 'auth-failed')
          this.clients.of(e.clientIp, t.at).passwordFailures++;
        return;
      case 'unparsed':
        return;
      default:
        e satisfies never;
    }
  }

  private applyDovecot(e: DovecotEvent, t: TimedEvent, out: ClosedSession[]): void {
    if (e.dataset === 'dovecot.service') {
      this.applyService(e, t.at);
      return;
    }
    if (e.dataset === 'dovecot.login' && e.protocol !== 'imap') return;
    if (e.dataset === 'dovecot.session' && e.protocol !== 'imap') return;
    const s = this.dovecotSession(e, t, out);
    if (!s) {
      if (e.dataset === 'dovecot.auth') this.loneAuth(e, t.at);
      return;
    }
    this.touch(s, t, `${e.dataset}/${e.action}`);
    s.host ??= e.line.host;
    if (e.dataset === 'dovecot.login') {
      const had = s.loggedInAt;
      const userBefore = s.user;
      gatherLogin(s, e, t.at);
      this.index(s);
      if (userBefore === undefined && s.user !== undefined) add(this.byUser, localPart(s.user), s);
      if (e.mpid !== undefined && s.user !== undefined) {
        s.process = `${e.mpid} ${s.user}`;
        this.byProcess.set(s.process, s);
      }
      if (had === undefined && s.loggedInAt !== undefined) this.loggedIn(s, s.loggedInAt);
    } else if (e.dataset === 'dovecot.session') {
      gatherMailSession(s, e, t.at);
      if (e.action === 'lock-wait') this.countFor(s, 'lockWait', t.at);
    } else {
      gatherAuth(s, e);
      if (e.action === 'failure') this.authFailure(s, e, t.at);
    }
    this.countFor(s, 'activity', t.at);
    if (
      s.endedAt === t.at &&
      (e.dataset === 'dovecot.session' || (e.dataset === 'dovecot.login' && e.action !== 'client-id'))
    )
      this.ended(s, t.at);
  }

  /** The session a Dovecot line belongs to: by session id, else by process id and user, else by user or address in order. */
  private dovecotSession(
    e: Exclude<DovecotEvent, DovecotServiceEvent>,
    t: TimedEvent,
    out: ClosedSession[],
  ): Session | undefined {
    const id = e.session;
    if (id !== undefined && id !== '') {
      const known = this.byDovecotId.get(id);
      if (known) return known;
      const closed = this.revisable.get(id);
      if (closed) return this.reopen(closed);
      const decoded = decodeSessionId(id, t.at);
      let s: Session | undefined;
      if (decoded) s = this.findTransport(decoded.ip, decoded.port, decoded.at, decoded.at);
      if (s && s.dovecotId !== undefined) s = undefined;
      if (!s) {
        if (e.dataset === 'dovecot.auth' && !decoded) return undefined;
        s = this.create('connection', decoded?.at ?? t.at, decoded ? 1 : e.stamp.precisionMs, e.dataset, out);
      }
      s.dovecotId = id;
      if (decoded) {
        s.startedAt = decoded.at;
        s.startPrecisionMs = 1;
        s.startBasis = 'dovecot.session_id';
        s.sourceIp ??= decoded.ip;
        s.sourcePort ??= decoded.port;
      }
      this.byDovecotId.set(id, s);
      if (e.dataset === 'dovecot.login') s.sourceIp ??= e.rip;
      this.index(s);
      this.started(s);
      return s;
    }
    if (e.dataset === 'dovecot.session') {
      if (e.pid !== undefined && e.user !== undefined) {
        const s = this.byProcess.get(`${e.pid} ${e.user}`);
        if (s && this.open.has(s)) return s;
      }
      return e.user === undefined
        ? undefined
        : this.byUser.get(localPart(e.user))?.find((s) => s.loggedInAt !== undefined && s.endedAt === undefined);
    }
    if (e.dataset === 'dovecot.auth') {
      if (e.rip === undefined) return undefined;
      return this.byClient
        .get(e.rip)
        ?.findLast((s) => s.endedAt === undefined && s.loggedInAt === undefined && t.at - s.startedAt < 180_000);
    }
    if (e.rip === undefined) return undefined;
    // No session id in the site's format: one login line, one session; its start is unknown but for what the line itself says.
    const waited = e.waitedSeconds ?? 0;
    const pending = e.rport === undefined ? undefined : this.findTransport(e.rip, e.rport, t.at - waited * 1000, t.at);
    if (pending) return pending;
    const open = this.byClient
      .get(e.rip)
      ?.findLast(
        (s) =>
          s.idSentAt !== undefined &&
          s.loggedInAt === undefined &&
          s.endedAt === undefined &&
          s.dovecotId === undefined,
      );
    if (open && e.action !== 'client-id') return open;
    const s = this.create('connection', t.at - waited * 1000, Math.max(1000, e.stamp.precisionMs), e.dataset, out);
    s.sourceIp = e.rip;
    s.sourcePort = e.rport;
    this.index(s);
    this.started(s);
    return s;
  }

  /** A line for a session that was given out already: it is opened again, and given out again at once with a higher revision. */
  private reopen(s: Session): Session {
    this.revised.add(s);
    this.open.add(s);
    if (s.dovecotId !== undefined) this.byDovecotId.set(s.dovecotId, s);
    if (s.user !== undefined) add(this.byUser, localPart(s.user), s);
    if (s.clientIp !== undefined) add(this.byClient, s.clientIp, s);
    this.index(s);
    this.timers.add({ at: this.now, serial: s.serial, what: s });
    return s;
  }

  private applyService(e: DovecotServiceEvent, at: number): void {
    if (e.action === 'limit-reached')
      addBounded(this.limits, { at, service: e.service ?? 'unknown', name: e.limitName ?? 'limit', limit: e.limit });
    else if (e.action === 'reload' || e.action === 'stopped' || e.action === 'started' || e.action === 'killed') {
      addBounded(this.serverEvents, { at, kind: e.action });
    }
  }

  private loneAuth(e: DovecotAuthEvent, at: number): void {
    if (e.action === 'queued' || e.action === 'timeout' || e.action === 'overload')
      this.company.count('all', 'authWait', at);
    if (e.action === 'failure' && e.rip !== undefined) this.clients.of(e.rip, at).passwordFailures++;
  }

  private applyProxy(e: HaproxyEvent, t: TimedEvent, out: ClosedSession[]): void {
    if (e.clientIp === undefined || e.clientPort === undefined || e.http !== undefined) return;
    const endedAt = e.endedAt === undefined ? undefined : e.endedAt + t.shift;
    let s = this.findTransport(e.clientIp, e.clientPort, t.at, endedAt ?? t.at);
    if (!s) {
      s = this.behindProxy(e, t.at, endedAt) ?? this.create('connection', t.at, e.stamp.precisionMs, e.dataset, out);
      s.sourceIp ??= e.clientIp;
      s.sourcePort ??= e.clientPort;
      this.index(s);
      this.started(s);
    }
    this.touch(s, t, `${e.dataset}/${e.action}`);
    gatherProxy(s, e, t.at, endedAt);
    s.protocol ??= 'imap';
    if (s.dovecotId === undefined) s.endedAt ??= endedAt ?? t.at;
  }

  /**
   * Without the PROXY protocol Dovecot sees the proxy's address. The same connection then begins when the proxy had connected and ends with it:
   * the one open Dovecot session whose start and end fit within tens of milliseconds, if there is exactly one.
   */
  private behindProxy(e: HaproxyEvent, acceptedAt: number, endedAt: number | undefined): Session | undefined {
    const expected = acceptedAt + (e.queueMs ?? 0) + (e.connectMs ?? 0);
    let found: Session | undefined;
    for (const s of this.shared) {
      if (s.proxy !== undefined || Math.abs(s.startedAt - expected) > 60) continue;
      if (endedAt !== undefined && s.endedAt !== undefined && Math.abs(s.endedAt - endedAt) > 2500) continue;
      if (found) return undefined;
      found = s;
    }
    if (found) {
      found.clientIp = e.clientIp;
      tag(found, 'proxied');
    }
    return found;
  }

  private applyFlow(e: NetflowEvent, t: TimedEvent, out: ClosedSession[]): void {
    const toServer = MAIL_PORTS.has(e.destinationPort);
    const fromServer = MAIL_PORTS.has(e.sourcePort);
    const endedAt = e.endedAt + t.shift;
    if (e.transport !== 'tcp' || toServer === fromServer) {
      this.otherTraffic(e, t.at, endedAt);
      return;
    }
    const ip = toServer ? e.sourceIp : e.destinationIp;
    const port = toServer ? e.sourcePort : e.destinationPort;
    let s = this.findTransport(ip, port, t.at, endedAt);
    if (!s) {
      // A lone tail (no SYN) belongs to a session that was closed long ago or began before the input: it tells nothing by itself.
      if (!e.flags.includes('S')) return;
      s = this.create('connection', t.at, e.stamp.precisionMs, e.dataset, out);
      s.sourceIp = ip;
      s.sourcePort = port;
      s.serverIp = toServer ? e.destinationIp : e.sourceIp;
      s.serverPort = toServer ? e.destinationPort : e.sourcePort;
      s.protocol = 'imap';
      this.index(s);
    }
    s.serverPort ??= toServer ? e.destinationPort : e.sourcePort;
    this.touch(s, t, `${e.dataset}/${e.action}`);
    const before = s.flow;
    gatherFlow(s, e, toServer, t.at, endedAt);
    if (!before && toServer && e.flags === 'S') this.countFor(s, 'unanswered', t.at);
    if (s.endedAt !== undefined && endedAt - s.endedAt > 5000) this.countFor(s, 'undelivered', s.endedAt);
  }

  private otherTraffic(e: NetflowEvent, at: number, endedAt: number): void {
    if (OTHER_SERVICE_PORTS.has(e.destinationPort) || OTHER_SERVICE_PORTS.has(e.sourcePort)) return;
    const kilobytes = e.bytes / 1024;
    const buckets = Math.min(120, Math.max(1, Math.ceil((endedAt - at) / 5000)));
    for (let i = 0; i < buckets; i++) {
      const when = at + ((endedAt - at) * (i + 0.5)) / buckets;
      this.company.count(`net:${this.network(e.sourceIp)}`, 'bulkKilobytes', when, kilobytes / buckets);
      this.company.count(`net:${this.network(e.destinationIp)}`, 'bulkKilobytes', when, kilobytes / buckets);
    }
  }

  private applyPacket(e: NetfilterEvent, t: TimedEvent, out: ClosedSession[]): void {
    if (e.sourcePort === undefined || e.destinationPort === undefined || !MAIL_PORTS.has(e.destinationPort)) return;
    if (e.action === 'accepted') return;
    let s = this.findTransport(e.sourceIp, e.sourcePort, t.at, t.at);
    if (!s) {
      s = this.create('connection', t.at, e.stamp.precisionMs, e.dataset, out);
      s.sourceIp = e.sourceIp;
      s.sourcePort = e.sourcePort;
      s.serverIp = e.destinationIp;
      s.serverPort = e.destinationPort;
      s.protocol = 'imap';
      this.index(s);
      this.countFor(s, e.limited ? 'limited' : 'unanswered', t.at);
    }
    this.touch(s, t, `${e.dataset}/${e.action}`);
    gatherDrop(s, e, t.at);
  }

  private applyVpn(e: OpenvpnLogEvent, at: number): void {
    // A client's own log names the server at the other end, not itself: it tells nothing about who is behind which address.
    if (e.dataset === 'openvpn.log' && e.side === 'client') return;
    const name = e.commonName ?? e.user ?? (e.realIp === undefined ? undefined : this.leases.nameAt(e.realIp));
    if (name === undefined) {
      // The daemon as a whole stopped or started: every tunnel went with it.
      if (e.dataset === 'openvpn.log' && (e.action === 'exit' || e.action === 'started') && e.realIp === undefined) {
        this.leases.troubleForAll(e.action === 'exit' ? 'exit' : 'restart', at);
      }
      return;
    }
    if (e.leaseIp !== undefined) this.leases.grant(e.leaseIp, name, e.realIp, at);
    if (e.dataset === 'openvpn.status') {
      if (e.bytesReceived !== undefined && e.bytesSent !== undefined)
        this.leases.sample(name, at, e.bytesReceived, e.bytesSent);
      return;
    }
    switch (e.action) {
      case 'ping-timeout':
      case 'restart':
      case 'exit':
      case 'tls-failed':
      case 'network-error':
        this.leases.trouble(name, e.action, at);
        this.company.count(`tunnel:${name}`, 'tunnelTrouble', at);
        break;
      case 'connected':
        this.leases.trouble(name, 'reconnected', at);
        break;
      default:
        break;
    }
  }

  // ---- requests ----

  private applyRequest(e: RequestEvent, t: TimedEvent): void {
    const ip = e.clientIp;
    if (ip === undefined) return;
    if (isNoRequest(e)) {
      // Somebody connected and gave up before asking for anything: no attempt to use mail by itself, but a sign of the path's health.
      if (givesUp(e)) this.company.count(`net:${this.network(ip)}`, 'gaveUp', t.at);
      return;
    }
    let list = this.requests.get(ip);
    if (!list) {
      list = [];
      this.requests.set(ip, list);
    }
    let r = sameRequest(list, e, t.at);
    if (!r) {
      r = newRequest(ip, t.at);
      list.push(r);
      this.timers.add({ at: t.at + this.options.settleMs, serial: this.serial++, what: r });
      this.company.count(`net:${this.network(ip)}`, 'activity', t.at);
      this.company.count('all', 'activity', t.at);
    }
    const wasBlocked = r.blocked;
    const wasLimited = r.limited;
    gatherRequest(r, e, t.at);
    if (r.lineKinds.length < 16) {
      r.lines.push(e.line.source, e.line.offset, t.at);
      r.lineKinds.push(`${e.dataset}/${e.action}`);
    }
    if (r.blocked && !wasBlocked) this.requestBlocked(r, t.at);
    if (r.limited && !wasLimited) this.company.count(`net:${this.network(ip)}`, 'limited', t.at);
  }

  private requestBlocked(r: HttpRequest, at: number): void {
    this.company.count(`net:${this.network(r.ip)}`, 'blocked', at);
    const client = this.clients.of(r.ip, at);
    client.blockedRequests++;
    if (r.rules.some((rule) => rule.attack)) {
      client.scans++;
      this.clients.of(`net:${this.network(r.ip)}`, at).scans++;
    }
    const rule = decidingRule(r);
    if (rule) {
      const reputation = this.rules.of(ruleKey(rule.id, r.path), at);
      reputation.blockedRequests++;
      addMember(reputation.failedMembers, r.ip);
    }
  }

  /** Decides, once other sources had time to speak, which attempt a request belongs to: the connection that follows, the next request, or itself. */
  private settleRequest(r: HttpRequest, at: number): void {
    const list = this.requests.get(r.ip);
    if (list) {
      const i = list.indexOf(r);
      if (i >= 0) list.splice(i, 1);
      if (list.length === 0) this.requests.delete(r.ip);
    }
    const connection = this.connectionAfter(r);
    if (connection) {
      this.attach(connection, r);
      return;
    }
    const next =
      r.status !== undefined && r.status < 400 && !r.blocked && !r.limited
        ? list?.find((other) => follows(other, r))
        : undefined;
    const s = newSession('request', this.serial++, r.at, r.port === undefined ? 1000 : 1, r.seen[0] ?? 'nginx.access');
    if (next) {
      next.at = Math.min(next.at, r.at);
      next.lines.unshift(...r.lines);
      next.lineKinds.unshift(...r.lineKinds);
      next.seen.push(...r.seen.filter((d) => !next.seen.includes(d)));
      return;
    }
    s.sourceIp = r.ip;
    s.sourcePort = r.port;
    s.serverIp = r.serverIp;
    s.user = r.user;
    s.client = r.userAgent;
    s.protocol = 'https';
    s.endedAt = r.endedAt;
    s.lastAt = r.endedAt;
    this.attach(s, r);
    this.open.add(s);
    this.timers.add({ at, serial: s.serial, what: s });
    if (s.user !== undefined) add(this.byUser, localPart(s.user), s);
    this.indexClient(s);
  }

  private attach(s: Session, r: HttpRequest): void {
    s.requests = [...s.requests, r];
    const kinds = r.lineKinds;
    for (let i = 0; i < kinds.length; i++) {
      addLine(s, r.lines[3 * i] ?? 0, r.lines[3 * i + 1] ?? 0, r.lines[3 * i + 2] ?? 0, kinds[i] ?? '');
    }
    if (r.at < s.firstAt) s.firstAt = r.at;
    s.user ??= r.user;
  }

  private connectionAfter(r: HttpRequest): Session | undefined {
    let best: Session | undefined;
    let distance = Number.POSITIVE_INFINITY;
    // A granted request may be followed slowly where the path is slow; a denied one ends the attempt unless the client goes on at once.
    const patience = wasGranted(r) ? SLOW_REQUEST_TO_CONNECTION_MS : REQUEST_TO_CONNECTION_MS;
    for (const s of this.byClient.get(this.realAddress(r.ip, r.at)) ?? []) {
      if (s.kind !== 'connection') continue;
      const after = s.startedAt - r.endedAt;
      const tolerance = Math.max(1000, s.startPrecisionMs);
      if (after < -tolerance - 200 || after > patience) continue;
      if (s.requests.some((other) => other.path === r.path)) continue;
      if (r.user !== undefined && s.user !== undefined && localPart(r.user) !== localPart(s.user)) continue;
      const token = isTokenPath(r.path);
      if (token !== undefined && s.mechanism !== undefined && token !== isTokenMechanism(s.mechanism)) continue;
      const d = Math.abs(after - (r.port === undefined ? -300 : 0));
      if (d < distance) {
        distance = d;
        best = s;
      }
    }
    return best;
  }

  // ---- sessions ----

  private create(kind: Session['kind'], at: number, precisionMs: number, basis: string, out: ClosedSession[]): Session {
    if (this.open.size >= this.options.openMax) this.evict(out);
    const s = newSession(kind, this.serial++, at, precisionMs, basis);
    this.open.add(s);
    this.timers.add({ at: at + this.options.settleMs, serial: s.serial, what: s });
    return s;
  }

  /** Makes room by closing the oldest thousandth; each is marked. */
  private evict(out: ClosedSession[]): void {
    let n = Math.max(1, Math.floor(this.options.openMax / 1000));
    for (const s of this.open) {
      if (n-- <= 0) break;
      tag(s, 'evicted');
      tag(s, 'incomplete');
      this.evicted++;
      this.close(s, out);
    }
  }

  private index(s: Session): void {
    const key = transportKey(s.sourceIp, s.sourcePort);
    if (key !== undefined) this.byTransport.set(key, s);
    this.indexClient(s);
  }

  private indexClient(s: Session): void {
    if (s.clientIp !== undefined || s.sourceIp === undefined) return;
    s.clientIp = s.sourceIp;
    this.resolveClient(s);
    add(this.byClient, s.clientIp, s);
  }

  /** The address outside the tunnel of whoever had this one inside it then; any other address is itself. */
  private realAddress(ip: string, at: number): string {
    return (this.leases.knows(ip) ? this.leases.holder(ip, at)?.realIp : undefined) ?? ip;
  }

  private resolveClient(s: Session): void {
    if (s.sourceIp === undefined || s.vpn !== undefined || !this.leases.knows(s.sourceIp)) return;
    const lease = this.leases.holder(s.sourceIp, s.startedAt);
    if (!lease) return;
    s.vpn = { name: lease.name, assignedIp: s.sourceIp, realIp: lease.realIp };
    if (lease.realIp !== undefined && s.clientIp !== lease.realIp) {
      const indexed = this.byClient.get(s.clientIp ?? '')?.includes(s);
      if (indexed) remove(this.byClient, s.clientIp, s);
      s.clientIp = lease.realIp;
      if (indexed) add(this.byClient, s.clientIp, s);
    }
  }

  /** The open session of this address and port whose life covers [from, to], allowing for clocks and for records that come after the end. */
  private findTransport(ip: string, port: number, from: number, to: number): Session | undefined {
    const s = this.byTransport.get(`${ip}|${port}`);
    if (!s || !this.open.has(s)) return undefined;
    const start = Math.min(s.startedAt, s.flow?.startedAt ?? s.startedAt, s.drops?.firstAt ?? s.startedAt);
    if (to < start - START_TOLERANCE_MS) return undefined;
    if (s.endedAt !== undefined && from > s.endedAt + AFTER_END_MS) return undefined;
    return s;
  }

  private touch(s: Session, t: TimedEvent, kind: string): void {
    if (t.at < s.firstAt) s.firstAt = t.at;
    if (t.seenAt > s.lastAt) s.lastAt = t.seenAt;
    addLine(s, t.event.line.source, t.event.line.offset, t.at, kind);
  }

  private started(s: Session): void {
    if (s.sourceIp === undefined) return;
    this.countFor(s, 'starts', s.startedAt);
    if (s.clientIp === undefined) return;
    const client = this.clients.of(s.clientIp, s.startedAt);
    addRecent(client.recentStarts, s.startedAt, 16);
    if (client.okMembers.length >= SHARED_USERS && this.shared.size < SHARED_MAX) this.shared.add(s);
  }

  private loggedIn(s: Session, at: number): void {
    this.countFor(s, 'loggedIn', at);
    const slow = at - s.startedAt > 3500;
    this.countFor(s, slow ? 'slowSetup' : 'fastSetup', at);
    if (s.goneAtLogin) {
      this.countFor(s, 'gaveUp', at);
      if (slow) this.countFor(s, 'authWait', at);
      return;
    }
    if (s.clientIp !== undefined) {
      const client = this.clients.of(s.clientIp, at);
      client.logins++;
      client.lastLoginAt = at;
      if (s.user !== undefined) addMember(client.okMembers, localPart(s.user));
      this.clients.of(`net:${this.network(s.clientIp)}`, at).logins++;
    }
    if (s.user !== undefined) {
      const user = this.users.of(localPart(s.user), at);
      user.logins++;
      user.lastLoginAt = at;
      user.tokenFailures = 0;
      addRecent(user.recentLogins, s.startedAt, 8);
      if (s.clientIp !== undefined) addMember(user.okMembers, s.clientIp);
    }
  }

  private authFailure(s: Session, e: DovecotAuthEvent, at: number): void {
    if (s.clientIp !== undefined && e.mechanism !== 'token') {
      const client = this.clients.of(s.clientIp, at);
      client.passwordFailures++;
      if (e.user !== undefined) addMember(client.failedMembers, localPart(e.user));
    }
    if (e.user !== undefined) {
      const user = this.users.of(localPart(e.user), at);
      if (e.mechanism === 'token') user.tokenFailures++;
      else user.passwordFailures++;
    }
  }

  /** Counts, for the company it keeps, how a connection ended. */
  private ended(s: Session, at: number): void {
    if (s.user !== undefined) addRecent(this.users.of(localPart(s.user), at).recentStarts, s.startedAt, 16);
    const silent = silentMs(s);
    if (silent !== undefined) this.silences.add(silent);
    const trouble = troubleOf(s);
    for (const what of trouble.counts) this.countFor(s, what, at);
    if (s.clientIp !== undefined) {
      const client = this.clients.of(s.clientIp, at);
      if (trouble.scan) {
        client.scans++;
        this.clients.of(`net:${this.network(s.clientIp)}`, at).scans++;
      }
      if (trouble.quickClose) {
        const interval = s.startedAt - client.lastQuickCloseAt;
        if (Number.isFinite(interval)) {
          client.rhythmJitterMs += 0.2 * (Math.abs(interval - client.rhythmMs) - client.rhythmJitterMs);
          client.rhythmMs = client.rhythmMs === 0 ? interval : client.rhythmMs + 0.2 * (interval - client.rhythmMs);
        }
        client.lastQuickCloseAt = s.startedAt;
        client.quickCloses++;
      }
      if (s.preLogin?.auth === 'failed' && s.auth.passwordFailures === 0 && !isTokenMechanism(s.mechanism ?? '')) {
        client.passwordFailures++;
        if (s.user !== undefined) addMember(client.failedMembers, localPart(s.user));
      }
    }
  }

  private countFor(s: Session, what: Parameters<Company['count']>[1], at: number): void {
    this.company.count('all', what, at);
    if (s.sourceIp !== undefined) this.company.count(`net:${this.network(s.sourceIp)}`, what, at);
    if (s.vpn !== undefined) {
      this.company.count(`tunnel:${s.vpn.name}`, what, at);
      this.company.count('vpn', what, at);
    }
  }

  network(ip: string): string {
    let n = this.networks.get(ip);
    if (n === undefined) {
      if (this.networks.size > 200_000) this.networks.clear();
      n = networkOf(ip);
      this.networks.set(ip, n);
    }
    return n;
  }
}

/** Whether a path is a token endpoint (RFC 6749 names it so by custom); undefined if it says nothing about how the client will log in. */
function isTokenPath(path: string | undefined): boolean | undefined {
  return path !== undefined && /oauth|token/i.test(path) ? true : undefined;
}

/** A line about a web connection on which no request was made. */
function isNoRequest(e: RequestEvent): boolean {
  if (e.dataset === 'nginx.access')
    return e.method === undefined && e.path === undefined && (e.status === 400 || e.status === 408 || e.status === 499);
  return (
    e.dataset === 'nginx.error' &&
    e.path === undefined &&
    e.action !== 'request-limited' &&
    e.action !== 'connection-limited'
  );
}

function givesUp(e: RequestEvent): boolean {
  return e.dataset === 'nginx.access'
    ? e.status !== 400
    : e.dataset === 'nginx.error' && /closed connection|timed out/.test(e.reason);
}

const wasGranted = (r: HttpRequest): boolean => r.status !== undefined && r.status < 400 && !r.blocked && !r.limited;

function follows(next: HttpRequest, r: HttpRequest): boolean {
  return (
    next.at >= r.at &&
    next.at - r.endedAt <= REQUEST_TO_CONNECTION_MS &&
    next.path !== r.path &&
    (next.userAgent ?? r.userAgent) === (r.userAgent ?? next.userAgent)
  );
}

/** What the surroundings were made of: lines of the company, tunnel troubles, limits and server events. */
function factsIn(around: Surroundings): number {
  return (
    Math.round(around.everywhere.activity) +
    around.tunnelTroubles.length +
    around.limits.length +
    around.serverEvents.length
  );
}

function transportKey(ip: string | undefined, port: number | undefined): string | undefined {
  return ip === undefined || port === undefined ? undefined : `${ip}|${port}`;
}

function inOrder(a: TimedEvent, b: TimedEvent): number {
  return a.seenAt - b.seenAt || a.event.line.source - b.event.line.source || a.event.line.offset - b.event.line.offset;
}

function family(dataset: string): string {
  return dataset.slice(0, dataset.indexOf('.') >>> 0);
}

function tag(s: Session, t: string): void {
  if (!s.tags.includes(t)) s.tags = [...s.tags, t];
}

function add(map: Map<string, Session[]>, key: string, s: Session): void {
  const list = map.get(key);
  if (list) list.push(s);
  else map.set(key, [s]);
}

function remove(map: Map<string, Session[]>, key: string | undefined, s: Session): void {
  if (key === undefined) return;
  const list = map.get(key);
  if (!list) return;
  const i = list.indexOf(s);
  if (i >= 0) list.splice(i, 1);
  if (list.length === 0) map.delete(key);
}

function addBounded<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > 1000) list.shift();
}
