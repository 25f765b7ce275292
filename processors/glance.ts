/**
 * One look at the bytes of a line, for two questions that cost much when each is asked of the text: may it hold a secret, and is there
 * anything in it that JSON must escape? A no is sure, a yes is not. Bytes are taken in pairs and each pair is looked up in a table, where
 * nearly all are of no interest: 0.2 µs a line of 190 bytes; the regular expressions that ask the same of texts take 0.9.
 */

/** Holds a control character, a quote, a backslash or something beyond ASCII, or may do so. */
export const ODD = 1;
/** May hold a secret: it must be searched. */
export const HINTED = 2;
/** What was not looked at must be taken for everything. */
export const UNKNOWN_GLANCE = ODD | HINTED;

/**
 * Words without which no rule of secrets.ts finds anything, in lower case. The number says where in the word three letters stand that are
 * rare elsewhere: one of the two pairs in them is met, whether a step begins at the first or at the second of them.
 */
const WORDS: readonly (readonly [string, number])[] = [
  ['pass', 0],
  ['pwd', 0],
  ['priv', 1],
  ['token', 1],
  ['tp=', 0],
  ['secret', 2],
  ['saml', 1],
  ['sess_id', 3],
  ['sp=', 0],
  ['sid=', 0],
  ['ssid', 1],
  ['sessionid', 6],
  ['sessid', 3],
  ['cookie', 1],
  ['creden', 0],
  ['code=', 2],
  ['codever', 2],
  ['code-ver', 3],
  ['code_ver', 3],
  ['crv1', 0],
  ['bearer', 0],
  ['authori', 2],
  ['authenti', 3],
  ['auth-', 2],
  ['auth=', 2],
  ['auth ', 2],
  ['asser', 0],
  ['apik', 1],
  ['api-k', 2],
  ['api_k', 2],
  ['api k', 2],
  ['acces', 1],
  ['open_url', 3],
  ['web_auth', 2],
  ['kennw', 2],
  ['jwt', 0],
  ["!= '", 0],
  ['gin ', 1],
  ['eyj', 0],
  ['xnlcj1', 3],
  ['://', 0],
];
/** A single one of these is enough. */
const SIGNS = '${';
/** A line of this length without a blank may be a key's; see `isKeyBody` in secrets/keys.ts. */
const KEY_LINE = { min: 60, max: 80 } as const;

interface Candidate {
  readonly codes: readonly number[];
  /** How far into the word the pair stands. */
  readonly offset: number;
}

/** What a glance says of a text that holds no secret. */
export const oddIn = (text: string): number => (ODD_SIGN.test(text) ? ODD : 0);
const ODD_SIGN = /[^ !#-[\]-~]/;

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const LOWER = 0x20;
const BLANK = 0x20;
const NEWLINE = 0x0a;
const NOTHING = 0;
const IS_ODD = 253;
const IS_SIGN = 254;
const IS_ODD_SIGN = 255;
/** By pair, see `pairOf`: `NOTHING`, one of the three above, else a number of `CANDIDATES`. */
const PAIRS = new Uint8Array(1 << 16);
/** The words that a pair may belong to. */
const CANDIDATES: Candidate[][] = [[]];
/** Which letters can stand before and behind a pair in them, as bits (the low five of the letter): most pairs are let go by these. */
const BEFORE = new Int32Array(IS_ODD);
const BEHIND = new Int32Array(IS_ODD);

fillPairs();

/** Looks at lines of one chunk. Pure, linear, no allocation for a line. */
export class Glance {
  readonly #bytes: Uint8Array;
  /** The memory of the chunk in pairs; what stands before and behind the chunk may be seen with it and only makes for a needless yes. */
  readonly #pairs: Uint16Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#pairs = new Uint16Array(bytes.buffer, 0, bytes.buffer.byteLength >> 1);
  }

  /**
   * The line from `from` to `to`, positions in the chunk, without its newline; there is none within it. `to` may lie before its end, as many bytes as it has that are
   * beyond ASCII: if there are any, the answer is that it may be everything.
   */
  at(from: number, to: number): number {
    const bytes = this.#bytes;
    const pairs = this.#pairs;
    const start = bytes.byteOffset;
    const end = (start + to + 1) >> 1;
    if (end > pairs.length) return UNKNOWN_GLANCE;
    let seen = to - from >= KEY_LINE.min && to - from <= KEY_LINE.max && !hasBlank(bytes, from, to) ? HINTED : 0;
    for (let i = (start + from) >> 1; i < end; i++) {
      const kind = PAIRS[pairs[i] ?? 0] ?? NOTHING;
      if (kind === NOTHING) continue;
      if (kind === IS_ODD) seen |= ODD;
      else if (kind === IS_ODD_SIGN) seen |= UNKNOWN_GLANCE;
      else if (kind === IS_SIGN || isWordAt(bytes, 2 * i - start, kind)) seen |= HINTED;
      if (seen === UNKNOWN_GLANCE) break;
    }
    return seen;
  }
}

/** Whether one of the words of a pair that stands at `at` is there. Signs may pass for others: one bit of a letter is its case. */
function isWordAt(bytes: Uint8Array, at: number, pair: number): boolean {
  const before = (BEFORE[pair] ?? 0) >>> ((bytes[at - 1] ?? 0) & 31);
  const behind = (BEHIND[pair] ?? 0) >>> ((bytes[at + 2] ?? 0) & 31);
  if (((before | behind) & 1) === 0) return false;
  for (const { codes, offset } of CANDIDATES[pair] ?? []) {
    const start = at - offset;
    let same = 0;
    while (same < codes.length && ((bytes[start + same] ?? 0) | LOWER) === ((codes[same] ?? 0) | LOWER)) same++;
    if (same === codes.length) return true;
  }
  return false;
}

function hasBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] === BLANK) return true;
  return false;
}

function fillPairs(): void {
  const numbers = new Map<string, number>();
  for (const [word, rare] of WORDS) {
    const codes = Array.from(word, (letter) => letter.charCodeAt(0));
    for (const offset of [rare, rare + 1]) {
      const pair = word.slice(offset, offset + 2);
      const number = numbers.get(pair) ?? CANDIDATES.push([]) - 1;
      numbers.set(pair, number);
      CANDIDATES[number]?.push({ codes, offset });
      if (offset === rare) BEHIND[number] = (BEHIND[number] ?? 0) | (1 << ((codes[offset + 2] ?? 0) & 31));
      else BEFORE[number] = (BEFORE[number] ?? 0) | (1 << ((codes[rare] ?? 0) & 31));
      for (const a of bothCases(pair.charCodeAt(0)))
        for (const b of bothCases(pair.charCodeAt(1))) PAIRS[pairOf(a, b)] = number;
    }
  }
  for (let a = 0; a < 256; a++) {
    for (let b = 0; b < 256; b++) {
      const odd = isOdd(a) || isOdd(b);
      // A text with wide characters is shorter than its bytes: what stands in those beyond its length is not looked at.
      if (isSign(a) || isSign(b) || a > 0x7f || b > 0x7f) PAIRS[pairOf(a, b)] = odd ? IS_ODD_SIGN : IS_SIGN;
      else if (odd) PAIRS[pairOf(a, b)] = IS_ODD;
    }
  }
}

/** What a Uint16Array says of two bytes; that depends on the machine. */
function pairOf(a: number, b: number): number {
  return LITTLE_ENDIAN ? a | (b << 8) : (a << 8) | b;
}

function bothCases(code: number): readonly number[] {
  return code >= 97 && code <= 122 ? [code, code - LOWER] : [code];
}

function isSign(code: number): boolean {
  return SIGNS.includes(String.fromCharCode(code));
}

/** A newline is not: the last step of a line may take in the one behind it. */
function isOdd(code: number): boolean {
  return (code < 0x20 && code !== NEWLINE) || code === 0x22 || code === 0x5c || code >= 0x7f;
}
