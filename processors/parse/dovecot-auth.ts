import type { Line, Stamp } from '../event.ts';
import { looksLikeAddress, plainAddress } from '../ip.ts';
import type { DovecotAuthEvent, DovecotEvent } from './dovecot.ts';
import { serviceEvent } from './dovecot-service.ts';
import { severityAt, withoutSecrets } from './dovecot-text.ts';
import { numberAfter, numberAt } from './number-at.ts';

/** Who asked: what the prefix of an auth line tells. */
interface Asker {
  readonly user: string | undefined;
  readonly rip: string | undefined;
  readonly session: string | undefined;
  readonly mechanism: string | undefined;
  readonly end: number;
}

const NOBODY: Asker = { user: undefined, rip: undefined, session: undefined, mechanism: undefined, end: -1 };

/** auth-request.c cuts the user at 64 bytes before it is logged; `...` follows a cut. */
const USER_MAX = 67;
/** `,ADDRESS,sasl:MECHANISM,master,<SESSION>` can follow the user inside the brackets. */
const TAIL_MAX = 46 + 32 + 8 + 130;

/**
 * Lines of auth and auth-worker. Three ways to name who asked, by version (table in docs/formats/dovecot.md):
 * `auth: DB(user,ip,<session>): TEXT` (to 2.3), the same behind `auth-worker(PID): conn unix:…: auth-worker<N>: ` (2.3.7 on), and
 * `auth(user,ip,sasl:plain)<session>: DB: TEXT` (2.4).
 */
export function parseAuth(line: Line, stamp: Stamp, text: string, name: string, from: number): DovecotEvent {
  let at = from;
  let asker = NOBODY;
  let database: string | undefined;
  if (text.charCodeAt(from) === 40) {
    const close = text.indexOf(')', from);
    const inner = close < 0 ? '' : text.slice(from + 1, close);
    if (text.startsWith('): ', close) && (isNumber(inner) || inner === 'default')) at = close + 3;
    else {
      asker = askerAt(text, from);
      if (asker.end < 0) return unnamed(line, stamp, text, name, from, false);
      at = asker.end;
    }
  } else at = from + 2;
  let severity = severityAt(text, at);
  at = skipConnection(text, at + severity.length);
  if (asker === NOBODY) {
    const open = databaseEnd(text, at);
    if (open > at && text.charCodeAt(open) === 40) {
      if (text.startsWith('pam_unix(', at)) return pamLine(line, stamp, text, at);
      const found = askerAt(text, open);
      if (found.end >= 0) {
        asker = found;
        database = text.slice(at, open);
        at = found.end;
      }
    }
    if (asker === NOBODY) return unnamed(line, stamp, text, name, at, severity.trouble);
  } else {
    if (text.startsWith('request [', at)) {
      const close = text.indexOf(']: ', at);
      if (close > at && close < at + 30) at = close + 3;
    }
    const colon = databaseEnd(text, at);
    if (colon > at && text.startsWith(': ', colon)) {
      database = text.slice(at, colon);
      at = colon + 2;
    }
  }
  if (!severity.trouble) {
    severity = severityAt(text, at);
    at += severity.length;
  }
  const verdict = classify(text, at, severity.trouble);
  return authEvent(line, stamp, verdict, database, asker, text, at);
}

/** An auth text that a login or mail process prints, with who it is about known from the process's own prefix or elements. */
export function plainAuth(
  line: Line,
  stamp: Stamp,
  reason: string,
  trouble: boolean,
  user: string | undefined,
  rip: string | undefined,
  session: string | undefined,
): DovecotAuthEvent {
  const asker: Asker = { user, rip, session, mechanism: undefined, end: 0 };
  return authEvent(line, stamp, classify(reason, skipConnection(reason, 0), trouble), undefined, asker, reason, 0);
}

/** The same for lines that may be about something else: undefined unless the text is one of authentication trouble. */
export function classifiedAuth(
  line: Line,
  stamp: Stamp,
  text: string,
  from: number,
  trouble: boolean,
): DovecotAuthEvent | undefined {
  const at = skipConnection(text, from);
  const isAuth =
    at !== from || text.startsWith('master(', from) || AUTH_TROUBLE.some((words) => text.includes(words, from));
  if (!isAuth) return undefined;
  const rip = text.indexOf(', rip=', at);
  const stop = rip < 0 ? -1 : text.indexOf(',', rip + 6);
  const asker: Asker = { ...NOBODY, rip: stop < 0 ? undefined : addressOf(text.slice(rip + 6, stop)) };
  return authEvent(line, stamp, classify(text, at, trouble), undefined, asker, text, at);
}

const AUTH_TROUBLE: readonly string[] = [
  'Auth connection closed with ',
  'Auth request timed out',
  'Auth server ',
  'Login auth request failed',
  'auth server',
  'Authentication server ',
  'auth-client',
  'Internal auth failure',
];

function unnamed(line: Line, stamp: Stamp, text: string, name: string, at: number, trouble: boolean): DovecotEvent {
  if (text.startsWith('service(', at) || text.startsWith('master: ', at))
    return serviceEvent(line, stamp, text, name, at, trouble);
  return authEvent(line, stamp, classify(text, at, trouble), undefined, abortedFor(text, at), text, at);
}

/**
 * `Aborted PASSV request for USER: REASON` and `Auth master disconnected us while handling request for USER for N secs (…)`. What follows
 * the user is Dovecot's own text, so the user ends at its last possible end.
 */
function abortedFor(text: string, at: number): Asker {
  const end = text.startsWith('Aborted ', at)
    ? text.lastIndexOf(': ')
    : text.startsWith('Auth master disconnected us ', at)
      ? text.lastIndexOf(' for ')
      : -1;
  const begin = end < 0 ? -1 : text.indexOf(' request for ', at);
  return begin < 0 || end < begin + 13 ? NOBODY : { ...NOBODY, user: text.slice(begin + 13, end) || undefined };
}

/** Skips the names of connections and helpers: `conn unix:login (pid=1,uid=2): `, `auth-client: `, `auth-worker<7>: `, `auth workers: `. */
function skipConnection(text: string, from: number): number {
  let at = from;
  for (let round = 0; round < 6; round++) {
    const before = at;
    if (text.startsWith('conn ', at)) {
      const end = text.indexOf('): ', at);
      if (end >= 0 && end < at + 200) at = end + 3;
    } else if (text.startsWith('auth', at)) {
      for (const name of HELPERS) if (text.startsWith(name, at)) at += name.length;
      if (text.startsWith('auth-worker<', at)) {
        const end = text.indexOf('>: ', at);
        if (end >= 0 && end < at + 40) at = end + 3;
      }
    }
    if (at === before) break;
  }
  return at;
}

const HELPERS: readonly string[] = [
  'auth-worker: ',
  'auth workers: ',
  'auth worker: ',
  'auth-client: ',
  'auth-master: ',
  'auth: ',
];

/** End of a database name (`lua`, `passwd-file`, `xoauth2`) that begins at `at`. */
function databaseEnd(text: string, at: number): number {
  let i = at;
  while (i < at + 32) {
    const c = text.charCodeAt(i);
    if (!((c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 45 || c === 95)) break;
    i++;
  }
  return i;
}

/**
 * Reads `(user,ip,<session>): ` or `(user,ip,sasl:plain)<PID><session>: ` at `open`. The user is a stranger's choice and may hold whole
 * copies of the tail, so the last end wins that is near enough to be real: what follows the true end is Dovecot's own text, up to a
 * password that auth_verbose_passwords prints.
 */
function askerAt(text: string, open: number): Asker {
  const secret = text.indexOf('given password: ', open);
  const limit = Math.min(open + 1 + 4 * USER_MAX + TAIL_MAX, secret < 0 ? text.length : secret);
  let best = NOBODY;
  for (let close = text.indexOf(')', open); close >= 0 && close < limit; close = text.indexOf(')', close + 1)) {
    const asker = askerBetween(text, open + 1, close);
    if (asker === undefined) continue;
    if (best === NOBODY || (asker.rip !== undefined && (asker.user?.length ?? 0) <= USER_MAX)) best = asker;
  }
  return best;
}

function askerBetween(text: string, from: number, close: number): Asker | undefined {
  let session: string | undefined;
  let end = close + 1;
  // 2.4 writes session (and a worker's pid before it) behind the bracket.
  for (let round = 0; round < 2 && text.charCodeAt(end) === 60; round++) {
    const stop = text.indexOf('>', end);
    if (stop < 0 || stop > end + 130) return undefined;
    session = text.slice(end + 1, stop);
    end = stop + 1;
  }
  if (!text.startsWith(': ', end)) return undefined;
  let inner = text.slice(from, close);
  if (inner.endsWith('>')) {
    const i = inner.lastIndexOf(',<');
    if (i >= 0) {
      session = inner.slice(i + 2, -1);
      inner = inner.slice(0, i);
    }
  }
  if (inner.endsWith(',master')) inner = inner.slice(0, -7);
  let mechanism: string | undefined;
  const sasl = inner.lastIndexOf(',sasl:');
  if (sasl >= 0 && !inner.includes(',', sasl + 1)) {
    mechanism = inner.slice(sasl + 6);
    inner = inner.slice(0, sasl);
  }
  let rip: string | undefined;
  const comma = inner.lastIndexOf(',');
  if (comma >= 0) {
    rip = addressOf(inner.slice(comma + 1));
    if (rip !== undefined || comma === inner.length - 1) inner = inner.slice(0, comma);
  }
  return {
    user: inner === '' || inner === '?' ? undefined : inner,
    rip,
    session: session || undefined,
    mechanism,
    end: end + 2,
  };
}

function addressOf(text: string): string | undefined {
  const address = plainAddress(text);
  return looksLikeAddress(address) ? address : undefined;
}

function isNumber(text: string): boolean {
  if (text === '' || text.length > 10) return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return false;
  }
  return true;
}

interface Verdict {
  readonly action: DovecotAuthEvent['action'];
  readonly failure: DovecotAuthEvent['failure'];
  readonly waitedSeconds: number | undefined;
}

/** What an auth text says. Linear: a fixed number of searches over one line. */
function classify(text: string, at: number, trouble: boolean): Verdict {
  const from = text.startsWith('Login auth request failed: ', at) ? at + 27 : at;
  const is = (words: string) => text.startsWith(words, from);
  const has = (words: string) => text.includes(words, from);
  const after = (words: string) => numberAfter(text, words, from, text.length);
  if (is('unknown user') || is('Unknown user')) return refused('unknown-user');
  if (is('Password mismatch') || is('password mismatch')) return refused('password-mismatch');
  if (is('pam_authenticate() failed') || is('pam_acct_mgmt() failed')) {
    if (has('assword mismatch?')) return refused('password-mismatch');
    if (has('User not known')) return refused('unknown-user');
    return refused(has('expired') || has('locked') ? 'disabled' : 'other');
  }
  if (
    is('oauth2 failed') ||
    is('Token ') ||
    is('Introspection failed') ||
    is('Local validation failed') ||
    is('Password grant failed')
  ) {
    if (trouble || has('timed out') || has('Connection refused') || has('Internal error'))
      return verdict(has('timed out') ? 'timeout' : 'error');
    return refused(has('xpired') ? 'token-expired' : 'token-invalid');
  }
  if (is('Authentication failure due to policy server refusal')) return refused('policy');
  if (is('allow_nets check failed')) return refused('policy');
  if (is('Login failed: ')) return refused('policy');
  if (is('Aborting auth request that was queued for ') || is('Auth request was queued for '))
    return verdict('queued', after(' queued for '));
  if (is('Request timed out waiting for client')) return verdict('timeout', after('authentication ('));
  if (is('Request ') && has(' timed out after ')) return verdict('timeout', after(' timed out after '));
  if (is('Auth server request timed out')) return verdict('timeout', after(' timed out after '));
  if (is('auth client ') && has(' disconnected with ')) return verdict('overload');
  if (is('Auth connection closed with ')) return verdict('overload', after('(max '));
  if (is('Authentication server sent ') || is('BUG: Authentication server sent unknown id')) return verdict('overload');
  if (is('Aborted ') && has(' request for ')) return verdict(text.endsWith('timed out') ? 'timeout' : 'overload');
  if (is('Auth master disconnected us ')) return verdict('overload', numberAt(text, text.lastIndexOf(' for ') + 5));
  if (is('Auth server restarted') || is('Disconnected from auth server') || has('Resource temporarily unavailable'))
    return verdict('overload');
  if (is('Lookup timed out') || has('Timeout waiting for ') || has('Auth request timed out')) return verdict('timeout');
  if (is('Worker process died') || has('process_limit } reached')) return verdict('overload');
  if (has(' took ') && (has(' secs') || text.endsWith(' s'))) return verdict('overload', after(' took '));
  if (is('User is disabled') || is('user disabled') || is('Account is disabled') || is('User account is disabled'))
    return refused('disabled');
  if (is('Password expired') || is('password expired')) return refused('disabled');
  if (is('invalid credentials') || is('Invalid credentials')) return refused('password-mismatch');
  if (is('Authenticate ') && has(' failed')) return refused('other');
  if (is('Missing username or token') || is('SASL ') || is('Invalid gs2-header')) return refused('other');
  if (has('timed out')) return verdict('timeout', after(' timed out after '));
  return verdict(trouble ? 'error' : 'notice');
}

const refused = (failure: DovecotAuthEvent['failure']): Verdict => ({
  action: 'failure',
  failure,
  waitedSeconds: undefined,
});
const verdict = (action: DovecotAuthEvent['action'], waitedSeconds?: number): Verdict => ({
  action,
  failure: undefined,
  waitedSeconds,
});

const TOKEN_DATABASES = new Set(['oauth2', 'xoauth2', 'oauthbearer']);

function authEvent(
  line: Line,
  stamp: Stamp,
  verdict: Verdict,
  database: string | undefined,
  asker: Asker,
  text: string,
  at: number,
): DovecotAuthEvent {
  const isToken =
    (database !== undefined && TOKEN_DATABASES.has(database)) ||
    (asker.mechanism !== undefined && TOKEN_DATABASES.has(asker.mechanism)) ||
    verdict.failure === 'token-invalid' ||
    verdict.failure === 'token-expired';
  return {
    dataset: 'dovecot.auth',
    line,
    stamp,
    action: verdict.action,
    mechanism: isToken ? 'token' : verdict.action === 'failure' || database !== undefined ? 'password' : undefined,
    database,
    user: asker.user,
    rip: asker.rip,
    session: asker.session,
    failure: verdict.failure,
    waitedSeconds: verdict.waitedSeconds,
    reason: withoutSecrets(at === 0 ? text : text.slice(at)),
  };
}

/** `pam_unix(dovecot:auth): authentication failure; … ruser=U rhost=IP  user=U`: written by PAM under Dovecot's tag. */
function pamLine(line: Line, stamp: Stamp, text: string, at: number): DovecotAuthEvent {
  const host = text.lastIndexOf(' rhost=');
  const ruser = text.indexOf(' ruser=', at);
  const hostEnd = host < 0 ? -1 : text.indexOf(' ', host + 7);
  const user = ruser >= 0 && host > ruser + 7 ? text.slice(ruser + 7, host) : undefined;
  const unknown = text.includes('user unknown', at);
  const failed = unknown || text.includes('authentication failure', at);
  const asker: Asker = {
    ...NOBODY,
    user,
    rip: host < 0 ? undefined : addressOf(text.slice(host + 7, hostEnd < 0 ? text.length : hostEnd)),
  };
  return authEvent(
    line,
    stamp,
    failed ? refused(unknown ? 'unknown-user' : 'password-mismatch') : verdict('notice'),
    'pam',
    asker,
    text,
    at,
  );
}
