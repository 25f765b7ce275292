import type { EventBase, Line } from '../event.ts';
import { parseAuth } from './dovecot-auth.ts';
import { dovecotEcs } from './dovecot-ecs.ts';
import { parseLogin } from './dovecot-login.ts';
import { serviceEvent } from './dovecot-service.ts';
import { parseSession } from './dovecot-session.ts';
import { severityAt } from './dovecot-text.ts';
import { envelopeStamp, failed, type ParseOutcome, type Parser, parsed } from './parser.ts';

/** Lines of imap-login, pop3-login, submission-login, managesieve-login and of login proxies. */
export interface DovecotLoginEvent extends EventBase {
  readonly dataset: 'dovecot.login';
  /**
   * `logged-in`, `disconnected` (any end before login), `client-id` ("ID sent"), `proxy-start` (logged in through a proxy), `proxy-end`,
   * `proxy-failed`, `greeting-delayed` ("Auth process not responding, delayed sending initial response (greeting)").
   */
  readonly action:
    | 'logged-in'
    | 'disconnected'
    | 'client-id'
    | 'proxy-start'
    | 'proxy-end'
    | 'proxy-failed'
    | 'greeting-delayed';
  readonly protocol: string; // imap, pop3, submission, managesieve
  readonly user: string | undefined;
  readonly method: string | undefined;
  readonly rip: string | undefined; // IPv4-mapped IPv6 is given as IPv4
  readonly rport: number | undefined;
  readonly lip: string | undefined;
  readonly lport: number | undefined;
  readonly mpid: number | undefined;
  readonly tls: 'none' | 'handshaking' | 'established' | 'secured'; // secured: trusted network or TLS ended elsewhere
  readonly tlsVersion: string | undefined; // `TLSv1.2`, where the site logs %{ssl_security} (%k)
  readonly tlsCipher: string | undefined;
  readonly tlsError: string | undefined; // ERR of the TLS element or of "Connection closed: ERR"
  readonly session: string | undefined;
  readonly end: LoginEnd | undefined; // only for `disconnected`
  readonly auth: LoginAuth | undefined; // the bracket, normalised over versions
  readonly attempts: number | undefined;
  readonly waitedSeconds: number | undefined; // "in S secs" or "waited S secs"; at a proxy's end "Ns idle"
  readonly reason: string; // Dovecot's own words before the elements
  readonly client: string | undefined; // "name/version" from ID
  readonly timerSeconds: number | undefined; // a timer that the line itself names (proxy "after N secs", finishing login)
  readonly bytesIn: number | undefined; // proxy end
  readonly bytesOut: number | undefined;
  readonly endedBy: 'client' | 'server' | 'proxy' | undefined; // proxy end
}

export type LoginEnd =
  | 'connection-closed'
  | 'logged-out'
  | 'inactivity'
  | 'inactivity-in-auth'
  | 'login-timeout'
  | 'too-many-commands'
  | 'user-ip-limit'
  | 'queue-full' // "Connection queue full", (process_full)
  | 'shutdown'
  | 'kicked'
  | 'other';

export type LoginAuth =
  | 'none' // no auth attempts
  | 'failed'
  | 'not-ready' // disconnected before auth was ready
  | 'waiting-client' // client didn't finish SASL auth
  | 'in-progress' // disconnected while authenticating
  | 'finishing' // disconnected while finishing login
  | 'temp-fail' // auth service reported temporary failure, auth process communication failure
  | 'policy' // plaintext disallowed, unsupported mechanism, cert required, authorization failed, user disabled, password expired
  | 'aborted'
  | 'internal' // internal failure, N successful auths
  | 'proxy-failed'
  | 'limit' // connection limit reached (2.4)
  | 'tls-not-finished'; // 2.4 tls_handshake_not_finished

/** Lines of imap, pop3 and friends after login: end of session, warnings and errors in it. */
export interface DovecotSessionEvent extends EventBase {
  readonly dataset: 'dovecot.session';
  readonly action: 'ended' | 'lock-wait' | 'slow' | 'error' | 'mail-operation' | 'hibernated' | 'notice';
  readonly protocol: string;
  readonly user: string | undefined;
  readonly pid: number | undefined;
  readonly session: string | undefined;
  readonly end: SessionEnd | undefined; // only for `ended`
  readonly tlsError: string | undefined; // "Connection closed: ERR"
  readonly command: string | undefined; // FETCH, IDLE, `UID FETCH`; several joined by comma
  readonly commandState: 'running' | 'finished' | 'none' | undefined; // none: "No commands sent"
  readonly commandSeconds: number | undefined; // "running for S" or "finished S secs ago"
  readonly waitingFor: 'input' | 'output' | 'both' | 'nothing' | undefined;
  readonly waitingSeconds: number | undefined; // for `slow`: how long it took
  readonly lockSeconds: number | undefined; // in locks, or the lock-wait warning's seconds
  readonly bufferedOut: number | undefined; // K of "M+K B out"
  readonly inactiveSeconds: number | undefined; // "no input for N secs"
  readonly bytesIn: number | undefined;
  readonly bytesOut: number | undefined;
  readonly reason: string;
}

export type SessionEnd =
  | 'logged-out'
  | 'connection-closed'
  | 'inactivity'
  | 'output-blocked' // client has not read server output
  | 'too-many-commands'
  | 'shutdown'
  | 'kicked'
  | 'internal-error'
  | 'other';

/** Lines of auth and auth-worker, and what login and mail processes say about authentication (they tell user, address and session where they can). */
export interface DovecotAuthEvent extends EventBase {
  readonly dataset: 'dovecot.auth';
  /**
   * `failure` (a client's credentials were refused, or unknown user), `timeout` (lookup timed out), `queued` (request waited or was aborted in the worker
   * queue), `overload` (worker/process trouble: pending requests lost, unknown id, delays), `error`, `notice`.
   */
  readonly action: 'failure' | 'timeout' | 'queued' | 'overload' | 'error' | 'notice';
  readonly mechanism: 'password' | 'token' | undefined; // token: oauth2/xoauth2/oauthbearer database
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly rip: string | undefined;
  readonly session: string | undefined;
  readonly failure:
    | 'password-mismatch'
    | 'unknown-user'
    | 'token-invalid'
    | 'token-expired'
    | 'policy'
    | 'disabled'
    | 'other'
    | undefined;
  readonly waitedSeconds: number | undefined;
  readonly reason: string; // never holds a given password
}

/** Lines of master, anvil, config, stats, log: limits, reloads, starts, stops, throttling. */
export interface DovecotServiceEvent extends EventBase {
  readonly dataset: 'dovecot.service';
  readonly action: 'limit-reached' | 'throttled' | 'reload' | 'started' | 'stopped' | 'killed' | 'error' | 'notice';
  readonly service: string | undefined; // imap-login, auth, imap …
  readonly limitName: string | undefined; // process_limit, client_limit, client_limit/service_count
  readonly limit: number | undefined;
  readonly reason: string;
}

export type DovecotEvent = DovecotLoginEvent | DovecotSessionEvent | DovecotAuthEvent | DovecotServiceEvent;

type Family = 'login' | 'session' | 'auth' | 'service';

/** Dovecot's processes. Others print too (a site's own services): `name(user)…` is read as a session line, `name: …` as a service line. */
const FAMILIES = new Map<string, Family>([
  ['imap-login', 'login'],
  ['pop3-login', 'login'],
  ['submission-login', 'login'],
  ['managesieve-login', 'login'],
  ['sieve-login', 'login'],
  ['imap-urlauth-login', 'login'],
  ['imap', 'session'],
  ['pop3', 'session'],
  ['lmtp', 'session'],
  ['lda', 'session'],
  ['deliver', 'session'],
  ['submission', 'session'],
  ['managesieve', 'session'],
  ['imap-hibernate', 'session'],
  ['imap-urlauth', 'session'],
  ['imap-urlauth-worker', 'session'],
  ['indexer-worker', 'session'],
  ['quota-status', 'session'],
  ['dsync-local', 'session'],
  ['dsync-remote', 'session'],
  ['dsync-server', 'session'],
  ['doveadm', 'session'],
  ['doveadm-server', 'session'],
  ['auth', 'auth'],
  ['auth-worker', 'auth'],
  ['master', 'service'],
  ['anvil', 'service'],
  ['config', 'service'],
  ['log', 'service'],
  ['stats', 'service'],
  ['old-stats', 'service'],
  ['dict', 'service'],
  ['dict-async', 'service'],
  ['director', 'service'],
  ['indexer', 'service'],
  ['ipc', 'service'],
  ['ssl-params', 'service'],
  ['replicator', 'service'],
  ['aggregator', 'service'],
  ['dns-client', 'service'],
  ['dns_client', 'service'],
]);

/** Names that no other software prints in front of a line; the rest (`log`, `config`, `auth`) need a tag that says Dovecot. */
const TELLING = new Set([
  'imap-login',
  'pop3-login',
  'submission-login',
  'managesieve-login',
  'imap-hibernate',
  'auth-worker',
  'indexer-worker',
]);

const NAME_MAX = 32;

/** Length of the process name that `text` begins with; 0 if it begins with none. What follows is `(` or `: `. */
function nameLength(text: string): number {
  for (let i = 0; i <= NAME_MAX; i++) {
    const c = text.charCodeAt(i);
    if ((c >= 97 && c <= 122) || c === 45 || (c >= 48 && c <= 57) || c === 95 || (c >= 65 && c <= 90)) continue;
    if (c === 40) return i;
    return c === 58 && text.charCodeAt(i + 1) === 32 ? i : 0;
  }
  return 0;
}

/** The text with the process name in front, whichever part of it the envelope took for the program. */
function processText(line: Line): string {
  const { message, program } = line;
  if (message.startsWith('dovecot: ')) return message.slice(9);
  if (program === undefined || program.startsWith('dovecot')) return message;
  const length = nameLength(message);
  const named = length > 0 && !program.includes('(') && FAMILIES.has(message.slice(0, length));
  return named ? message : `${program}: ${message}`;
}

/**
 * Dovecot 1.x to 2.4, syslog or its own log file. Any line of a known process is an event; only a line without a stamp fails.
 * The common lines (login, logout, client id) take paths without a regular expression: about 0.7 us a line.
 */
export const dovecot: Parser<DovecotEvent> = {
  format: 'dovecot',
  // Not `imap`, `pop3` or `lmtp`: Cyrus writes under these tags too.
  programs: ['dovecot', ...TELLING, 'auth'],
  accepts,
  parse,
  ecs: dovecotEcs,
};

function accepts(line: Line): boolean {
  const { message, program } = line;
  if (program?.startsWith('dovecot') === true || message.startsWith('dovecot: ')) return true;
  if (program === 'auth') return true;
  if (program !== undefined && program.length <= 200) {
    const length = nameLength(`${program}: `);
    if (length > 0 && TELLING.has(program.slice(0, length))) return true;
    if (length > 0 && FAMILIES.has(program.slice(0, length))) {
      if (program.charCodeAt(length) === 40 || severityAt(message, 0).length > 0) return true;
    }
  }
  const length = nameLength(message);
  if (length === 0) return false;
  const name = message.slice(0, length);
  if (TELLING.has(name)) return true;
  if (program !== undefined) return false;
  // Without any tag: mail processes with a user in brackets, and the others with a severity word as Dovecot's own log file has it.
  const family = FAMILIES.get(name);
  if (family === undefined) return false;
  return (
    message.charCodeAt(length) === 40 ||
    severityAt(message, length + 2).length > 0 ||
    family === 'auth' ||
    family === 'session'
  );
}

function parse(line: Line): ParseOutcome<DovecotEvent> {
  const stamp = envelopeStamp(line);
  if (stamp === undefined) return failed('bad_time', 'stamp');
  const text = processText(line);
  const length = nameLength(text);
  if (length === 0) {
    // 1.x master lines have no process name: `Dovecot v1.2.9 starting up`.
    const severity = severityAt(text, 0);
    return parsed(serviceEvent(line, stamp, text, '', severity.length, severity.trouble));
  }
  let name = text.slice(0, length);
  let family = FAMILIES.get(name);
  if (family === undefined && name !== name.toLowerCase()) {
    name = name.toLowerCase(); // 1.x writes IMAP(user)
    family = FAMILIES.get(name);
  }
  switch (family ?? (text.charCodeAt(length) === 40 ? 'session' : 'service')) {
    case 'login':
      return parsed(
        parseLogin(line, stamp, text, name, text.charCodeAt(length) === 58 ? length + 2 : afterBracket(text, length)),
      );
    case 'session':
      return parsed(parseSession(line, stamp, text, name, length));
    case 'auth':
      return parsed(parseAuth(line, stamp, text, name, length));
    default: {
      const from = text.charCodeAt(length) === 58 ? length + 2 : afterBracket(text, length);
      const severity = severityAt(text, from);
      return parsed(serviceEvent(line, stamp, text, name, from + severity.length, severity.trouble));
    }
  }
}

/** Behind `name(…): `; the whole rest if the bracket does not close. */
function afterBracket(text: string, open: number): number {
  const close = text.indexOf('): ', open);
  return close < 0 ? open : close + 3;
}
