import type { Stamp } from '../../event.ts';
import type { Envelope, EnvelopeContext } from './envelope.ts';
import { isDigit, isoStampAt } from './stamps.ts';

/**
 * `<PRI>1 TIMESTAMP HOST APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`; `-` is nil; a byte order mark before MSG is dropped. A line
 * without PRI is taken too. Structured data is skipped: no mail, proxy or VPN program puts anything of ours there.
 * Undefined if the header is not whole; damaged structured data counts as the message.
 * Source: RFC 5424 section 6.
 */
export function rfc5424(text: string, context: EnvelopeContext): Envelope | undefined {
  const version = afterNumericPriority(text);
  if (version < 0 || !isDigit(text.charCodeAt(version)) || text.charCodeAt(version + 1) !== 32) return undefined;
  const stampAt = version + 2;
  let stamp: Stamp | undefined;
  let at: number;
  if (text.charCodeAt(stampAt) === 45 && text.charCodeAt(stampAt + 1) === 32) at = stampAt + 2;
  else {
    const found = isoStampAt(text, stampAt, context.zone);
    if (found === undefined || text.charCodeAt(found.end) !== 32) return undefined;
    stamp = found.stamp;
    at = found.end + 1;
  }
  const hostEnd = text.indexOf(' ', at);
  const programEnd = hostEnd < 0 ? -1 : text.indexOf(' ', hostEnd + 1);
  const pidEnd = programEnd < 0 ? -1 : text.indexOf(' ', programEnd + 1);
  const idEnd = pidEnd < 0 ? -1 : text.indexOf(' ', pidEnd + 1);
  if (idEnd < 0) return undefined;
  return {
    stamp,
    host: word(text, at, hostEnd),
    program: word(text, hostEnd + 1, programEnd),
    pid: numberOf(text, programEnd + 1, pidEnd),
    message: messageFrom(text, afterStructuredData(text, idEnd + 1)),
    partial: false,
  };
}

/** Where the version stands: behind `<0>` to `<191>`, or at 0 without it. -1 if the brackets hold no number. */
function afterNumericPriority(text: string): number {
  if (text.charCodeAt(0) !== 60) return 0;
  for (let i = 1; i <= 4; i++) {
    const c = text.charCodeAt(i);
    if (c === 62) return i > 1 ? i + 1 : -1;
    if (!isDigit(c)) return -1;
  }
  return -1;
}

function word(text: string, at: number, end: number): string | undefined {
  if (end === at || (end === at + 1 && text.charCodeAt(at) === 45)) return undefined;
  return text.slice(at, end);
}

function numberOf(text: string, at: number, end: number): number | undefined {
  if (end === at || end > at + 10) return undefined;
  let value = 0;
  for (let i = at; i < end; i++) {
    const c = text.charCodeAt(i);
    if (!isDigit(c)) return undefined;
    value = value * 10 + (c - 48);
  }
  return value;
}

/** Behind `-` or `[id name="value" …]…`; in values `\"`, `\\` and `\]` are escaped. `at` itself if it is not whole. */
function afterStructuredData(text: string, at: number): number {
  if (text.charCodeAt(at) === 45) return at + 1;
  let i = at;
  while (text.charCodeAt(i) === 91) {
    const end = elementEnd(text, i + 1);
    if (end < 0) return at;
    i = end;
  }
  return i;
}

/** Behind the `]` that ends an element; -1 if none does. */
function elementEnd(text: string, from: number): number {
  let quoted = false;
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted && c === 92) i++;
    else if (c === 34) quoted = !quoted;
    else if (c === 93 && !quoted) return i + 1;
  }
  return -1;
}

function messageFrom(text: string, at: number): string {
  const start = text.charCodeAt(at) === 32 ? at + 1 : at;
  return text.slice(text.charCodeAt(start) === 0xfeff ? start + 1 : start);
}
