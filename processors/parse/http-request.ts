/**
 * What every log of HTTP requests needs: the request line, escapes in quoted fields, names of users and the removal of secrets.
 * Everything here runs in time linear in its input and never throws.
 */

export interface HttpRequestLine {
  readonly method: string | undefined;
  /** As sent (still percent-encoded), without query, scheme and authority. */
  readonly path: string | undefined;
  /** Redacted. */
  readonly query: string | undefined;
}

const NO_REQUEST: HttpRequestLine = { method: undefined, path: undefined, query: undefined };
const REDACTED = 'REDACTED';

/** `POST /x?y=z HTTP/1.1`, `GET /` (HTTP/0.9), `GET https://host/x HTTP/2.0`. All fields are undefined if it is not a request line. */
export function readRequestLine(line: string): HttpRequestLine {
  const space = line.indexOf(' ');
  if (space < 1 || space > 32 || !isMethod(line, space)) return NO_REQUEST;
  const version = line.lastIndexOf(' HTTP/');
  const target = line.slice(space + 1, version > space ? version : undefined);
  return readTarget(line.slice(0, space), target);
}

/** A method and a request target that the log gives apart (JSON audit logs). */
export function readTarget(method: string | undefined, target: string): HttpRequestLine {
  const local = target.charCodeAt(0) === 47 ? target : withoutAuthority(target);
  if (local === undefined) return NO_REQUEST;
  const question = local.indexOf('?');
  if (question < 0) return { method, path: redactText(local), query: undefined };
  return { method, path: redactText(local.slice(0, question)), query: redactQuery(local.slice(question + 1)) };
}

/** `RPC_IN_DATA` and `M-SEARCH` are methods too; lower case is not, servers refuse it. */
function isMethod(text: string, end: number): boolean {
  for (let i = 0; i < end; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 65 && c <= 90) || c === 45 || c === 95)) return false;
  }
  return true;
}

/** The path of an absolute target; a proxy's `CONNECT host:port` and `OPTIONS *` stay as they are. Drops user and password of a URL. */
function withoutAuthority(target: string): string | undefined {
  if (target === '*') return target;
  const authority = target.indexOf('://');
  if (authority > 0 && authority < 12) {
    const slash = target.indexOf('/', authority + 3);
    return slash < 0 ? '/' : target.slice(slash);
  }
  return /^[A-Za-z0-9.[\]:-]{1,255}:\d{1,5}$/.test(target) ? target : undefined;
}

/**
 * Whether a parameter, field or header of this name may hold a secret. Too careful rather than too trusting: the value is of no use
 * to a diagnosis. Names may be percent-encoded.
 */
export function isSecretName(name: string): boolean {
  const plain = decodePercent(name).toLowerCase();
  if (SECRET_NAMES.has(plain)) return true;
  return SECRET_PARTS.some((part) => plain.includes(part));
}

const SECRET_NAMES: ReadonlySet<string> = new Set([
  ...[
    'code',
    'auth',
    'key',
    'sid',
    'sig',
    'pin',
    'otp',
    'totp',
    'mfa',
    'pw',
    'pass',
    'ticket',
    'nonce',
    'sesskey',
    'authcode',
  ],
  ...[
    'code_verifier',
    'device_code',
    'user_code',
    'verification_code',
    'samlresponse',
    'samlrequest',
    '_auth',
    '_sid',
    '_pass',
  ],
]);
const SECRET_PARTS: readonly string[] = [
  ...[
    'passw',
    'passwd',
    'passphrase',
    'passcode',
    'pwd',
    'secret',
    'token',
    'assertion',
    'authorization',
    'apikey',
    'api_key',
  ],
  ...[
    'api-key',
    'access_key',
    'private',
    'session',
    'jwt',
    'signature',
    'credential',
    'cookie',
    'bearer',
    'kennwort',
    'onetime',
  ],
];

/** A query or form: the values of secret parameters are replaced by `REDACTED`, everything else stays byte for byte. */
export function redactQuery(query: string): string {
  let out = '';
  let copied = 0;
  let at = 0;
  let equals = -1;
  for (let end = 0; end <= query.length; end++) {
    const c = end < query.length ? query.charCodeAt(end) : 38;
    if (c === 61 && equals < 0) equals = end;
    if (c !== 38 && c !== 59) continue;
    const valueAt = equals >= 0 ? equals + 1 : at;
    if (valueAt < end && isSecretParameter(equals >= 0 ? query.slice(at, equals) : '', query.slice(valueAt, end))) {
      out += query.slice(copied, valueAt) + REDACTED;
      copied = end;
    }
    at = end + 1;
    equals = -1;
  }
  return copied === 0 ? query : out + query.slice(copied);
}

/** A value is a secret because of its name, because it looks like a token, or because it is a URL that carries one. */
function isSecretParameter(name: string, value: string): boolean {
  if (name !== '' && isSecretName(name)) return true;
  if (looksLikeToken(value)) return true;
  if (!value.includes('%') && !value.includes('=')) return false;
  const inner = decodePercent(decodePercent(value));
  return inner.includes('=') && redactText(inner) !== inner;
}

/** JSON web tokens begin with the base64 of `{"`. */
function looksLikeToken(value: string): boolean {
  return value.length > 40 && value.startsWith('eyJ');
}

/** Free text (a reason, a path, a header): `name=value` pairs with a secret name, `Bearer …` and `Basic …` lose their values. */
export function redactText(text: string): string {
  return redactPairs(redactScheme(redactScheme(text, 'Bearer '), 'Basic '));
}

function redactPairs(text: string): string {
  let out = '';
  let copied = 0;
  for (let equals = nextEquals(text, 0); equals.at >= 0; equals = nextEquals(text, equals.end)) {
    const name = text.slice(wordStart(text, equals.at, copied), equals.at);
    if (name === '' || !isSecretName(name)) continue;
    const end = valueEnd(text, equals.end);
    if (end === equals.end) continue;
    out += text.slice(copied, equals.end) + REDACTED;
    copied = end;
  }
  return copied === 0 ? text : out + text.slice(copied);
}

/** The next `=` or `%3D` that is at or after `from`. */
function nextEquals(text: string, from: number): { readonly at: number; readonly end: number } {
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 61) return { at: i, end: i + 1 };
    if (c === 37 && text[i + 1] === '3' && (text[i + 2] === 'D' || text[i + 2] === 'd')) return { at: i, end: i + 3 };
  }
  return { at: -1, end: -1 };
}

/** Where the name that ends at `end` begins: letters, digits, `_`, `-`, `.`; at most 64 characters. */
function wordStart(text: string, end: number, floor: number): number {
  let start = end;
  while (start > floor && end - start < 64 && isWord(text.charCodeAt(start - 1))) start--;
  return start;
}

function isWord(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95 || c === 45 || c === 46;
}

/** A value ends at white space, a quote, or a separator of parameters. */
function valueEnd(text: string, from: number): number {
  let end = from;
  while (end < text.length && !' \t\n&;"\'`<>,)'.includes(text[end]!)) end++;
  return end;
}

function redactScheme(text: string, scheme: string): string {
  let at = text.indexOf(scheme);
  if (at < 0) return text;
  let out = '';
  let copied = 0;
  for (; at >= 0; at = text.indexOf(scheme, copied)) {
    const from = at + scheme.length;
    const end = valueEnd(text, from);
    out += text.slice(copied, from) + (end - from >= 8 ? REDACTED : text.slice(from, end));
    copied = end;
  }
  return out + text.slice(copied);
}

/** Percent-decoding that keeps what is not valid. `+` is not a space here. */
export function decodePercent(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/%([2-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}

/**
 * Where a quoted field that begins at `from` (after its quote) ends: the next quote that no backslash escapes. -1 if it does not end.
 * nginx writes a quote as `\x22`, Apache as `\"`.
 */
export function quoteEnd(text: string, from: number): number {
  for (let i = text.indexOf('"', from); i >= 0; i = text.indexOf('"', i + 1)) {
    let slashes = 0;
    while (i - 1 - slashes >= from && text.charCodeAt(i - 1 - slashes) === 92) slashes++;
    if (slashes % 2 === 0) return i;
  }
  return -1;
}

/** Undoes `\x22`, `\"` and `\\`. Escaped control characters stay escaped: nobody wants them in a field. */
export function unescapeField(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/(?:\\x[89A-Fa-f][0-9A-Fa-f])+|\\x[2-7][0-9A-Fa-f]|\\["\\]/g, unescapeOne);
}

function unescapeOne(sequence: string): string {
  if (sequence.length === 2) return sequence.slice(1);
  if (sequence.length === 4) {
    const code = Number.parseInt(sequence.slice(2), 16);
    return code >= 32 && code < 127 ? String.fromCharCode(code) : sequence;
  }
  const bytes = Uint8Array.from(sequence.split('\\x').slice(1), (hex) => Number.parseInt(hex, 16));
  const text = UTF8.decode(bytes);
  return text.includes('\uFFFD') ? sequence : text;
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A header as a field of ours: bounded, without secrets and control characters; `-` and nothing are undefined. */
export function headerText(value: string | undefined): string | undefined {
  if (value === undefined || value === '' || value === '-') return undefined;
  return redactText(bounded(value, 1024)).replace(/[\u0000-\u001f\u007f]/g, escapeControl);
}

const escapeControl = (control: string): string => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;

/** An X-Forwarded-For header: addresses with commas between them, else undefined. */
export function forwardedFor(value: string | undefined): string | undefined {
  return value !== undefined && value.length <= 512 && /^[0-9A-Fa-f:[][0-9A-Fa-f:., [\]]*$/.test(value)
    ? value
    : undefined;
}

/** A `Host` header without its port. */
export function hostName(value: string | undefined): string | undefined {
  if (value === undefined || value === '' || value === '-') return undefined;
  const m = /^(\[[0-9A-Fa-f:.]{2,45}\]|[^:[\]\s]{1,255})(?::\d{1,5})?$/.exec(value.trim());
  return m?.[1];
}

/** `text` cut to `max` characters, never inside a surrogate pair. */
export function bounded(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}
