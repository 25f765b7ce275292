import type { RecordContext } from '../parser.ts';
import { type Envelope, splitTag } from './envelope.ts';
import { afterPri } from './rfc3164.ts';
import { isoStamp } from './syslog-time.ts';

/** `2026-11-24T03:24:28.123456+01:00 host prog[pid]: message`: rsyslog's file format with high-precision stamps. */
export function isoSyslog(text: string, context: RecordContext): Envelope | undefined {
  const start = afterPri(text);
  const time = isoStamp(text, start, context);
  if (!time || text.charCodeAt(time.end) !== 32) return undefined;
  // A stamp with a blank inside and no zone is how programs write their own logs; syslog writes the T.
  if (text.charCodeAt(start + 10) !== 84) return undefined;
  const at = time.end + 1;
  const blank = text.indexOf(' ', at);
  if (blank < 0) return undefined;
  const first = text.slice(at, blank);
  if (first.endsWith(':') || first.endsWith(']')) {
    const tag = splitTag(text, at);
    return { stamp: time.stamp, host: undefined, program: tag.program, pid: tag.pid, message: tag.message };
  }
  const tag = splitTag(text, blank + 1);
  return tag.program === undefined
    ? undefined
    : { stamp: time.stamp, host: first, program: tag.program, pid: tag.pid, message: tag.message };
}
