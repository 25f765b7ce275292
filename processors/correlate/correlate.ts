import type { DovecotAuthEvent, DovecotEvent, DovecotServiceEvent, DovecotSessionEvent } from '../parse/dovecot.ts';
import { type DecodedSessionId, decodeSessionId } from '../parse/dovecot-session-id.ts';
import type { HaproxyEvent } from '../parse/haproxy.ts';
import type { NetfilterEvent } from '../parse/netfilter.ts';
import type { NetflowEvent } from '../parse/netflow.ts';
import type { OpenvpnLogEvent } from '../parse/openvpn.ts';
import { localPart } from '../resolve/network.ts';
import { VpnLeases } from '../resolve/vpn-leases.ts';
import type { Ban, CorrelateState, LimitReached, ServerEvent } from './correlate-state.ts';
import { gatherAuth, gatherDrop, gatherFlow, gatherLogin, gatherMailSession, gatherProxy } from './gather.ts';
import { absorb, bestBegun, bestNameless, isMute, isNamedOnly, likelyOf, mutePeer, onlyBehind } from './nameless.ts';
import { Observations, SLOW_SETUP_MS } from './observations.ts';
import { PendingRequests } from './pending-requests.ts';
import {
  follows,
  gatherRequest,
  givesUp,
  isNoRequest,
  isTokenMechanism,
  isTokenPath,
  newRequest,
  precede,
  REQUEST_LINES_MAX,
  type RequestEvent,
  sameRequest,
  wasGranted,
} from './requests.ts';
import { addLine, addLines, type HttpRequest, newSession, type Session } from './session.ts';
import { SessionStore, userKey } from './session-store.ts';
import type { Surroundings } from './surroundings.ts';
import { survey } from './survey.ts';
import { detach, keep, keepMaybe, kindOf } from './texts.ts';
import type { TimedEvent } from './timed-event.ts';
import { Timers } from './timers.ts';
import { isPlainlyHealthy } from './trouble.ts';
import { Waiting } from './waiting.ts';

export type { CorrelateState } from './correlate-state.ts';
export type { TimedEvent } from './timed-event.ts';

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
const SHARED_USERS = 3;
const REQUESTS_OF_SESSION_MAX = 32;
const MAIL_PORTS = new Set([143, 993]);
const OTHER_SERVICE_PORTS = new Set([25, 80, 110, 443, 465, 587, 995, 4190]);
/** A client goes on to connect within this after the answer to its token or portal request. */
const REQUEST_TO_CONNECTION_MS = 3000;
const SLOW_REQUEST_TO_CONNECTION_MS = 20_000;
/** No login process keeps a client waiting for longer (Dovecot, CLIENT_LOGIN_TIMEOUT_MSECS). */
const AUTH_MS = 180_000;
/** A mail process may write its line before the login process has written that it began, and so may a proxy that saw the end. */
const LOGIN_LINE_MS = 2500;

/**
 * Joins timed events into sessions. One instance per partition; pure: time comes with the events. Events within the allowed lateness may come
 * in any order and any chunking: they are applied in the order of (seenAt, source, offset), and everything that falls due does so at its own
 * time between them. Its whole state can be written down (`snapshot`) and taken up again (`restore`) between any two calls.
 */
export class Correlate {
  readonly observations: Observations;
  readonly leases: VpnLeases;
  readonly bans: Map<string, Ban>;
  readonly limits: LimitReached[];
  readonly serverEvents: ServerEvent[];
  readonly sourcesSeen: Map<string, number>;

  private readonly options: CorrelateOptions;
  private readonly waiting: Waiting;
  /** Event time of what is being applied or closed. */
  private now = Number.NEGATIVE_INFINITY;
  /** How far event time has been advanced: what comes from before that is late. */
  private reached = Number.NEGATIVE_INFINITY;
  private serial = 0;
  private readonly timers: Timers;
  private readonly sessions: SessionStore;
  private readonly pending: PendingRequests;
  evicted = 0;
  late = 0;
  /** Lines that became part of a session or of a web request. */
  joined = 0;

  constructor(options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS, state?: CorrelateState) {
    this.options = options;
    this.observations = new Observations(state?.observations);
    this.leases = state ? VpnLeases.fromData(state.leases) : new VpnLeases();
    this.bans = new Map(state?.bans.map(([ip, b]) => [ip, { ...b, until: b.until ?? Number.POSITIVE_INFINITY }]));
    this.limits = [...(state?.limits ?? [])];
    this.serverEvents = [...(state?.serverEvents ?? [])];
    this.sourcesSeen = new Map(state?.sourcesSeen);
    this.waiting = state ? Waiting.fromData(state.waiting) : new Waiting();
    this.timers = state ? Timers.fromData(state.timers) : new Timers();
    this.sessions = state ? SessionStore.fromData(state.sessions) : new SessionStore();
    this.pending = state ? PendingRequests.fromData(state.pending) : new PendingRequests();
    if (!state) return;
    this.now = state.now ?? Number.NEGATIVE_INFINITY;
    this.reached = state.reached ?? Number.NEGATIVE_INFINITY;
    this.serial = state.serial;
    this.evicted = state.evicted;
    this.late = state.late;
    this.joined = state.joined;
  }

  static restore(state: CorrelateState, options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS): Correlate {
    return new Correlate(options, state);
  }

  /** Everything it knows, as plain data that survives JSON. Shares objects with the running instance: write it down before going on. */
  snapshot(): CorrelateState {
    return {
      now: Number.isFinite(this.now) ? this.now : null,
      reached: Number.isFinite(this.reached) ? this.reached : null,
      serial: this.serial,
      evicted: this.evicted,
      late: this.late,
      joined: this.joined,
      waiting: this.waiting.toData(),
      sessions: this.sessions.toData(),
      pending: this.pending.toData(),
      timers: this.timers.toData(),
      observations: this.observations.toData(),
      leases: this.leases.toData(),
      bans: [...this.bans].map(([ip, b]) => [ip, { ...b, until: Number.isFinite(b.until) ? b.until : null }]),
      limits: this.limits,
      serverEvents: this.serverEvents,
      sourcesSeen: [...this.sourcesSeen],
    };
  }

  get openSessions(): number {
    return this.sessions.size;
  }

  get company(): Observations['company'] {
    return this.observations.company;
  }

  get clients(): Observations['clients'] {
    return this.observations.clients;
  }

  get users(): Observations['users'] {
    return this.observations.users;
  }

  get rules(): Observations['rules'] {
    return this.observations.rules;
  }

  get silences(): Observations['silences'] {
    return this.observations.silences;
  }

  network(ip: string): string {
    return this.observations.network(ip);
  }

  push(events: readonly TimedEvent[]): void {
    for (const e of events) if (e.seenAt < this.reached) this.late++;
    this.waiting.add(events);
  }

  /** Event time has reached `to`: applies what is older (another line of just that time may come yet), and closes what is due by then. */
  advance(to: number, out: ClosedSession[]): void {
    for (let e = this.waiting.take(to); e !== undefined; e = this.waiting.take(to)) {
      this.closeDue(e.seenAt, out);
      this.apply(e, out);
    }
    this.closeDue(to, out);
    if (Number.isFinite(to) && to > this.reached) this.reached = to;
  }

  /** End of input: time goes on without further lines until everything has closed; what had not ended is marked incomplete. */
  flush(out: ClosedSession[]): void {
    this.advance(Number.POSITIVE_INFINITY, out);
  }

  // ---- what falls due ----

  private closeDue(now: number, out: ClosedSession[]): void {
    while (this.timers.nextAt <= now) {
      const due = this.timers.take();
      if (!due) break;
      this.moveTo(due.at);
      this.fallDue(due.serial, due.at, out);
    }
    if (Number.isFinite(now)) this.moveTo(now);
  }

  private moveTo(now: number): void {
    if (now <= this.now) return;
    this.now = now;
    this.observations.forget(now);
  }

  private fallDue(serial: number, at: number, out: ClosedSession[]): void {
    const s = this.sessions.get(serial);
    if (!s) {
      const r = this.pending.get(serial);
      if (r) this.settleRequest(r);
      return;
    }
    if (at !== s.dueAt) return; // of an earlier plan
    s.dueAt = Number.POSITIVE_INFINITY;
    if (this.dueOf(s) > at) this.plan(s);
    else this.close(s, out);
  }

  /** Sees to it that the session is looked at when it is due. What has moved to a later time is noticed when the earlier one has come. */
  private plan(s: Session): void {
    const due = this.dueOf(s);
    if (due >= s.dueAt) return;
    s.dueAt = due;
    this.timers.add(due, s.serial);
  }

  private dueOf(s: Session): number {
    if (s.endedAt !== undefined || s.kind === 'request')
      return Math.max(s.endedAt ?? s.lastAt, s.lastAt) + this.options.settleMs;
    if (s.dovecotId === undefined && s.loggedInAt === undefined && s.preLogin === undefined)
      return s.lastAt + 2 * this.options.settleMs;
    return Math.min(s.lastAt + this.options.idleLimitMs, s.startedAt + this.options.absoluteLimitMs);
  }

  private close(s: Session, out: ClosedSession[]): void {
    this.sessions.remove(s);
    if (s.endedAt === undefined && s.kind === 'connection' && (s.loggedInAt !== undefined || s.idSentAt !== undefined))
      tag(s, 'incomplete');
    this.resolveClient(s);
    const surroundings = isPlainlyHealthy(s) ? undefined : survey(this, s);
    const revised = s.knowledge > 0;
    const known = s.lineKinds.length + s.linesOmitted + (surroundings ? factsIn(surroundings) : 0);
    // A revision counts as knowing more even if much of the company has been forgotten meanwhile.
    s.knowledge = Math.max(known, s.knowledge + 1);
    out.push({ session: s, surroundings, knowledge: s.knowledge, revised });
    this.sessions.keepRevisable(s);
  }

  // ---- one event ----

  private apply(t: TimedEvent, out: ClosedSession[]): void {
    const e = t.event;
    this.sourcesSeen.set(familyOf(e.dataset), t.at);
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
          this.bans.set(keep(e.ip), { at: t.at, jail: keepMaybe(e.jail), until: Number.POSITIVE_INFINITY });
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
    if (e.dataset === 'dovecot.session' && t.seenAt === t.at && !this.isKnown(e)) {
      this.waiting.postpone({ event: e, shift: t.shift, at: t.at, seenAt: t.at + LOGIN_LINE_MS });
      return;
    }
    const s = this.dovecotSession(e, t, out);
    if (!s) {
      if (e.dataset === 'dovecot.auth') this.loneAuth(e, t.at);
      return;
    }
    this.touch(s, t, kindOf(e.dataset, e.action));
    s.host ??= keepMaybe(e.line.host);
    const isKnown = s.sourceIp !== undefined && s.sourcePort !== undefined;
    const userBefore = userKey(s);
    if (e.dataset === 'dovecot.login') {
      const had = s.loggedInAt;
      gatherLogin(s, e, t.at);
      if (e.mpid !== undefined) s.pid = e.mpid;
      if (!isKnown) this.index(s);
      if (had === undefined && s.loggedInAt !== undefined) this.observations.loggedIn(s, s.loggedInAt);
    } else if (e.dataset === 'dovecot.session') {
      gatherMailSession(s, e, t.at);
      if (e.action === 'lock-wait') this.observations.count(s, 'lockWait', t.at);
    } else {
      gatherAuth(s, e);
      if (!isKnown) this.index(s);
      if (e.action === 'failure') this.observations.authFailure(s, e, t.at);
    }
    this.sessions.moveUser(s, userBefore);
    this.observations.count(s, 'activity', t.at);
    if (
      s.endedAt === t.at &&
      (e.dataset === 'dovecot.session' || (e.dataset === 'dovecot.login' && e.action !== 'client-id'))
    )
      this.observations.ended(s, t.at);
    this.plan(s);
  }

  /** The session a Dovecot line belongs to: by session id, else by process id and user, else by user or address in order. */
  private dovecotSession(
    e: Exclude<DovecotEvent, DovecotServiceEvent>,
    t: TimedEvent,
    out: ClosedSession[],
  ): Session | undefined {
    const id = e.session;
    if (id !== undefined && id !== '') {
      const known = this.sessions.withDovecotId(id) ?? this.sessions.reopen(id);
      if (known) return known;
      const decoded = decodeSessionId(id, t.at);
      let s: Session | undefined;
      if (decoded) s = this.sessions.withTransport(decoded.ip, decoded.port, decoded.at, decoded.at);
      if (s && s.dovecotId !== undefined) s = undefined;
      if (e.dataset === 'dovecot.session') s = this.ofProcess(e, s);
      if (decoded && e.dataset === 'dovecot.auth' && (!s || isMute(s))) s = this.namedByAuth(decoded, s);
      if (!s) {
        if (e.dataset === 'dovecot.auth' && !decoded) return undefined;
        s = this.create('connection', decoded?.at ?? t.at, decoded ? 1 : e.stamp.precisionMs, e.dataset, out);
      }
      this.sessions.addDovecotId(detach(id), s);
      if (decoded) {
        s.startedAt = decoded.at;
        s.startPrecisionMs = 1;
        s.startBasis = 'dovecot.session_id';
        s.sourceIp ??= keep(decoded.ip);
        s.sourcePort ??= decoded.port;
      }
      if (e.dataset === 'dovecot.login') s.sourceIp ??= keepMaybe(e.rip);
      this.index(s);
      this.started(s);
      return s;
    }
    if (e.dataset === 'dovecot.session') {
      if (e.user === undefined) return undefined;
      return this.ofProcess(e, undefined) ?? likelyOf(this.sessions.byUser.lastFirst(localPart(e.user)), e, t.at);
    }
    if (e.rip === undefined) return undefined;
    if (e.dataset === 'dovecot.auth') {
      return this.sessions.byClient.findLast(
        e.rip,
        (s) => s.endedAt === undefined && s.loggedInAt === undefined && t.at - s.startedAt < AUTH_MS,
      );
    }
    // No session id in the site's format: one login line, one session; its start is unknown but for what the line itself says.
    const waited = e.waitedSeconds ?? 0;
    const pending =
      e.rport === undefined ? undefined : this.sessions.withTransport(e.rip, e.rport, t.at - waited * 1000, t.at);
    if (pending) return pending;
    const open = this.sessions.byClient.findLast(
      e.rip,
      (s) =>
        s.idSentAt !== undefined && s.loggedInAt === undefined && s.endedAt === undefined && s.dovecotId === undefined,
    );
    if (open && e.action !== 'client-id') return open;
    const named =
      e.user === undefined ? undefined : this.sessions.byClient.findLast(e.rip, (of) => isNamedOnly(of, e.user));
    if (named) return named;
    const silent = mutePeer(this.sessions.byClient.lastFirst(this.realAddress(e.rip, t.at)), e, t.at);
    if (silent) {
      if (e.waitedSeconds !== undefined) {
        silent.startedAt = t.at - waited * 1000;
        silent.startPrecisionMs = Math.max(1000, e.stamp.precisionMs);
        silent.startBasis = e.dataset;
      }
      return silent;
    }
    const s = this.create('connection', t.at - waited * 1000, Math.max(1000, e.stamp.precisionMs), e.dataset, out);
    s.sourceIp = keep(e.rip);
    s.sourcePort = e.rport;
    this.index(s);
    this.started(s);
    return s;
  }

  /** Whether its session is beyond doubt. If not, the line is taken up again when what is written at about the same time has been read. */
  private isKnown(e: DovecotSessionEvent): boolean {
    if (e.session !== undefined && this.sessions.knows(e.session)) return true;
    return e.user !== undefined && this.ofProcess(e, undefined) !== undefined;
  }

  /** Where login lines have no session id: the session that this process was given, to which `other`, known by its port only, is added. */
  private ofProcess(e: DovecotSessionEvent, other: Session | undefined): Session | undefined {
    if (e.pid === undefined || e.user === undefined) return other;
    const s = this.sessions.byUser.findLast(localPart(e.user), (of) => of.pid === e.pid && of.dovecotId === undefined);
    if (s && other && s !== other) {
      absorb(s, other);
      this.sessions.remove(other);
    }
    return s ?? other;
  }

  /** Lines of auth have the id that login lines lack: the session of this address that a login line began then, `other` added to it. */
  private namedByAuth(id: DecodedSessionId, other: Session | undefined): Session | undefined {
    const s = bestBegun(this.sessions.byClient.lastFirst(this.realAddress(id.ip, id.at)), id);
    if (s && other) {
      absorb(s, other);
      this.sessions.remove(other);
    }
    return s ?? other;
  }

  /** The session of a connection in [from, to] that another source tells of: by its port, else among those whose port no line of Dovecot told. */
  private connection(ip: string, port: number, from: number, to: number, precisionMs: number): Session | undefined {
    const s = this.sessions.withTransport(ip, port, from, to);
    if (s && !isMute(s)) return s;
    const named = this.nameless(ip, port, from, to, precisionMs);
    if (named && s) {
      absorb(named, s);
      this.sessions.remove(s);
      this.sessions.addTransport(ip, port, named);
    }
    return named ?? s;
  }

  /** The session that Dovecot's lines tell of without a port, and that a connection of this address and port is. */
  private nameless(ip: string, port: number, from: number, to: number, precisionMs: number): Session | undefined {
    const s = bestNameless(this.sessions.byClient.lastFirst(this.realAddress(ip, from)), ip, from, to);
    if (!s) return undefined;
    if (
      s.loggedInAt !== undefined &&
      s.loggedInAt - s.startedAt <= SLOW_SETUP_MS &&
      s.loggedInAt - from > SLOW_SETUP_MS
    )
      this.observations.count(s, 'slowSetup', s.loggedInAt);
    // An end that tells how long it had waited tells when the server took the connection up, which may be long after its SYN.
    if (s.preLogin?.waitedSeconds === undefined) {
      s.startedAt = from;
      s.startPrecisionMs = precisionMs;
    }
    s.sourcePort = port;
    this.sessions.addTransport(s.sourceIp, port, s);
    return s;
  }

  private applyService(e: DovecotServiceEvent, at: number): void {
    if (e.action === 'limit-reached')
      addBounded(this.limits, {
        at,
        service: keep(e.service ?? 'unknown'),
        name: keep(e.limitName ?? 'limit'),
        limit: e.limit,
      });
    else if (e.action === 'reload' || e.action === 'stopped' || e.action === 'started' || e.action === 'killed') {
      addBounded(this.serverEvents, { at, kind: e.action });
    }
  }

  private loneAuth(e: DovecotAuthEvent, at: number): void {
    if (e.action === 'queued' || e.action === 'timeout' || e.action === 'overload')
      this.observations.everywhere('authWait', at);
    if (e.action === 'failure' && e.rip !== undefined) this.clients.of(e.rip, at).passwordFailures++;
  }

  private applyProxy(e: HaproxyEvent, t: TimedEvent, out: ClosedSession[]): void {
    if (e.clientIp === undefined || e.clientPort === undefined || e.http !== undefined) return;
    const endedAt = e.endedAt === undefined ? undefined : e.endedAt + t.shift;
    let s = this.connection(e.clientIp, e.clientPort, t.at, endedAt ?? t.at, e.stamp.precisionMs);
    if (!s || isMute(s)) {
      const behind = this.behindProxy(e, t.at, endedAt);
      if (behind && s) {
        absorb(behind, s);
        this.sessions.remove(s);
        this.sessions.addTransport(e.clientIp, e.clientPort, behind);
      }
      s = behind ?? s;
    }
    if (!s) {
      s = this.create('connection', t.at, e.stamp.precisionMs, e.dataset, out);
      s.sourceIp = keep(e.clientIp);
      s.sourcePort = e.clientPort;
      this.index(s);
      this.started(s);
    }
    this.touch(s, t, kindOf(e.dataset, e.action));
    gatherProxy(s, e, t.at, endedAt);
    s.protocol ??= 'imap';
    if (s.dovecotId === undefined && s.loggedInAt === undefined && s.preLogin === undefined) {
      const userBefore = userKey(s);
      s.endedAt ??= endedAt ?? t.at;
      this.sessions.moveUser(s, userBefore);
    }
    this.plan(s);
  }

  /** Without the PROXY protocol Dovecot sees the proxy's address: its session that begins when the proxy had connected, and ends with it. */
  private behindProxy(e: HaproxyEvent, acceptedAt: number, endedAt: number | undefined): Session | undefined {
    if (e.clientIp === undefined) return undefined;
    const found = onlyBehind(this.sessions.shared, acceptedAt + (e.queueMs ?? 0) + (e.connectMs ?? 0), endedAt);
    if (!found) return undefined;
    // From here on it is found by the client's address and port too, which is what packet filters and flow records see.
    this.sessions.moveClient(found, keep(e.clientIp));
    this.sessions.addTransport(e.clientIp, e.clientPort, found);
    tag(found, 'proxied');
    this.observations.foundBehindProxy(found);
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
    let s = this.connection(ip, port, t.at, endedAt, e.stamp.precisionMs);
    if (!s) {
      // A lone tail (no SYN) belongs to a session that was closed long ago or began before the input: it tells nothing by itself.
      if (!e.flags.includes('S')) return;
      s = this.create('connection', t.at, e.stamp.precisionMs, e.dataset, out);
      s.sourceIp = keep(ip);
      s.sourcePort = port;
      s.serverIp = keep(toServer ? e.destinationIp : e.sourceIp);
      s.serverPort = toServer ? e.destinationPort : e.sourcePort;
      s.protocol = 'imap';
      this.index(s);
    }
    s.serverPort ??= toServer ? e.destinationPort : e.sourcePort;
    this.touch(s, t, kindOf(e.dataset, e.action));
    const before = s.flow;
    gatherFlow(s, e, toServer, t.at, endedAt);
    if (!before && toServer && e.flags === 'S') this.observations.count(s, 'unanswered', t.at);
    if (s.endedAt !== undefined && endedAt - s.endedAt > 5000) this.observations.count(s, 'undelivered', s.endedAt);
    this.plan(s);
  }

  private otherTraffic(e: NetflowEvent, at: number, endedAt: number): void {
    if (OTHER_SERVICE_PORTS.has(e.destinationPort) || OTHER_SERVICE_PORTS.has(e.sourcePort)) return;
    const kilobytes = e.bytes / 1024;
    const buckets = Math.min(120, Math.max(1, Math.ceil((endedAt - at) / 5000)));
    for (let i = 0; i < buckets; i++) {
      const when = at + ((endedAt - at) * (i + 0.5)) / buckets;
      this.observations.inNetwork(e.sourceIp, 'bulkKilobytes', when, kilobytes / buckets);
      this.observations.inNetwork(e.destinationIp, 'bulkKilobytes', when, kilobytes / buckets);
    }
  }

  private applyPacket(e: NetfilterEvent, t: TimedEvent, out: ClosedSession[]): void {
    if (e.sourcePort === undefined || e.destinationPort === undefined || !MAIL_PORTS.has(e.destinationPort)) return;
    if (e.action === 'accepted') return;
    let s = this.sessions.withTransport(e.sourceIp, e.sourcePort, t.at, t.at);
    if (!s) {
      s = this.create('connection', t.at, e.stamp.precisionMs, e.dataset, out);
      s.sourceIp = keep(e.sourceIp);
      s.sourcePort = e.sourcePort;
      s.serverIp = keep(e.destinationIp);
      s.serverPort = e.destinationPort;
      s.protocol = 'imap';
      this.index(s);
      this.observations.count(s, e.limited ? 'limited' : 'unanswered', t.at);
    }
    this.touch(s, t, kindOf(e.dataset, e.action));
    gatherDrop(s, e, t.at);
    this.plan(s);
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
      if (givesUp(e)) this.observations.inNetwork(ip, 'gaveUp', t.at);
      return;
    }
    this.joined++;
    const r = sameRequest(this.pending.of(ip), e, t.at) ?? this.newPending(keep(ip), t.at);
    const wasBlocked = r.blocked;
    const wasLimited = r.limited;
    gatherRequest(r, e, t.at);
    addLine(r, e.line.source, e.line.offset, t.at, kindOf(e.dataset, e.action), REQUEST_LINES_MAX);
    if (r.blocked && !wasBlocked) this.observations.requestBlocked(r, t.at);
    if (r.limited && !wasLimited) this.observations.inNetwork(ip, 'limited', t.at);
  }

  private newPending(ip: string, at: number): HttpRequest {
    const r = newRequest(this.serial++, ip, at);
    this.pending.add(r);
    this.timers.add(at + this.options.settleMs, r.serial);
    this.observations.inNetwork(ip, 'activity', at);
    this.observations.everywhere('activity', at);
    const excess = this.pending.inExcess(ip);
    if (excess) this.settleRequest(excess);
    return r;
  }

  /** Decides, once other sources had time to speak, which attempt a request belongs to: the connection that follows, the next request, or itself. */
  private settleRequest(r: HttpRequest): void {
    this.pending.remove(r);
    const connection = this.connectionAfter(r);
    if (connection) {
      this.attach(connection, r);
      return;
    }
    const next = wasGranted(r) ? this.pending.of(r.ip).find((other) => follows(other, r)) : undefined;
    if (next) {
      precede(next, r);
      return;
    }
    const s = newSession('request', this.serial++, r.at, r.port === undefined ? 1000 : 1, r.seen[0] ?? 'nginx.access');
    s.sourceIp = r.ip;
    s.sourcePort = r.port;
    s.serverIp = r.serverIp;
    s.user = r.user;
    s.client = r.userAgent;
    s.protocol = 'https';
    s.endedAt = r.endedAt;
    s.lastAt = r.endedAt;
    this.attach(s, r);
    this.sessions.add(s);
    this.indexClient(s);
    // It has waited already.
    s.dueAt = this.now;
    this.timers.add(this.now, s.serial);
  }

  private attach(s: Session, r: HttpRequest): void {
    s.requests = [...s.requests, r];
    addLines(s, r);
    if (r.at < s.firstAt) s.firstAt = r.at;
    const userBefore = userKey(s);
    s.user ??= r.user;
    this.sessions.moveUser(s, userBefore);
  }

  private connectionAfter(r: HttpRequest): Session | undefined {
    let best: Session | undefined;
    let distance = Number.POSITIVE_INFINITY;
    // A granted request may be followed slowly where the path is slow; a denied one ends the attempt unless the client goes on at once.
    const patience = wasGranted(r) ? SLOW_REQUEST_TO_CONNECTION_MS : REQUEST_TO_CONNECTION_MS;
    for (const s of this.sessions.byClient.lastFirst(this.realAddress(r.ip, r.at))) {
      if (s.kind !== 'connection') continue;
      const after = s.startedAt - r.endedAt;
      const tolerance = Math.max(1000, s.startPrecisionMs);
      if (after < -tolerance - 200 || after > patience) continue;
      if (s.requests.length >= REQUESTS_OF_SESSION_MAX) continue;
      if (s.requests.some((other) => other.path === r.path)) continue;
      if (r.user !== undefined && s.user !== undefined && localPart(r.user) !== localPart(s.user)) continue;
      const token = isTokenPath(r.path);
      if (token !== undefined && s.mechanism !== undefined && token !== isTokenMechanism(s.mechanism)) continue;
      const d = Math.abs(after - (r.port === undefined ? -300 : 0));
      if (d <= distance) {
        distance = d;
        best = s;
      }
    }
    return best;
  }

  // ---- sessions ----

  private create(kind: Session['kind'], at: number, precisionMs: number, basis: string, out: ClosedSession[]): Session {
    if (this.sessions.size >= this.options.openMax) this.evict(out);
    const s = newSession(kind, this.serial++, at, precisionMs, basis);
    this.sessions.add(s);
    return s;
  }

  /** Makes room by closing the oldest thousandth; each is marked. */
  private evict(out: ClosedSession[]): void {
    for (const s of this.sessions.oldest(Math.max(1, Math.floor(this.options.openMax / 1000)))) {
      tag(s, 'evicted');
      tag(s, 'incomplete');
      this.evicted++;
      this.close(s, out);
    }
  }

  private index(s: Session): void {
    this.sessions.addTransport(s.sourceIp, s.sourcePort, s);
    this.indexClient(s);
  }

  private indexClient(s: Session): void {
    if (s.clientIp !== undefined || s.sourceIp === undefined) return;
    this.sessions.moveClient(s, s.sourceIp);
    this.resolveClient(s);
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
    if (lease.realIp !== undefined) this.sessions.moveClient(s, lease.realIp);
  }

  private touch(s: Session, t: TimedEvent, kind: string): void {
    if (t.at < s.firstAt) s.firstAt = t.at;
    if (t.seenAt > s.lastAt) s.lastAt = t.seenAt;
    this.joined++;
    addLine(s, t.event.line.source, t.event.line.offset, t.at, kind);
  }

  private started(s: Session): void {
    if (this.observations.started(s, SHARED_USERS)) this.sessions.share(s);
  }
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

const FAMILIES = new Map<string, string>();

/** The part of a dataset's name that says which program wrote it. */
function familyOf(dataset: string): string {
  let family = FAMILIES.get(dataset);
  if (family === undefined) {
    family = dataset.slice(0, dataset.indexOf('.') >>> 0);
    FAMILIES.set(dataset, family);
  }
  return family;
}

function tag(s: Session, t: string): void {
  if (!s.tags.includes(t)) s.tags = [...s.tags, t];
}

function addBounded<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > 1000) list.shift();
}
