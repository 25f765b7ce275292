/**
 * Text from logs, made safe to show. Every character that a terminal, a browser or an editor acts on instead of showing it becomes a
 * visible escape, so that a reader sees that it was there: `\x1b`, `\n`, `\u202e`, `\u{e0041}`.
 *
 * Escaped are: C0 and C1 controls with DEL and U+0085 (NEL), line and paragraph separators U+2028/9, all bidirectional controls,
 * zero-width and other invisible format characters, variation-tag characters, and lone surrogates.
 * Spaces other than U+0020, letters of any script, combining marks and emoji are left alone.
 */
const UNSAFE =
  /[\0-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/u;
const UNSAFE_ALL = new RegExp(UNSAFE.source, 'gu');
// JSON.stringify has escaped C0 controls and lone surrogates; the line breaks that are left are its own.
const UNSAFE_IN_JSON = new RegExp(UNSAFE.source.replace('\\0-\\x1f', ''), 'gu');
const MARKUP = /[&<>"'`]/;
const MARKUP_ALL = /[&<>"'`]/g;

/** One line of text for a terminal. Never contains a line break or an escape sequence. Linear in the length. */
export function terminalText(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, visibleEscape) : text;
}

/** Text for an HTML element or a quoted attribute value: `terminalText`, and the markup characters as entities. */
export function htmlText(text: string): string {
  const visible = terminalText(text);
  return MARKUP.test(visible) ? visible.replace(MARKUP_ALL, markupEntity) : visible;
}

/** A value as indented JSON whose text is also safe on a terminal: still the same value, only more of it is escaped. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNSAFE_IN_JSON, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

function visibleEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 9) return '\\t';
  if (code === 10) return '\\n';
  if (code === 13) return '\\r';
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

function markupEntity(character: string): string {
  switch (character) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '"':
      return '&quot;';
    case "'":
      return '&#39;';
    default:
      return '&#96;';
  }
}

/** Columns that the text takes on a terminal: 2 for wide East Asian characters and emoji, 0 for combining marks, else 1. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** The text cut to `columns`, with an ellipsis where something was lost. Expects text that `terminalText` has cleaned. */
export function cutToWidth(text: string, columns: number): string {
  if (text.length <= columns && ASCII.test(text)) return text;
  // A cut at the last column that still fits an ellipsis, remembered while the text is walked once.
  let width = 0;
  let end = 0;
  let cut = 0;
  for (const character of text) {
    const next = width + characterWidth(character);
    if (next > columns) return columns < 1 ? '' : `${text.slice(0, cut)}…`;
    width = next;
    end += character.length;
    if (width <= columns - 1) cut = end;
  }
  return text;
}

/** The text filled with spaces to `columns`; longer text is cut. */
export function padToWidth(text: string, columns: number): string {
  const cut = cutToWidth(text, columns);
  return cut + ' '.repeat(Math.max(0, columns - textWidth(cut)));
}

const ASCII = /^[\x20-\x7e]*$/;
const ZERO_WIDTH = /^[\p{Mn}\p{Me}]$/u;
// The East Asian Wide and Fullwidth blocks (UAX #11), by block rather than by character: enough to keep columns straight.
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u;

function characterWidth(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
