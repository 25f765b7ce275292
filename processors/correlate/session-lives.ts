import { localPart } from '../resolve/network.ts';
import { absorb } from './nameless.ts';
import type { CorrelateOptions } from './options.ts';
import type { TimedSessionEvent } from './route.ts';
import { addLine, newSession, type Session, tag } from './session.ts';
import type { SessionStore } from './session-store.ts';
import type { SharedAddresses } from './shared-addresses.ts';
import { BEFORE_LINES } from './site-fact.ts';
import type { Tell } from './tell.ts';
import type { Timers } from './timers.ts';

/** What the lives are made of, all of which is part of the state. */
interface Parts {
  readonly store: SessionStore;
  readonly timers: Timers;
  readonly shared: SharedAddresses;
  readonly tell: Tell;
}

/** Sessions from their first line to their end: opened, found, touched by lines, merged, due, evicted, closed. */
export class SessionLives {
  readonly options: CorrelateOptions;
  readonly store: SessionStore;
  readonly timers: Timers;
  readonly shared: SharedAddresses;
  readonly tell: Tell;
  /** Event time of what is being applied or closed. */
  now = Number.NEGATIVE_INFINITY;
  /** Of the session that is opened next. */
  serial: number;
  evicted = 0;
  /** Lines that became part of a session. */
  joined = 0;

  constructor(options: CorrelateOptions, { store, timers, shared, tell }: Parts, serial: number) {
    this.options = options;
    this.store = store;
    this.timers = timers;
    this.shared = shared;
    this.tell = tell;
    this.serial = serial;
  }

  // ---- beginning ----

  create(at: number, precisionMs: number, basis: string): Session {
    if (this.store.size >= this.options.openMax) this.evict();
    const s = newSession('connection', this.serial++, at, precisionMs, basis);
    this.store.add(s);
    return s;
  }

  started(s: Session): void {
    if (s.sourceIp === undefined) return;
    this.tell.started(s);
    if (s.clientIp !== undefined && this.mayBeProxy(s.clientIp, s.startedAt)) this.store.share(s);
  }

  /** The site has said which addresses are proxies; else one behind which several users were seen may be. */
  private mayBeProxy(ip: string, at: number): boolean {
    const { known } = this.options;
    return known.namesProxies ? known.isProxy(ip) : this.shared.has(ip, at);
  }

  // ---- lines ----

  /** From here on it is found by the address and port that the server saw. */
  index(s: Session): void {
    this.store.addTransport(s.sourceIp, s.sourcePort, s);
    if (s.clientIp === undefined && s.sourceIp !== undefined) this.store.moveClient(s, s.sourceIp);
  }

  /** A line became part of it. */
  touch(s: Session, t: TimedSessionEvent, kind: string): void {
    if (t.at < s.firstAt) s.firstAt = t.at;
    if (t.seenAt > s.lastAt) s.lastAt = t.seenAt;
    this.joined++;
    addLine(s, t, kind);
    this.store.changed(s);
  }

  loggedIn(s: Session, at: number): void {
    this.tell.loggedIn(s, at);
    if (s.goneAtLogin || s.clientIp === undefined || s.user === undefined) return;
    this.shared.loggedIn(s.clientIp, localPart(s.user), at);
  }

  /** Adds to `into` what was held for another one that turns out to be the same. */
  merge(other: Session, into: Session): void {
    absorb(into, other);
    this.store.remove(other);
    this.tell.merged(other, into);
  }

  // ---- what falls due ----

  closeDue(now: number): void {
    while (this.timers.nextAt <= now) {
      const due = this.timers.take();
      if (!due) break;
      this.now = Math.max(this.now, due.at);
      const held = this.store.get(due.serial);
      if (!held || due.at !== held.dueAt) continue; // closed, or of an earlier plan
      const s = this.store.wake(held);
      s.dueAt = Number.POSITIVE_INFINITY;
      if (this.dueOf(s) > due.at) this.plan(s);
      else {
        this.tell.because(this.now, BEFORE_LINES, s.serial);
        this.close(s);
      }
    }
  }

  /** Sees to it that the session is looked at when it is due. What has moved to a later time is noticed when the earlier one has come. */
  plan(s: Session): void {
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
    this.store.remove(s);
    if (s.endedAt === undefined && (s.loggedInAt !== undefined || s.idSentAt !== undefined)) tag(s, 'incomplete');
    this.tell.closed(s);
    this.store.keepRevisable(s);
  }

  /** Makes room by closing the oldest thousandth; each is marked. */
  private evict(): void {
    for (const held of this.store.oldest(Math.max(1, Math.floor(this.options.openMax / 1000)))) {
      const s = this.store.wake(held);
      tag(s, 'evicted');
      tag(s, 'incomplete');
      this.evicted++;
      this.close(s);
    }
  }
}
