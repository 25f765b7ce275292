import { createHash } from 'node:crypto';
import { htmlText } from './clean-text.ts';

/** Markup that is safe to send: made by `html`, from which it follows that every text in it was escaped. */
export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }

  /** For constants of this program only: never for anything that was read. */
  static trusted(text: string): Markup {
    return new Markup(text);
  }
}

/** Null and undefined give nothing; arrays are joined. There is no way to put text in unescaped. */
export type Insert = string | number | Markup | null | undefined | readonly Insert[];

/**
 * Tagged template for HTML and SVG: what is inserted is escaped unless it is `Markup` itself. Insert only between tags or inside quoted
 * attribute values, where the escaping holds.
 */
export function html(parts: TemplateStringsArray, ...inserts: readonly Insert[]): Markup {
  let text = parts[0] ?? '';
  for (let i = 0; i < inserts.length; i++) text += insertText(inserts[i]) + (parts[i + 1] ?? '');
  return Markup.trusted(text);
}

function insertText(insert: Insert): string {
  if (insert === null || insert === undefined) return '';
  if (typeof insert === 'string') return htmlText(insert);
  if (typeof insert === 'number') return String(insert);
  if (insert instanceof Markup) return insert.toString();
  let text = '';
  for (const one of insert) text += insertText(one);
  return text;
}

export const NOTHING: Markup = Markup.trusted('');

/** The source expression by which a policy allows exactly this inline style. */
export function styleHash(css: string): string {
  return `'sha256-${createHash('sha256').update(css, 'utf8').digest('base64')}'`;
}

const FIELD_LENGTH_MAX = 300;
const LINE_LENGTH_MAX = 2000;

/** Text of a log in running text: cut when long, and kept from turning the text around it (right-to-left names). */
export function field(text: string, lengthMax = FIELD_LENGTH_MAX): Markup {
  return html`<bdi>${cutText(text, lengthMax)}</bdi>`;
}

/** A whole log line, wrapped. */
export function logLine(text: string): Markup {
  return html`<code class="line" dir="ltr">${cutText(text, LINE_LENGTH_MAX)}</code>`;
}

export function cutText(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  return `${text.slice(0, lengthMax).toWellFormed()} … (${text.length - lengthMax} more characters)`;
}

/** A link that a reader may follow: only http and https; anything else stays text. */
export function outsideLink(url: string, words?: string): Markup {
  if (!/^https?:\/\/[^\s]+$/i.test(url) || !URL.canParse(url)) return field(url);
  return html`<a href="${url}" rel="noopener noreferrer nofollow" referrerpolicy="no-referrer">${words ?? cutText(url, 100)}</a>`;
}
