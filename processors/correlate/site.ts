import { forgetOldest } from '../forget-oldest.ts';
import type { ApartTag, KnownAddresses } from '../resolve/known-addresses.ts';
import { type Lease, VpnLeases, type VpnLeasesState } from '../resolve/vpn-leases.ts';
import { applySiteLine } from './apply-site-line.ts';
import { Observations, type ObservationsState } from './observations.ts';
import { type CorrelateOptions, DEFAULT_CORRELATE_OPTIONS } from './options.ts';
import { familyOf } from './route.ts';
import { addLines, type HttpRequest, pathAddress, type Session, SLOW_SETUP_MS } from './session.ts';
import {
  BEFORE_LINES,
  inOrder,
  type LoggedIn,
  type Party,
  type SiteFact,
  type SiteLine,
  type Whereabouts,
} from './site-fact.ts';
import type { Surroundings } from './surroundings.ts';
import { survey } from './survey.ts';
import { isPlainlyHealthy, troubleOf } from './trouble.ts';
import { Waiting } from './waiting.ts';
import { WebRequests, type WebRequestsState } from './web-requests.ts';

/** A finished session and, unless it is plainly healthy, what was going on around it. */
export interface ClosedSession {
  readonly session: Session;
  /** Event time at which it was judged. */
  readonly closedAt: number;
  readonly surroundings: Surroundings | undefined;
  /** How much this judgement could know: its own lines, and the lines and facts of the company it was judged by. More gives a higher revision. */
  readonly knowledge: number;
  /** A late line came: this replaces an answer that was given before. */
  readonly revised: boolean;
  /** A limit of the server had been reached shortly before or during its set-up. */
  readonly poolFull: boolean;
}

export interface Ban {
  readonly at: number;
  readonly jail: string | undefined;
  until: number; // Infinity while in force
}

/** A limit of the server that was reached. */
export interface LimitReached {
  readonly at: number;
  readonly service: string;
  readonly name: string;
  readonly limit: number | undefined;
}

export interface ServerEvent {
  readonly at: number;
  readonly kind: string; // reload, stopped, started, killed
}

/** What was answered about a session that a late line may open again. */
interface Answered {
  readonly knowledge: number;
  readonly requests: readonly HttpRequest[];
}

/** A session has logged in, and goes on. */
export interface Login {
  readonly serial: number;
  readonly startedAt: number;
  readonly at: number;
  /** Event time at which it was told. */
  readonly knownAt: number;
  readonly user: string | undefined;
  /** Outside of the tunnel. */
  readonly address: string | undefined;
  readonly server: string | undefined;
  readonly tunnel: string | undefined;
  /** The tunnel's keys were renegotiated meanwhile. */
  readonly rekeyed: boolean;
  readonly poolFull: boolean;
  readonly mechanism: string | undefined;
}

/** Takes a fact that could not be taken, and what it made the code throw. */
export type RejectedFact = (fact: SiteFact, error: unknown) => void;

/** Plain data that survives JSON (infinite times are null). The order of every list is part of the state. */
export interface SiteState {
  readonly now: number | null;
  readonly waiting: readonly SiteFact[];
  readonly answered: readonly (readonly [string, Answered])[];
  readonly requests: WebRequestsState;
  readonly observations: ObservationsState;
  readonly leases: VpnLeasesState;
  readonly bans: readonly (readonly [string, Omit<Ban, 'until'> & { readonly until: number | null }])[];
  readonly limits: readonly LimitReached[];
  readonly serverEvents: readonly ServerEvent[];
  readonly sourcesSeen: readonly (readonly [string, number])[];
}

const ANSWERED_MAX = 50_000;
/** A renegotiation goes on for a moment after the line that tells of it, and stamps are of whole seconds. */
const REKEY_MS = 2000;
/** So long before an attempt a limit that was reached still tells that the pool is full. */
const POOL_MS = 30_000;

/**
 * The site as a whole: tunnels and who was in them, web requests and the connections they led to, bans, limits, the company everybody keeps.
 * Takes what the sessions tell and the lines that tell of no connection, and gives each session that has closed together with what was going on
 * around it. Pure, and independent of chunking and of the order of arrival, as `Sessions` is.
 */
export class Site {
  readonly observations: Observations;
  readonly leases: VpnLeases;
  readonly bans: Map<string, Ban>;
  readonly limits: LimitReached[];
  readonly serverEvents: ServerEvent[];
  readonly sourcesSeen: Map<string, number>;
  readonly known: KnownAddresses;

  /** Told of each login that is taken up: the session's own answer comes when it closes, hours later perhaps. */
  onLogin: ((login: Login) => void) | undefined;

  private readonly waiting: Waiting<SiteFact>;
  private readonly requests: WebRequests;
  private readonly answered: Map<string, Answered>;
  private now = Number.NEGATIVE_INFINITY;

  constructor(options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS, state?: SiteState) {
    this.known = options.known;
    this.observations = new Observations(state?.observations, options.known);
    this.leases = state ? VpnLeases.fromData(state.leases) : new VpnLeases();
    this.bans = new Map(state?.bans.map(([ip, b]) => [ip, { ...b, until: b.until ?? Number.POSITIVE_INFINITY }]));
    this.limits = [...(state?.limits ?? [])];
    this.serverEvents = [...(state?.serverEvents ?? [])];
    this.sourcesSeen = new Map(state?.sourcesSeen);
    this.waiting = new Waiting(inOrder, state?.waiting);
    this.requests = new WebRequests(this.observations, options, state?.requests);
    this.answered = new Map(state?.answered);
    this.now = state?.now ?? Number.NEGATIVE_INFINITY;
  }

  /** Everything it knows, as plain data. Shares objects with the running instance: write it down before going on. */
  snapshot(): SiteState {
    return {
      now: Number.isFinite(this.now) ? this.now : null,
      waiting: this.waiting.toData(),
      answered: [...this.answered],
      requests: this.requests.toData(),
      observations: this.observations.toData(),
      leases: this.leases.toData(),
      bans: [...this.bans].map(([ip, b]) => [ip, { ...b, until: Number.isFinite(b.until) ? b.until : null }]),
      limits: this.limits,
      serverEvents: this.serverEvents,
      sourcesSeen: [...this.sourcesSeen],
    };
  }

  /** Lines that became part of a web request. */
  get joined(): number {
    return this.requests.joined;
  }

  push(facts: readonly SiteFact[]): void {
    this.waiting.add(facts);
  }

  /**
   * Event time has reached `to`: whatever is told later is of that time or after it. A fact that cannot be taken is given to `rejected`, where
   * there is one, and the rest goes on; what it had changed by then stays.
   */
  advance(to: number, out: ClosedSession[], rejected?: RejectedFact): void {
    // What fell due at `to` itself comes before any line of that time.
    const isDue = (f: SiteFact): boolean => f.seenAt < to || (f.seenAt === to && f.source === BEFORE_LINES);
    for (let fact = this.waiting.take(isDue); fact !== undefined; fact = this.waiting.take(isDue)) {
      this.settleDue(fact.seenAt, out);
      if (rejected === undefined) this.take(fact, out);
      else this.tryTake(fact, out, rejected);
    }
    this.settleDue(to, out);
  }

  /** Event time goes on to `now`; a request that led to no connection is an attempt of its own, judged at the time it was settled. */
  private settleDue(now: number, out: ClosedSession[]): void {
    for (let due = this.requests.nextAt; due <= now && Number.isFinite(due); due = this.requests.nextAt) {
      this.moveTo(due);
      const alone = this.requests.settleNext((ip, at) => this.leaseOf(ip, at)?.realIp ?? ip);
      if (alone) this.answer(this.withTunnel(alone), undefined, out);
    }
    if (Number.isFinite(now)) this.moveTo(now);
  }

  private moveTo(now: number): void {
    if (now <= this.now) return;
    this.now = now;
    this.observations.forget(now);
    this.requests.forget(now);
  }

  // ---- facts ----

  private tryTake(fact: SiteFact, out: ClosedSession[], rejected: RejectedFact): void {
    try {
      this.take(fact, out);
    } catch (error) {
      rejected(fact, error);
    }
  }

  private take(f: SiteFact, out: ClosedSession[]): void {
    const { observations: o } = this;
    switch (f.kind) {
      case 'counted':
        this.count(f, f.what, f.at);
        return;
      case 'heard':
        this.heard(f.family, f.at);
        return;
      case 'counted-everywhere':
        o.everywhere(f.what, f.at);
        return;
      case 'password-failed':
        o.passwordFailed(f.ip, undefined, f.at);
        return;
      case 'started':
        this.count(f.who, 'starts', f.who.startedAt);
        o.started(this.realClient(f.who), f.who.startedAt);
        this.identify(f.who);
        return;
      case 'identified':
        this.identify(f.who);
        return;
      case 'merged':
        this.requests.connections.merge(f.from, f.into);
        return;
      case 'logged-in':
        this.loggedIn(f);
        return;
      case 'auth-failed':
        o.authFailed(this.realClient(f.who), f.name, f.token, f.at);
        return;
      case 'ended':
        if (f.quickClose && this.known.isProxy(f.who.path)) return; // its health check of the server: how it went says nothing of users
        for (const what of f.counts) this.count(f.who, what, f.at);
        o.ended(f, this.realClient(f.who));
        return;
      case 'found-behind-proxy':
        if (f.who.clientIp !== undefined) o.foundBehindProxy(f, f.who.clientIp);
        this.identify(f.who);
        return;
      case 'closed':
        this.close(f.session, out);
        return;
      case 'line':
        this.apply(f);
        return;
      default:
        f satisfies never;
    }
  }

  private loggedIn({ who, at, gone, server }: LoggedIn): void {
    const slow = at - who.startedAt > SLOW_SETUP_MS;
    this.count(who, 'loggedIn', at);
    this.count(who, slow ? 'slowSetup' : 'fastSetup', at);
    if (!gone) {
      if (this.onLogin) this.tellOfLogin(who, at, server, this.onLogin);
      this.observations.loggedIn(this.realClient(who), who.user, who.startedAt, at);
      return;
    }
    this.count(who, 'gaveUp', at);
    if (slow) this.count(who, 'authWait', at);
  }

  private tellOfLogin(who: Party, at: number, server: string | undefined, told: (login: Login) => void): void {
    const { serial, startedAt, user, mechanism } = who;
    const tunnel = this.leaseOf(who.sourceIp, startedAt)?.name;
    told({
      serial,
      startedAt,
      at,
      knownAt: this.now,
      user,
      address: this.realClient(who),
      server,
      tunnel,
      rekeyed: tunnel !== undefined && this.rekeysDuring(tunnel, startedAt, at).length > 0,
      poolFull: this.poolWasFull(startedAt, at),
      mechanism,
    });
  }

  private heard(family: string, at: number): void {
    if (at > (this.sourcesSeen.get(family) ?? Number.NEGATIVE_INFINITY)) this.sourcesSeen.set(family, at);
  }

  private count(w: Whereabouts, what: Parameters<Observations['count']>[2], at: number): void {
    this.observations.count(w.path, this.leaseOf(w.sourceIp, w.startedAt)?.name, what, at);
  }

  private leaseOf(ip: string | undefined, at: number): Lease | undefined {
    return ip !== undefined && this.leases.knows(ip) ? this.leases.holder(ip, at) : undefined;
  }

  /** The address outside the tunnel of whoever had this one inside it; any other address is itself. */
  private realClient(p: Party): string | undefined {
    return this.leaseOf(p.sourceIp, p.startedAt)?.realIp ?? p.clientIp;
  }

  private identify(p: Party): void {
    this.requests.connections.put({
      serial: p.serial,
      ip: this.realClient(p),
      startedAt: p.startedAt,
      startPrecisionMs: p.startPrecisionMs,
      user: p.user,
      mechanism: p.mechanism,
      requests: [],
    });
  }

  // ---- what has closed ----

  private close(told: Session, out: ClosedSession[]): void {
    const requests = this.requests.connections.remove(told.serial)?.requests ?? [];
    const before = told.dovecotId === undefined ? undefined : this.answered.get(told.dovecotId);
    const all = before ? [...before.requests, ...requests] : requests;
    const session = this.withTunnel(all.length > 0 ? withRequests(told, all) : told);
    this.answer(session, before, out);
    if (told.dovecotId === undefined) return;
    this.answered.delete(told.dovecotId);
    this.answered.set(told.dovecotId, { knowledge: out.at(-1)?.knowledge ?? 0, requests: all });
    forgetOldest(this.answered, ANSWERED_MAX);
  }

  private answer(told: Session, before: Answered | undefined, out: ClosedSession[]): void {
    const apart = this.apartAs(told);
    const session = apart === undefined ? told : { ...told, tags: [...told.tags, apart] };
    const surroundings = apart !== undefined || isPlainlyHealthy(session) ? undefined : survey(this, session);
    const known = session.lineKinds.length + session.linesOmitted + (surroundings ? factsIn(surroundings) : 0);
    // A revision counts as knowing more even if much of the company has been forgotten meanwhile.
    const knowledge = before ? Math.max(known, before.knowledge + 1) : known;
    const poolFull = this.poolWasFull(session.startedAt, session.loggedInAt ?? session.endedAt ?? session.lastAt);
    out.push({ session, closedAt: this.now, surroundings, knowledge, revised: before !== undefined, poolFull });
  }

  /** Monitors, known scanners, and what comes from a proxy itself and leaves at once, as a balancer does that asks whether the server is there. */
  private apartAs(s: Session): ApartTag | undefined {
    const path = pathAddress(s);
    const named = this.known.apartAs(path) ?? this.known.apartAs(s.clientIp);
    if (named !== undefined || s.proxy !== undefined || s.kind === 'request') return named;
    return this.known.isProxy(path) && troubleOf(s).quickClose ? 'health_check' : undefined;
  }

  private withTunnel(s: Session): Session {
    const lease = this.leaseOf(s.sourceIp, s.startedAt);
    if (!lease || s.sourceIp === undefined) return s;
    return {
      ...s,
      clientIp: lease.realIp ?? s.clientIp,
      vpn: {
        name: lease.name,
        assignedIp: s.sourceIp,
        realIp: lease.realIp,
        rekeyedAt: this.rekeysDuring(lease.name, s.startedAt, s.endedAt ?? s.lastAt),
      },
    };
  }

  private rekeysDuring(tunnel: string, from: number, to: number): readonly number[] {
    return this.leases.rekeysBetween(tunnel, from - REKEY_MS, to);
  }

  /** A line of the very moment may come after the one that tells of the login: it does not count. */
  private poolWasFull(from: number, to: number): boolean {
    return this.limits.some((l) => l.at >= from - POOL_MS && l.at < to);
  }

  // ---- lines of no connection ----

  private apply({ line: t }: SiteLine): void {
    const e = t.event;
    this.heard(familyOf(e.dataset), Math.floor(t.at / 60_000) * 60_000);
    switch (e.dataset) {
      case 'modsecurity.audit':
      case 'modsecurity.error':
      case 'nginx.access':
      case 'nginx.error':
        this.requests.take({ ...t, event: e });
        return;
      default:
        applySiteLine(this, { ...t, event: e });
    }
  }
}

/** Web requests become part of the attempt that they served. */
function withRequests(told: Session, requests: readonly HttpRequest[]): Session {
  const s: Session = { ...told, requests: [...requests] };
  for (const r of requests) {
    addLines(s, r);
    if (r.at < s.firstAt) s.firstAt = r.at;
    s.user ??= r.user;
  }
  return s;
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
