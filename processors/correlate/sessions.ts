import { Journal } from '../journal.ts';
import { applyLine } from './apply-line.ts';
import { isSessionKnown } from './find-session.ts';
import { type CorrelateOptions, DEFAULT_CORRELATE_OPTIONS } from './options.ts';
import type { RestingSessions } from './resting-sessions.ts';
import { familyOf, type TimedSessionEvent } from './route.ts';
import { SessionLives } from './session-lives.ts';
import { type RestoredSession, SessionStore, type SessionStoreState } from './session-store.ts';
import { type AddressUsers, SharedAddresses, type SharedAddressesState } from './shared-addresses.ts';
import type { SiteFact } from './site-fact.ts';
import type { StoredSession } from './stored-session.ts';
import { Tell } from './tell.ts';
import { Timers } from './timers.ts';
import { Waiting } from './waiting.ts';

export type { TimedSessionEvent } from './route.ts';

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

/** A mail process may write its line before the login process has written that it began, and so may a proxy that saw the end. */
const LOGIN_LINE_MS = 2500;

/**
 * Joins the events of connections into sessions, and tells the site what became of each. Sessions that can meet have one address in common, as
 * the server saw it: by that address they can be divided among any number of instances. Pure: time comes with the events. Events within the
 * allowed lateness may come in any order and any chunking: they are applied in the order of (seenAt, source, offset), and everything that falls
 * due does so at its own time between them. Its whole state can be written down (`snapshot`) and taken up again between any two calls.
 */
export class Sessions {
  private readonly waiting: Waiting<TimedSessionEvent>;
  private lives: SessionLives;
  /** How far event time has been advanced: what comes from before that is late. */
  private reached = Number.NEGATIVE_INFINITY;
  /** Those in `waiting` that were taken up before. */
  private readonly postponed = new Map<string, TimedSessionEvent>();
  private readonly postponedJournal = new Journal<string>();
  late = 0;

  /** `firstSerial` keeps the serials of several instances apart. */
  constructor(options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS, state?: SessionsState, firstSerial = 0) {
    this.waiting = new Waiting(inOrder, state?.waiting);
    const parts = {
      store: state ? SessionStore.fromData(state.store) : new SessionStore(),
      timers: state ? Timers.fromData(state.timers) : new Timers(),
      shared: new SharedAddresses(state?.shared),
      tell: new Tell(state?.heard),
    };
    this.lives = new SessionLives(options, parts, state?.serial ?? firstSerial);
    if (state) this.count(state);
  }

  /** Takes up times and counts that were written down. */
  private count({ now, reached, evicted, late, joined }: Omit<SessionsCore, 'serial' | 'heard'>): void {
    this.lives.now = now ?? Number.NEGATIVE_INFINITY;
    this.reached = reached ?? Number.NEGATIVE_INFINITY;
    this.lives.evicted = evicted;
    this.late = late;
    this.lives.joined = joined;
  }

  get evicted(): number {
    return this.lives.evicted;
  }

  /** Lines that became part of a session. */
  get joined(): number {
    return this.lives.joined;
  }

  private core(): SessionsCore {
    const { now, serial, evicted, joined, tell } = this.lives;
    return {
      now: Number.isFinite(now) ? now : null,
      reached: Number.isFinite(this.reached) ? this.reached : null,
      serial,
      evicted,
      late: this.late,
      joined,
      heard: tell.toData(),
    };
  }

  /** Everything it knows, as plain data. Shares objects with the running instance: write it down before going on. */
  snapshot(): SessionsState {
    const { store, timers, shared } = this.lives;
    return {
      ...this.core(),
      waiting: this.waiting.toData(),
      store: store.toData(),
      timers: timers.toData(),
      shared: shared.toData(),
    };
  }

  /** From here on `changes` tells what changed since it was last asked. */
  keepJournal(): void {
    this.lives.store.journal.keep();
    this.lives.shared.journal.keep();
    this.postponedJournal.keep();
  }

  changes(): SessionsChanges {
    const { store, shared } = this.lives;
    return {
      core: this.core(),
      sessions: store.entries(store.journal.take()),
      addresses: shared.journal.take().map((ip) => [ip, shared.of(ip)]),
      postponed: this.postponedJournal.take().map((position) => [position, this.postponed.get(position)]),
    };
  }

  /** As it was when the last of these changes was asked for, but for the events whose time had not come. */
  static fromChanges(
    core: SessionsCore,
    sessions: readonly RestoredSession[],
    resting: RestingSessions,
    addresses: SharedAddressesState,
    postponed: readonly TimedSessionEvent[],
    options: CorrelateOptions = DEFAULT_CORRELATE_OPTIONS,
  ): Sessions {
    const s = new Sessions(options);
    const store = SessionStore.fromEntries(sessions, resting);
    const parts = { store, timers: new Timers(), shared: new SharedAddresses(addresses), tell: new Tell(core.heard) };
    s.lives = new SessionLives(options, parts, core.serial);
    s.count(core);
    for (const e of postponed) s.postpone(e);
    for (const open of store.all()) {
      if (Number.isFinite(open.dueAt)) parts.timers.add(open.dueAt, open.serial);
      else s.lives.plan(store.wake(open));
    }
    return s;
  }

  /** Event time has come so far: an event of before was applied, or is late. */
  get advancedTo(): number {
    return this.reached;
  }

  get open(): number {
    return this.lives.store.size;
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
    const { lives } = this;
    lives.tell.to(out);
    const isOlder = (e: TimedSessionEvent): boolean => e.seenAt < to;
    for (let e = this.waiting.take(isOlder); e !== undefined; e = this.waiting.take(isOlder)) {
      lives.closeDue(e.seenAt);
      lives.now = Math.max(lives.now, e.seenAt);
      lives.tell.because(lives.now, e.event.line.source, e.event.line.offset);
      if (rejected === undefined) this.apply(e);
      else this.tryApply(e, rejected);
    }
    lives.closeDue(to);
    if (!Number.isFinite(to)) return;
    lives.now = Math.max(lives.now, to);
    this.reached = Math.max(this.reached, to);
  }

  /**
   * Puts sessions to rest that nothing was said of since `before`, UTC ms: less memory for more work when their next line comes. What was told must have been written down.
   */
  rest(before: number): void {
    this.lives.store.rest(before);
  }

  /** End of input: time goes on without further lines until everything has closed; what had not ended is marked incomplete. */
  flush(out: SiteFact[]): void {
    this.advance(Number.POSITIVE_INFINITY, out);
  }

  private apply(t: TimedSessionEvent): void {
    this.lives.tell.heard(familyOf(t.event.dataset), t.at);
    if (!this.waitsForLogin(t)) applyLine(this.lives, t);
  }

  private tryApply(t: TimedSessionEvent, rejected: Rejected): void {
    const before = this.lives.serial;
    try {
      this.apply(t);
    } catch (error) {
      rejected(t, error);
      // What it began must come to an end too.
      for (let serial = before; serial < this.lives.serial; serial++) {
        const begun = this.lives.store.get(serial);
        if (begun) this.lives.plan(this.lives.store.wake(begun));
      }
    }
  }

  /** A line of mail whose session is in doubt is taken up again when what is written at about the same time has been read. */
  private waitsForLogin(t: TimedSessionEvent): boolean {
    const e = t.event;
    if (e.dataset !== 'dovecot.session' || e.protocol !== 'imap') return false;
    const isFirst = t.seenAt === t.at;
    if (isFirst && !isSessionKnown(this.lives, e)) {
      this.postpone({ ...t, seenAt: t.at + LOGIN_LINE_MS });
      return true;
    }
    if (!isFirst && this.postponed.delete(positionOf(t))) this.postponedJournal.note(positionOf(t));
    return false;
  }

  private postpone(t: TimedSessionEvent): void {
    this.waiting.postpone(t);
    this.postponed.set(positionOf(t), t);
    this.postponedJournal.note(positionOf(t));
  }
}

function inOrder(a: TimedSessionEvent, b: TimedSessionEvent): number {
  if (a.seenAt !== b.seenAt) return a.seenAt < b.seenAt ? -1 : 1;
  const [first, second] = [a.event.line, b.event.line];
  return first.source - second.source || (first.offset < second.offset ? -1 : first.offset > second.offset ? 1 : 0);
}

const positionOf = ({ event: { line } }: TimedSessionEvent): string => `${line.source} ${line.offset}`;
