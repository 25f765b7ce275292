import {
  add,
  isBoundary,
  isClosing,
  isEscape,
  isPlaceholder,
  isWord,
  looksRandom,
  quotedEnd,
  type SecretSpan,
  untilAny,
  untilText,
} from './scan.ts';

/** Names whose value is a secret, as the end of a longer name (`imap_password`, `x-auth-token`, `_pass`). */
export const NAME = [
  'passw(?:or)?d',
  'passphrase',
  'passcode',
  'passwort',
  'kennwort',
  '(?<![a-z0-9])pass',
  'pwd',
  'secret',
  'token',
  'api[-_ ]?key',
  'access[-_]?key(?:[-_]?id)?',
  'private[-_]?key',
  'credentials?',
  'assertion',
  'saml(?:response|request)',
  'code[-_]?verifier',
  '(?<![a-z0-9])t?otp',
  'jwt',
  '(?<![a-z0-9])resp',
  '(?:php|[js]|asp)sessid',
  'jsessionid',
  'connect\\.sid',
  'roundcube_sess(?:id|auth)',
].join('|');

/**
 * A name, what may follow it (a digit, `[]`), then what stands between it and its value: `=`, `:`, `=>`, `%3D` with blanks and quotes
 * around, the end of an XML tag, or the blank line of a multi-part form.
 */
const PAIR = new RegExp(
  `(?:${NAME})\\d?(?:\\[\\]|%5B%5D)?(?:(\\\\{0,3}["'])?[ \\t]{0,3}(=>|=|:|%3D|%3A)[ \\t]{0,3}(\\\\{0,3}["'\`])?|(>)|(")\\r?\\n\\r?\\n)`,
  'gi',
);

const GROUP = { separator: 2, quote: 3, tag: 4, form: 5 } as const;

export function pairs(text: string, found: SecretSpan[]): void {
  const pattern = new RegExp(PAIR);
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    const at = pattern.lastIndex;
    // A fingerprint begins like a pair: `[secret:`.
    if (text.charCodeAt(m.index - 1) === 91 && m[0] === 'secret:') continue;
    const end = pairEnd(text, m, at);
    if (end > at && !isPlaceholder(text, at, end)) {
      add(found, at, end);
      pattern.lastIndex = end;
    }
  }
}

/** Where the value that begins at `at` ends; `at` itself if it is no secret after all. */
function pairEnd(text: string, m: RegExpExecArray, at: number): number {
  if (m[GROUP.tag] !== undefined) return isOpenTag(text, m.index) ? untilAny(text, at, '<\n') : at;
  if (m[GROUP.form] !== undefined) return untilText(text, at, '\n--', '\r\n--');
  const quote = m[GROUP.quote];
  if (quote !== undefined) return quotedEnd(text, at, quote);
  const end = bareEnd(text, at, m.index);
  // `token: expired` is a sentence and `token: 9f8e7d…` is not; a password can look like anything.
  const isSentence = m[GROUP.separator] === ':' && text.charCodeAt(at - 1) === 32 && !/^pass/i.test(m[0]);
  return isSentence && !looksRandom(text.slice(at, end)) ? at : end;
}

/** Whether the name that ends before `>` stands in an opening XML tag. */
function isOpenTag(text: string, nameAt: number): boolean {
  for (let i = nameAt - 1; i >= 0 && i > nameAt - 64; i--) {
    const c = text.charCodeAt(i);
    if (c === 60) return text.charCodeAt(i + 1) !== 47;
    if (c <= 32 || c === 62) return false;
  }
  return false;
}

/** End of a value without quotes. */
export function bareEnd(text: string, at: number, nameAt: number): number {
  // Dovecot's own protocol separates by tabs, and its values may hold anything else.
  const tabs = text.charCodeAt(nameAt - 1) === 9;
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 9 || c === 10 || c === 13) return i;
    if (tabs) continue;
    if (c === 32 || c === 34 || c === 39 || c === 60 || c === 62 || c === 96) return i;
    if (c === 92 && isEscape(text.charCodeAt(i + 1))) return i;
    if ((c === 38 || c === 59) && beginsPair(text, i + 1)) return i;
    if (isClosing(c) && isBoundary(text.charCodeAt(i + 1))) return i;
  }
  return text.length;
}

/** Whether another `name=` or the end follows a `&` or `;`, as in a query. */
function beginsPair(text: string, at: number): boolean {
  for (let i = at; i < at + 64; i++) {
    const c = text.charCodeAt(i);
    if (Number.isNaN(c) || c <= 32 || c === 34 || c === 39 || c === 38 || c === 61) return true;
    if (!(isWord(c) || c === 46 || c === 45 || c === 37 || c === 91 || c === 93 || c === 59)) return false;
  }
  return false;
}
