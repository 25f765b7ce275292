import type { Line, Stamp } from '../event.ts';
import { plainAddress } from '../ip.ts';
import type { DovecotEvent, DovecotLoginEvent, LoginAuth, LoginEnd } from './dovecot.ts';
import { classifiedAuth, plainAuth } from './dovecot-auth.ts';
import { serviceEvent } from './dovecot-service.ts';
import { severityAt } from './dovecot-text.ts';
import { numberAfter, numberAt, portAt } from './number-at.ts';

/**
 * Lines of login processes: `MESSAGE: user=<…>, method=…, rip=…, lip=…, mpid=…, TLS, session=<…>`.
 * Message and user come from strangers and may hold anything that looks like an element, so the elements are found from the right end:
 * the last `session=<…>`, the last ` rip=` before it, and what stands left of that. Behind `rip=` nothing is the stranger's choice.
 * Source: dovecot/core src/login-common/client-common.c; wordings by version in docs/formats/dovecot.md.
 */
export function parseLogin(line: Line, stamp: Stamp, text: string, service: string, from: number): DovecotEvent {
  const protocol = protocolOf(service);
  const severity = severityAt(text, from);
  const at = from + severity.length;
  const length = text.length;

  let session: string | undefined;
  let end = length;
  if (text.charCodeAt(length - 1) === 62) {
    const i = text.lastIndexOf(', session=<');
    if (i >= 0) {
      end = i;
      if (i + 11 < length - 1) session = text.slice(i + 11, length - 1);
    }
  }
  const ripAt = text.lastIndexOf(' rip=', end);
  if (ripAt < at) return withoutElements(line, stamp, text, service, at, severity.trouble);

  // Right of rip: a fixed set of elements; the TLS element's error may hold anything but comes from OpenSSL, and runs to the session.
  let rip: string | undefined;
  let rport: number | undefined;
  let lip: string | undefined;
  let lport: number | undefined;
  let mpid: number | undefined;
  let tls: DovecotLoginEvent['tls'] = 'none';
  let tlsError: string | undefined;
  for (let i = ripAt + 1; i < end; ) {
    let stop = text.indexOf(', ', i);
    if (stop < 0 || stop > end) stop = end;
    switch (text.charCodeAt(i)) {
      case 114: // r
        if (text.startsWith('rip=', i)) rip = stop === i + 4 ? undefined : plainAddress(text.slice(i + 4, stop));
        else if (text.startsWith('rport=', i)) rport = portAt(text, i + 6);
        break;
      case 108: // l
        if (text.startsWith('lip=', i)) lip = stop === i + 4 ? undefined : plainAddress(text.slice(i + 4, stop));
        else if (text.startsWith('lport=', i)) lport = portAt(text, i + 6);
        break;
      case 109: // m
        if (text.startsWith('mpid=', i)) mpid = numberAt(text, i + 5);
        break;
      case 84: {
        // T: `TLS`, `TLS handshaking`, either with `: ERR`; `TSL` (sic, 2.4) where TLS ended elsewhere
        const handshaking = text.startsWith('TLS handshaking', i);
        if (handshaking || text.startsWith('TLS', i)) {
          if (tls === 'none') tls = handshaking ? 'handshaking' : 'established';
          const error = i + (handshaking ? 15 : 3);
          if (text.startsWith(': ', error)) {
            tlsError = text.slice(error + 2, end);
            stop = end;
          }
        } else if (text.startsWith('TSL', i)) tls = 'secured';
        break;
      }
      case 115: // s
        if (text.startsWith('session=<', i)) session ??= text.slice(i + 9, stop - 1) || undefined;
        else if (tls === 'none' && text.startsWith('secured', i)) tls = 'secured';
        break;
      default:
    }
    i = stop + 2;
  }

  // Left of rip: `user=<U>, method=M,`, each of which may be missing.
  const isClientId = isIdSent(text, at);
  let userAt = isClientId ? text.lastIndexOf(': user=<', ripAt) : text.indexOf(': user=<', at);
  if (userAt < at || userAt > ripAt) userAt = -1;
  let method: string | undefined;
  let userEnd = ripAt - 1;
  const methodAt = text.lastIndexOf(' method=', ripAt);
  if (methodAt > at && text.indexOf(' ', methodAt + 1) === ripAt) {
    method = text.slice(methodAt + 8, ripAt - 1) || undefined;
    userEnd = methodAt - 1;
  }
  let user: string | undefined;
  if (userAt >= 0) {
    if (text.charCodeAt(userEnd - 1) !== 62) {
      // A site's own order of elements: the user ends at the first `>, `.
      const close = text.indexOf('>, ', userAt + 8);
      userEnd = close < 0 || close > ripAt ? userEnd : close + 1;
      session ??= elementBetween(text, ', session=<', userEnd, ripAt);
      if (method === undefined) method = wordBetween(text, ', method=', userEnd, ripAt);
    }
    if (userEnd - 1 > userAt + 8) user = text.slice(userAt + 8, userEnd - 1);
  }
  let messageEnd = userAt >= 0 ? userAt : methodAt > at && userEnd < ripAt - 1 ? methodAt : ripAt;
  if (userAt < 0 && text.charCodeAt(messageEnd - 1) === 58) messageEnd--;

  let action: DovecotLoginEvent['action'];
  let outcome: Outcome = NOTHING;
  let client: string | undefined;
  const isProxy = text.startsWith('proxy(', at);
  if (text.startsWith('Login', at) && messageEnd === at + 5) action = 'logged-in';
  else if (text.startsWith('Logged in', at) && messageEnd === at + 9) action = 'logged-in';
  else if (isClientId) {
    action = 'client-id';
    client = clientName(text, text.indexOf('ID sent: ', at) + 9, messageEnd);
  } else if (isProxy) {
    const proxied = proxyOutcome(text, at, messageEnd, user);
    action = proxied.action;
    outcome = proxied;
    user = proxied.user;
  } else if (text.startsWith('Auth process not responding', at)) action = 'greeting-delayed';
  else {
    const ended = endOf(text, at, messageEnd);
    if (ended === undefined) {
      const reason = text.slice(at, messageEnd);
      return plainAuth(line, stamp, reason, severity.trouble, user, rip, session);
    }
    action = 'disconnected';
    outcome = ended;
    tlsError ??= outcome.tlsError;
  }
  return {
    dataset: 'dovecot.login',
    line,
    stamp,
    action,
    protocol,
    user,
    method,
    rip,
    rport,
    lip,
    lport,
    mpid,
    tls,
    tlsError,
    session,
    end: outcome.end,
    auth: outcome.auth,
    attempts: outcome.attempts,
    waitedSeconds: outcome.waitedSeconds,
    reason: text.slice(at, messageEnd),
    client,
    timerSeconds: outcome.timerSeconds,
    bytesIn: outcome.bytesIn,
    bytesOut: outcome.bytesOut,
    endedBy: outcome.endedBy,
  };
}

interface Outcome {
  readonly end: LoginEnd | undefined;
  readonly auth: LoginAuth | undefined;
  readonly attempts: number | undefined;
  readonly waitedSeconds: number | undefined;
  readonly timerSeconds: number | undefined;
  readonly tlsError: string | undefined;
  readonly bytesIn: number | undefined;
  readonly bytesOut: number | undefined;
  readonly endedBy: DovecotLoginEvent['endedBy'];
}

const NOTHING: Outcome = {
  end: undefined,
  auth: undefined,
  attempts: undefined,
  waitedSeconds: undefined,
  timerSeconds: undefined,
  tlsError: undefined,
  bytesIn: undefined,
  bytesOut: undefined,
  endedBy: undefined,
};

/** `imap-login` speaks imap; `imap-urlauth-login` too. */
function protocolOf(service: string): string {
  switch (service) {
    case 'imap-login':
      return 'imap';
    case 'pop3-login':
      return 'pop3';
    case 'submission-login':
      return 'submission';
    case 'managesieve-login':
    case 'sieve-login':
      return 'managesieve';
    default:
      return service.endsWith('-login') ? service.slice(0, -6) : service;
  }
}

/** `ID sent: ` (2.2, 2.3), `Pre-login ID sent: ` and `Pre-login internal ID sent from … client: ` (2.4). */
function isIdSent(text: string, at: number): boolean {
  return text.startsWith('ID sent: ', at) || text.startsWith('Pre-login ', at);
}

/** `name/version` of `name=Thunderbird, version=115.6.0, …`. A value may hold `, ` itself: it ends where the next known key begins. */
export function clientName(text: string, from: number, to: number): string | undefined {
  let name: string | undefined;
  let version: string | undefined;
  for (let i = from; i < to; ) {
    let stop = text.indexOf(', ', i);
    if (stop < 0 || stop > to) stop = to;
    if (name === undefined && text.startsWith('name=', i)) name = text.slice(i + 5, stop);
    else if (version === undefined && text.startsWith('version=', i)) version = text.slice(i + 8, stop);
    i = stop + 2;
  }
  if (name === undefined || name === '') return undefined;
  return version === undefined || version === '' ? name : `${name}/${version}`;
}

/** Words that begin a message about the end of a connection before login, without `Disconnected: ` or `Login aborted: ` in front. */
const END_WORDS: readonly string[] = [
  'Aborted login',
  'Inactivity',
  'Connection closed',
  'Timeout while finishing login',
  'Maximum number of connections',
  'Connection queue full',
  'Too many ',
  'Shutting down',
  'Logging in ',
  'TLS initialization failed',
  'Authentication response too large',
  'Logged out',
];

/** Reads why a connection ended before login. Undefined if the message tells no end. */
function endOf(text: string, at: number, to: number): Outcome | undefined {
  let from = at;
  if (text.startsWith('Disconnected', at)) {
    from = at + 12;
    if (text.startsWith(': ', from)) from += 2;
  } else if (text.startsWith('Login aborted: ', at)) from = at + 15;
  else if (!END_WORDS.some((word) => text.startsWith(word, at))) return undefined;

  // 2.4 puts a stable code into a second bracket: `Connection closed (auth failed, 2 attempts in 9 secs) (auth_failed)`.
  let code: string | undefined;
  let bodyEnd = to;
  if (text.charCodeAt(to - 1) === 41) {
    const open = text.lastIndexOf('(', to);
    if (open > from && isCode(text, open + 1, to - 1)) {
      code = text.slice(open + 1, to - 1);
      bodyEnd = open - 1;
    }
  }
  let bracket = -1;
  let bracketEnd = bodyEnd;
  if (text.charCodeAt(bodyEnd - 1) === 41) {
    const failure = text.indexOf(', last failure: ', from);
    if (failure >= 0 && failure < bodyEnd) bracketEnd = failure;
    bracket = text.lastIndexOf('(', bracketEnd - 1);
    if (bracket < from - 1) bracket = -1;
  }
  const hasBracket = bracket >= 0;
  const wordsEnd = hasBracket ? bracket - 1 : bodyEnd;

  const end =
    code === 'process_full'
      ? 'queue-full'
      : code === 'shutting_down'
        ? 'shutdown'
        : endWords(text, from, wordsEnd, code);
  let auth = code === undefined ? undefined : AUTH_CODES.get(code);
  let attempts: number | undefined;
  let waitedSeconds: number | undefined;
  let timerSeconds: number | undefined;
  if (hasBracket) {
    auth ??= authWords(text, bracket + 1);
    const b = bracket + 1;
    const count = text.indexOf(' attempts', b);
    if (count >= 0 && count < bracketEnd) attempts = numberBefore(text, count);
    else attempts = numberAfter(text, '/', b, text.indexOf(' successful', b));
    waitedSeconds = numberAfter(text, 'waited ', b, bracketEnd) ?? numberAfter(text, ' in ', b, bracketEnd);
  }
  if (end === 'login-timeout') {
    waitedSeconds ??= numberAfter(text, '(waited ', from, to);
    timerSeconds = numberAfter(text, 'duration=', from, to) ?? numberAfter(text, '(waited ', from, to);
    auth ??= 'finishing';
  } else if (end === 'user-ip-limit') auth ??= 'limit';
  let tlsError: string | undefined;
  if (text.startsWith('Connection closed: ', from)) tlsError = text.slice(from + 19, wordsEnd);
  return {
    end,
    auth,
    attempts,
    waitedSeconds,
    timerSeconds,
    tlsError,
    bytesIn: undefined,
    bytesOut: undefined,
    endedBy: undefined,
  };
}

function endWords(text: string, from: number, to: number, code: string | undefined): LoginEnd {
  switch (text.charCodeAt(from)) {
    case 67: // C
      if (text.startsWith('Connection closed', from))
        return code === 'connection_limit' ? 'user-ip-limit' : 'connection-closed';
      if (text.startsWith('Connection queue full', from)) return 'queue-full';
      break;
    case 65: // A
      if (text.startsWith('Aborted login', from)) return 'logged-out';
      break;
    case 73: // I
      if (text.startsWith('Inactivity during authentication', from)) return 'inactivity-in-auth';
      if (text.startsWith('Inactivity', from)) return 'inactivity';
      break;
    case 76: // L
      if (text.startsWith('Logged out', from)) return 'logged-out';
      if (text.startsWith('Logging in ', from)) return 'login-timeout';
      break;
    case 77: // M
      if (text.startsWith('Maximum number of connections', from)) return 'user-ip-limit';
      break;
    case 84: // T
      if (text.startsWith('Too many ', from)) return 'too-many-commands';
      if (text.startsWith('Timeout while finishing login', from)) return 'login-timeout';
      break;
    case 83: // S
      if (text.startsWith('Shutting down', from)) return 'shutdown';
      break;
    default:
  }
  if (code === 'connection_limit') return 'user-ip-limit';
  // 2.0 to 2.3.14 say just `Disconnected (…)` when the client is gone.
  if (from >= to || text.charCodeAt(from) === 40 || text.charCodeAt(from) === 32) return 'connection-closed';
  const words = text.slice(from, to).toLowerCase();
  if (words.includes('kicked')) return 'kicked';
  if (words.includes('inactivity during auth')) return 'inactivity-in-auth';
  if (words.includes('inactivity')) return 'inactivity';
  if (words.includes('shutting down')) return 'shutdown';
  return 'other';
}

/** The first words of a bracket decide. Source: client_get_extra_disconnect_reason() in 2.2.36.4, 2.3.21.1 and 2.4.4. */
const AUTH_WORDS: readonly (readonly [words: string, auth: LoginAuth])[] = [
  ['no auth attempts', 'none'],
  ['auth failed', 'failed'],
  ['disconnected before auth was ready', 'not-ready'],
  ["client didn't finish SASL auth", 'waiting-client'],
  ['disconnected while authenticating', 'in-progress'],
  ['disconnected while finishing login', 'finishing'],
  ['disconnected during TLS handshake', 'tls-not-finished'],
  ['auth service reported temporary failure', 'temp-fail'],
  ['auth process communication failure', 'temp-fail'],
  ['tried to use ', 'policy'],
  ['cert required', 'policy'],
  ["client didn't send a cert", 'policy'],
  ['client sent an ', 'policy'],
  ['authorization failed', 'policy'],
  ['user disabled', 'policy'],
  ['password expired', 'policy'],
  ['login disabled', 'policy'],
  ['auth referral', 'policy'],
  ['aborted authentication', 'aborted'],
  ['auth aborted by client', 'aborted'],
  ['sent invalid base64', 'aborted'],
  ['internal failure', 'internal'],
  ['proxy dest ', 'proxy-failed'],
  ['connection limit reached', 'limit'],
];

function authWords(text: string, at: number): LoginAuth | undefined {
  for (const [words, auth] of AUTH_WORDS) if (text.startsWith(words, at)) return auth;
  return undefined;
}

/** Codes of 2.4. Source: src/login-common/client-common.c (2.4.4). */
const AUTH_CODES = new Map<string, LoginAuth>([
  ['no_auth_attempts', 'none'],
  ['auth_failed', 'failed'],
  ['auth_process_not_ready', 'not-ready'],
  ['auth_process_comm_fail', 'temp-fail'],
  ['auth_aborted_by_client', 'aborted'],
  ['auth_waiting_client', 'waiting-client'],
  ['auth_nologin_referral', 'policy'],
  ['tls_handshake_not_finished', 'tls-not-finished'],
  ['client_ssl_not_started', 'policy'],
  ['client_ssl_cert_missing', 'policy'],
  ['client_ssl_cert_untrusted', 'policy'],
  ['connection_limit', 'limit'],
  ['internal_failure', 'internal'],
  ['authorization_failed', 'policy'],
  ['temp_fail', 'temp-fail'],
  ['user_disabled', 'policy'],
  ['password_expired', 'policy'],
  ['invalid_base64', 'aborted'],
  ['login_disabled', 'policy'],
  ['invalid_mech', 'policy'],
  ['cleartext_auth_disabled', 'policy'],
  ['anonymous_auth_disabled', 'policy'],
  ['proxy_dest_connect_failed', 'proxy-failed'],
  ['proxy_dest_internal_failure', 'proxy-failed'],
  ['proxy_dest_remote_failure', 'proxy-failed'],
  ['proxy_dest_protocol_failure', 'proxy-failed'],
  ['proxy_dest_auth_failed', 'proxy-failed'],
  ['proxy_dest_auth_temp_failed', 'proxy-failed'],
  ['proxy_dest_redirected', 'proxy-failed'],
  ['proxy_dest_connection_limit', 'proxy-failed'],
]);

/** A code is one word of small letters with at least one underscore; the human brackets always hold a space. */
function isCode(text: string, from: number, to: number): boolean {
  let underscores = 0;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c === 95) underscores++;
    else if (!((c >= 97 && c <= 122) || (c >= 48 && c <= 57))) return false;
  }
  return underscores > 0;
}

/** `3 attempts`: the number that ends at `end`. */
function numberBefore(text: string, end: number): number | undefined {
  let from = end;
  while (from > 0 && end - from < 12 && isDigit(text.charCodeAt(from - 1))) from--;
  return numberAt(text, from);
}

function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

interface ProxyOutcome extends Outcome {
  readonly action: 'proxy-start' | 'proxy-end' | 'proxy-failed';
  readonly user: string | undefined;
}

/**
 * `proxy(USER): …` and `proxy(USER,IP:PORT): …`.
 * Start: `started proxying to H:P` (2.2), `Started proxying to <H:P>` (2.3), `Started proxying to remote host` (2.4). End: `disconnecting IP
 * (…)` (2.2), `Disconnected by server|client|proxy…`. All else is a failure, also `Disconnected by server: … (state=S, duration=Ns)`.
 */
function proxyOutcome(text: string, at: number, to: number, knownUser: string | undefined): ProxyOutcome {
  // The elements tell the user's true length, so a user name with `): ` in it cannot end the prefix early.
  const userLength = knownUser !== undefined && text.startsWith(knownUser, at + 6) ? knownUser.length : 0;
  const close = text.indexOf('): ', at + 6 + userLength);
  const bodyAt = close < 0 || close > to ? at : close + 3;
  const inner = bodyAt === at ? '' : text.slice(at + 6, close);
  const comma = inner.lastIndexOf(',');
  const user = knownUser ?? ((comma > 0 && inner.includes(':', comma) ? inner.slice(0, comma) : inner) || undefined);
  const body = text.slice(bodyAt, to);
  const ends =
    body.startsWith('Disconnected by ') || body.startsWith('disconnecting ') || body.startsWith('Disconnecting ');
  const action = /^[Ss]tarted proxying/.test(body)
    ? 'proxy-start'
    : ends && !body.includes('(state=')
      ? 'proxy-end'
      : 'proxy-failed';
  return {
    action,
    user,
    end: undefined,
    auth: action === 'proxy-failed' ? 'proxy-failed' : undefined,
    attempts: undefined,
    waitedSeconds: action === 'proxy-end' ? numberBeforeLabel(body, 's idle, in=') : undefined,
    timerSeconds:
      action === 'proxy-failed'
        ? (numberAfter(body, '(after ', 0, body.length) ?? numberAfter(body, 'duration=', 0, body.length))
        : undefined,
    tlsError: undefined,
    bytesIn: numberAfter(body, ' in=', 0, body.length),
    bytesOut: numberAfter(body, ' out=', 0, body.length),
    endedBy: action !== 'proxy-end' ? undefined : endedBy(body),
  };
}

function numberBeforeLabel(text: string, label: string): number | undefined {
  const i = text.indexOf(label);
  return i < 0 ? undefined : numberBefore(text, i);
}

function endedBy(body: string): DovecotLoginEvent['endedBy'] {
  const i = body.indexOf('isconnected by ');
  if (i < 0) return undefined;
  if (body.startsWith('client', i + 15)) return 'client';
  if (body.startsWith('server', i + 15)) return 'server';
  return body.startsWith('proxy', i + 15) ? 'proxy' : undefined;
}

/** Lines of a login process about no client: authentication trouble, limits of the service, errors. */
function withoutElements(
  line: Line,
  stamp: Stamp,
  text: string,
  service: string,
  at: number,
  trouble: boolean,
): DovecotEvent {
  if (text.startsWith('Auth process not responding', at)) return delayedGreeting(line, stamp, service, text.slice(at));
  return classifiedAuth(line, stamp, text, at, trouble) ?? serviceEvent(line, stamp, text, service, at, trouble);
}

/** 2.0 warns about a late greeting without naming the client. */
function delayedGreeting(line: Line, stamp: Stamp, service: string, reason: string): DovecotLoginEvent {
  return {
    dataset: 'dovecot.login',
    line,
    stamp,
    action: 'greeting-delayed',
    protocol: protocolOf(service),
    user: undefined,
    method: undefined,
    rip: undefined,
    rport: undefined,
    lip: undefined,
    lport: undefined,
    mpid: undefined,
    tls: 'none',
    tlsError: undefined,
    session: undefined,
    end: undefined,
    auth: undefined,
    attempts: undefined,
    waitedSeconds: undefined,
    reason,
    client: undefined,
    timerSeconds: undefined,
    bytesIn: undefined,
    bytesOut: undefined,
    endedBy: undefined,
  };
}

function elementBetween(text: string, label: string, from: number, to: number): string | undefined {
  const i = text.indexOf(label, from);
  if (i < 0 || i >= to) return undefined;
  const close = text.indexOf('>', i + label.length);
  return close < 0 || close > to ? undefined : text.slice(i + label.length, close) || undefined;
}

function wordBetween(text: string, label: string, from: number, to: number): string | undefined {
  const i = text.indexOf(label, from - 1);
  if (i < 0 || i >= to) return undefined;
  const stop = text.indexOf(',', i + label.length);
  return text.slice(i + label.length, stop < 0 || stop > to ? to : stop) || undefined;
}
