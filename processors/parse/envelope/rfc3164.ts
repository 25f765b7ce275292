import type { RecordContext } from '../parser.ts';
import { type Envelope, splitTag } from './envelope.ts';
import { rfc3164Stamp } from './syslog-time.ts';

/**
 * `[<PRI>]Nov 24 03:24:28 host prog[pid]: message`: the traditional syslog line, in files without the PRI. Some daemons leave the host out;
 * then the first word ends with a colon or bracket. Source: RFC 3164, section 4.
 */
export function rfc3164(text: string, context: RecordContext): Envelope | undefined {
  const start = afterPri(text);
  const stamp = rfc3164Stamp(text, start, context);
  if (!stamp || text.charCodeAt(start + 15) !== 32) return undefined;
  let at = start + 16;
  while (text.charCodeAt(at) === 32) at++;
  const blank = text.indexOf(' ', at);
  let host: string | undefined;
  if (blank > at && text.charCodeAt(blank - 1) !== 58 && !endsWithPid(text, blank)) {
    host = text.slice(at, blank);
    at = blank + 1;
  }
  const tag = splitTag(text, at);
  return { stamp, host, program: tag.program, pid: tag.pid, message: tag.message };
}

/** `prog[12]` without a colon is a tag as well, not a host. */
const endsWithPid = (text: string, end: number): boolean =>
  text.charCodeAt(end - 1) === 93 && text.lastIndexOf('[', end) > 0;

/** Where the text after `<34>` begins; 0 without a PRI. */
export function afterPri(text: string): number {
  if (text.charCodeAt(0) !== 60) return 0;
  const close = text.indexOf('>');
  return close > 0 && close <= 6 ? close + 1 : 0;
}
