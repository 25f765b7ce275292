import { forgetOldest } from '../forget-oldest.ts';
import { Journal } from '../journal.ts';
import { localPart } from '../resolve/network.ts';
import { type HeldSession, isResting, type RestingSession, RestingSessions } from './resting-sessions.ts';
import { copySession, reviveSession, type Session } from './session.ts';
import { SessionIndex } from './session-index.ts';
import { bodyOf, type SessionHead, type Standing, type StoredSession, sessionOf } from './stored-session.ts';
import { transportKey } from './transport-key.ts';

const REVISABLE_MAX = 50_000;
const SHARED_MAX = 5000;
/** Connections whose first line may come long after they began are still found by these tolerances. */
const START_TOLERANCE_MS = 12_000;
const AFTER_END_MS = 150_000;

/** Sessions are written once and named by their serial elsewhere. The order of every list is part of the state. */
export interface SessionStoreState {
  readonly open: readonly Session[];
  readonly revisable: readonly Session[];
  readonly byDovecotId: readonly (readonly [string, number])[];
  readonly byTransport: readonly (readonly [number | string, number])[];
  readonly byUser: readonly (readonly [string, readonly number[]])[];
  readonly byClient: readonly (readonly [string, readonly number[]])[];
  readonly shared: readonly number[];
}

/** A session that was written down, taken up again: at rest. */
export interface RestoredSession extends Standing {
  readonly session: RestingSession;
}

/**
 * The open sessions, and the ways by which a line finds its own. Those that nothing was said of for a while are at rest (`rest`). What is given out to be changed or read is whole
 * (`wake`); only who looks among many for one that fits is shown them as they are held.
 */
export class SessionStore {
  /** By serial, in the order in which they were opened. */
  private readonly open = new Map<number, HeldSession>();
  private readonly byDovecotId = new Map<string, HeldSession>();
  private readonly byTransport = new Map<number | string, HeldSession>();
  /** Those that are logged in and have not ended. */
  readonly byUser = new SessionIndex((s) => (this.isOpen(s) ? userKey(s) : undefined), byLogin);
  readonly byClient = new SessionIndex((s) => (this.isOpen(s) ? s.clientIp : undefined), bySerial);
  /** Sessions from addresses that several users share: those behind a proxy that hides the client are among them. */
  readonly shared = new Set<HeldSession>();
  /** Closed a short while ago, by Dovecot's id: a late line opens them again, and a revision follows. */
  private readonly revisable = new Map<string, HeldSession>();
  /** The same by serial. */
  private readonly closed = new Map<number, HeldSession>();
  /** Serials of sessions that changed, opened, closed or are known no more. */
  readonly journal = new Journal<number>();
  private readonly resting: RestingSessions;
  /** Until then nobody can hold what is not the session any more. */
  private hasRested = false;

  /** `resting`: with those that it will be given. */
  constructor(resting = new RestingSessions()) {
    this.resting = resting;
  }

  get size(): number {
    return this.open.size;
  }

  get(serial: number): HeldSession | undefined {
    return this.open.get(serial);
  }

  isOpen(s: HeldSession): boolean {
    return this.open.get(s.serial) === s;
  }

  add(s: HeldSession): void {
    this.open.set(s.serial, s);
    this.journal.note(s.serial);
  }

  /** Something of it is different now. */
  changed(s: Session): void {
    this.journal.note(s.serial);
  }

  /** An open session, to be changed or given out. Whoever found it may have found what it was before it went to rest, or was woken. */
  wake(found: HeldSession): Session {
    if (!this.hasRested && !isResting(found)) return found;
    const s = this.open.get(found.serial);
    if (s === undefined) return isResting(found) ? sessionOf(found, this.bodyOf(found)) : found;
    if (!isResting(s)) return s;
    const whole = this.resting.wake(s);
    this.replace(s, whole);
    return whole;
  }

  wakeMaybe(s: HeldSession | undefined): Session | undefined {
    return s && this.wake(s);
  }

  findLastOfClient(ip: string, fits: (s: SessionHead) => boolean): Session | undefined {
    return this.wakeMaybe(this.byClient.findLast(ip, fits));
  }

  findLastOfUser(user: string, fits: (s: SessionHead) => boolean): Session | undefined {
    return this.wakeMaybe(this.byUser.findLast(user, fits));
  }

  /** Puts sessions to rest that nothing was said of since `before`, open or closed. Nobody outside may hold one of them to change it. */
  rest(before: number): void {
    this.hasRested = true;
    for (const s of this.open.values()) if (s.lastAt < before && !isResting(s)) this.replace(s, this.resting.rest(s));
    for (const s of this.closed.values())
      if (s.lastAt < before && !isResting(s)) this.replaceClosed(s, this.resting.rest(s));
    this.resting.tighten(this.allResting());
  }

  private *allResting(): Generator<RestingSession> {
    for (const s of this.open.values()) if (isResting(s)) yield s;
    for (const s of this.closed.values()) if (isResting(s)) yield s;
  }

  /** `to` stands for the same open session from here on, wherever it can be found. */
  private replace(from: HeldSession, to: HeldSession): void {
    this.open.set(to.serial, to);
    const { dovecotId, sourceIp, sourcePort, clientIp, proxy } = to;
    if (dovecotId !== undefined && this.byDovecotId.get(dovecotId) === from) this.byDovecotId.set(dovecotId, to);
    this.replaceTransport(sourceIp, sourcePort, from, to);
    if (proxy) this.replaceTransport(clientIp, proxy.clientPort, from, to);
    const user = userKey(to);
    if (user !== undefined) this.byUser.replace(user, from, to);
    if (clientIp !== undefined) this.byClient.replace(clientIp, from, to);
    if (this.shared.delete(from)) this.shared.add(to);
  }

  private replaceTransport(ip: string | undefined, port: number | undefined, from: HeldSession, to: HeldSession): void {
    if (ip === undefined || port === undefined) return;
    const key = transportKey(ip, port);
    if (this.byTransport.get(key) === from) this.byTransport.set(key, to);
  }

  private replaceClosed(from: HeldSession, to: HeldSession): void {
    this.closed.set(to.serial, to);
    if (to.dovecotId !== undefined && this.revisable.get(to.dovecotId) === from) this.revisable.set(to.dovecotId, to);
  }

  /** The `n` that were opened first. */
  oldest(n: number): readonly HeldSession[] {
    const oldest: HeldSession[] = [];
    for (const s of this.open.values()) {
      if (oldest.length >= n) break;
      oldest.push(s);
    }
    return oldest;
  }

  /** Takes it out of everything. */
  remove(s: Session): void {
    this.open.delete(s.serial);
    this.journal.note(s.serial);
    this.shared.delete(s);
    if (s.dovecotId !== undefined && this.byDovecotId.get(s.dovecotId) === s) this.byDovecotId.delete(s.dovecotId);
    this.removeTransport(s.sourceIp, s.sourcePort, s);
    if (s.proxy) this.removeTransport(s.clientIp, s.proxy.clientPort, s);
    const user = userKey(s);
    if (user !== undefined) this.byUser.remove(user, s);
    if (s.clientIp !== undefined) this.byClient.remove(s.clientIp, s);
  }

  withDovecotId(id: string): Session | undefined {
    return this.wakeMaybe(this.byDovecotId.get(id));
  }

  /** Whether such a session is open, or can be opened again. */
  knows(id: string): boolean {
    return this.byDovecotId.has(id) || this.revisable.has(id);
  }

  addDovecotId(id: string, s: Session): void {
    s.dovecotId = id;
    this.byDovecotId.set(id, s);
  }

  /** By the address and port that the server saw. The last session of a port has it. */
  addTransport(ip: string | undefined, port: number | undefined, s: HeldSession): void {
    if (ip === undefined || port === undefined) return;
    const key = transportKey(ip, port);
    const holder = this.byTransport.get(key);
    if (holder === s) return;
    this.byTransport.set(key, s);
    this.journal.note(s.serial);
    if (holder) this.journal.note(holder.serial);
  }

  private isFoundBy(s: HeldSession, ip: string | undefined, port: number | undefined): boolean {
    return ip !== undefined && port !== undefined && this.byTransport.get(transportKey(ip, port)) === s;
  }

  /** The open session of this address and port whose life covers [from, to], allowing for clocks and for records that come after the end. */
  withTransport(ip: string, port: number, from: number, to: number): Session | undefined {
    const s = this.byTransport.get(transportKey(ip, port));
    if (!s) return undefined;
    const start = Math.min(s.startedAt, s.flow?.startedAt ?? s.startedAt, s.drops?.firstAt ?? s.startedAt);
    if (to < start - START_TOLERANCE_MS) return undefined;
    if (s.endedAt !== undefined && from > s.endedAt + AFTER_END_MS) return undefined;
    return this.wake(s);
  }

  private removeTransport(ip: string | undefined, port: number | undefined, s: Session): void {
    if (ip === undefined || port === undefined) return;
    const key = transportKey(ip, port);
    if (this.byTransport.get(key) === s) this.byTransport.delete(key);
  }

  /** Its client turns out to be at another address than was thought, or is known now. */
  moveClient(s: Session, ip: string): void {
    const before = s.clientIp;
    if (before === ip) return;
    s.clientIp = ip;
    if (!this.isOpen(s)) return;
    if (before !== undefined) this.byClient.remove(before, s);
    this.byClient.add(ip, s);
  }

  /** Called when a session that had `before` as `userKey` may have another one. */
  moveUser(s: HeldSession, before: string | undefined): void {
    const now = userKey(s);
    if (now === before) return;
    if (before !== undefined) this.byUser.remove(before, s);
    if (now !== undefined) this.byUser.add(now, s);
  }

  share(s: HeldSession): void {
    if (this.shared.size >= SHARED_MAX) return;
    this.shared.add(s);
    this.journal.note(s.serial);
  }

  /** After it was closed: a late line may still open it again. */
  keepRevisable(s: HeldSession): void {
    if (s.dovecotId === undefined) return;
    const before = this.revisable.get(s.dovecotId);
    if (before) this.forgetRevisable(before.dovecotId ?? '', before);
    this.revisable.set(s.dovecotId, s);
    this.closed.set(s.serial, s);
    forgetOldest(this.revisable, REVISABLE_MAX, (id, oldest) => this.forgetRevisable(id, oldest));
  }

  private forgetRevisable(id: string, s: HeldSession): void {
    this.revisable.delete(id);
    this.closed.delete(s.serial);
    if (isResting(s)) this.resting.forget(s);
    this.journal.note(s.serial);
  }

  /** The entries whose keys these are, as they are now; undefined where there is none any more. */
  entries(serials: readonly number[]): readonly (readonly [number, StoredSession | undefined])[] {
    return serials.map((serial) => {
      const open = this.open.get(serial);
      if (open) {
        const found = this.isFoundBy(open, open.sourceIp, open.sourcePort);
        const foundBefore = this.isFoundBy(open, open.clientIp, open.proxy?.clientPort);
        const standing = { closed: false, shared: this.shared.has(open), found, foundBefore };
        return [serial, { head: open, body: this.bodyOf(open), ...standing }];
      }
      const closed = this.closed.get(serial);
      return [serial, closed && { head: closed, body: this.bodyOf(closed), ...CLOSED }];
    });
  }

  private bodyOf(s: HeldSession): string {
    return isResting(s) ? this.resting.bodyOf(s) : bodyOf(s);
  }

  /** The store that has these entries, in the order in which they were written last: so closed ones lie in the order in which they were closed. */
  static fromEntries(entries: readonly RestoredSession[], resting: RestingSessions): SessionStore {
    const store = new SessionStore(resting);
    store.hasRested = true;
    for (const { session, closed } of entries) if (closed) store.keepRevisable(session);
    const open = entries.filter(({ closed }) => !closed).sort((a, b) => bySerial(a.session, b.session));
    for (const { session: s, shared, found, foundBefore } of open) {
      store.add(s);
      if (s.dovecotId !== undefined) store.byDovecotId.set(s.dovecotId, s);
      if (found) store.addTransport(s.sourceIp, s.sourcePort, s);
      if (foundBefore) store.addTransport(s.clientIp, s.proxy?.clientPort, s);
      if (s.clientIp !== undefined) store.byClient.add(s.clientIp, s);
      if (shared) store.share(s);
    }
    for (const { session } of open.sort((a, b) => byLogin(a.session, b.session))) store.moveUser(session, undefined);
    return store;
  }

  /** All that are open. */
  all(): Iterable<HeldSession> {
    return this.open.values();
  }

  /** Opens a session again that was closed a short while ago, as a new object: the old one was given out. */
  reopen(id: string): Session | undefined {
    const closed = this.revisable.get(id);
    if (!closed) return undefined;
    const s = copySession(isResting(closed) ? sessionOf(closed, this.bodyOf(closed)) : closed);
    this.forgetRevisable(id, closed);
    s.dueAt = Number.POSITIVE_INFINITY;
    s.tags = s.tags.filter((tag) => tag !== 'incomplete');
    this.add(s);
    this.addDovecotId(id, s);
    // A later connection of the same port keeps it.
    if (s.sourceIp !== undefined && s.sourcePort !== undefined) {
      const key = transportKey(s.sourceIp, s.sourcePort);
      if (!this.byTransport.has(key)) this.byTransport.set(key, s);
    }
    if (s.clientIp !== undefined) this.byClient.add(s.clientIp, s);
    this.moveUser(s, undefined);
    return s;
  }

  toData(): SessionStoreState {
    const whole = (s: HeldSession): Session => (isResting(s) ? sessionOf(s, this.bodyOf(s)) : s);
    return {
      open: Array.from(this.open.values(), whole),
      revisable: Array.from(this.revisable.values(), whole),
      byDovecotId: [...this.byDovecotId].map(([id, s]) => [id, s.serial]),
      byTransport: [...this.byTransport].map(([key, s]) => [key, s.serial]),
      byUser: this.byUser.toData(),
      byClient: this.byClient.toData(),
      shared: [...this.shared].map((s) => s.serial),
    };
  }

  static fromData(data: SessionStoreState): SessionStore {
    const store = new SessionStore();
    for (const s of data.open) store.add(reviveSession(s));
    const open = (serial: number): HeldSession => {
      const s = store.open.get(serial);
      if (!s) throw new Error(`the state names session ${serial}, which is not open in it`);
      return s;
    };
    for (const s of data.revisable) store.keepRevisable(reviveSession(s));
    for (const [id, serial] of data.byDovecotId) store.byDovecotId.set(id, open(serial));
    for (const [key, serial] of data.byTransport) store.byTransport.set(key, open(serial));
    for (const [key, serials] of data.byUser) for (const n of serials) store.byUser.add(key, open(n));
    for (const [key, serials] of data.byClient) for (const n of serials) store.byClient.add(key, open(n));
    for (const serial of data.shared) store.shared.add(open(serial));
    return store;
  }
}

const CLOSED: Standing = { closed: true, shared: false, found: false, foundBefore: false };

const bySerial = (a: SessionHead, b: SessionHead): number => a.serial - b.serial;

/** Of one second, in the order of their serials. */
const byLogin = (a: SessionHead, b: SessionHead): number => (a.loggedInAt ?? 0) - (b.loggedInAt ?? 0) || bySerial(a, b);

/** Under which user a session is found: while it is logged in. */
export function userKey(s: SessionHead): string | undefined {
  return s.user === undefined || s.loggedInAt === undefined || s.endedAt !== undefined ? undefined : localPart(s.user);
}
