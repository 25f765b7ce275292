import { add, isBoundary, isWord, quotedEnd, runEnd, type SecretSpan, untilAny } from './scan.ts';

/** Passwords in commands of IMAP, POP3, SMTP and ManageSieve. */

const SASL = /\bAUTH(?:ENTICATE)?[ =]"?([A-Z0-9][A-Z0-9-]{2,19})"?[ =]"?/gi;

/** `AUTHENTICATE PLAIN X`, `AUTH LOGIN X`, `AUTH=PLAIN X`, ManageSieve's `AUTHENTICATE "PLAIN" "X"`: X is base64. */
export function saslResponses(text: string, found: SecretSpan[]): void {
  const pattern = new RegExp(SASL);
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    const start = pattern.lastIndex;
    const end = runEnd(text, start, isBase64);
    pattern.lastIndex = Math.max(end, start);
    if (end - start >= 4 && isBoundary(text.charCodeAt(end)) && !isWordOfProse(text.slice(start, end)))
      add(found, start, end);
  }
}

const isBase64 = (c: number): boolean => isWord(c) || c === 43 || c === 47 || c === 61 || c === 45;

/** `failed`, `LOGIN`, `Mechanism`, `AUTH=PLAIN`: base64 of a name and a password has both cases, digits or padding. */
const isWordOfProse = (text: string): boolean =>
  text.length < 64 && /^(?:[A-Z]?[a-z-]+|[A-Z-]+(?:=[A-Z0-9-]+)?)$/.test(text);

/** `a1 LOGIN anna X`, quoted or not. A tag has a digit or is one letter, so that `SASL LOGIN authentication failed` is none. */
export function loginCommands(text: string, found: SecretSpan[]): void {
  const pattern = / LOGIN /gi;
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    if (!isTag(text, m.index)) continue;
    const user = argumentEnd(text, pattern.lastIndex);
    if (user < 0 || text.charCodeAt(user) !== 32) continue;
    const start = user + 1;
    const end = argumentEnd(text, start);
    if (end < 0) continue;
    const quoted = text.charCodeAt(start) === 34;
    add(found, quoted ? start + 1 : start, quoted && end > start + 1 ? end - 1 : end);
  }
}

function isTag(text: string, end: number): boolean {
  let digit = false;
  let i = end;
  for (; i > 0 && i > end - 17; i--) {
    const c = text.charCodeAt(i - 1);
    if (c >= 48 && c <= 57) digit = true;
    else if (!isWord(c) && c !== 46) break;
  }
  return i < end && (digit || i === end - 1) && end - i <= 16;
}

/** End of an IMAP string that begins at `at`, behind its closing quote if it has one; -1 if none begins there. */
function argumentEnd(text: string, at: number): number {
  if (text.charCodeAt(at) !== 34) {
    const end = untilAny(text, at, ' \t\r\n"\'');
    return end > at ? end : -1;
  }
  const end = quotedEnd(text, at + 1, '"');
  return end < text.length ? end + 1 : end;
}

const PASS = /(?:^|["'`]|[<>] |[ \]]C: ?)PASS /gm;

/** POP3's `PASS X`, up to the end of the line or the quote. Postscreen's `PASS OLD [192.0.2.1]:25` and SPF's `PASS (…` are verdicts. */
export function passCommands(text: string, found: SecretSpan[]): void {
  const pattern = new RegExp(PASS);
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    const start = pattern.lastIndex;
    if (text.startsWith('OLD [', start) || text.startsWith('NEW [', start) || text.charCodeAt(start) === 40) continue;
    const quote = m[0].charCodeAt(0);
    const isQuoted = quote === 34 || quote === 39 || quote === 96;
    const end = untilAny(text, start, isQuoted ? `\r\n${m[0].charAt(0)}` : '\r\n');
    add(found, start, end);
    pattern.lastIndex = Math.max(end, start);
  }
}
