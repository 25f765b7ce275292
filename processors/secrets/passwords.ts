import { add, quotedEnd, runEnd, type SecretSpan, untilAny } from './scan.ts';

/** Passwords in the auth debug lines of Dovecot, and as they are stored. */

const GIVEN = 'given password: ';

/** `(given password: X)`, `(SHA1 of given password: X)`: X may hold brackets, so the last one of the line closes. */
export function givenPasswords(text: string, found: SecretSpan[]): void {
  for (let at = text.indexOf(GIVEN); at >= 0; ) {
    const start = at + GIVEN.length;
    const limit = messageEnd(text, start);
    const close = text.slice(start, limit).lastIndexOf(')');
    const end = close < 0 ? limit : start + close;
    add(found, start, end);
    at = text.indexOf(GIVEN, limit);
  }
}

/** End of the line, or of the JSON string that holds it. */
function messageEnd(text: string, at: number): number {
  const newline = text.indexOf('\n', at);
  const end = newline < 0 ? text.length : newline;
  if (text.charCodeAt(0) !== 123) return end;
  const quote = quotedEnd(text, at, '"');
  return Math.min(quote, end);
}

const SCHEME_IN_BRACKETS = /(?:: |^)[A-Z][A-Z0-9-]{1,23}(?:\.[A-Za-z0-9]{1,6})?\(/;
const DIFFERS = ") != '";

/** Auth debug: `PLAIN(given) != 'stored'`. */
export function comparedPasswords(text: string, found: SecretSpan[]): void {
  const at = text.indexOf(DIFFERS);
  if (at < 0) return;
  const scheme = SCHEME_IN_BRACKETS.exec(text.slice(0, at));
  if (scheme === null) return;
  add(found, scheme.index + scheme[0].length, at);
  const limit = messageEnd(text, at + DIFFERS.length);
  const close = text.lastIndexOf("'", limit);
  add(found, at + DIFFERS.length, close >= at + DIFFERS.length ? close : limit);
}

const STORED =
  /\{(?:S?SHA(?:256|512)?|S?MD5|PLAIN(?:-MD5|-MD4)?|CLEAR(?:TEXT)?|CRYPT|(?:SHA256|SHA512|DES|MD5|BLF)-CRYPT|ARGON2ID?|PBKDF2|HMAC-MD5|CRAM-MD5|DIGEST-MD5|SCRAM-SHA-(?:1|256)|NTLM|LANMAN|OTP)(?:\.\w{3,6})?\}/gi;

/** `{SSHA512}…`, `$6$salt$hash`: stored passwords. */
export function storedPasswords(text: string, found: SecretSpan[]): void {
  const pattern = new RegExp(STORED);
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    const end = untilAny(text, pattern.lastIndex, ' \t\r\n"\'`,');
    add(found, pattern.lastIndex, end);
    pattern.lastIndex = Math.max(end, pattern.lastIndex);
  }
  const hash = /\$(?:[1-9]|2[abxy]|y|gy|7|apr1|argon2(?:id|i|d))\$/g;
  for (let m = hash.exec(text); m !== null; m = hash.exec(text)) {
    const end = runEnd(text, m.index, isHashCharacter);
    if (end - m.index >= 12) add(found, m.index, end);
    hash.lastIndex = end;
  }
}

/** Letters, digits and `./$=,+-`. */
const isHashCharacter = (c: number): boolean =>
  (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 43 && c <= 57) || c === 36 || c === 61;
