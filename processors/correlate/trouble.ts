import type { Count } from './company.ts';
import type { Session } from './session.ts';

/** From this long on, a client that closes was waiting for an answer, not changing its mind: people and mail clients give up after 10 to 60 s. */
export const GIVE_UP_SECONDS = 8;
/** A TLS handshake refused by the client takes no longer than a few round trips. */
const QUICK_SECONDS = 5;
/** Anything still sent this long after the server had ended was being retransmitted: FIN and last data are acknowledged within a round trip. */
export const UNDELIVERED_MS = 5000;

export interface Trouble {
  readonly counts: readonly Count[];
  /** Nothing that a mail client would send: HTTP on the TLS port, and the like. */
  readonly scan: boolean;
  readonly quickClose: boolean;
}

/** How the server's own lines say that a session ended, in the words of `Count`. */
export function troubleOf(s: Session): Trouble {
  const counts: Count[] = [];
  const scan = s.tlsError !== undefined && /http request|wrong version number|unknown protocol/.test(s.tlsError);
  let quickClose = false;
  const pre = s.preLogin;
  if (pre) {
    const waited = pre.waitedSeconds ?? seconds(s);
    if (pre.end === 'queue-full') counts.push('queueFull');
    if (pre.auth === 'failed') counts.push('authFailed');
    else if (isAuthWait(s)) counts.push('authWait');
    if (isTlsAlert(s.tlsError)) counts.push('tlsAlert');
    if (pre.end === 'connection-closed' && pre.auth !== 'failed') {
      if (waited >= GIVE_UP_SECONDS) counts.push('gaveUp');
      else if (s.tls === 'handshaking' && (s.tlsError === undefined || isPlainClose(s.tlsError)))
        counts.push('handshakeClosed');
      if (waited < QUICK_SECONDS) quickClose = true;
      if (s.tlsError !== undefined && /reset by peer|timed out/.test(s.tlsError)) counts.push('interrupted');
    }
    if (pre.end === 'logged-out' && waited < QUICK_SECONDS) quickClose = true;
  }
  const post = s.postLogin;
  if (post) {
    if (post.end === 'logged-out') counts.push('endedWell');
    if (post.end === 'connection-closed') {
      if (post.commandState === 'finished' && (post.commandSeconds ?? 0) >= GIVE_UP_SECONDS && !isIdle(post.command))
        counts.push('gaveUp');
      else if (post.commandState === 'finished' && !isIdle(post.command)) counts.push('interrupted');
      else if (post.commandState === 'running' && !isIdle(post.command)) counts.push('interrupted');
      if (post.tlsError !== undefined && /reset by peer|timed out/.test(post.tlsError)) counts.push('interrupted');
    }
  }
  return { counts, scan, quickClose };
}

const seconds = (s: Session): number => ((s.endedAt ?? s.lastAt) - s.startedAt) / 1000;

export const isIdle = (command: string | undefined): boolean => command !== undefined && /\bIDLE\b/.test(command);

/** Authentication was asked for and not answered, by the server's own words. */
export function isAuthWait(s: Session): boolean {
  const auth = s.preLogin?.auth;
  return auth === 'not-ready' || auth === 'in-progress' || auth === 'temp-fail';
}

/** A TLS alert by which the client refuses the server's certificate (RFC 8446, section 6.2: 42 bad_certificate to 48 unknown_ca). */
export function isTlsAlert(tlsError: string | undefined): boolean {
  return (
    tlsError !== undefined &&
    /alert (bad certificate|unsupported certificate|certificate|unknown ca|certificate unknown)|SSL alert number 4[2-8]\b/.test(
      tlsError,
    )
  );
}

/** The handshake could not agree on a protocol version: the client speaks only what the server has switched off. */
export function isOldTls(tlsError: string | undefined): boolean {
  return (
    tlsError !== undefined &&
    /unsupported protocol|version too low|unsupported ssl|sslv3 alert protocol|alert protocol version|SSL alert number 70\b|legacy sigalg|no protocols available|unexpected_message.*SSLv2|inappropriate fallback/.test(
      tlsError,
    )
  );
}

/** No cipher or parameter in common: one of the two sides is old or misconfigured. */
export function isNoSharedCipher(tlsError: string | undefined): boolean {
  return (
    tlsError !== undefined &&
    /no shared cipher|no suitable (signature|key share)|handshake failure|SSL alert number 40\b|wrong signature type|unsupported elliptic/.test(
      tlsError,
    )
  );
}

/** Merely "the other side closed": says nothing about why. */
export const isPlainClose = (tlsError: string): boolean =>
  /^(Disconnected|Connection closed)$/.test(tlsError) || /closed during handshake$/.test(tlsError);

/** Nothing about it needs an explanation: logged in, logged out, and nothing left undelivered. */
export function isPlainlyHealthy(s: Session): boolean {
  if (s.postLogin?.end !== 'logged-out' || s.goneAtLogin || s.lockErrors > 0 || s.drops !== undefined) return false;
  if (s.preLogin !== undefined || s.auth.passwordFailures + s.auth.tokenFailures > 0) return false;
  if (s.requests.some((r) => r.blocked || r.limited || (r.status ?? 200) >= 400)) return false;
  if (s.flow && s.endedAt !== undefined && s.flow.endedAt - s.endedAt > UNDELIVERED_MS) return false;
  const t = s.proxy?.termination;
  return t === undefined || t === '--' || t === 'CD' || t === 'SD';
}

/** When the session began to be in trouble, and until when: the wait that its last line tells, else its last moments. */
export function troubleInterval(s: Session): { from: number; until: number } {
  const end = s.endedAt ?? s.lastAt;
  if (s.kind === 'request') return { from: s.firstAt, until: end };
  const post = s.postLogin;
  if (post) {
    if (post.end === 'logged-out')
      return { from: Math.max(s.startedAt, end - 2000), until: Math.max(end, s.flow?.endedAt ?? end) };
    // A command that was finished at once had been on its way for an unknown time: since the last line before it, two minutes at most.
    if (post.commandState === 'finished' && (post.commandSeconds ?? 0) < 1)
      return { from: Math.max(s.loggedInAt ?? s.startedAt, end - 120_000), until: end };
    const waited = Math.max(post.commandSeconds ?? 0, post.waitingSeconds ?? 0, post.inactiveSeconds ?? 0) * 1000;
    return { from: Math.max(s.startedAt, end - waited), until: end };
  }
  if (s.preLogin)
    return { from: Math.max(s.startedAt, end - Math.max(1, s.preLogin.waitedSeconds ?? 0) * 1000), until: end };
  if (s.goneAtLogin) return { from: s.startedAt, until: end };
  return { from: s.drops?.firstAt ?? s.startedAt, until: Math.max(end, s.flow?.endedAt ?? end) };
}
