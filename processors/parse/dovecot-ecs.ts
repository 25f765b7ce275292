import { tlsVersionNumber } from '../tls-version.ts';
import type {
  DovecotAuthEvent,
  DovecotEvent,
  DovecotLoginEvent,
  DovecotServiceEvent,
  DovecotSessionEvent,
} from './dovecot.ts';
import { portOfPeer } from './dovecot-session-id.ts';
import { ecsUser } from './ecs-user.ts';
import type { EcsFields } from './parser.ts';

/** ECS 9.4 fields of a Dovecot event; what ECS has no field for stands under `dovecot`. Keys without a value are undefined and not written. */
export function dovecotEcs(event: DovecotEvent): EcsFields {
  switch (event.dataset) {
    case 'dovecot.login':
      return loginEcs(event);
    case 'dovecot.session':
      return sessionEcs(event);
    case 'dovecot.auth':
      return authEcs(event);
    case 'dovecot.service':
      return serviceEcs(event);
    default:
      return event satisfies never;
  }
}

const NS = 1e9;

/** ECS wants nanoseconds. */
export function nanoseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * NS);
}

const LOGIN_TYPES: Record<DovecotLoginEvent['action'], string> = {
  'logged-in': 'start',
  disconnected: 'end',
  'client-id': 'info',
  'proxy-start': 'start',
  'proxy-end': 'end',
  'proxy-failed': 'end',
  'greeting-delayed': 'info',
};

function loginEcs(e: DovecotLoginEvent): EcsFields {
  const failed = e.action === 'disconnected' || e.action === 'proxy-failed';
  const succeeded = e.action === 'logged-in' || e.action === 'proxy-start';
  const peer = e.rport === undefined ? peerPort(e) : undefined;
  return {
    event: {
      category: ['authentication', 'session'],
      type: [LOGIN_TYPES[e.action]],
      action: e.action,
      outcome: failed ? 'failure' : succeeded ? 'success' : 'unknown',
      reason: e.reason,
      duration: e.action === 'disconnected' ? nanoseconds(e.waitedSeconds) : undefined,
    },
    source: e.rip === undefined ? undefined : { ip: e.rip, port: e.rport ?? peer, bytes: e.bytesIn },
    server: e.lip === undefined ? undefined : { ip: e.lip, port: e.lport },
    destination: e.bytesOut === undefined ? undefined : { bytes: e.bytesOut },
    user: ecsUser(e.user),
    tls: {
      established: e.tls === 'established',
      version: e.tlsVersion && tlsVersionNumber(e.tlsVersion),
      version_protocol: e.tlsVersion && 'tls',
      cipher: e.tlsCipher,
    },
    network: { protocol: e.protocol },
    process: e.mpid === undefined ? undefined : { pid: e.mpid },
    service: { type: 'dovecot' },
    user_agent: e.client === undefined ? undefined : { original: e.client },
    dovecot: {
      session_id: e.session,
      method: e.method,
      tls: e.tls,
      tls_error: e.tlsError,
      end: e.end,
      auth: e.auth,
      attempts: e.attempts,
      waited_seconds: e.waitedSeconds,
      timer_seconds: e.timerSeconds,
      ended_by: e.endedBy,
    },
  };
}

/** The session id knows the client's port, but only if its address is the line's: behind a plain proxy it is the proxy's. */
export function peerPort(e: DovecotLoginEvent): number | undefined {
  return e.session === undefined || e.rip === undefined ? undefined : portOfPeer(e.session, e.stamp.at, e.rip);
}

function sessionEcs(e: DovecotSessionEvent): EcsFields {
  const ended = e.action === 'ended';
  const calm = e.end === 'logged-out' || e.action === 'mail-operation' || e.action === 'hibernated';
  return {
    event: {
      category: e.action === 'mail-operation' ? ['email'] : ['session', 'network'],
      type: [ended ? 'end' : 'info'],
      action: e.action,
      outcome: calm ? 'success' : ended || e.action === 'notice' ? 'unknown' : 'failure',
      reason: e.reason,
      duration:
        e.action === 'lock-wait'
          ? nanoseconds(e.lockSeconds)
          : e.action === 'slow'
            ? nanoseconds(e.waitingSeconds)
            : undefined,
    },
    source: e.bytesIn === undefined ? undefined : { bytes: e.bytesIn },
    destination: e.bytesOut === undefined ? undefined : { bytes: e.bytesOut },
    user: ecsUser(e.user),
    network: { protocol: e.protocol },
    process: e.pid === undefined ? undefined : { pid: e.pid },
    service: { type: 'dovecot' },
    dovecot: {
      session_id: e.session,
      end: e.end,
      tls_error: e.tlsError,
      command: e.command,
      command_state: e.commandState,
      command_seconds: e.commandSeconds,
      waiting_for: e.waitingFor,
      waiting_seconds: e.waitingSeconds,
      lock_seconds: e.lockSeconds,
      buffered_out: e.bufferedOut,
      inactive_seconds: e.inactiveSeconds,
    },
  };
}

function authEcs(e: DovecotAuthEvent): EcsFields {
  return {
    event: {
      category: ['authentication'],
      type: ['info'],
      action: e.action,
      outcome: e.action === 'notice' ? 'unknown' : 'failure',
      reason: e.reason,
      duration: nanoseconds(e.waitedSeconds),
    },
    source: e.rip === undefined ? undefined : { ip: e.rip },
    user: ecsUser(e.user),
    process: e.line.pid === undefined ? undefined : { pid: e.line.pid },
    service: { type: 'dovecot' },
    dovecot: {
      session_id: e.session,
      mechanism: e.mechanism,
      database: e.database,
      failure: e.failure,
      waited_seconds: e.waitedSeconds,
    },
  };
}

const SERVICE_TYPES: Record<DovecotServiceEvent['action'], readonly string[]> = {
  'limit-reached': ['info'],
  throttled: ['info'],
  reload: ['change'],
  started: ['start'],
  stopped: ['end'],
  killed: ['end'],
  error: ['info'],
  notice: ['info'],
};

function serviceEcs(e: DovecotServiceEvent): EcsFields {
  return {
    event: {
      category: ['process'],
      type: SERVICE_TYPES[e.action],
      action: e.action,
      outcome:
        e.action === 'limit-reached' || e.action === 'throttled' || e.action === 'error' || e.action === 'killed'
          ? 'failure'
          : 'unknown',
      reason: e.reason,
    },
    process: e.line.pid === undefined ? undefined : { pid: e.line.pid },
    service: { type: 'dovecot', name: e.service },
    dovecot: { limit_name: e.limitName, limit: e.limit },
  };
}
