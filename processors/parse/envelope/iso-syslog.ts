import type { Stamp } from '../../event.ts';
import { UTC } from '../../time.ts';
import type { Envelope, EnvelopeContext } from './envelope.ts';
import { isDigit, isoStampAt, type StampAt } from './stamps.ts';
import { afterPriority, syslogBody, tagOf } from './syslog-body.ts';

/**
 * `2026-11-24T03:24:10.123456+01:00 HOST TAG[PID]: MESSAGE`: rsyslog's and syslog-ng's own file format, `journalctl -o short-iso`,
 * and `Tue 2026-11-24 03:24:10 UTC HOST TAG: MESSAGE` (`-o short-full`).
 *
 * A zone or a `T` makes it a syslog line; if no tag follows, the stamp alone is taken off (`docker logs --timestamps`). A bare
 * `2026-11-24 03:24:10 ` is also how programs begin their own files (OpenVPN, fail2ban, Exim), so there a host and the tag of a known
 * program, or a tag with a pid, must follow. Undefined otherwise.
 */
export function isoSyslog(text: string, context: EnvelopeContext): Envelope | undefined {
  const at = text.charCodeAt(0) === 60 ? afterPriority(text, 0) : 0;
  const found = isDigit(text.charCodeAt(at)) ? isoStampAt(text, at, context.zone) : fullStamp(text, context);
  if (found === undefined) return undefined;
  const { stamp, end } = found;
  if (end === text.length || text.charCodeAt(end) !== 32) return undefined;
  const separator = text.charCodeAt(at + 10);
  if (!stamp.zoned && separator === 32 && at === 0 && !isSyslogOf(text, end + 1)) return undefined;
  const body = syslogBody(text, end, stamp);
  return body.program === undefined && body.host !== undefined ? withoutHost(text, end + 1, stamp, body) : body;
}

/** Without a tag the first word is only a host if a syslog daemon's own note or another stamped line follows. */
function withoutHost(text: string, at: number, stamp: Stamp, body: Envelope): Envelope {
  if (body.message.startsWith('last message repeated ') || body.message.startsWith('-- MARK --')) return body;
  return { stamp, host: undefined, program: undefined, pid: undefined, message: text.slice(at), partial: false };
}

/** Programs whose lines come through syslog and that do not name a host or anything else before their tag in files of their own. */
const SYSLOG_PROGRAMS = new Set([
  ...['dovecot', 'haproxy', 'kernel', 'ulogd', 'nginx', 'charon', 'ipsec', 'sshd', 'rspamd', 'opendkim', 'amavis'],
  ...[
    'imap-login',
    'pop3-login',
    'imap',
    'imaps',
    'pop3',
    'pop3s',
    'imapd',
    'pop3d',
    'exim',
    'systemd',
    'sudo',
    'CRON',
  ],
]);

/** `HOST TAG: ` with a tag that only syslog can have put there. */
function isSyslogOf(text: string, at: number): boolean {
  const space = text.indexOf(' ', at);
  if (space <= at || space > at + 255) return false;
  const own = isKnownTag(text, at);
  return own || isKnownTag(text, space + 1);
}

function isKnownTag(text: string, at: number): boolean {
  const tag = tagOf(text, at);
  if (tag === undefined) return false;
  const { program } = tag;
  if (SYSLOG_PROGRAMS.has(program) || program.startsWith('postfix/')) return true;
  return tag.pid !== undefined && isPlainName(program) && text.charCodeAt(tag.messageAt - 2) === 58;
}

/** Letters, digits and `-_./`; programs that print `SIGTERM[hard,]` or `[client]` of their own do not look so with a number inside. */
function isPlainName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if ((c >= 97 && c <= 122) || (c >= 45 && c <= 57) || (c >= 65 && c <= 90) || c === 95) continue;
    return false;
  }
  // fail2ban's own file: `fail2ban.actions[123]: NOTICE`.
  return name !== '' && !name.startsWith('fail2ban.');
}

const ZONE_NAME_MAX = 6;

/** `Tue 2026-11-24 03:24:10 UTC`. Names of other zones are ambiguous, so they count as none. */
function fullStamp(text: string, context: EnvelopeContext): StampAt | undefined {
  if (text.charCodeAt(3) !== 32 || !isDigit(text.charCodeAt(4)) || text.charCodeAt(8) !== 45) return undefined;
  const zoneAt = text.indexOf(' ', 15) + 1;
  const zoneEnd = text.indexOf(' ', zoneAt);
  if (zoneAt === 0 || zoneEnd < 0 || zoneEnd > zoneAt + ZONE_NAME_MAX) return undefined;
  const name = text.slice(zoneAt, zoneEnd);
  const found = isoStampAt(text, 4, name === 'UTC' || name === 'GMT' ? UTC : context.zone);
  if (found === undefined || (found.end !== zoneAt - 1 && found.end !== zoneEnd)) return undefined;
  const { at, precisionMs, zoned } = found.stamp;
  return { stamp: { at, precisionMs, zoned: zoned || name === 'UTC' || name === 'GMT' }, end: zoneEnd };
}
