import type { KnownAddresses } from '../resolve/known-addresses.ts';
import { localPart } from '../resolve/network.ts';
import { type Connection, Connections } from './connections.ts';
import type { Observations } from './observations.ts';
import type { CorrelateOptions } from './options.ts';
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
import { addLine, type HttpRequest, newSession, type Session } from './session.ts';
import { keep, kindOf } from './texts.ts';
import type { TimedEvent } from './timed-event.ts';
import { Timers } from './timers.ts';

export interface WebRequestsState {
  readonly serial: number;
  readonly joined: number;
  readonly pending: readonly HttpRequest[];
  readonly connections: readonly Connection[];
  /** Time and serial in turn. */
  readonly timers: readonly number[];
}

const REQUESTS_OF_SESSION_MAX = 32;
/** A client goes on to connect within this after the answer to its token or portal request. */
const REQUEST_TO_CONNECTION_MS = 3000;
const SLOW_REQUEST_TO_CONNECTION_MS = 20_000;
/** Serials of attempts that only web requests tell of lie beyond those of connections. */
const FIRST_SERIAL = 2 ** 48;

/** Puts web requests together, and decides, once other sources had time to speak, which attempt each belongs to. */
export class WebRequests {
  readonly connections: Connections;
  private readonly observations: Observations;
  private readonly settleMs: number;
  private readonly known: KnownAddresses;
  private readonly pending: PendingRequests;
  private readonly timers: Timers;
  private serial: number;
  /** Lines that became part of a request. */
  joined: number;

  constructor(observations: Observations, { settleMs, known }: CorrelateOptions, state?: WebRequestsState) {
    this.observations = observations;
    this.settleMs = settleMs;
    this.known = known;
    this.connections = new Connections(state?.connections);
    this.pending = state ? PendingRequests.fromData(state.pending) : new PendingRequests();
    this.timers = state ? Timers.fromData(state.timers) : new Timers();
    this.serial = state?.serial ?? FIRST_SERIAL;
    this.joined = state?.joined ?? 0;
  }

  toData(): WebRequestsState {
    return {
      serial: this.serial,
      joined: this.joined,
      pending: this.pending.toData(),
      connections: this.connections.toData(),
      timers: this.timers.toData(),
    };
  }

  /** When the next request is to be settled; Infinity if there is none. */
  get nextAt(): number {
    return this.timers.nextAt;
  }

  take(t: TimedEvent<RequestEvent>): void {
    const { event: e, at } = t;
    const seen = e.clientIp;
    if (seen === undefined) return;
    const ip = this.known.clientOf(seen, 'forwardedFor' in e ? e.forwardedFor : undefined);
    if (isNoRequest(e)) {
      // Somebody connected and gave up before asking for anything: no attempt to use mail by itself, but a sign of the path's health.
      if (givesUp(e)) this.observations.inNetwork(ip, 'gaveUp', at);
      return;
    }
    this.joined++;
    const r = sameRequest(this.pending.of(seen), e, ip, at) ?? this.begin(keep(seen), keep(ip), at);
    if (ip !== seen) r.ip = keep(ip);
    const wasBlocked = r.blocked;
    const wasLimited = r.limited;
    gatherRequest(r, e, at);
    addLine(r, t, kindOf(e.dataset, e.action), REQUEST_LINES_MAX);
    if (r.blocked && !wasBlocked) this.observations.requestBlocked(r, at);
    if (r.limited && !wasLimited) this.observations.inNetwork(r.ip, 'limited', at);
  }

  /** Settles the one that is due next: the connection that follows has it, or the next request; else it is an attempt by itself, and returned. */
  settleNext(realAddress: (ip: string, at: number) => string): Session | undefined {
    const r = this.pending.get(this.timers.take()?.serial ?? -1);
    if (!r) return undefined;
    this.pending.remove(r);
    const connection = this.connectionAfter(r, realAddress(r.ip, r.at));
    if (connection) {
      this.connections.attach(connection, r);
      return undefined;
    }
    const next = wasGranted(r) ? this.pending.of(r.seenIp).find((other) => follows(other, r)) : undefined;
    if (!next) return this.alone(r);
    precede(next, r);
    return undefined;
  }

  /** Event time is `now`. */
  forget(now: number): void {
    this.connections.forget(now - this.settleMs - SLOW_REQUEST_TO_CONNECTION_MS);
  }

  private begin(seen: string, ip: string, at: number): HttpRequest {
    const r = newRequest(this.serial++, seen, at);
    r.ip = ip;
    this.pending.add(r);
    this.timers.add(at + this.settleMs, r.serial);
    this.observations.inNetwork(ip, 'activity', at);
    if (this.known.apartAs(ip) === undefined) this.observations.everywhere('activity', at);
    // Too many: the oldest is settled before its time.
    const excess = this.pending.inExcess(seen);
    if (excess) this.timers.add(at, excess.serial);
    return r;
  }

  private alone(r: HttpRequest): Session {
    const s = newSession('request', this.serial++, r.at, r.port === undefined ? 1000 : 1, r.seen[0] ?? 'nginx.access');
    s.sourceIp = r.seenIp;
    s.sourcePort = r.port;
    s.clientIp = r.ip;
    if (r.ip !== r.seenIp) s.tags = ['proxied'];
    s.serverIp = r.serverIp;
    s.user = r.user;
    s.client = r.userAgent;
    s.protocol = 'https';
    s.endedAt = r.endedAt;
    s.lastAt = r.endedAt;
    s.requests = [r];
    s.lines = r.lines;
    s.lineKinds = r.lineKinds;
    s.linesOmitted = r.linesOmitted;
    s.texts = r.texts;
    return s;
  }

  private connectionAfter(r: HttpRequest, ip: string): Connection | undefined {
    let best: Connection | undefined;
    let distance = Number.POSITIVE_INFINITY;
    // A granted request may be followed slowly where the path is slow; a denied one ends the attempt unless the client goes on at once.
    const patience = wasGranted(r) ? SLOW_REQUEST_TO_CONNECTION_MS : REQUEST_TO_CONNECTION_MS;
    for (const c of this.connections.lastFirst(ip)) {
      const after = c.startedAt - r.endedAt;
      const tolerance = Math.max(1000, c.startPrecisionMs);
      if (after < -tolerance - 200 || after > patience) continue;
      if (c.requests.length >= REQUESTS_OF_SESSION_MAX) continue;
      if (c.requests.some((other) => other.path === r.path)) continue;
      if (r.user !== undefined && c.user !== undefined && localPart(r.user) !== localPart(c.user)) continue;
      const token = isTokenPath(r.path);
      if (token !== undefined && c.mechanism !== undefined && token !== isTokenMechanism(c.mechanism)) continue;
      const d = Math.abs(after - (r.port === undefined ? -300 : 0));
      if (d <= distance) {
        distance = d;
        best = c;
      }
    }
    return best;
  }
}
