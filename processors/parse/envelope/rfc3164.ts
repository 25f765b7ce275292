import type { Envelope, EnvelopeContext } from './envelope.ts';
import { syslogStampAt } from './stamps.ts';
import { afterPriority, syslogBody } from './syslog-body.ts';

/**
 * `[<PRI>]Nov 24 03:24:10 [HOST ]TAG[PID]: MESSAGE`: what syslog daemons write to files and send to each other.
 * Neither year nor zone: both come from `context`, and the stamp says so (`zoned: false`). A PRI without a stamp (what a program hands to
 * its daemon) gives an envelope without one. Undefined if the text begins with neither.
 * Source: RFC 3164; busybox sysklogd/syslogd.c (`auth.info`), FreeBSD syslogd -v (`<mail.info>`), rsyslog (`message repeated`).
 */
export function rfc3164(text: string, context: EnvelopeContext): Envelope | undefined {
  const at = text.charCodeAt(0) === 60 ? afterPriority(text, 0) : 0;
  const found = syslogStampAt(text, at, context);
  if (found !== undefined) {
    const { stamp, end } = found;
    return syslogBody(text, text.charCodeAt(end) === 58 ? end + 1 : end, stamp);
  }
  return at > 0 && isNumeric(text, at) ? syslogBody(text, at, undefined) : undefined;
}

/** Whether the priority that ends before `at` is a number: text in pointed brackets alone is no envelope. */
function isNumeric(text: string, at: number): boolean {
  const c = text.charCodeAt(1);
  return at <= 6 && c >= 48 && c <= 57;
}
