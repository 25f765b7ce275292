/**
 * Documents of one kind of line differ in a few values only. What stands between these is learnt from the first one, made the long way,
 * and is one text from value to value: a document is then put together from the fewest pieces, and no object is made.
 */
import { isoTime } from './profile/iso-time.ts';

/** What stands before the first value, between two, and behind the last. */
export type Shape = readonly string[];

/**
 * Values of one document in the order in which they stand in it. Each is a number or a piece of the line, so that a line without escapes has
 * none in its values either. Used again for the next document.
 */
export class DocumentValues {
  /** Bits, by order: which of the values that need not be there are. (There may be 31 of them.) */
  present = 0;
  readonly #texts: string[] = [];
  #count = 0;
  #bit = 1;
  #plain = false;
  #at = Number.NaN;
  #time = '';

  /** `plain`: no text holds anything that JSON escapes. (To look at each of them took 0.3 µs a line.) */
  begin(plain: boolean): void {
    this.present = 0;
    this.#count = 0;
    this.#bit = 1;
    this.#plain = plain;
  }

  /** What every document has, as JSON writes it; a text without its quotes. */
  always(json: string): void {
    this.#texts[this.#count++] = json;
  }

  /** ISO 8601 of UTC ms; lines of one second mostly follow each other. */
  time(at: number): void {
    if (at !== this.#at) {
      this.#time = isoTime(at);
      this.#at = at;
    }
    this.always(this.#time);
  }

  text(text: string | undefined): void {
    if (text !== undefined) {
      this.present |= this.#bit;
      this.#texts[this.#count++] = this.#plain ? text : written(text);
    }
    this.#bit <<= 1;
  }

  /** Where nothing and the empty text say the same. */
  textUnlessEmpty(text: string | undefined): void {
    this.text(text === '' ? undefined : text);
  }

  number(value: number | undefined): void {
    if (value !== undefined) {
      this.present |= this.#bit;
      this.#texts[this.#count++] = Number.isFinite(value) ? `${value}` : 'null';
    }
    this.#bit <<= 1;
  }

  /** The document, if it is of this shape. */
  in(shape: Shape): string {
    let document = shape[0] ?? '';
    for (let i = 0; i < this.#count; i++) document = document + this.#texts[i] + (shape[i + 1] ?? '');
    return document;
  }
}

/** A text as JSON writes it, without its quotes. */
export const written = (text: string): string => JSON.stringify(text).slice(1, -1);

const TEXT = '\0text';
const NUMBER = '\0number';
const MARKS = /\\u0000text|"\\u0000number"/;

/** The shape of `document`, whose members at `paths` (`source.ip`; of an array its elements) are values. */
export function shapeOf(document: object, paths: ReadonlySet<string>): Shape {
  return JSON.stringify(marked(document, '', paths)).split(MARKS);
}

function marked(value: unknown, path: string, paths: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((element) => marked(element, path, paths));
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value);
    return Object.fromEntries(members.map(([k, v]) => [k, marked(v, path === '' ? k : `${path}.${k}`, paths)]));
  }
  if (value === undefined || !paths.has(path)) return value;
  return typeof value === 'number' ? NUMBER : TEXT;
}
