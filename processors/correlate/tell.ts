import type { DovecotAuthEvent } from '../parse/dovecot.ts';
import type { Count } from './company.ts';
import { isTokenMechanism } from './requests.ts';
import { pathAddress, type Session } from './session.ts';
import { silentMs } from './silences.ts';
import { BEFORE_LINES, type SiteFact } from './site-fact.ts';
import { troubleOf } from './trouble.ts';

const HEARD_MS = 60_000;

/** Writes down, in order, what the sessions have to tell the site. */
export class Tell {
  private out: SiteFact[] = [];
  private now = 0;
  private source = BEFORE_LINES;
  private offset = 0;
  /** The minute in which a family was heard last. */
  private readonly heardAt: Map<string, number>;

  constructor(heardAt: readonly (readonly [string, number])[] = []) {
    this.heardAt = new Map(heardAt);
  }

  toData(): readonly (readonly [string, number])[] {
    return [...this.heardAt];
  }

  to(out: SiteFact[]): void {
    this.out = out;
  }

  /** What is told from here on is told by the line at this position, or (`BEFORE_LINES`, a serial) by what fell due. */
  because(now: number, source: number, offset: number): void {
    this.now = now;
    this.source = source;
    this.offset = offset;
  }

  heard(family: string, at: number): void {
    const minute = Math.floor(at / HEARD_MS) * HEARD_MS;
    if ((this.heardAt.get(family) ?? Number.NEGATIVE_INFINITY) >= minute) return;
    this.heardAt.set(family, minute);
    this.out.push({ kind: 'heard', ...this.moment(), family, at: minute });
  }

  counted(s: Session, what: Count, at: number): void {
    this.out.push({
      kind: 'counted',
      seenAt: this.now,
      source: this.source,
      offset: this.offset,
      path: pathAddress(s),
      sourceIp: s.sourceIp,
      startedAt: s.startedAt,
      what,
      at,
    });
  }

  countedEverywhere(what: Count, at: number): void {
    this.out.push({ kind: 'counted-everywhere', ...this.moment(), what, at });
  }

  passwordFailed(ip: string, at: number): void {
    this.out.push({ kind: 'password-failed', ...this.moment(), ip, at });
  }

  started(s: Session): void {
    this.out.push({ kind: 'started', ...this.moment(), ...partyOf(s) });
  }

  identified(s: Session): void {
    this.out.push({ kind: 'identified', ...this.moment(), ...partyOf(s) });
  }

  merged(from: Session, into: Session): void {
    this.out.push({ kind: 'merged', ...this.moment(), from: from.serial, into: into.serial });
  }

  loggedIn(s: Session, at: number): void {
    this.out.push({ kind: 'logged-in', ...this.moment(), ...partyOf(s), at, gone: s.goneAtLogin });
  }

  authFailed(s: Session, e: DovecotAuthEvent, at: number): void {
    const token = e.mechanism === 'token';
    this.out.push({ kind: 'auth-failed', ...this.moment(), ...partyOf(s), at, name: e.user, token });
  }

  ended(s: Session, at: number): void {
    const { counts, scan, quickClose } = troubleOf(s);
    const passwordFailed =
      s.preLogin?.auth === 'failed' && s.auth.passwordFailures === 0 && !isTokenMechanism(s.mechanism ?? '');
    this.out.push({
      kind: 'ended',
      ...this.moment(),
      ...partyOf(s),
      at,
      counts,
      scan,
      quickClose,
      passwordFailed,
      silentMs: silentMs(s),
    });
  }

  foundBehindProxy(s: Session): void {
    this.out.push({
      kind: 'found-behind-proxy',
      ...this.moment(),
      ...partyOf(s),
      loggedInAt: s.loggedInAt,
      gone: s.goneAtLogin,
      endedAt: s.endedAt,
      counts: s.endedAt === undefined ? [] : troubleOf(s).counts,
    });
  }

  closed(s: Session): void {
    this.out.push({ kind: 'closed', ...this.moment(), session: s });
  }

  private moment() {
    return { seenAt: this.now, source: this.source, offset: this.offset };
  }
}

function partyOf(s: Session) {
  return {
    serial: s.serial,
    path: pathAddress(s),
    sourceIp: s.sourceIp,
    clientIp: s.clientIp,
    startedAt: s.startedAt,
    startPrecisionMs: s.startPrecisionMs,
    user: s.user,
    mechanism: s.mechanism,
  };
}
