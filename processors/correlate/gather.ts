import type { DovecotAuthEvent, DovecotLoginEvent, DovecotSessionEvent } from '../parse/dovecot.ts';
import type { HaproxyEvent } from '../parse/haproxy.ts';
import type { NetfilterEvent } from '../parse/netfilter.ts';
import type { NetflowEvent } from '../parse/netflow.ts';
import { type FlowLeg, newFlow, type Session } from './session.ts';
import { detach, detachMaybe, keep, keepMaybe } from './texts.ts';

/** What one line adds to its session. Each function only writes to the session; `at` is the corrected time of the line. */

export function gatherLogin(s: Session, e: DovecotLoginEvent, at: number): void {
  s.sourceIp ??= keepMaybe(e.rip);
  s.sourcePort ??= e.rport;
  s.serverIp ??= keepMaybe(e.lip);
  s.serverPort ??= e.lport;
  s.protocol ??= keepMaybe(e.protocol);
  if (e.user) s.user = keep(e.user);
  s.mechanism = keepMaybe(e.method) ?? s.mechanism;
  if (e.client) s.client = keep(e.client);
  if (e.tls !== 'none' || s.tls === undefined) s.tls = e.tls;
  if (e.tlsVersion !== undefined) s.tlsVersion = keep(e.tlsVersion);
  if (e.tlsCipher !== undefined) s.tlsCipher = keep(e.tlsCipher);
  if (e.tlsError !== undefined) s.tlsError = keep(e.tlsError);
  switch (e.action) {
    case 'client-id':
      s.idSentAt ??= at;
      break;
    case 'logged-in':
    case 'proxy-start':
      s.loggedInAt ??= at;
      if (e.tlsError !== undefined) s.goneAtLogin = true;
      break;
    case 'greeting-delayed':
      s.greetingDelayed = true;
      break;
    case 'disconnected':
    case 'proxy-failed':
      s.endedAt = at;
      beganBefore(s, at, e.waitedSeconds);
      s.preLogin = {
        end: e.end ?? (e.action === 'proxy-failed' ? 'login-timeout' : 'other'),
        auth: e.auth,
        attempts: e.attempts,
        waitedSeconds: e.waitedSeconds ?? e.timerSeconds,
        reason: detach(e.reason),
      };
      break;
    case 'proxy-end':
      s.endedAt = at;
      s.postLogin ??= {
        end: e.endedBy === 'client' ? 'logged-out' : 'connection-closed',
        tlsError: keepMaybe(e.tlsError),
        command: undefined,
        commandState: undefined,
        commandSeconds: undefined,
        waitingFor: undefined,
        waitingSeconds: e.waitedSeconds,
        bufferedOut: undefined,
        inactiveSeconds: undefined,
        bytesIn: e.bytesIn,
        bytesOut: e.bytesOut,
        reason: detach(e.reason),
      };
      break;
    default:
      e.action satisfies never;
  }
}

/**
 * Dovecot makes a session id when it first needs one: of a client that never said a word that is the moment of its end, and what the line
 * says about its waiting tells the beginning.
 */
function beganBefore(s: Session, at: number, waitedSeconds: number | undefined): void {
  const began = at - (waitedSeconds ?? 0) * 1000;
  if (began >= s.startedAt - 1500) return;
  s.startedAt = began;
  s.startPrecisionMs = 1000;
  if (began < s.firstAt) s.firstAt = began;
}

export function gatherMailSession(s: Session, e: DovecotSessionEvent, at: number): void {
  s.protocol ??= keepMaybe(e.protocol);
  if (e.user) s.user ??= keep(e.user);
  if (e.lockSeconds !== undefined && e.lockSeconds > s.lockSeconds) s.lockSeconds = e.lockSeconds;
  if (e.action === 'lock-wait') s.lockErrors++;
  if (e.action === 'ended') {
    s.endedAt = at;
    s.postLogin = {
      end: e.end ?? 'other',
      tlsError: keepMaybe(e.tlsError),
      command: keepMaybe(e.command),
      commandState: e.commandState,
      commandSeconds: e.commandSeconds,
      waitingFor: e.waitingFor,
      waitingSeconds: e.waitingSeconds,
      bufferedOut: e.bufferedOut,
      inactiveSeconds: e.inactiveSeconds,
      bytesIn: e.bytesIn,
      bytesOut: e.bytesOut,
      reason: detach(e.reason),
    };
  }
}

export function gatherAuth(s: Session, e: DovecotAuthEvent): void {
  if (e.user) s.user ??= keep(e.user);
  s.sourceIp ??= keepMaybe(e.rip);
  const auth = Object.isFrozen(s.auth) ? { ...s.auth } : s.auth;
  s.auth = auth;
  if (e.action === 'failure') {
    if (e.mechanism === 'token') auth.tokenFailures++;
    else auth.passwordFailures++;
    if (e.failure === 'unknown-user') auth.unknownUser = true;
  } else if (e.action === 'timeout' || e.action === 'queued') auth.timeouts++;
}

export function gatherProxy(s: Session, e: HaproxyEvent, acceptedAt: number, endedAt: number | undefined): void {
  s.proxy = {
    acceptedAt,
    clientPort: e.clientPort,
    endedAt,
    frontend: keepMaybe(e.frontend),
    connectMs: e.connectMs,
    totalMs: e.totalMs,
    termination: keepMaybe(e.termination),
    bytes: e.bytes,
    reason: detachMaybe(e.reason),
    action: e.action,
  };
}

export function gatherFlow(s: Session, e: NetflowEvent, upward: boolean, startedAt: number, endedAt: number): void {
  const flow = s.flow ?? newFlow(startedAt, endedAt);
  s.flow = flow;
  if (startedAt < flow.startedAt) flow.startedAt = startedAt;
  if (endedAt > flow.endedAt) flow.endedAt = endedAt;
  const leg = (upward ? flow.up : flow.down) ?? newLeg(startedAt, endedAt);
  if (upward) flow.up = leg;
  else flow.down = leg;
  leg.startedAt = Math.min(leg.startedAt, startedAt);
  leg.endedAt = Math.max(leg.endedAt, endedAt);
  leg.packets += e.packets;
  leg.bytes += e.bytes;
  leg.syn ||= e.flags.includes('S');
  leg.fin ||= e.flags.includes('F');
  leg.rst ||= e.flags.includes('R');
  leg.push ||= e.flags.includes('P');
}

function newLeg(startedAt: number, endedAt: number): FlowLeg {
  return { startedAt, endedAt, packets: 0, bytes: 0, syn: false, fin: false, rst: false, push: false };
}

export function gatherDrop(s: Session, e: NetfilterEvent, at: number): void {
  const drops = s.drops ?? { count: 0, firstAt: at, lastAt: at, limited: false, syn: false, prefix: keep(e.prefix) };
  s.drops = drops;
  drops.count++;
  drops.firstAt = Math.min(drops.firstAt, at);
  drops.lastAt = Math.max(drops.lastAt, at);
  drops.limited ||= e.limited;
  drops.syn ||= e.syn;
}
