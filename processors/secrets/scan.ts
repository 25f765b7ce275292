/** A secret is `text.slice(start, end)`. */
export interface SecretSpan {
  readonly start: number;
  readonly end: number;
}

/** An empty one is none. */
export function add(found: SecretSpan[], start: number, end: number): void {
  if (end > start) found.push({ start, end });
}

/** Where the first of these characters stands from `at` on; else the end of the text. */
export function untilAny(text: string, at: number, ends: string): number {
  for (let i = at; i < text.length; i++) if (ends.includes(text.charAt(i))) return i;
  return text.length;
}

/** The same for texts. */
export function untilText(text: string, at: number, ...ends: readonly string[]): number {
  let first = text.length;
  for (const end of ends) {
    const found = text.indexOf(end, at);
    if (found >= 0 && found < first) first = found;
  }
  return first;
}

/** Where a run of such characters ends. */
export function runEnd(text: string, at: number, belongs: (c: number) => boolean): number {
  let i = at;
  while (i < text.length && belongs(text.charCodeAt(i))) i++;
  return i;
}

export function isWord(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || c === 95;
}

/** `\n`, `\r`, `\t`, `\"`, `\'`, `\x22` and `\u0022` in text that was escaped once more. */
export const isEscape = (c: number): boolean =>
  c === 110 || c === 114 || c === 116 || c === 34 || c === 39 || c === 120 || c === 117;

/** `,` `)` `]` `}` `;` end a value only before a blank, a quote, another of them or the end: passwords hold such characters. */
export const isClosing = (c: number): boolean => c === 44 || c === 41 || c === 93 || c === 125 || c === 59;

export function isBoundary(c: number): boolean {
  return Number.isNaN(c) || c <= 32 || c === 34 || c === 39 || isClosing(c);
}

/** End of a value behind an opening quote, which may be escaped itself (`\"` in JSON within JSON); the whole line if it does not close. */
export function quotedEnd(text: string, at: number, quote: string): number {
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
export function isPlaceholder(text: string, start: number, end: number): boolean {
  if (end - start > 16) return false;
  const value = text.slice(start, end).toLowerCase();
  return PLACEHOLDERS.has(value) || /^(?:\*+|x{3,})$/.test(value);
}

/** Eight or more characters with a digit, or with a capital behind the first letter: no word of a sentence. */
export function looksRandom(text: string): boolean {
  return text.length >= 8 && (text.length >= 64 || /\d|[a-z0-9][A-Z]|[A-Za-z]{25}/.test(text));
}
