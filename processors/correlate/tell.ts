import type { DovecotAuthEvent } from '../parse/dovecot.ts';
import type { Count } from './company.ts';
import { isTokenMechanism } from './requests.ts';
import { pathAddress, type Session } from './session.ts';
import { silentMs } from './silences.ts';
import { BEFORE_LINES, type Party, type SiteFact } from './site-fact.ts';
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
    const { now: seenAt, source, offset } = this;
    this.out.push({ kind: 'heard', seenAt, source, offset, family, at: minute });
  }

  counted(s: Session, what: Count, at: number): void {
    const { now: seenAt, source, offset } = this;
    const { sourceIp, startedAt } = s;
    this.out.push({ kind: 'counted', seenAt, source, offset, path: pathAddress(s), sourceIp, startedAt, what, at });
  }

  countedEverywhere(what: Count, at: number): void {
    const { now: seenAt, source, offset } = this;
    this.out.push({ kind: 'counted-everywhere', seenAt, source, offset, what, at });
  }

  passwordFailed(ip: string, at: number): void {
    const { now: seenAt, source, offset } = this;
    this.out.push({ kind: 'password-failed', seenAt, source, offset, ip, at });
  }

  started(s: Session): void {
    const { now: seenAt, source, offset } = this;
    this.out.push({ kind: 'started', seenAt, source, offset, who: partyOf(s) });
  }

  identified(s: Session): void {
    const { now: seenAt, source, offset } = this;
    this.out.push({ kind: 'identified', seenAt, source, offset, who: partyOf(s) });
  }

  merged(from: Session, into: Session): void {
    const { now: seenAt, source, offset } = this;
    this.out.push({ kind: 'merged', seenAt, source, offset, from: from.serial, into: into.serial });
  }

  loggedIn(s: Session, at: number): void {
    const { now: seenAt, source, offset } = this;
    const server = s.serverIp ?? s.host;
    this.out.push({ kind: 'logged-in', seenAt, source, offset, who: partyOf(s), server, at, gone: s.goneAtLogin });
  }

  authFailed(s: Session, e: DovecotAuthEvent, at: number): void {
    const { now: seenAt, source, offset } = this;
    const token = e.mechanism === 'token';
    this.out.push({ kind: 'auth-failed', seenAt, source, offset, who: partyOf(s), at, name: e.user, token });
  }

  ended(s: Session, at: number): void {
    const { now: seenAt, source, offset } = this;
    const { counts, scan, quickClose } = troubleOf(s);
    const passwordFailed =
      s.preLogin?.auth === 'failed' && s.auth.passwordFailures === 0 && !isTokenMechanism(s.mechanism ?? '');
    this.out.push({
      kind: 'ended',
      seenAt,
      source,
      offset,
      who: partyOf(s),
      at,
      counts,
      scan,
      quickClose,
      passwordFailed,
      silentMs: silentMs(s),
    });
  }

  foundBehindProxy(s: Session): void {
    const { now: seenAt, source, offset } = this;
    this.out.push({
      kind: 'found-behind-proxy',
      seenAt,
      source,
      offset,
      who: partyOf(s),
      loggedInAt: s.loggedInAt,
      gone: s.goneAtLogin,
      endedAt: s.endedAt,
      counts: s.endedAt === undefined ? [] : troubleOf(s).counts,
    });
  }

  closed(s: Session): void {
    const { now: seenAt, source, offset } = this;
    this.out.push({ kind: 'closed', seenAt, source, offset, session: s });
  }
}

function partyOf(s: Session): Party {
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
