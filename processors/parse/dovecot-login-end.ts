import type { DovecotLoginEvent, LoginAuth, LoginEnd } from './dovecot.ts';
import { numberAfter, numberBefore } from './number-at.ts';

/** What the words of a login process say about how a connection ended. */
export interface Outcome {
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

export const NOTHING: Outcome = {
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
export function endOf(text: string, at: number, to: number): Outcome | undefined {
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
