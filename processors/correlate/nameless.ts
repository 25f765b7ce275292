import type { DovecotLoginEvent, DovecotSessionEvent } from '../parse/dovecot.ts';
import type { DecodedSessionId } from '../parse/dovecot-session-id.ts';
import { localPart } from '../resolve/network.ts';
import { addLines, type Session } from './session.ts';
import type { SessionHead } from './stored-session.ts';

/** Lines that name no session: sites leave the session id out of `login_log_format_elements`, or have the short prefix of Dovecot 2.2. */

/** Stamps of whole seconds are up to a second early, and so is a start that was reckoned from a wait in whole seconds. */
const EARLY_MS = 2200;
/** No login takes longer (Dovecot, CLIENT_LOGIN_TIMEOUT_MSECS). */
const LOGIN_MS = 180_000;
/** A connection that neither begins nor ends about when Dovecot says is another one: a lost SYN is repeated after 1, 3, 7 and 15 s. */
const SLOW_MS = 16_000;
const APART_MS = 5000;
/** Middle of the second that a whole-second stamp stands for. */
const HALF_SECOND_MS = 500;
/** Before 2.3 the line does not say after how long: after no less than this (Dovecot, CLIENT_IDLE_TIMEOUT_MSECS). */
const INACTIVITY_SECONDS = 1800;
/** A client that has logged in sends its first command at once. */
const FIRST_COMMAND_MS = 60_000;

/**
 * Among a user's sessions, those that logged in last first, the one that a line of its mail process is about. What other sources saw of the
 * connection's end decides; then what the line says: how long its last commands took or are past, and no session is younger than that; that
 * no command came, as where the client was gone at its login. Among equals the youngest: short sessions are many, long ones few.
 */
export function likelyOf<S extends SessionHead>(
  sessions: Iterable<S>,
  e: DovecotSessionEvent,
  at: number,
): S | undefined {
  const idle = e.inactiveSeconds ?? (e.end === 'inactivity' ? INACTIVITY_SECONDS : 0);
  const age = 1000 * Math.max(e.commandSeconds ?? 0, e.waitingSeconds ?? 0, idle);
  let best: S | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const s of sessions) {
    const since = at - (s.loggedInAt ?? s.startedAt);
    if (since < -HALF_SECOND_MS) continue;
    const isMuteEnd = e.commandState === 'none';
    const doubt =
      (since < age - EARLY_MS ? 8 : 0) +
      (isMuteEnd && since > FIRST_COMMAND_MS ? 4 : 0) +
      (e.action === 'ended' ? doubtOfEnd(s, e, at, age) : 0) +
      (s.goneAtLogin === isMuteEnd ? 0 : 1);
    if (doubt >= least) continue;
    least = doubt;
    best = s;
  }
  return best;
}

/**
 * How little the end of its connection, as other sources saw it, fits an end at `at`. A server that is busy or has no connection to spare sees
 * later that the client has gone: since its last command was done, or while it waited to be let in.
 */
function doubtOfEnd(s: SessionHead, e: DovecotSessionEvent, at: number, age: number): number {
  const isOver = s.flow?.up?.fin === true || s.flow?.up?.rst === true || s.flow?.down?.fin === true;
  const closedAt = s.proxy?.endedAt ?? (isOver ? s.flow?.endedAt : undefined);
  if (closedAt === undefined) return 2;
  if (Math.abs(closedAt - at - HALF_SECOND_MS) <= 2 * HALF_SECOND_MS) return 0;
  if (closedAt > at) return 3;
  if (e.commandState === 'none') return s.goneAtLogin ? 1 : 4;
  return e.commandState === 'finished' && closedAt > at - age - EARLY_MS ? 1 : 4;
}

/** Of the sessions of an address whose port no line told, the one that a connection in [from, to] is; undefined if none fits. */
export function bestNameless<S extends SessionHead>(
  sessions: Iterable<S>,
  ip: string,
  from: number,
  to: number,
): S | undefined {
  let best: S | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const s of sessions) {
    if (s.sourcePort !== undefined || s.sourceIp !== ip) continue;
    const wait = s.startedAt - from;
    if (wait < -EARLY_MS || wait > LOGIN_MS) continue;
    const apart = s.endedAt === undefined ? APART_MS : Math.abs(to - s.endedAt - HALF_SECOND_MS);
    if (wait > SLOW_MS && apart > APART_MS) continue;
    const distance = Math.max(0, apart - HALF_SECOND_MS) + Math.abs(wait) / 2;
    if (distance >= least) continue;
    least = distance;
    best = s;
  }
  return best;
}

/**
 * Of the connections of an address that only other sources have seen, the one that a login line is about: it began before the line, by what the
 * line waited, and where the line is its end, it ended then. Those that ended before the second of the line are none.
 */
export function mutePeer<S extends SessionHead>(
  sessions: Iterable<S>,
  e: DovecotLoginEvent,
  at: number,
): S | undefined {
  const begun = at - 1000 * (e.waitedSeconds ?? 0);
  let best: S | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const s of sessions) {
    if (!isMute(s) || s.sourceIp !== e.rip || !isOfPort(s, e.rport)) continue;
    const from = s.flow?.startedAt ?? s.proxy?.acceptedAt;
    const to = s.flow?.endedAt ?? s.proxy?.endedAt;
    if (from === undefined || to === undefined || to < at - EARLY_MS) continue;
    const wait = begun + HALF_SECOND_MS - from;
    if (wait < -EARLY_MS || wait > LOGIN_MS) continue;
    const apart = e.action === 'disconnected' ? Math.abs(to - at - HALF_SECOND_MS) : 0;
    if (wait > SLOW_MS && apart > APART_MS) continue;
    const distance = Math.abs(wait) / 2 + apart;
    if (distance >= least) continue;
    least = distance;
    best = s;
  }
  return best;
}

/** Of the sessions of an address that login lines without an id have begun and not ended, the one that an id made at that time names. */
export function bestBegun<S extends SessionHead>(sessions: Iterable<S>, id: DecodedSessionId): S | undefined {
  let best: S | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const s of sessions) {
    if (s.dovecotId !== undefined || s.sourceIp !== id.ip || s.idSentAt === undefined || s.endedAt !== undefined)
      continue;
    if (s.sourcePort !== undefined && s.sourcePort !== id.port) continue;
    const wait = s.idSentAt + HALF_SECOND_MS - id.at;
    if (wait < -HALF_SECOND_MS || wait > APART_MS || wait >= least) continue;
    least = wait;
    best = s;
  }
  return best;
}

/** Whether a session may be of a line that tells this port, as far as both are known. */
export const isOfPort = (s: SessionHead, port: number | undefined): boolean =>
  port === undefined || s.sourcePort === undefined || s.sourcePort === port;

/** Named by lines of auth, with no login line yet. */
export const isNamedOnly = (s: SessionHead, user: string | undefined): boolean =>
  s.dovecotId !== undefined &&
  s.idSentAt === undefined &&
  s.loggedInAt === undefined &&
  s.preLogin === undefined &&
  s.endedAt === undefined &&
  s.user !== undefined &&
  user !== undefined &&
  localPart(s.user) === localPart(user);

/** Seen by other sources only: no line of Dovecot has told of it. */
export const isMute = (s: SessionHead): boolean =>
  s.dovecotId === undefined && s.idSentAt === undefined && s.loggedInAt === undefined && s.preLogin === undefined;

/** How long the login process may take to accept what the proxy has connected. */
const ACCEPT_MS = 60;
const CLEARLY_NEARER_MS = 8;

/** Of the sessions from shared addresses, the one that a proxy's connection to the server is, made at `from`; undefined if two may be. */
export function onlyBehind<S extends SessionHead>(
  shared: Iterable<S>,
  from: number,
  to: number | undefined,
): S | undefined {
  let best: S | undefined;
  let least = Number.POSITIVE_INFINITY;
  let next = Number.POSITIVE_INFINITY;
  for (const s of shared) {
    const distance = Math.abs(s.startedAt - from);
    if (s.proxy !== undefined || distance > ACCEPT_MS) continue;
    if (to !== undefined && s.endedAt !== undefined && Math.abs(to - s.endedAt - HALF_SECOND_MS) > APART_MS) continue;
    if (distance >= least) {
      next = Math.min(next, distance);
      continue;
    }
    next = least;
    least = distance;
    best = s;
  }
  return next - least > CLEARLY_NEARER_MS ? best : undefined;
}

/** Adds to a session what was held for another one that turns out to be the same: its connection as other sources saw it. */
export function absorb(s: Session, other: Session): void {
  s.flow ??= other.flow;
  s.proxy ??= other.proxy;
  s.drops ??= other.drops;
  s.sourcePort ??= other.sourcePort;
  s.serverPort ??= other.serverPort;
  s.firstAt = Math.min(s.firstAt, other.firstAt);
  s.lastAt = Math.max(s.lastAt, other.lastAt);
  addLines(s, other);
}
