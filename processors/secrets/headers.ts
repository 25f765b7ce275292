import { add, isEscape, isPlaceholder, quotedEnd, type SecretSpan, untilAny } from './scan.ts';

/** Values of HTTP headers, and passwords in addresses. */

const HEADER =
  /(?:((?:proxy-)?authorization)|((?:set-)?cookie2?))(?:(\\{0,3}["'])?[ \t]{0,2}[:=][ \t]{0,3}(\\{0,3}["'])?|(\\{0,3}["'])[ \t]{0,2},[ \t]{0,3}(\\{0,3}["']))/gi;

/** `Authorization: SCHEME X` keeps the scheme, `Cookie: a=X; b=Y` its names; also as JSON members. */
export function headers(text: string, found: SecretSpan[]): void {
  const pattern = new RegExp(HEADER);
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    const at = pattern.lastIndex;
    const quote = m[4] ?? m[6];
    const end = quote === undefined ? headerEnd(text, at) : quotedEnd(text, at, quote);
    if (m[1] !== undefined) credentials(text, at, end, found);
    else cookies(text, at, end, found);
    pattern.lastIndex = Math.max(end, at);
  }
}

/** A header in free text ends with its line, or with the quote or the bracket that surrounds it. */
export function headerEnd(text: string, at: number): number {
  if (/^Digest /i.test(text.slice(at, at + 7))) return untilAny(text, at, '\r\n');
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10 || c === 13 || c === 34 || c === 39) return i;
    if (c === 92 && isEscape(text.charCodeAt(i + 1))) return i;
  }
  return text.length;
}

function credentials(text: string, at: number, end: number, found: SecretSpan[]): void {
  const scheme = /^[A-Za-z][A-Za-z0-9-]{2,24} +/.exec(text.slice(at, Math.min(end, at + 40)));
  const start = scheme === null ? at : at + scheme[0].length;
  const last = trimmedEnd(text, start, end);
  if (!isPlaceholder(text, start, last)) add(found, start, last);
}

const COOKIE_ATTRIBUTES = new Set([
  'path',
  'domain',
  'expires',
  'max-age',
  'samesite',
  'version',
  'priority',
  'comment',
]);

/** Each value by itself, so that one cookie stays comparable whatever stands beside it. */
function cookies(text: string, at: number, end: number, found: SecretSpan[]): void {
  let equals = at - 1;
  for (let from = at; from < end; ) {
    const semicolon = text.indexOf(';', from);
    const stop = semicolon < 0 || semicolon > end ? end : semicolon;
    // The next `=` is searched only when the last one is used up, so that many `;` before it cost nothing.
    if (equals < from) {
      equals = text.indexOf('=', from);
      if (equals < 0) equals = text.length;
    }
    const named = equals < stop;
    const name = named
      ? text
          .slice(from, Math.min(equals, from + 64))
          .trim()
          .toLowerCase()
      : '';
    const start = skipBlanks(text, named ? equals + 1 : from, stop);
    const last = trimmedEnd(text, start, stop);
    const isFlag = !named && FLAGS.test(text.slice(start, Math.min(last, start + 16)));
    if (!isFlag && !COOKIE_ATTRIBUTES.has(name) && !isPlaceholder(text, start, last)) add(found, start, last);
    if (semicolon < 0) return;
    from = stop + 1;
  }
}

const FLAGS = /^(?:secure|httponly|partitioned)?$/i;

function skipBlanks(text: string, at: number, end: number): number {
  let i = at;
  while (i < end && text.charCodeAt(i) === 32) i++;
  return i;
}

function trimmedEnd(text: string, start: number, end: number): number {
  let i = end;
  while (i > start && (text.charCodeAt(i - 1) === 32 || text.charCodeAt(i - 1) === 9)) i--;
  return i;
}

/** `https://anna:X@host/`. */
export function urlPasswords(text: string, found: SecretSpan[]): void {
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    const start = at + 3;
    let colon = -1;
    let last = -1;
    for (let i = start; i < text.length && i < start + 512; i++) {
      const c = text.charCodeAt(i);
      if (c <= 32 || c === 47 || c === 34 || c === 39 || c === 60 || c === 62 || c === 63 || c === 35) break;
      if (c === 58 && colon < 0) colon = i;
      if (c === 64) last = i;
    }
    if (colon >= 0 && last > colon + 1) add(found, colon + 1, last);
  }
}
