import { Journal } from '../journal.ts';
import type { DovecotAuthEvent, DovecotLoginEvent, DovecotSessionEvent } from '../parse/dovecot.ts';
import { type DecodedSessionId, decodeSessionId } from '../parse/dovecot-session-id.ts';
import type { HaproxyEvent } from '../parse/haproxy.ts';
import type { NetfilterEvent } from '../parse/netfilter.ts';
import type { NetflowEvent } from '../parse/netflow.ts';
import { localPart } from '../resolve/network.ts';
import type { ColdLines } from './cold-lines.ts';
import { gatherAuth, gatherDrop, gatherFlow, gatherLogin, gatherMailSession, gatherProxy } from './gather.ts';
import {
  absorb,
  bestBegun,
  bestNameless,
  isMute,
  isNamedOnly,
  isOfPort,
  likelyOf,
  mutePeer,
  onlyBehind,
} from './nameless.ts';
import { type CorrelateOptions, DEFAULT_CORRELATE_OPTIONS } from './options.ts';
import { familyOf, isToMailPort, isToServer, type SessionEvent } from './route.ts';
import { addLine, newSession, type Session, SLOW_SETUP_MS } from './session.ts';
import { SessionStore, type SessionStoreState, type StoredSession, userKey } from './session-store.ts';
import { type AddressUsers, SharedAddresses, type SharedAddressesState } from './shared-addresses.ts';
import { BEFORE_LINES, type SiteFact } from './site-fact.ts';
import { Tell } from './tell.ts';
import { detach, keep, keepMaybe, kindOf } from './texts.ts';
import type { TimedEvent } from './timed-event.ts';
import { Timers } from './timers.ts';
import { Waiting } from './waiting.ts';

/** An event that tells of one connection. */
export type TimedSessionEvent = TimedEvent<SessionEvent>;

/** Plain data that survives JSON (infinite times are null). The order of every list is part of the state. */
export interface SessionsState {
  readonly now: number | null;
  readonly reached: number | null;
  readonly serial: number;
  readonly evicted: number;
  readonly late: number;
  readonly joined: number;
  readonly waiting: readonly TimedSessionEvent[];
  readonly store: SessionStoreState;
  /** Time and serial in turn. */
  readonly timers: readonly number[];
  readonly shared: SharedAddressesState;
  readonly heard: readonly (readonly [string, number])[];
}

/** Takes an event that could not be applied, and what it made the code throw. */
export type Rejected = (event: TimedSessionEvent, error: unknown) => void;

type DovecotLineEvent = DovecotLoginEvent | DovecotSessionEvent | DovecotAuthEvent;

/** What is written down between two moments: the small things whole, the many things where they changed. An undefined value: it is no more. */
export interface SessionsChanges {
  readonly core: SessionsCore;
  readonly sessions: readonly (readonly [number, StoredSession | undefined])[];
  readonly addresses: readonly (readonly [string, AddressUsers | undefined])[];
  /** Events that were taken up and wait a little longer, by the position of their line. */
  readonly postponed: readonly (readonly [string, TimedSessionEvent | undefined])[];
}

/** All but what is written down one by one, and the events whose time has not come: those are read again. */
export interface SessionsCore {
  readonly now: number | null;
  readonly reached: number | null;
  readonly serial: number;
  readonly evicted: number;
  readonly late: number;
  readonly joined: number;
  readonly heard: readonly (readonly [string, number])[];
}

/** No login process keeps a client waiting for longer (Dovecot, CLIENT_LOGIN_TIMEOUT_MSECS). */
const AUTH_MS = 180_000;
/** A mail process may write its line before the login process has written that it began, and so may a proxy that saw the end. */
const LOGIN_LINE_MS = 2500;

/**
 * Joins the events of connections into sessions, and tells the site what became of each. Sessions that can meet have one address in common, as
 * the server saw it: by that address they can be divided among any number of instances. Pure: time comes with the events. Events within the
 * allowed lateness may come in any order and any chunking: they are applied in the order of (seenAt, source, offset), and everything that falls
 * due does so at its own time between them. Its whole state can be written down (`snapshot`) and taken up again between any two calls.
 */
export class Sessions {
  private readonly options: CorrelateOptions;
  private readonly waiting: Waiting<TimedSessionEvent>;
  /** Event time of what is being applied or closed. */
  private now = Number.NEGATIVE_INFINITY;
  /** How far event time has been advanced: what comes from before that is late. */
  private reached = Number.NEGATIVE_INFINITY;
  private serial: number;
  private readonly timers: Timers;
  private store: SessionStore;
  private shared: SharedAddresses;
  private tell: Tell;
  /** Those in `waiting` that were taken up before. */
  private readonly postponed = new Map<string, TimedSessionEvent>();
  private readonly postponedJournal = new Journal<string>();
  evicted = 0;
  late = 0;
  /** Lines that became part of a session. */
  joined = 0;

  /** `firstSerial` keeps the serials of several instances apart. */
  constructor(options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS, state?: SessionsState, firstSerial = 0) {
    this.options = options;
    this.waiting = new Waiting(inOrder, state?.waiting);
    this.timers = state ? Timers.fromData(state.timers) : new Timers();
    this.store = state ? SessionStore.fromData(state.store) : new SessionStore();
    this.shared = new SharedAddresses(state?.shared);
    this.tell = new Tell(state?.heard);
    this.serial = state?.serial ?? firstSerial;
    if (!state) return;
    this.now = state.now ?? Number.NEGATIVE_INFINITY;
    this.reached = state.reached ?? Number.NEGATIVE_INFINITY;
    this.evicted = state.evicted;
    this.late = state.late;
    this.joined = state.joined;
  }

  /** Everything it knows, as plain data. Shares objects with the running instance: write it down before going on. */
  snapshot(): SessionsState {
    return {
      now: Number.isFinite(this.now) ? this.now : null,
      reached: Number.isFinite(this.reached) ? this.reached : null,
      serial: this.serial,
      evicted: this.evicted,
      late: this.late,
      joined: this.joined,
      waiting: this.waiting.toData(),
      store: this.store.toData(),
      timers: this.timers.toData(),
      shared: this.shared.toData(),
      heard: this.tell.toData(),
    };
  }

  /** From here on `changes` tells what changed since it was last asked. */
  keepJournal(): void {
    this.store.journal.keep();
    this.shared.journal.keep();
    this.postponedJournal.keep();
  }

  changes(): SessionsChanges {
    return {
      core: {
        now: Number.isFinite(this.now) ? this.now : null,
        reached: Number.isFinite(this.reached) ? this.reached : null,
        serial: this.serial,
        evicted: this.evicted,
        late: this.late,
        joined: this.joined,
        heard: this.tell.toData(),
      },
      sessions: this.store.entries(this.store.journal.take()),
      addresses: this.shared.journal.take().map((ip) => [ip, this.shared.of(ip)]),
      postponed: this.postponedJournal.take().map((position) => [position, this.postponed.get(position)]),
    };
  }

  /** As it was when the last of these changes was asked for, but for the events whose time had not come. */
  static fromChanges(
    core: SessionsCore,
    sessions: readonly StoredSession[],
    addresses: SharedAddressesState,
    postponed: readonly TimedSessionEvent[],
    options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS,
    cold?: ColdLines,
  ): Sessions {
    const s = new Sessions(options, undefined, core.serial);
    s.now = core.now ?? Number.NEGATIVE_INFINITY;
    s.reached = core.reached ?? Number.NEGATIVE_INFINITY;
    s.evicted = core.evicted;
    s.late = core.late;
    s.joined = core.joined;
    s.tell = new Tell(core.heard);
    for (const e of postponed) s.postpone(e);
    s.store = SessionStore.fromEntries(sessions, cold);
    s.shared = new SharedAddresses(addresses);
    for (const open of s.store.all()) {
      if (Number.isFinite(open.dueAt)) s.timers.add(open.dueAt, open.serial);
      else s.plan(open);
    }
    return s;
  }

  /** Event time has come so far: an event of before was applied, or is late. */
  get advancedTo(): number {
    return this.reached;
  }

  get open(): number {
    return this.store.size;
  }

  push(events: readonly TimedSessionEvent[]): void {
    for (const e of events) if (e.seenAt < this.reached) this.late++;
    this.waiting.add(events);
  }

  /**
   * Event time has reached `to`: applies what is older (another line of just that time may come yet), and closes what is due by then. An event
   * that cannot be applied is given to `rejected`, where there is one, and the rest goes on; what it had changed by then stays.
   */
  advance(to: number, out: SiteFact[], rejected?: Rejected): void {
    this.tell.to(out);
    const isOlder = (e: TimedSessionEvent): boolean => e.seenAt < to;
    for (let e = this.waiting.take(isOlder); e !== undefined; e = this.waiting.take(isOlder)) {
      this.closeDue(e.seenAt);
      this.now = Math.max(this.now, e.seenAt);
      this.tell.because(this.now, e.event.line.source, e.event.line.offset);
      if (rejected === undefined) this.apply(e);
      else this.tryApply(e, rejected);
    }
    this.closeDue(to);
    if (!Number.isFinite(to)) return;
    this.now = Math.max(this.now, to);
    this.reached = Math.max(this.reached, to);
  }

  /**
   * Packs what is held of sessions that nothing was said of since `before`, UTC ms: less memory for more work when their next line comes. What was told and what changed must have
   * been written down.
   */
  rest(before: number): void {
    this.store.cool(before);
  }

  /** End of input: time goes on without further lines until everything has closed; what had not ended is marked incomplete. */
  flush(out: SiteFact[]): void {
    this.advance(Number.POSITIVE_INFINITY, out);
  }

  // ---- what falls due ----

  private closeDue(now: number): void {
    while (this.timers.nextAt <= now) {
      const due = this.timers.take();
      if (!due) break;
      this.now = Math.max(this.now, due.at);
      const s = this.store.get(due.serial);
      if (!s || due.at !== s.dueAt) continue; // closed, or of an earlier plan
      s.dueAt = Number.POSITIVE_INFINITY;
      if (this.dueOf(s) > due.at) this.plan(s);
      else {
        this.tell.because(this.now, BEFORE_LINES, s.serial);
        this.close(s);
      }
    }
  }

  /** Sees to it that the session is looked at when it is due. What has moved to a later time is noticed when the earlier one has come. */
  private plan(s: Session): void {
    const due = this.dueOf(s);
    if (due >= s.dueAt) return;
    s.dueAt = due;
    this.timers.add(due, s.serial);
  }

  private dueOf(s: Session): number {
    if (s.endedAt !== undefined) return Math.max(s.endedAt, s.lastAt) + this.options.settleMs;
    if (s.dovecotId === undefined && s.loggedInAt === undefined && s.preLogin === undefined)
      return s.lastAt + 2 * this.options.settleMs;
    return Math.min(s.lastAt + this.options.idleLimitMs, s.startedAt + this.options.absoluteLimitMs);
  }

  private close(s: Session): void {
    this.store.warm(s);
    this.store.remove(s);
    if (s.endedAt === undefined && (s.loggedInAt !== undefined || s.idSentAt !== undefined)) tag(s, 'incomplete');
    this.tell.closed(s);
    this.store.keepRevisable(s);
  }

  // ---- one event ----

  private tryApply(t: TimedSessionEvent, rejected: Rejected): void {
    const before = this.serial;
    try {
      this.apply(t);
    } catch (error) {
      rejected(t, error);
      // What it began must come to an end too.
      for (let serial = before; serial < this.serial; serial++) {
        const begun = this.store.get(serial);
        if (begun) this.plan(begun);
      }
    }
  }

  /** For a line whose session is in doubt: it is taken up again when what is written at about the same time has been read. */
  private postpone(t: TimedSessionEvent): void {
    this.waiting.postpone(t);
    this.postponed.set(positionOf(t), t);
    this.postponedJournal.note(positionOf(t));
  }

  private apply(t: TimedSessionEvent): void {
    const e = t.event;
    this.tell.heard(familyOf(e.dataset), t.at);
    switch (e.dataset) {
      case 'dovecot.login':
      case 'dovecot.session':
      case 'dovecot.auth':
        this.applyDovecot(e, t);
        return;
      case 'haproxy.connection':
        this.applyProxy(e, t);
        return;
      case 'netflow.flow':
        this.applyFlow(e, t);
        return;
      case 'netfilter.packet':
        this.applyPacket(e, t);
        return;
      default:
        e satisfies never;
    }
  }

  private applyDovecot(e: DovecotLineEvent, t: TimedSessionEvent): void {
    if (e.dataset === 'dovecot.login' && e.protocol !== 'imap') return;
    if (e.dataset === 'dovecot.session' && e.protocol !== 'imap') return;
    if (e.dataset === 'dovecot.session') {
      if (t.seenAt === t.at && !this.isKnown(e)) {
        this.postpone({ ...t, event: e, seenAt: t.at + LOGIN_LINE_MS });
        return;
      }
      if (t.seenAt !== t.at && this.postponed.delete(positionOf(t))) this.postponedJournal.note(positionOf(t));
    }
    const s = this.dovecotSession(e, t);
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
      if (had === undefined && s.loggedInAt !== undefined) this.loggedIn(s, s.loggedInAt);
    } else if (e.dataset === 'dovecot.session') {
      gatherMailSession(s, e, t.at);
      if (e.action === 'lock-wait') this.tell.counted(s, 'lockWait', t.at);
    } else {
      gatherAuth(s, e);
      if (!isKnown) this.index(s);
      if (e.action === 'failure') this.tell.authFailed(s, e, t.at);
    }
    this.store.moveUser(s, userBefore);
    if (e.dataset !== 'dovecot.session') this.tell.identified(s);
    this.tell.counted(s, 'activity', t.at);
    if (
      s.endedAt === t.at &&
      (e.dataset === 'dovecot.session' || (e.dataset === 'dovecot.login' && e.action !== 'client-id'))
    )
      this.tell.ended(s, t.at);
    this.plan(s);
  }

  /** The session a Dovecot line belongs to: by session id, else by process id and user, else by user or address in order. */
  private dovecotSession(e: DovecotLineEvent, t: TimedSessionEvent): Session | undefined {
    const id = e.session;
    if (id !== undefined && id !== '') {
      const known = this.store.withDovecotId(id) ?? this.store.reopen(id);
      if (known) return known;
      const decoded = decodeSessionId(id, t.at);
      let s: Session | undefined;
      if (decoded) s = this.store.withTransport(decoded.ip, decoded.port, decoded.at, decoded.at);
      if (s && s.dovecotId !== undefined) s = undefined;
      if (e.dataset === 'dovecot.session') s = this.ofProcess(e, s);
      if (decoded && e.dataset === 'dovecot.auth' && (!s || isMute(s))) s = this.namedByAuth(decoded, s);
      if (!s) {
        if (e.dataset === 'dovecot.auth' && !decoded) return undefined;
        s = this.create(decoded?.at ?? t.at, decoded ? 1 : e.stamp.precisionMs, e.dataset);
      }
      this.store.addDovecotId(detach(id), s);
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
      return this.ofProcess(e, undefined) ?? likelyOf(this.store.byUser.lastFirst(localPart(e.user)), e, t.at);
    }
    if (e.rip === undefined) return undefined;
    if (e.dataset === 'dovecot.auth') {
      return this.store.byClient.findLast(
        e.rip,
        (s) => s.endedAt === undefined && s.loggedInAt === undefined && t.at - s.startedAt < AUTH_MS,
      );
    }
    // No session id in the site's format: one login line, one session; its start is unknown but for what the line itself says.
    const waited = e.waitedSeconds ?? 0;
    const pending =
      e.rport === undefined ? undefined : this.store.withTransport(e.rip, e.rport, t.at - waited * 1000, t.at);
    if (pending) return pending;
    const open = this.store.byClient.findLast(
      e.rip,
      (s) =>
        isOfPort(s, e.rport) &&
        s.idSentAt !== undefined &&
        s.loggedInAt === undefined &&
        s.endedAt === undefined &&
        s.dovecotId === undefined,
    );
    if (open && e.action !== 'client-id') return open;
    const named =
      e.user === undefined
        ? undefined
        : this.store.byClient.findLast(e.rip, (of) => isOfPort(of, e.rport) && isNamedOnly(of, e.user));
    if (named) return named;
    const silent = mutePeer(this.store.byClient.lastFirst(e.rip), e, t.at);
    if (silent) {
      if (e.waitedSeconds !== undefined) {
        silent.startedAt = t.at - waited * 1000;
        silent.startPrecisionMs = Math.max(1000, e.stamp.precisionMs);
        silent.startBasis = e.dataset;
      }
      return silent;
    }
    const s = this.create(t.at - waited * 1000, Math.max(1000, e.stamp.precisionMs), e.dataset);
    s.sourceIp = keep(e.rip);
    s.sourcePort = e.rport;
    this.index(s);
    this.started(s);
    return s;
  }

  /** Whether its session is beyond doubt. */
  private isKnown(e: DovecotSessionEvent): boolean {
    if (e.session !== undefined && this.store.knows(e.session)) return true;
    return e.user !== undefined && this.ofProcess(e, undefined) !== undefined;
  }

  /** Where login lines have no session id: the session that this process was given, to which `other`, known by its port only, is added. */
  private ofProcess(e: DovecotSessionEvent, other: Session | undefined): Session | undefined {
    if (e.pid === undefined || e.user === undefined) return other;
    const s = this.store.byUser.findLast(localPart(e.user), (of) => of.pid === e.pid && of.dovecotId === undefined);
    if (s && other && s !== other) {
      this.merge(other, s);
    }
    return s ?? other;
  }

  /** Lines of auth have the id that login lines lack: the session of this address that a login line began then, `other` added to it. */
  private namedByAuth(id: DecodedSessionId, other: Session | undefined): Session | undefined {
    const s = bestBegun(this.store.byClient.lastFirst(id.ip), id);
    if (s && other) {
      this.merge(other, s);
    }
    return s ?? other;
  }

  /** Adds to `into` what was held for another one that turns out to be the same. */
  private merge(other: Session, into: Session): void {
    this.store.warm(into);
    this.store.warm(other);
    absorb(into, other);
    this.store.remove(other);
    this.tell.merged(other, into);
  }

  /** The session of a connection in [from, to] that another source tells of: by its port, else among those whose port no line of Dovecot told. */
  private connection(ip: string, port: number, from: number, to: number, precisionMs: number): Session | undefined {
    const s = this.store.withTransport(ip, port, from, to);
    if (s && !isMute(s)) return s;
    const named = this.nameless(ip, port, from, to, precisionMs);
    if (named && s) {
      this.merge(s, named);
      this.store.addTransport(ip, port, named);
    }
    return named ?? s;
  }

  /** The session that Dovecot's lines tell of without a port, and that a connection of this address and port is. */
  private nameless(ip: string, port: number, from: number, to: number, precisionMs: number): Session | undefined {
    const s = bestNameless(this.store.byClient.lastFirst(ip), ip, from, to);
    if (!s) return undefined;
    if (
      s.loggedInAt !== undefined &&
      s.loggedInAt - s.startedAt <= SLOW_SETUP_MS &&
      s.loggedInAt - from > SLOW_SETUP_MS
    )
      this.tell.counted(s, 'slowSetup', s.loggedInAt);
    // An end that tells how long it had waited tells when the server took the connection up, which may be long after its SYN.
    if (s.preLogin?.waitedSeconds === undefined) {
      s.startedAt = from;
      s.startPrecisionMs = precisionMs;
    }
    s.sourcePort = port;
    this.store.addTransport(s.sourceIp, port, s);
    this.tell.identified(s);
    return s;
  }

  private loneAuth(e: DovecotAuthEvent, at: number): void {
    if (e.action === 'queued' || e.action === 'timeout' || e.action === 'overload')
      this.tell.countedEverywhere('authWait', at);
    // A token that has expired is no guess.
    if (e.action === 'failure' && e.mechanism !== 'token' && e.rip !== undefined) this.tell.passwordFailed(e.rip, at);
  }

  private applyProxy(e: HaproxyEvent, t: TimedSessionEvent): void {
    if (e.clientIp === undefined || e.clientPort === undefined || e.http !== undefined) return;
    const endedAt = e.endedAt === undefined ? undefined : e.endedAt + t.shift;
    let s = this.connection(e.clientIp, e.clientPort, t.at, endedAt ?? t.at, e.stamp.precisionMs);
    if (!s || isMute(s)) {
      const behind = this.behindProxy(e, t.at, endedAt);
      if (behind && s) {
        this.merge(s, behind);
        this.store.addTransport(e.clientIp, e.clientPort, behind);
      }
      s = behind ?? s;
    }
    if (!s) {
      s = this.create(t.at, e.stamp.precisionMs, e.dataset);
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
      this.store.moveUser(s, userBefore);
    }
    this.plan(s);
  }

  /** Without the PROXY protocol Dovecot sees the proxy's address: its session that begins when the proxy had connected, and ends with it. */
  private behindProxy(e: HaproxyEvent, acceptedAt: number, endedAt: number | undefined): Session | undefined {
    if (e.clientIp === undefined) return undefined;
    const found = onlyBehind(this.store.shared, acceptedAt + (e.queueMs ?? 0) + (e.connectMs ?? 0), endedAt);
    if (!found) return undefined;
    // From here on it is found by the client's address and port too, which is what packet filters and flow records see.
    this.store.moveClient(found, keep(e.clientIp));
    this.store.addTransport(e.clientIp, e.clientPort, found);
    tag(found, 'proxied');
    this.tell.foundBehindProxy(found);
    return found;
  }

  private applyFlow(e: NetflowEvent, t: TimedSessionEvent): void {
    const toServer = isToServer(e);
    const endedAt = e.endedAt + t.shift;
    const ip = toServer ? e.sourceIp : e.destinationIp;
    const port = toServer ? e.sourcePort : e.destinationPort;
    let s = this.connection(ip, port, t.at, endedAt, e.stamp.precisionMs);
    if (!s) {
      // A lone tail (no SYN) belongs to a session that was closed long ago or began before the input: it tells nothing by itself.
      if (!e.flags.includes('S')) return;
      s = this.create(t.at, e.stamp.precisionMs, e.dataset);
      s.sourceIp = keep(ip);
      s.sourcePort = port;
      s.serverIp = keep(toServer ? e.destinationIp : e.sourceIp);
      s.serverPort = toServer ? e.destinationPort : e.sourcePort;
      s.protocol = 'imap';
      this.index(s);
      this.tell.identified(s);
    }
    s.serverPort ??= toServer ? e.destinationPort : e.sourcePort;
    this.touch(s, t, kindOf(e.dataset, e.action));
    const before = s.flow;
    gatherFlow(s, e, toServer, t.at, endedAt);
    if (!before && toServer && e.flags === 'S') this.tell.counted(s, 'unanswered', t.at);
    if (s.endedAt !== undefined && endedAt - s.endedAt > 5000) this.tell.counted(s, 'undelivered', s.endedAt);
    this.plan(s);
  }

  private applyPacket(e: NetfilterEvent, t: TimedSessionEvent): void {
    if (e.sourcePort === undefined || !isToMailPort(e)) return;
    if (e.action === 'accepted') return;
    let s = this.store.withTransport(e.sourceIp, e.sourcePort, t.at, t.at);
    if (!s) {
      s = this.create(t.at, e.stamp.precisionMs, e.dataset);
      s.sourceIp = keep(e.sourceIp);
      s.sourcePort = e.sourcePort;
      s.serverIp = keep(e.destinationIp);
      s.serverPort = e.destinationPort;
      s.protocol = 'imap';
      this.index(s);
      this.tell.identified(s);
      this.tell.counted(s, e.limited ? 'limited' : 'unanswered', t.at);
    }
    this.touch(s, t, kindOf(e.dataset, e.action));
    gatherDrop(s, e, t.at);
    this.plan(s);
  }

  // ---- sessions ----

  private create(at: number, precisionMs: number, basis: string): Session {
    if (this.store.size >= this.options.openMax) this.evict();
    const s = newSession('connection', this.serial++, at, precisionMs, basis);
    this.store.add(s);
    return s;
  }

  /** Makes room by closing the oldest thousandth; each is marked. */
  private evict(): void {
    for (const s of this.store.oldest(Math.max(1, Math.floor(this.options.openMax / 1000)))) {
      tag(s, 'evicted');
      tag(s, 'incomplete');
      this.evicted++;
      this.close(s);
    }
  }

  private index(s: Session): void {
    this.store.addTransport(s.sourceIp, s.sourcePort, s);
    if (s.clientIp === undefined && s.sourceIp !== undefined) this.store.moveClient(s, s.sourceIp);
  }

  private touch(s: Session, t: TimedSessionEvent, kind: string): void {
    if (t.at < s.firstAt) s.firstAt = t.at;
    if (t.seenAt > s.lastAt) s.lastAt = t.seenAt;
    this.joined++;
    this.store.warm(s);
    addLine(s, t, kind);
    this.store.changed(s);
  }

  private loggedIn(s: Session, at: number): void {
    this.tell.loggedIn(s, at);
    if (s.goneAtLogin || s.clientIp === undefined || s.user === undefined) return;
    this.shared.loggedIn(s.clientIp, localPart(s.user), at);
  }

  /** The site has said which addresses are proxies; else one behind which several users were seen may be. */
  private mayBeProxy(ip: string, at: number): boolean {
    const { known } = this.options;
    return known.namesProxies ? known.isProxy(ip) : this.shared.has(ip, at);
  }

  private started(s: Session): void {
    if (s.sourceIp === undefined) return;
    this.tell.started(s);
    if (s.clientIp !== undefined && this.mayBeProxy(s.clientIp, s.startedAt)) this.store.share(s);
  }
}

function inOrder(a: TimedSessionEvent, b: TimedSessionEvent): number {
  if (a.seenAt !== b.seenAt) return a.seenAt < b.seenAt ? -1 : 1;
  const [first, second] = [a.event.line, b.event.line];
  return first.source - second.source || (first.offset < second.offset ? -1 : first.offset > second.offset ? 1 : 0);
}

const positionOf = ({ event: { line } }: TimedSessionEvent): string => `${line.source} ${line.offset}`;

function tag(s: Session, t: string): void {
  if (!s.tags.includes(t)) s.tags = [...s.tags, t];
}
