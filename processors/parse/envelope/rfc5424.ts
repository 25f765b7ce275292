import type { RecordContext } from '../parser.ts';
import type { Envelope } from './envelope.ts';
import { afterPri } from './rfc3164.ts';
import { isoStamp } from './syslog-time.ts';

/** `<PRI>1 2026-11-24T03:24:28.123Z host app procid msgid [sd] message`. Nil values are `-`. Source: RFC 5424, section 6. */
export function rfc5424(text: string, context: RecordContext): Envelope | undefined {
  let at = afterPri(text);
  if (at === 0 || text.charCodeAt(at) !== 49 || text.charCodeAt(at + 1) !== 32) return undefined;
  at += 2;
  const time = text.charCodeAt(at) === 45 ? undefined : isoStamp(text, at, context);
  at = time ? time.end : at + 1;
  if (text.charCodeAt(at) !== 32) return undefined;
  const words: string[] = [];
  at++;
  for (let i = 0; i < 4; i++) {
    const blank = text.indexOf(' ', at);
    if (blank < 0) return undefined;
    words.push(text.slice(at, blank));
    at = blank + 1;
  }
  at = afterStructuredData(text, at);
  if (text.charCodeAt(at) === 32) at++;
  if (text.charCodeAt(at) === 0xfeff) at++;
  const [host, app, procid] = words.map((w) => (w === '-' ? undefined : w));
  const pid = Number(procid);
  return {
    stamp: time?.stamp,
    host,
    program: app,
    pid: procid !== undefined && Number.isSafeInteger(pid) ? pid : undefined,
    message: text.slice(at),
  };
}

/** Skips `-` or `[id key="va\"lue"]…`. An unclosed element takes the rest. */
function afterStructuredData(text: string, from: number): number {
  if (text.charCodeAt(from) === 45) return from + 1;
  let at = from;
  while (text.charCodeAt(at) === 91) {
    let quoted = false;
    for (at++; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === 92) at++;
      else if (c === 34) quoted = !quoted;
      else if (c === 93 && !quoted) break;
    }
    at++;
  }
  return Math.min(at, text.length);
}
