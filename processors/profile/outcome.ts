import type { Session } from '../correlate/session.ts';
import type { Surroundings } from '../correlate/surroundings.ts';
import { GIVE_UP_SECONDS, isAuthWait, isIdle } from '../correlate/trouble.ts';
import type { Outcome, PhaseName } from './profile.ts';

/** What the client got, as far as the lines tell: from the server's last words, then from the proxy, the flow and the packet filter. */
export function outcomeOf(s: Session, around: Surroundings | undefined): Outcome {
  if (s.kind === 'request') return requestOutcome(s);
  const post = s.postLogin;
  const proxyKilled = proxyTimedOut(s);
  if (post) {
    switch (post.end) {
      case 'logged-out':
        return s.flow && s.endedAt !== undefined && s.flow.endedAt - s.endedAt > GIVE_UP_SECONDS * 1000
          ? 'timeout'
          : 'ok';
      case 'inactivity':
      case 'output-blocked':
        return 'timeout';
      case 'too-many-commands':
      case 'shutdown':
      case 'kicked':
      case 'internal-error':
        return 'reset';
      case 'connection-closed':
      case 'other':
        if (proxyKilled) return 'reset';
        if (s.goneAtLogin) return 'timeout';
        if (isIdle(post.command) && post.commandState === 'running')
          return leftQuietly(s) && !pathWasGone(around) ? 'ok' : 'timeout';
        if (post.commandState === 'none') {
          const waited = (s.endedAt ?? s.lastAt) - s.startedAt;
          return waited >= GIVE_UP_SECONDS * 1000 || !leftQuietly(s) || interruptedInCompany(around) ? 'timeout' : 'ok';
        }
        if (post.commandState === 'finished' && (post.commandSeconds ?? 0) < GIVE_UP_SECONDS && !isIdle(post.command)) {
          return post.tlsError === undefined && leftQuietly(s) && !interruptedInCompany(around) ? 'ok' : 'timeout';
        }
        return 'timeout';
      default:
        post.end satisfies never;
    }
  }
  const pre = s.preLogin;
  if (pre) {
    const waited = pre.waitedSeconds ?? ((s.endedAt ?? s.lastAt) - s.startedAt) / 1000;
    if (pre.end === 'user-ip-limit' || pre.auth === 'limit') return 'blocked';
    if (pre.auth === 'failed') return pre.end === 'queue-full' ? 'reset' : 'auth_failed';
    if (pre.auth === 'policy') return 'refused';
    if ((isAuthWait(s) && pre.auth !== 'not-ready') || pre.auth === 'finishing') return 'timeout';
    if (pre.end === 'queue-full') return waited >= 15 ? 'timeout' : 'reset';
    if (pre.end === 'too-many-commands' || pre.end === 'shutdown' || pre.end === 'kicked') return 'reset';
    if (pre.end === 'inactivity' || pre.end === 'inactivity-in-auth' || pre.end === 'login-timeout') return 'timeout';
    if (pre.end === 'logged-out') return 'ok';
    if (s.tls === 'handshaking') return waited >= GIVE_UP_SECONDS ? 'timeout' : 'tls_failed';
    return waited >= GIVE_UP_SECONDS || !leftQuietly(s) || interruptedInCompany(around) ? 'timeout' : 'unknown';
  }
  if (s.loggedInAt !== undefined) return s.goneAtLogin ? 'timeout' : s.endedAt === undefined ? 'unknown' : 'ok';
  // Packets that were dropped and sent again did not keep a connection from coming about.
  if (s.drops && s.flow?.down?.push !== true) return 'timeout';
  if (s.flow?.down?.rst === true && !s.flow.down.push) return 'refused';
  if (s.flow) return s.flow.down === undefined || !s.flow.down.push ? 'timeout' : 'unknown';
  if (s.proxy) return proxyOutcome(s.proxy.termination);
  if (s.auth.tokenFailures + s.auth.passwordFailures > 0) return 'auth_failed';
  return 'unknown';
}

function requestOutcome(s: Session): Outcome {
  if (s.requests.some((r) => r.blocked || r.limited)) return 'blocked';
  const status = s.requests.at(-1)?.status;
  if (status === undefined) return 'unknown';
  if (status === 499 || status === 408 || status === 504) return 'timeout';
  if (status === 401 || status === 400) return 'auth_failed';
  return status < 400 ? 'ok' : status < 500 ? 'blocked' : 'refused';
}

/** HAProxy's own timer fired: lower-case c or s in front (configuration manual, 8.5). */
export function proxyTimedOut(s: Session): boolean {
  const t = s.proxy?.termination;
  return t !== undefined && (t.startsWith('c') || t.startsWith('s'));
}

function proxyOutcome(termination: string | undefined): Outcome {
  if (termination === undefined) return 'unknown';
  const first = termination[0];
  if (first === 'c' || first === 's') return 'timeout';
  if (first === 'P') return 'blocked';
  if (first === 'S' || first === 'R') return 'refused';
  return termination.startsWith('--') ? 'ok' : 'unknown';
}

/** The client itself closed in an orderly way, as far as anything tells: a FIN in its flow, or nothing to the contrary. */
export function leftQuietly(s: Session): boolean {
  const up = s.flow?.up;
  if (up) return up.fin || up.rst;
  const t = s.proxy?.termination;
  if (t === 'CD') return false;
  return s.tlsError === undefined || !/reset by peer|timed out/.test(s.tlsError);
}

/** The tunnel or the path of its network is known to have been gone meanwhile. */
function pathWasGone(around: Surroundings | undefined): boolean {
  if (around === undefined) return false;
  return around.tunnelTroubles.length > 0 || ((around.silence?.expected ?? 0) > 4 && around.othersDuringSilence > 3);
}

function interruptedInCompany(around: Surroundings | undefined): boolean {
  if (around === undefined) return false;
  const n = around.inNetwork;
  return (around.silence?.expected ?? 0) > 4 || n.gaveUp + n.undelivered + n.unanswered >= 3;
}

/** Where a failed session stood still. */
export function stalledIn(s: Session, outcome: Outcome): PhaseName | null {
  if (outcome === 'ok' || outcome === 'unknown' || s.kind === 'request') return null;
  if (s.postLogin)
    return isIdle(s.postLogin.command)
      ? 'idle'
      : s.postLogin.end === 'inactivity'
        ? 'idle'
        : s.goneAtLogin
          ? 'auth'
          : 'command';
  if (s.preLogin) return s.tls === 'handshaking' ? 'tls' : 'auth';
  if (s.loggedInAt !== undefined) return s.goneAtLogin ? 'auth' : 'command';
  return 'tcp';
}
