import type { Stamp } from '../../event.ts';
import type { Envelope } from './envelope.ts';
import { isDigit } from './stamps.ts';

/** Longest host and tag that are believed; RFC 5424 allows 255 and 48, mail processes put a user into their tag. */
const HOST_MAX = 255;
const TAG_MAX = 512;

/** Where a tag ends and the message begins. */
interface Tag {
  readonly program: string;
  readonly pid: number | undefined;
  readonly messageAt: number;
}

/**
 * What follows the stamp of a syslog line: `[HOST ][FACILITY.SEVERITY ]TAG[PID]: MESSAGE`, each part optional.
 * A first word that looks like a tag (`dovecot:`, `postfix/smtpd[7]:`) is one: then there is no host.
 */
export function syslogBody(text: string, from: number, stamp: Stamp | undefined): Envelope {
  let at = from;
  while (text.charCodeAt(at) === 32 && at < from + 4) at++;
  if (text.charCodeAt(at) === 60) at = afterPriority(text, at);
  if (isNote(text, at)) return envelope(stamp, undefined, undefined, text, at);
  const hostEnd = hostEndAt(text, at);
  const host = hostEnd > at ? text.slice(at, hostEnd) : undefined;
  let tagAt = hostEnd > at ? hostEnd + 1 : at;
  while (text.charCodeAt(tagAt) === 32) tagAt++;
  // Firewalls set a colon of its own between host and tag.
  if (text.charCodeAt(tagAt) === 58 && text.charCodeAt(tagAt + 1) === 32) tagAt += 2;
  let tag = tagOf(text, tagAt);
  if (tag === undefined) {
    const next = afterFacility(text, tagAt);
    if (next > tagAt) {
      tagAt = next;
      tag = tagOf(text, tagAt);
    }
  }
  return envelope(stamp, host, tag, text, tag === undefined ? tagAt : tag.messageAt);
}

function envelope(
  stamp: Stamp | undefined,
  host: string | undefined,
  tag: Tag | undefined,
  text: string,
  messageAt: number,
): Envelope {
  return {
    stamp,
    host,
    program: tag?.program,
    pid: tag?.pid,
    message: unwrapped(text.slice(messageAt)),
    partial: false,
  };
}

/** End of the host at `at`; `at` itself if the first word is a tag or no host. */
function hostEndAt(text: string, at: number): number {
  const limit = Math.min(text.length, at + HOST_MAX);
  for (let i = at; i < limit; i++) {
    const c = text.charCodeAt(i);
    if (c === 32) return i > at && text.charCodeAt(i - 1) !== 58 ? i : at;
    // Letters, digits and `-._:%`; a `/`, bracket or quote is no part of a host.
    if (!isHostCharacter(c)) return at;
  }
  return at;
}

function isHostCharacter(c: number): boolean {
  if ((c >= 97 && c <= 122) || (c >= 48 && c <= 58) || (c >= 65 && c <= 90)) return true;
  return c === 45 || c === 46 || c === 95 || c === 37 || c > 127;
}

/**
 * `dovecot: `, `postfix/smtpd[7]: `, `imap(anna)<7><abc>: `, `%ASA-6-113039: `. Undefined if no tag stands at `at`.
 * The part in round brackets is a user's name, which may hold spaces and colons.
 */
export function tagOf(text: string, at: number): Tag | undefined {
  const limit = Math.min(text.length, at + TAG_MAX);
  for (let i = at; i < limit; i++) {
    const c = text.charCodeAt(i);
    if (c === 58) {
      const next = text.charCodeAt(i + 1);
      if (i > at && (next === 32 || i + 1 === text.length))
        return { program: text.slice(at, i), pid: undefined, messageAt: i + 2 };
    } else if (c === 91) {
      return i > at ? tagWithPid(text, at, i) : undefined;
    } else if (c === 40) {
      const end = text.indexOf(': ', i);
      return i > at && end > 0 && end < limit
        ? { program: text.slice(at, end), pid: undefined, messageAt: end + 2 }
        : undefined;
    } else if (c <= 32 || c === 34 || c === 61) {
      return undefined;
    }
  }
  return undefined;
}

const BRACKET_MAX = 48;

/** `[7]: ` or `[7] `, also with something that is no number in it: then without a pid. */
function tagWithPid(text: string, at: number, open: number): Tag | undefined {
  let pid = 0;
  let i = open + 1;
  for (; i < open + 11; i++) {
    const c = text.charCodeAt(i);
    if (!isDigit(c)) break;
    pid = pid * 10 + (c - 48);
  }
  const numeric = i > open + 1 && text.charCodeAt(i) === 93;
  const close = numeric ? i : text.slice(open, open + BRACKET_MAX).indexOf(']') + open;
  if (close <= open) return undefined;
  const colon = text.charCodeAt(close + 1) === 58 ? 1 : 0;
  const after = text.charCodeAt(close + 1 + colon);
  if (colon === 0 && !(numeric && after === 32)) return undefined;
  const messageAt = close + 1 + colon + (after === 32 ? 1 : 0);
  return { program: text.slice(at, open), pid: numeric ? pid : undefined, messageAt };
}

const FACILITIES = new Set(
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  ),
);
const SEVERITIES = new Set('emerg panic alert crit err error warning warn notice info debug none'.split(' '));

/** Skips the `auth.info ` that busybox writes before the tag. */
function afterFacility(text: string, at: number): number {
  const space = text.indexOf(' ', at);
  if (space < 0 || space > at + 20) return at;
  const dot = text.indexOf('.', at);
  if (dot < 0 || dot > space) return at;
  const known = FACILITIES.has(text.slice(at, dot)) && SEVERITIES.has(text.slice(dot + 1, space));
  return known ? space + 1 : at;
}

/** Skips `<22>`, FreeBSD's `<2.6>` and `<mail.info>`, and the space behind it. */
export function afterPriority(text: string, at: number): number {
  const close = text.slice(at, at + 24).indexOf('>') + at;
  if (close <= at + 1) return at;
  for (let i = at + 1; i < close; i++) {
    const c = text.charCodeAt(i);
    if (!(isDigit(c) || c === 46 || (c >= 97 && c <= 122))) return at;
  }
  return text.charCodeAt(close + 1) === 32 ? close + 2 : close + 1;
}

/** What the syslog daemon itself says where a tag would stand. */
function isNote(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  if (c === 108) return text.startsWith('last message repeated ', at);
  return c === 45 && (text.startsWith('-- MARK --', at) || text.startsWith('--- last message repeated ', at));
}

const REPEATED = 'message repeated ';

/** rsyslog's `message repeated 3 times: [ MESSAGE]` as MESSAGE. */
function unwrapped(message: string): string {
  if (message.charCodeAt(0) !== 109 || !message.startsWith(REPEATED) || !message.endsWith(']')) return message;
  const open = message.indexOf(' times: [', REPEATED.length);
  return open > 0 && open < REPEATED.length + 12 ? message.slice(open + 9, -1).trimStart() : message;
}
