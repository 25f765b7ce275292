import type { EventBase } from '../event.ts';

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
  readonly tlsError: string | undefined; // ERR of the TLS element or of "Connection closed: ERR"
  readonly session: string | undefined;
  readonly end: LoginEnd | undefined; // only for `disconnected`
  readonly auth: LoginAuth | undefined; // the bracket, normalised over versions
  readonly attempts: number | undefined;
  readonly waitedSeconds: number | undefined; // "in S secs" or "waited S secs"
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
  readonly waitingSeconds: number | undefined;
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
  readonly failure: 'password-mismatch' | 'unknown-user' | 'token-invalid' | 'token-expired' | 'policy' | 'disabled' | 'other' | undefined;
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
