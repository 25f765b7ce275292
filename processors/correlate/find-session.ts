/** Which session a line belongs to: by session id, by address and port, by process, or by being the only one that it can be. */
import type { DovecotSessionEvent } from '../parse/dovecot.ts';
import { type DecodedSessionId, decodeSessionId } from '../parse/dovecot-session-id.ts';
import type { HaproxyEvent } from '../parse/haproxy.ts';
import { localPart } from '../resolve/network.ts';
import { bestBegun, bestNameless, isMute, isNamedOnly, isOfPort, likelyOf, mutePeer, onlyBehind } from './nameless.ts';
import type { DovecotLineEvent, TimedSessionEvent } from './route.ts';
import { type Session, SLOW_SETUP_MS, tag } from './session.ts';
import type { SessionLives } from './session-lives.ts';
import { detach, keep, keepMaybe } from './texts.ts';

/** No login process keeps a client waiting for longer (Dovecot, CLIENT_LOGIN_TIMEOUT_MSECS). */
const AUTH_MS = 180_000;

/** The session a Dovecot line belongs to: by session id, else by process id and user, else by user or address in order. */
export function sessionOfDovecot(lives: SessionLives, e: DovecotLineEvent, t: TimedSessionEvent): Session | undefined {
  const id = e.session;
  if (id !== undefined && id !== '') {
    const known = lives.store.withDovecotId(id) ?? lives.store.reopen(id);
    if (known) return known;
    const decoded = decodeSessionId(id, t.at);
    let s: Session | undefined;
    if (decoded) s = lives.store.withTransport(decoded.ip, decoded.port, decoded.at, decoded.at);
    if (s && s.dovecotId !== undefined) s = undefined;
    if (e.dataset === 'dovecot.session') s = ofProcess(lives, e, s);
    if (decoded && e.dataset === 'dovecot.auth' && (!s || isMute(s))) s = namedByAuth(lives, decoded, s);
    if (!s) {
      if (e.dataset === 'dovecot.auth' && !decoded) return undefined;
      s = lives.create(decoded?.at ?? t.at, decoded ? 1 : e.stamp.precisionMs, e.dataset);
    }
    lives.store.addDovecotId(detach(id), s);
    if (decoded) {
      s.startedAt = decoded.at;
      s.startPrecisionMs = 1;
      s.startBasis = 'dovecot.session_id';
      s.sourceIp ??= keep(decoded.ip);
      s.sourcePort ??= decoded.port;
    }
    if (e.dataset === 'dovecot.login') s.sourceIp ??= keepMaybe(e.rip);
    lives.index(s);
    lives.started(s);
    return s;
  }
  if (e.dataset === 'dovecot.session') {
    if (e.user === undefined) return undefined;
    const known = ofProcess(lives, e, undefined);
    return known ?? lives.store.wakeMaybe(likelyOf(lives.store.byUser.lastFirst(localPart(e.user)), e, t.at));
  }
  if (e.rip === undefined) return undefined;
  if (e.dataset === 'dovecot.auth') {
    return lives.store.findLastOfClient(
      e.rip,
      (s) => s.endedAt === undefined && s.loggedInAt === undefined && t.at - s.startedAt < AUTH_MS,
    );
  }
  // No session id in the site's format: one login line, one session; its start is unknown but for what the line itself says.
  const waited = e.waitedSeconds ?? 0;
  const pending =
    e.rport === undefined ? undefined : lives.store.withTransport(e.rip, e.rport, t.at - waited * 1000, t.at);
  if (pending) return pending;
  const open = lives.store.findLastOfClient(
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
      : lives.store.findLastOfClient(e.rip, (of) => isOfPort(of, e.rport) && isNamedOnly(of, e.user));
  if (named) return named;
  const silent = lives.store.wakeMaybe(mutePeer(lives.store.byClient.lastFirst(e.rip), e, t.at));
  if (silent) {
    if (e.waitedSeconds !== undefined) {
      silent.startedAt = t.at - waited * 1000;
      silent.startPrecisionMs = Math.max(1000, e.stamp.precisionMs);
      silent.startBasis = e.dataset;
    }
    return silent;
  }
  const s = lives.create(t.at - waited * 1000, Math.max(1000, e.stamp.precisionMs), e.dataset);
  s.sourceIp = keep(e.rip);
  s.sourcePort = e.rport;
  lives.index(s);
  lives.started(s);
  return s;
}

/** Whether its session is beyond doubt. */
export function isSessionKnown(lives: SessionLives, e: DovecotSessionEvent): boolean {
  if (e.session !== undefined && lives.store.knows(e.session)) return true;
  return e.user !== undefined && ofProcess(lives, e, undefined) !== undefined;
}

/** Where login lines have no session id: the session that this process was given, to which `other`, known by its port only, is added. */
function ofProcess(lives: SessionLives, e: DovecotSessionEvent, other: Session | undefined): Session | undefined {
  if (e.pid === undefined || e.user === undefined) return other;
  const s = lives.store.findLastOfUser(localPart(e.user), (of) => of.pid === e.pid && of.dovecotId === undefined);
  if (s && other && s !== other) {
    lives.merge(other, s);
  }
  return s ?? other;
}

/** Lines of auth have the id that login lines lack: the session of this address that a login line began then, `other` added to it. */
function namedByAuth(lives: SessionLives, id: DecodedSessionId, other: Session | undefined): Session | undefined {
  const s = lives.store.wakeMaybe(bestBegun(lives.store.byClient.lastFirst(id.ip), id));
  if (s && other) {
    lives.merge(other, s);
  }
  return s ?? other;
}

/** The session of a connection in [from, to] that another source tells of: by its port, else among those whose port no line of Dovecot told. */
export function sessionOfConnection(
  lives: SessionLives,
  ip: string,
  port: number,
  from: number,
  to: number,
  precisionMs: number,
): Session | undefined {
  const s = lives.store.withTransport(ip, port, from, to);
  if (s && !isMute(s)) return s;
  const named = nameless(lives, ip, port, from, to, precisionMs);
  if (named && s) {
    lives.merge(s, named);
    lives.store.addTransport(ip, port, named);
  }
  return named ?? s;
}

/** The session that Dovecot's lines tell of without a port, and that a connection of this address and port is. */
function nameless(
  lives: SessionLives,
  ip: string,
  port: number,
  from: number,
  to: number,
  precisionMs: number,
): Session | undefined {
  const s = lives.store.wakeMaybe(bestNameless(lives.store.byClient.lastFirst(ip), ip, from, to));
  if (!s) return undefined;
  if (s.loggedInAt !== undefined && s.loggedInAt - s.startedAt <= SLOW_SETUP_MS && s.loggedInAt - from > SLOW_SETUP_MS)
    lives.tell.counted(s, 'slowSetup', s.loggedInAt);
  // An end that tells how long it had waited tells when the server took the connection up, which may be long after its SYN.
  if (s.preLogin?.waitedSeconds === undefined) {
    s.startedAt = from;
    s.startPrecisionMs = precisionMs;
  }
  s.sourcePort = port;
  lives.store.addTransport(s.sourceIp, port, s);
  lives.tell.identified(s);
  return s;
}

/** Without the PROXY protocol Dovecot sees the proxy's address: its session that begins when the proxy had connected, and ends with it. */
export function sessionBehindProxy(
  lives: SessionLives,
  e: HaproxyEvent,
  acceptedAt: number,
  endedAt: number | undefined,
): Session | undefined {
  if (e.clientIp === undefined) return undefined;
  const connectedAt = acceptedAt + (e.queueMs ?? 0) + (e.connectMs ?? 0);
  const found = lives.store.wakeMaybe(onlyBehind(lives.store.shared, connectedAt, endedAt));
  if (!found) return undefined;
  // From here on it is found by the client's address and port too, which is what packet filters and flow records see.
  lives.store.moveClient(found, keep(e.clientIp));
  lives.store.addTransport(e.clientIp, e.clientPort, found);
  tag(found, 'proxied');
  lives.tell.foundBehindProxy(found);
  return found;
}
