/** What a line changes in the session that it belongs to, and what the site is told of it. */
import type { DovecotAuthEvent } from '../parse/dovecot.ts';
import type { HaproxyEvent } from '../parse/haproxy.ts';
import type { NetfilterEvent } from '../parse/netfilter.ts';
import type { NetflowEvent } from '../parse/netflow.ts';
import { sessionBehindProxy, sessionOfConnection, sessionOfDovecot } from './find-session.ts';
import { gatherAuth, gatherDrop, gatherFlow, gatherLogin, gatherMailSession, gatherProxy } from './gather.ts';
import { isMute } from './nameless.ts';
import { type DovecotLineEvent, isToMailPort, isToServer, type TimedSessionEvent } from './route.ts';
import type { SessionLives } from './session-lives.ts';
import { userKey } from './session-store.ts';
import { keep, keepMaybe, kindOf } from './texts.ts';

/** Applies one event in its turn. */
export function applyLine(lives: SessionLives, t: TimedSessionEvent): void {
  const e = t.event;
  switch (e.dataset) {
    case 'dovecot.login':
    case 'dovecot.session':
    case 'dovecot.auth':
      applyDovecot(lives, e, t);
      return;
    case 'haproxy.connection':
      applyProxy(lives, e, t);
      return;
    case 'netflow.flow':
      applyFlow(lives, e, t);
      return;
    case 'netfilter.packet':
      applyPacket(lives, e, t);
      return;
    default:
      e satisfies never;
  }
}

function applyDovecot(lives: SessionLives, e: DovecotLineEvent, t: TimedSessionEvent): void {
  if (e.dataset !== 'dovecot.auth' && e.protocol !== 'imap') return;
  const s = sessionOfDovecot(lives, e, t);
  if (!s) {
    if (e.dataset === 'dovecot.auth') loneAuth(lives, e, t.at);
    return;
  }
  lives.touch(s, t, kindOf(e.dataset, e.action));
  s.host ??= keepMaybe(e.line.host);
  const isKnown = s.sourceIp !== undefined && s.sourcePort !== undefined;
  const userBefore = userKey(s);
  if (e.dataset === 'dovecot.login') {
    const had = s.loggedInAt;
    gatherLogin(s, e, t.at);
    if (e.mpid !== undefined) s.pid = e.mpid;
    if (!isKnown) lives.index(s);
    if (had === undefined && s.loggedInAt !== undefined) lives.loggedIn(s, s.loggedInAt);
  } else if (e.dataset === 'dovecot.session') {
    gatherMailSession(s, e, t.at);
    if (e.action === 'lock-wait') lives.tell.counted(s, 'lockWait', t.at);
  } else {
    gatherAuth(s, e);
    if (!isKnown) lives.index(s);
    if (e.action === 'failure') lives.tell.authFailed(s, e, t.at);
  }
  lives.store.moveUser(s, userBefore);
  if (e.dataset !== 'dovecot.session') lives.tell.identified(s);
  lives.tell.counted(s, 'activity', t.at);
  if (
    s.endedAt === t.at &&
    (e.dataset === 'dovecot.session' || (e.dataset === 'dovecot.login' && e.action !== 'client-id'))
  )
    lives.tell.ended(s, t.at);
  lives.plan(s);
}

function loneAuth(lives: SessionLives, e: DovecotAuthEvent, at: number): void {
  if (e.action === 'queued' || e.action === 'timeout' || e.action === 'overload')
    lives.tell.countedEverywhere('authWait', at);
  // A token that has expired is no guess.
  if (e.action === 'failure' && e.mechanism !== 'token' && e.rip !== undefined) lives.tell.passwordFailed(e.rip, at);
}

function applyProxy(lives: SessionLives, e: HaproxyEvent, t: TimedSessionEvent): void {
  if (e.clientIp === undefined || e.clientPort === undefined || e.http !== undefined) return;
  const endedAt = e.endedAt === undefined ? undefined : e.endedAt + t.shift;
  let s = sessionOfConnection(lives, e.clientIp, e.clientPort, t.at, endedAt ?? t.at, e.stamp.precisionMs);
  if (!s || isMute(s)) {
    const behind = sessionBehindProxy(lives, e, t.at, endedAt);
    if (behind && s) {
      lives.merge(s, behind);
      lives.store.addTransport(e.clientIp, e.clientPort, behind);
    }
    s = behind ?? s;
  }
  if (!s) {
    s = lives.create(t.at, e.stamp.precisionMs, e.dataset);
    s.sourceIp = keep(e.clientIp);
    s.sourcePort = e.clientPort;
    lives.index(s);
    lives.started(s);
  }
  lives.touch(s, t, kindOf(e.dataset, e.action));
  gatherProxy(s, e, t.at, endedAt);
  s.protocol ??= 'imap';
  if (s.dovecotId === undefined && s.loggedInAt === undefined && s.preLogin === undefined) {
    const userBefore = userKey(s);
    s.endedAt ??= endedAt ?? t.at;
    lives.store.moveUser(s, userBefore);
  }
  lives.plan(s);
}

function applyFlow(lives: SessionLives, e: NetflowEvent, t: TimedSessionEvent): void {
  const toServer = isToServer(e);
  const endedAt = e.endedAt + t.shift;
  const ip = toServer ? e.sourceIp : e.destinationIp;
  const port = toServer ? e.sourcePort : e.destinationPort;
  let s = sessionOfConnection(lives, ip, port, t.at, endedAt, e.stamp.precisionMs);
  if (!s) {
    // A lone tail (no SYN) belongs to a session that was closed long ago or began before the input: it tells nothing by itself.
    if (!e.flags.includes('S')) return;
    s = lives.create(t.at, e.stamp.precisionMs, e.dataset);
    s.sourceIp = keep(ip);
    s.sourcePort = port;
    s.serverIp = keep(toServer ? e.destinationIp : e.sourceIp);
    s.serverPort = toServer ? e.destinationPort : e.sourcePort;
    s.protocol = 'imap';
    lives.index(s);
    lives.tell.identified(s);
  }
  s.serverPort ??= toServer ? e.destinationPort : e.sourcePort;
  lives.touch(s, t, kindOf(e.dataset, e.action));
  const before = s.flow;
  gatherFlow(s, e, toServer, t.at, endedAt);
  if (!before && toServer && e.flags === 'S') lives.tell.counted(s, 'unanswered', t.at);
  if (s.endedAt !== undefined && endedAt - s.endedAt > 5000) lives.tell.counted(s, 'undelivered', s.endedAt);
  lives.plan(s);
}

function applyPacket(lives: SessionLives, e: NetfilterEvent, t: TimedSessionEvent): void {
  if (e.sourcePort === undefined || !isToMailPort(e)) return;
  if (e.action === 'accepted') return;
  let s = lives.store.withTransport(e.sourceIp, e.sourcePort, t.at, t.at);
  if (!s) {
    s = lives.create(t.at, e.stamp.precisionMs, e.dataset);
    s.sourceIp = keep(e.sourceIp);
    s.sourcePort = e.sourcePort;
    s.serverIp = keep(e.destinationIp);
    s.serverPort = e.destinationPort;
    s.protocol = 'imap';
    lives.index(s);
    lives.tell.identified(s);
    lives.tell.counted(s, e.limited ? 'limited' : 'unanswered', t.at);
  }
  lives.touch(s, t, kindOf(e.dataset, e.action));
  gatherDrop(s, e, t.at);
  lives.plan(s);
}
