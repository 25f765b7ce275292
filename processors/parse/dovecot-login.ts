import type { Line, Stamp } from '../event.ts';
import { plainAddress } from '../ip.ts';
import type { DovecotEvent, DovecotLoginEvent } from './dovecot.ts';
import { classifiedAuth, plainAuth } from './dovecot-auth.ts';
import { endOf, NOTHING, type Outcome } from './dovecot-login-end.ts';
import { inUsualOrder } from './dovecot-login-order.ts';
import { proxyOutcome } from './dovecot-proxy.ts';
import { serviceEvent } from './dovecot-service.ts';
import { severityAt } from './dovecot-text.ts';
import { numberAt, portAt } from './number-at.ts';

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
  const isClientId = isIdSent(text, at);
  const ordered = session === undefined ? inUsualOrder(text, at, isClientId) : undefined;
  if (ordered !== undefined) return parseLogin(line, stamp, ordered, service, from);
  const ripAt = text.lastIndexOf(' rip=', end);
  if (ripAt < at || text.startsWith('master(', at))
    return withoutElements(line, stamp, text, service, at, severity.trouble);

  // Right of rip: a fixed set of elements; the TLS element's error may hold anything but comes from OpenSSL, and runs to the session.
  let rip: string | undefined;
  let rport: number | undefined;
  let lip: string | undefined;
  let lport: number | undefined;
  let mpid: number | undefined;
  let tls: DovecotLoginEvent['tls'] = 'none';
  let tlsError: string | undefined;
  let tlsVersion: string | undefined;
  let tlsCipher: string | undefined;
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
        // T: `TLS`, `TLS handshaking`, either with `: ERR`; `TLSv1.2 with cipher C (256/256 bits)`; `TSL` (sic, 2.4) where TLS ended elsewhere
        const handshaking = text.startsWith('TLS handshaking', i);
        if (handshaking || text.startsWith('TLS', i)) {
          if (tls === 'none') tls = handshaking ? 'handshaking' : 'established';
          const error = i + (handshaking ? 15 : 3);
          if (text.startsWith(': ', error)) {
            tlsError = text.slice(error + 2, end);
            stop = end;
          } else if (text.charCodeAt(error) === 118) {
            const cipherAt = text.indexOf(WITH_CIPHER, error);
            if (cipherAt > 0 && cipherAt < stop) {
              tlsVersion = text.slice(i, cipherAt);
              tlsCipher = wordAt(text, cipherAt + WITH_CIPHER.length, stop);
            }
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
    // Some sites put the session behind the user. Believed only where no session stands at the right end, and if it looks like one.
    if (session === undefined && user !== undefined) {
      const inner = user.lastIndexOf('>, session=<');
      if (inner >= 0 && /^(?:[\w+/]{16}|[\w+/]{32})$/.test(user.slice(inner + 12, inner + 45))) {
        session = user.slice(inner + 12);
        user = user.slice(0, inner) || undefined;
      }
    }
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
    client = clientName(text, text.indexOf(': ', at) + 2, messageEnd);
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
    tlsVersion,
    tlsCipher,
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

const WITH_CIPHER = ' with cipher ';

function wordAt(text: string, from: number, to: number): string {
  const space = text.indexOf(' ', from);
  return text.slice(from, space < 0 || space > to ? to : space);
}

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
    tlsVersion: undefined,
    tlsCipher: undefined,
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
