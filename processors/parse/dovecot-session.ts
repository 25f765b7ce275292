import type { Line, Stamp } from '../event.ts';
import { looksLikeAddress } from '../ip.ts';
import type { DovecotEvent, DovecotLoginEvent, DovecotSessionEvent, SessionEnd } from './dovecot.ts';
import { classifiedAuth, plainAuth } from './dovecot-auth.ts';
import { clientName } from './dovecot-login.ts';
import { serviceEvent } from './dovecot-service.ts';
import { severityAt, withoutSecrets } from './dovecot-text.ts';
import { numberAfter, numberAt } from './number-at.ts';

/** Longer than any prefix: users are cut at 80 characters or so, session ids are short. */
const PREFIX_MAX = 512;
const BRACKET_MAX = 128;

/** What the prefix of a mail process tells. One object for all lines would be faster still, but then events could share it. */
interface Prefix {
  readonly user: string | undefined;
  readonly pid: number | undefined;
  readonly session: string | undefined;
  readonly end: number;
}

/**
 * Lines of imap, pop3, lmtp, imap-hibernate, … after login: `imap(user)<pid><session>: TEXT` (2.3 on), `imap(user): TEXT` (to 2.2), and
 * `imap: TEXT` before a user is known. The first end of the prefix wins: users behind it have logged in, what follows may quote mail.
 */
export function parseSession(line: Line, stamp: Stamp, text: string, name: string, from: number): DovecotEvent {
  const protocol = name.startsWith('imap') ? 'imap' : name;
  if (text.charCodeAt(from) !== 40) {
    const severity = severityAt(text, from + 2);
    const at = from + 2 + severity.length;
    const auth = classifiedAuth(line, stamp, text, at, severity.trouble);
    if (auth !== undefined) return auth;
    if (text.startsWith('service(', at) || text.startsWith('master: ', at))
      return serviceEvent(line, stamp, text, name, at, severity.trouble);
    return parseBody(line, stamp, text, at, protocol, undefined, undefined, undefined, severity.trouble);
  }
  const prefix = prefixAt(text, from, name);
  if (prefix === undefined) return serviceEvent(line, stamp, text, name, from, false);
  const severity = severityAt(text, prefix.end);
  const at = prefix.end + severity.length;
  return parseBody(line, stamp, text, at, protocol, prefix.user, prefix.pid, prefix.session, severity.trouble);
}

function prefixAt(text: string, open: number, name: string): Prefix | undefined {
  for (
    let close = text.indexOf(')', open);
    close >= 0 && close < open + PREFIX_MAX;
    close = text.indexOf(')', close + 1)
  ) {
    const c = text.charCodeAt(close + 1);
    if (c === 58 && text.charCodeAt(close + 2) === 32) return plainPrefix(text.slice(open + 1, close), close + 3, name);
    if (c !== 60) continue;
    const first = closing(text, close + 2);
    if (first < 0) continue;
    let second = -1;
    if (text.charCodeAt(first + 1) === 60) second = closing(text, first + 2);
    const end = (second < 0 ? first : second) + 1;
    if (text.charCodeAt(end) !== 58 || text.charCodeAt(end + 1) !== 32) continue;
    // A lone bracket is what the site put there: `<%p>` or `<%{session}>`. No session id is made of digits only.
    const lone = second < 0 ? text.slice(close + 2, first) : undefined;
    const isPid = lone === undefined || (lone.length < 11 && isDigits(lone));
    const pid = isPid ? numberAt(text, close + 2) : undefined;
    const session = lone === undefined ? text.slice(first + 2, second) : isPid ? '' : lone;
    return { user: text.slice(open + 1, close) || undefined, pid, session: session || undefined, end: end + 2 };
  }
  return undefined;
}

/** Where the `>` of a short bracket is; -1 if it is too long to be one. */
function closing(text: string, from: number): number {
  for (let i = from; i < from + BRACKET_MAX; i++) {
    const c = text.charCodeAt(i);
    if (c === 62) return i;
    if (c === 60 || c === 32) return -1;
  }
  return -1;
}

/** Without brackets behind it: `user`, but `PID` or `PID, user` of lmtp, `IP,user` of doveadm, and `user,IP` of a site's own prefix. */
function plainPrefix(inner: string, end: number, name: string): Prefix {
  const comma = inner.indexOf(',');
  const first = comma < 0 ? inner : inner.slice(0, comma);
  const rest = comma < 0 ? undefined : inner.slice(comma + 1).trimStart();
  if (name === 'lmtp' && isDigits(first))
    return { user: rest || undefined, pid: numberAt(first, 0), session: undefined, end };
  if (rest !== undefined && looksLikeAddress(first))
    return { user: rest || undefined, pid: undefined, session: undefined, end };
  if (rest !== undefined && looksLikeAddress(rest))
    return { user: first || undefined, pid: undefined, session: undefined, end };
  return { user: inner || undefined, pid: undefined, session: undefined, end };
}

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return false;
  }
  return text.length > 0;
}

function parseBody(
  line: Line,
  stamp: Stamp,
  text: string,
  at: number,
  protocol: string,
  user: string | undefined,
  pid: number | undefined,
  session: string | undefined,
  trouble: boolean,
): DovecotEvent {
  if (!trouble && isEnd(text, at)) return endedEvent(line, stamp, text, at, protocol, user, pid, session);
  if (text.startsWith('ID sent: ', at)) return idSent(line, stamp, text, at, protocol, user, session);
  const doing = actionOf(text, at, trouble);
  if (doing.action === 'notice' || doing.action === 'error') {
    if (
      text.startsWith('Login auth request failed', at) ||
      text.startsWith('Auth server ', at) ||
      text.startsWith('master(', at)
    ) {
      return plainAuth(line, stamp, text.slice(at), trouble, user, undefined, session);
    }
  }
  return {
    dataset: 'dovecot.session',
    line,
    stamp,
    action: doing.action,
    protocol,
    user,
    pid,
    session,
    end: undefined,
    tlsError: undefined,
    command: undefined,
    commandState: undefined,
    commandSeconds: undefined,
    waitingFor: undefined,
    waitingSeconds: doing.waitingSeconds,
    lockSeconds: doing.lockSeconds,
    bufferedOut: undefined,
    inactiveSeconds: undefined,
    bytesIn: undefined,
    bytesOut: undefined,
    reason: withoutSecrets(text.slice(at)),
  };
}

/** Whether the message tells the end of the session, in any version's words. */
function isEnd(text: string, at: number): boolean {
  switch (text.charCodeAt(at)) {
    case 68: // D: `Disconnected: …`, `Disconnected for inactivity …`, `Disconnect from local: …` (lmtp)
      return text.startsWith('Disconnected', at) || text.startsWith('Disconnect from ', at);
    case 67: // C
      return text.startsWith('Connection closed', at);
    case 76: // L
      return text.startsWith('Logged out', at);
    case 84: // T
      return text.startsWith('Too many invalid ', at) || text.startsWith('Too many bad ', at);
    case 83: // S
      return text.startsWith('Server shutting down', at);
    case 73: // I
      return text.startsWith('Inactivity - ', at);
    default:
      return false;
  }
}

function endedEvent(
  line: Line,
  stamp: Stamp,
  text: string,
  at: number,
  protocol: string,
  user: string | undefined,
  pid: number | undefined,
  session: string | undefined,
): DovecotSessionEvent {
  const length = text.length;
  let statsAt = text.lastIndexOf(' in=');
  let bytesIn: number | undefined;
  let bytesOut: number | undefined;
  if (statsAt > at) {
    bytesIn = numberAt(text, statsAt + 4);
    bytesOut = numberAfter(text, ' out=', statsAt + 5, length);
  } else {
    statsAt = text.lastIndexOf(' bytes=');
    if (statsAt > at) {
      bytesIn = numberAt(text, statsAt + 7);
      bytesOut = numberAfter(text, '/', statsAt + 8, length);
    } else {
      statsAt = text.lastIndexOf(' top=');
      if (statsAt > at) {
        // POP3 counts what it sent for TOP and RETR; what the client sent is not logged.
        const top = numberAfter(text, '/', statsAt + 5, length);
        const retrAt = text.indexOf(' retr=', statsAt);
        const retr = retrAt < 0 ? undefined : numberAfter(text, '/', retrAt + 6, length);
        bytesOut = top === undefined || retr === undefined ? undefined : top + retr;
      } else statsAt = length;
    }
  }

  const from = text.startsWith('Disconnected: ', at) ? at + 14 : at;
  const end = endOf(text, from, statsAt);
  let tlsError: string | undefined;
  let command: string | undefined;
  let commandState: DovecotSessionEvent['commandState'];
  let commandSeconds: number | undefined;
  let waitingFor: DovecotSessionEvent['waitingFor'];
  let waitingSeconds: number | undefined;
  let lockSeconds: number | undefined;
  let bufferedOut: number | undefined;
  let inactiveSeconds: number | undefined;
  if (end === 'inactivity') inactiveSeconds = numberAfter(text, 'no input for ', from, statsAt);
  else if (end === 'output-blocked') {
    waitingFor = 'output';
    waitingSeconds =
      numberAfter(text, 'output for for ', from, statsAt) ?? numberAfter(text, 'output for ', from, statsAt);
  }
  let group = -1;
  if (end !== 'logged-out' && text.charCodeAt(statsAt - 1) === 41) {
    group = text.lastIndexOf(' (', statsAt) + 2;
    if (group <= from) group = -1;
  }
  if (group > 0) {
    const running = text.indexOf(' running for ', group);
    const finished = text.indexOf(' finished ', group);
    const isRunning = running >= 0 && running < statsAt;
    if (text.startsWith('No commands sent', group)) commandState = 'none';
    else if (finished >= 0 && finished < statsAt) {
      commandState = 'finished';
      command = text.slice(group, finished);
      commandSeconds = numberAt(text, finished + 10);
    } else if (isRunning) {
      commandState = 'running';
      command = text.slice(group, running);
      commandSeconds = numberAt(text, running + 13);
    } else group = -1;
    if (isRunning) {
      const waiting = text.indexOf(' + waiting ', running);
      if (waiting >= 0 && waiting < statsAt) {
        waitingFor = waitingWord(text, waiting + 11);
        waitingSeconds = numberAfter(text, 'for ', waiting + 11, statsAt);
      }
      const locks = text.indexOf(' in locks', running);
      if (locks >= 0 && locks < statsAt) lockSeconds = numberAt(text, text.lastIndexOf(' ', locks - 1) + 1);
      const plus = text.indexOf(' B in + ', running);
      if (plus >= 0 && plus < statsAt) {
        const out = text.indexOf('+', plus + 8);
        if (out >= 0 && out < text.indexOf(' B out', plus)) bufferedOut = numberAt(text, out + 1);
      }
    }
  }
  if (text.startsWith('Connection closed: ', from)) tlsError = text.slice(from + 19, group > 0 ? group - 2 : statsAt);
  return {
    dataset: 'dovecot.session',
    line,
    stamp,
    action: 'ended',
    protocol,
    user,
    pid,
    session,
    end,
    tlsError,
    command,
    commandState,
    commandSeconds,
    waitingFor,
    waitingSeconds,
    lockSeconds,
    bufferedOut,
    inactiveSeconds,
    bytesIn,
    bytesOut,
    reason: text.slice(at, statsAt),
  };
}

function waitingWord(text: string, at: number): DovecotSessionEvent['waitingFor'] {
  if (text.startsWith('input/output ', at)) return 'both';
  if (text.startsWith('input ', at)) return 'input';
  if (text.startsWith('output ', at)) return 'output';
  return text.startsWith('nothing ', at) ? 'nothing' : undefined;
}

function endOf(text: string, from: number, to: number): SessionEnd {
  if (text.startsWith('Logged out', from)) return 'logged-out';
  if (text.startsWith('Connection closed', from)) return 'connection-closed';
  if (text.startsWith('Too many ', from)) return 'too-many-commands';
  if (text.startsWith('Inactivity', from)) return 'inactivity';
  if (text.startsWith('Client has not read server output', from)) return 'output-blocked';
  if (text.startsWith('Server shutting down', from) || text.startsWith('Shutting down', from)) return 'shutdown';
  const words = text.slice(from, to).toLowerCase();
  if (words === '' || words === 'disconnected') return 'connection-closed'; // 2.0 without a reason
  if (words.includes('inactivity in reading our output')) return 'output-blocked';
  if (words.includes('inactivity')) return 'inactivity';
  if (words.includes('kick')) return 'kicked';
  if (words.includes('shutting down')) return 'shutdown';
  if (words.includes('quit')) return 'logged-out'; // lmtp: `Successful quit`, `Client has quit the connection`
  if (words.includes('connection closed') || words.includes('remote closed')) return 'connection-closed';
  return words.includes('internal error') || words.includes('inconsistent') || words.includes('failed')
    ? 'internal-error'
    : 'other';
}

interface Doing {
  readonly action: DovecotSessionEvent['action'];
  readonly lockSeconds: number | undefined;
  readonly waitingSeconds: number | undefined;
}

const OPERATION: Doing = { action: 'mail-operation', lockSeconds: undefined, waitingSeconds: undefined };
const HIBERNATED: Doing = { action: 'hibernated', lockSeconds: undefined, waitingSeconds: undefined };
const ERROR: Doing = { action: 'error', lockSeconds: undefined, waitingSeconds: undefined };
const NOTICE: Doing = { action: 'notice', lockSeconds: undefined, waitingSeconds: undefined };

/** Events of the mail_log plugin. Source: dovecot/core src/plugins/mail-log/mail-log-plugin.c (2.4.4). */
const OPERATIONS = new Set(['save', 'append', 'expunge', 'autoexpunge', 'delete', 'undelete', 'flag_change', 'copy']);

/** What a line inside a session is about. Operations quote mail, so they are recognised first and by their first word only. */
function actionOf(text: string, at: number, trouble: boolean): Doing {
  if (!trouble) {
    let word = at;
    // 2.4 names the mailbox, and for some events the mail, in front: `Mailbox INBOX: UID 7: expunge: …`.
    if (text.startsWith('Mailbox ', at)) {
      if (/^Mailbox (?:created|deleted|renamed)\b/.test(text.slice(at, at + 24))) return OPERATION;
      const colon = text.indexOf(': ', at);
      if (colon >= 0) word = colon + 2;
      if (text.startsWith('UID ', word)) {
        const next = text.indexOf(': ', word);
        if (next >= 0) word = next + 2;
      }
    }
    if (isOperation(text, word)) return OPERATION;
    if (text.startsWith('sieve: ', at) || text.startsWith('msgid=', at)) {
      if (text.includes('stored mail into mailbox', at) || text.includes('saved mail to', at)) return OPERATION;
    }
  }
  const lockSeconds = lockSecondsOf(text, at);
  if (lockSeconds !== undefined) return { action: 'lock-wait', lockSeconds, waitingSeconds: undefined };
  if (text.includes('while waiting for lock', at))
    return { action: 'lock-wait', lockSeconds: undefined, waitingSeconds: undefined };
  if (trouble) return ERROR;
  const took = text.indexOf(' took ', at);
  if (took >= 0) {
    const waitingSeconds = numberAt(text, took + 6);
    if (waitingSeconds !== undefined && /^[\d.]+ (?:s\b|secs|seconds)/.test(text.slice(took + 6, took + 40))) {
      return { action: 'slow', lockSeconds: undefined, waitingSeconds };
    }
  }
  if (text.includes('ibernat', at)) return HIBERNATED;
  return NOTICE;
}

function isOperation(text: string, at: number): boolean {
  const colon = text.indexOf(':', at);
  if (colon < 0) return false;
  if (text.startsWith('copy from ', at)) return true;
  return colon - at <= 12 && text.charCodeAt(colon + 1) === 32 && OPERATIONS.has(text.slice(at, colon));
}

/**
 * Seconds of a lock that was waited for or held too long: `Timeout (180s) while waiting for lock`, `Locking … took N seconds`,
 * `Transaction log file … was locked for N seconds`, `… (kept it N secs)`, `Lock timeout in N secs`.
 */
function lockSecondsOf(text: string, at: number): number | undefined {
  const timeout = text.indexOf('s) while waiting for lock', at);
  if (timeout >= 0) return numberAt(text, text.lastIndexOf('(', timeout) + 1);
  const locking = text.indexOf('Locking ', at);
  if (locking >= 0) {
    const took = text.indexOf(' took ', locking);
    if (took >= 0) return numberAt(text, took + 6);
  }
  const locked = text.indexOf(' was locked for ', at);
  if (locked >= 0) return numberAt(text, text.startsWith('over ', locked + 16) ? locked + 21 : locked + 16);
  if (text.includes('dotlock', at)) return numberAfter(text, '(kept it ', at, text.length);
  return numberAfter(text, 'Lock timeout in ', at, text.length);
}

/** `ID sent` after login comes from the mail process (2.2, 2.3); to a reader it is the same event as before login. */
function idSent(
  line: Line,
  stamp: Stamp,
  text: string,
  at: number,
  protocol: string,
  user: string | undefined,
  session: string | undefined,
): DovecotLoginEvent {
  return {
    dataset: 'dovecot.login',
    line,
    stamp,
    action: 'client-id',
    protocol,
    user,
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
    session,
    end: undefined,
    auth: undefined,
    attempts: undefined,
    waitedSeconds: undefined,
    reason: text.slice(at),
    client: clientName(text, at + 9, text.length),
    timerSeconds: undefined,
    bytesIn: undefined,
    bytesOut: undefined,
    endedBy: undefined,
  };
}
