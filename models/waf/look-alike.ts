import type { WafMatch } from './request.ts';

const LENGTH_MAX = 16_384;

/**
 * Values that look like one that the log cut or redaction took out, best first: what is left of it, filled up to its length with characters of the same
 * kind; then random ones of its length, with the bytes that matched in the middle. The engine decides which of them is one: it has to be blocked by the
 * same rule. Deterministic: the same match and seed give the same values.
 */
export function lookAlikes(
  match: Pick<WafMatch, 'value' | 'matched' | 'valueLength' | 'pattern'>,
  seed: string,
): readonly string[] {
  const { value, matched } = match;
  const length = Math.min(LENGTH_MAX, match.valueLength ?? value?.length ?? 64);
  const random = randomCharacters(seed);
  const made: string[] = [];
  if (value !== null) {
    made.push(value);
    if (value.length < length) made.push(value + random(kindOf(value), length - value.length));
  }
  const piece = matched === null || isFingerprint(matched) ? '' : matched;
  const fill = (kind: string, n: number): string => random(kind, Math.max(0, n));
  const around = (kind: string): string => {
    const rest = Math.max(8, length - piece.length);
    const half = Math.ceil(rest / 2);
    return fill(kind, half) + piece + fill(kind, rest - half);
  };
  if (piece !== '') made.push(around(BASE64URL), around(LETTERS), piece);
  made.push(fill(BASE64URL, length), fill(BASE64, length), dashed(fill(BASE64URL, length)));
  made.push(xoauth2(fill(BASE64URL, Math.max(16, length - 48))), `Bearer ${dashed(fill(BASE64URL, length))}`);
  return [...new Set(made)];
}

/** libinjection’s `s&1c` names kinds of tokens, no bytes. */
const isFingerprint = (matched: string): boolean =>
  /^[a-zA-Z0-9&().,;:|\\{}?-]{1,5}$/.test(matched) && !/^[-]+$/.test(matched);

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const BASE64 = `${LETTERS}${LETTERS.toUpperCase()}0123456789+/`;
const BASE64URL = `${LETTERS}${LETTERS.toUpperCase()}0123456789-_`;

function kindOf(text: string): string {
  if (/^[A-Za-z0-9_-]*$/.test(text)) return BASE64URL;
  return /^[A-Za-z0-9+/=]*$/.test(text) ? BASE64 : LETTERS;
}

/** As base64url tokens are by chance: with a double dash, which is a comment in SQL. */
const dashed = (token: string): string =>
  `${token.slice(0, token.length >> 1)}--${token.slice((token.length >> 1) + 2)}`;

/** The initial answer of XOAUTH2, as it is before base64. */
const xoauth2 = (token: string): string => `user=anna@example.org\u0001auth=Bearer ${token}\u0001\u0001`;

/** Characters by a small generator (mulberry32) from a text, so that two runs send the same. */
function randomCharacters(seed: string): (kind: string, n: number) => string {
  let state = 2166136261;
  for (let i = 0; i < seed.length; i++) state = Math.imul(state ^ seed.charCodeAt(i), 16777619);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return (kind, n) => Array.from({ length: n }, () => kind[Math.floor(next() * kind.length)]).join('');
}
