/**
 * Finds secrets in log text. Returns where they are; `redact.ts` replaces them.
 *
 * Everything here is linear in the length of the text: regular expressions only find where a secret begins (short, without a repetition in
 * front), its end is searched character by character, and the search goes on behind it. A first pass over the text for words without
 * which no rule can match lets ordinary lines go at once, for about half a microsecond.
 */

/** A secret is `text.slice(start, end)`. */
export interface SecretSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * Words without which no rule below matches. They begin with few letters, so that most positions are left after a look at one character;
 * rarer beginnings are cheaper by `includes`, which searches a character at a time by vector instructions.
 */
const HINT = new RegExp(
  [
    '[Pp](?:ass|ASS|wd|WD|riv|RIV)',
    '[Tt](?:oken|OKEN|p=|P=)',
    '[Ss](?:ecret|ECRET|aml|AML|ESS_ID|essionid|ESSIONID|essid|ESSID|p=|P=|id=|sid|SID)',
    '[Cc](?:ookie|OOKIE|reden|REDEN|ode=|ode[-_]?[Vv]er)',
    'CRV1',
    '[Bb](?:earer|EARER)',
    '[Aa](?:uth|UTH)(?:ori|ORI|enti|ENTI|[-=])',
    'AUTH ',
    '[Aa](?:sser|SSER|pi[-_ ]?[kK]|PI[-_ ]?K|cces|CCES)',
    '[OW](?:PEN_URL|EB_AUTH)',
    '[Kk](?:ennw|ENNW)',
    '[Jj](?:wt|WT)',
    '\\{[A-Za-z][A-Za-z0-9.-]+\\}',
  ].join('|'),
);
const RARE_HINTS = ['$', 'eyJ', 'XNlcj1', "!= '", 'GIN ', 'gin '] as const;

/** `://anna:x@`: searched only where there is an `@`. */
const URL_USER = /:\/\/[^/\s:@]{0,255}:[^\s/]{1,255}@/;

function mayHoldSecret(text: string): boolean {
  if (HINT.test(text)) return true;
  for (const hint of RARE_HINTS) if (text.includes(hint)) return true;
  return (text.includes('@') && URL_USER.test(text)) || isKeyBody(text);
}

/** Names whose value is a secret, as the end of a longer name (`imap_password`, `x-auth-token`, `_pass`). */
const NAME = [
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

/** All secrets in `text`, in order, none touching another. Empty for most lines, after one look. */
export function secretsIn(text: string): readonly SecretSpan[] {
  if (!mayHoldSecret(text)) return [];
  const found: SecretSpan[] = [];
  for (const rule of RULES) rule(text, found);
  return merged(found);
}

type Rule = (text: string, found: SecretSpan[]) => void;

function merged(found: SecretSpan[]): readonly SecretSpan[] {
  if (found.length < 2) return found;
  found.sort((a, b) => a.start - b.start || b.end - a.end);
  const out: SecretSpan[] = [];
  for (const span of found) {
    const last = out.at(-1);
    if (last === undefined || span.start > last.end) out.push(span);
    else if (span.end > last.end) out[out.length - 1] = { start: last.start, end: span.end };
  }
  return out;
}

function add(found: SecretSpan[], start: number, end: number): void {
  if (end > start) found.push({ start, end });
}

// Names with values ----------------------------------------------------------------------------------------------------

function pairs(text: string, found: SecretSpan[]): void {
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
function bareEnd(text: string, at: number, nameAt: number): number {
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

/** `\n`, `\r`, `\t`, `\"`, `\'`, `\x22` and `\u0022` in text that was escaped once more. */
const isEscape = (c: number): boolean =>
  c === 110 || c === 114 || c === 116 || c === 34 || c === 39 || c === 120 || c === 117;

/** `,` `)` `]` `}` `;` end a value only before a blank, a quote, another of them or the end: passwords hold such characters. */
const isClosing = (c: number): boolean => c === 44 || c === 41 || c === 93 || c === 125 || c === 59;

function isBoundary(c: number): boolean {
  return Number.isNaN(c) || c <= 32 || c === 34 || c === 39 || isClosing(c);
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

function isWord(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || c === 95;
}

/** End of a value behind an opening quote, which may be escaped itself (`\"` in JSON within JSON); the whole line if it does not close. */
function quotedEnd(text: string, at: number, quote: string): number {
  const mark = quote.charCodeAt(quote.length - 1) === 96 ? 39 : quote.charCodeAt(quote.length - 1);
  const escapes = quote.length - 1;
  let slashes = 0;
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 92) slashes++;
    else {
      if (c === mark && closes(slashes, escapes)) return i - Math.min(slashes, escapes);
      if (c === 10) return i;
      slashes = 0;
    }
  }
  return text.length;
}

/** A quote closes if it is escaped as the opening one was; within plain quotes an even number of backslashes escapes nothing. */
const closes = (slashes: number, escapes: number): boolean => (escapes === 0 ? slashes % 2 === 0 : slashes <= escapes);

const PLACEHOLDERS = new Set(['-', 'null', 'undefined', '(null)', '<hidden>', 'redacted', '[redacted]', '<redacted>']);

/** What others put in the place of a secret says nothing, and a reader should see that nothing was there. */
function isPlaceholder(text: string, start: number, end: number): boolean {
  if (end - start > 16) return false;
  const value = text.slice(start, end).toLowerCase();
  return PLACEHOLDERS.has(value) || /^(?:\*+|x{3,})$/.test(value);
}

// Dovecot --------------------------------------------------------------------------------------------------------------

const GIVEN = 'given password: ';

/** `(given password: X)`, `(SHA1 of given password: X)`: X may hold brackets, so the last one of the line closes. */
function givenPasswords(text: string, found: SecretSpan[]): void {
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
function comparedPasswords(text: string, found: SecretSpan[]): void {
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
function storedPasswords(text: string, found: SecretSpan[]): void {
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

// Commands on the wire -------------------------------------------------------------------------------------------------

const SASL = /\bAUTH(?:ENTICATE)?[ =]"?([A-Z0-9][A-Z0-9-]{2,19})"?[ =]"?/gi;

/** `AUTHENTICATE PLAIN X`, `AUTH LOGIN X`, `AUTH=PLAIN X`, ManageSieve's `AUTHENTICATE "PLAIN" "X"`: X is base64. */
function saslResponses(text: string, found: SecretSpan[]): void {
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
function loginCommands(text: string, found: SecretSpan[]): void {
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
function passCommands(text: string, found: SecretSpan[]): void {
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

// HTTP -----------------------------------------------------------------------------------------------------------------

const HEADER =
  /(?:((?:proxy-)?authorization)|((?:set-)?cookie2?))(?:(\\{0,3}["'])?[ \t]{0,2}[:=][ \t]{0,3}(\\{0,3}["'])?|(\\{0,3}["'])[ \t]{0,2},[ \t]{0,3}(\\{0,3}["']))/gi;

/** `Authorization: SCHEME X` keeps the scheme, `Cookie: a=X; b=Y` its names; also as JSON members. */
function headers(text: string, found: SecretSpan[]): void {
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
function headerEnd(text: string, at: number): number {
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

/** Tokens by their look or by the word before them. */
function tokens(text: string, found: SecretSpan[]): void {
  const bearer = /\bbearer[ \t]{1,3}/gi;
  for (let m = bearer.exec(text); m !== null; m = bearer.exec(text)) {
    const end = runEnd(text, bearer.lastIndex, isTokenCharacter);
    if (looksRandom(text.slice(bearer.lastIndex, end))) add(found, bearer.lastIndex, end);
    bearer.lastIndex = Math.max(end, bearer.lastIndex);
  }
  // JSON web tokens begin with the base64 of `{"`, XOAUTH2 messages with that of `user=`, OpenVPN's with their name.
  runs(text, 'eyJ', 24, found);
  runs(text, 'dXNlcj1', 12, found);
  runs(text, 'SESS_ID_', 12, found);
  const code = /[?&]code=|(?:CRV1|OPEN_URL|WEB_AUTH):|[?&;]_?sid=/g;
  for (let m = code.exec(text); m !== null; m = code.exec(text)) {
    const end = untilAny(text, code.lastIndex, ' \t\r\n"\'<>&');
    if (end - code.lastIndex >= 8) add(found, code.lastIndex, end);
    code.lastIndex = Math.max(end, code.lastIndex);
  }
  if (text.includes('grant_type=')) {
    const grant = /(?<![\w.-])code=/g;
    for (let m = grant.exec(text); m !== null; m = grant.exec(text)) {
      const end = bareEnd(text, grant.lastIndex, m.index);
      add(found, grant.lastIndex, end);
      grant.lastIndex = Math.max(end, grant.lastIndex);
    }
  }
  // OpenVPN pushes `auth-token X` among its options.
  const pushed = /\bauth-token[ \t]/g;
  for (let m = pushed.exec(text); m !== null; m = pushed.exec(text)) {
    const end = untilAny(text, pushed.lastIndex, ' \t\r\n,\'"');
    if (looksRandom(text.slice(pushed.lastIndex, end))) add(found, pushed.lastIndex, end);
    pushed.lastIndex = Math.max(end, pushed.lastIndex);
  }
}

function runs(text: string, beginning: string, lengthMin: number, found: SecretSpan[]): void {
  for (let at = text.indexOf(beginning); at >= 0; ) {
    const end = runEnd(text, at, isTokenCharacter);
    if (end - at >= lengthMin && !isWord(text.charCodeAt(at - 1))) add(found, at, end);
    at = text.indexOf(beginning, Math.max(end, at + 1));
  }
}

const isTokenCharacter = (c: number): boolean =>
  isWord(c) || c === 45 || c === 46 || c === 126 || c === 43 || c === 47 || c === 61;

/** Eight or more characters with a digit, or with a capital behind the first letter: no word of a sentence. */
function looksRandom(text: string): boolean {
  return text.length >= 8 && (text.length >= 64 || /\d|[a-z0-9][A-Z]|[A-Za-z]{25}/.test(text));
}

/** `https://anna:X@host/`. */
function urlPasswords(text: string, found: SecretSpan[]): void {
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

// WAF ------------------------------------------------------------------------------------------------------------------

const SECRET_VARIABLE = new RegExp(
  `^(?:REQUEST_COOKIES:|(?:REQUEST_HEADERS|ARGS(?:_GET|_POST)?|XML|JSON)[:.].*(?:${NAME}|authorization|cookie|x-api-key)\\d?$)`,
  'i',
);
const VARIABLE_MAX = 128;
const MATCHED_MAX = 4096;
const VALUE = "' (Value: `";
const WITHIN = ' found within ';

/** ModSecurity's sentences: ``variable `ARGS:password' (Value: `X' )`` and `Matched Data: X found within ARGS:password: Y"`. */
function wafValues(text: string, found: SecretSpan[]): void {
  for (let at = text.indexOf(VALUE); at >= 0; ) {
    const start = at + VALUE.length;
    const before = text.slice(Math.max(0, at - VARIABLE_MAX), at);
    let end = start;
    if (SECRET_VARIABLE.test(before.slice(before.lastIndexOf('`') + 1))) {
      const close = text.indexOf("' )", start);
      end = close < 0 ? text.length : close;
      add(found, start, end);
    }
    at = text.indexOf(VALUE, end);
  }
  for (let at = text.indexOf(WITHIN); at >= 0; ) {
    const nameAt = at + WITHIN.length;
    const length = text.slice(nameAt, nameAt + VARIABLE_MAX).indexOf(': ');
    let end = nameAt;
    if (length > 0 && SECRET_VARIABLE.test(text.slice(nameAt, nameAt + length))) {
      const from = Math.max(0, at - MATCHED_MAX);
      const matched = text.slice(from, at).lastIndexOf('Matched Data: ');
      if (matched >= 0) add(found, from + matched + 14, at);
      end = headerEnd(text, nameAt + length + 2);
      add(found, nameAt + length + 2, end);
    }
    at = text.indexOf(WITHIN, end);
  }
}

// Keys -----------------------------------------------------------------------------------------------------------------

const KEY_BEGIN = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;

function privateKeys(text: string, found: SecretSpan[]): void {
  const pattern = new RegExp(KEY_BEGIN);
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    const end = text.indexOf('-----END ', pattern.lastIndex);
    add(found, pattern.lastIndex, end < 0 ? text.length : end);
    if (end < 0) return;
    pattern.lastIndex = end;
  }
  if (isKeyBody(text)) add(found, 0, text.length);
}

/** A record that is nothing but base64 as long as a line of a PEM file: such a file went through a line reader. */
function isKeyBody(text: string): boolean {
  if (text.length < 60 || text.length > 80 || text.includes(' ')) return false;
  return /^[A-Za-z0-9+/]{60,78}={0,2}$/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
}

// --------------------------------------------------------------------------------------------------------------------

function untilAny(text: string, at: number, ends: string): number {
  for (let i = at; i < text.length; i++) if (ends.includes(text.charAt(i))) return i;
  return text.length;
}

function untilText(text: string, at: number, ...ends: readonly string[]): number {
  let first = text.length;
  for (const end of ends) {
    const found = text.indexOf(end, at);
    if (found >= 0 && found < first) first = found;
  }
  return first;
}

function runEnd(text: string, at: number, belongs: (c: number) => boolean): number {
  let i = at;
  while (i < text.length && belongs(text.charCodeAt(i))) i++;
  return i;
}

const RULES: readonly Rule[] = [
  pairs,
  givenPasswords,
  comparedPasswords,
  storedPasswords,
  saslResponses,
  loginCommands,
  passCommands,
  headers,
  tokens,
  urlPasswords,
  wafValues,
  privateKeys,
];
