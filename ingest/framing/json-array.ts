/**
 * Cuts huge JSON documents into one record a member, in constant memory, whatever the chunks look like.
 *
 * What counts as a member:
 *   - each element of a top-level array, `[{…},{…}]`;
 *   - each element of the array in a wrapper, `{"records":[{…},{…}]}`: an object with one key whose value is an array of objects. An
 *     object of more keys is unwrapped too when it is too long to be one record (1 MiB) and an array of objects is what makes it so; its
 *     single values are then left out;
 *   - any other top-level object, pretty-printed over many lines or not. Documents may follow each other.
 * Numbers, strings, booleans and nulls that are not inside a member are no log records and are left out.
 *
 * A record's text is its member written again without white space; numbers keep their digits, repeated keys stay. Because the tokenizer
 * keeps no positions, `offset` is the record's position in the same members written as UTF-8 lines (NDJSON): unique, growing, and the same
 * in every run. A text with U+FFFD is marked 'invalid_utf8': whether this input's bytes or an earlier program broke it, it is not what was logged.
 *
 * The first malformed value ends the input: what came before is kept, `problem` says so. Tokens come from stream-json, which drops what it
 * has read of a piece of text when it finds an error in it; so pieces end where a member can end, and nothing is lost by where chunks break.
 */
import { jsonParser, type Token } from 'stream-json/core/parser.js';
import type { SourceRecord } from '../record.ts';
import { head, type LineLimits, lineLimits } from './line.ts';

export type JsonProblem = 'malformed' | 'incomplete' | 'too_deep';

const depthMax = 1000;
const pieceLengthMax = 1 << 16;

export class JsonArrayFramer {
  readonly #limits: LineLimits;
  readonly #parse = jsonParser({ packValues: false, jsonStreaming: true });
  #problem: JsonProblem | undefined;
  /** Where the next record begins among the members written as lines, in bytes. */
  #position = 0;
  #depth = 0;
  /** The open top-level value; a 'wrapper' is an object whose arrays are being unwrapped. */
  #root: 'array' | 'object' | 'wrapper' = 'array';
  /** The member that is being written, and the depth at which it began. */
  #member: JsonText | undefined;
  #memberDepth = 0;
  /** Elements of an object that was unwrapped; they are handed on once the text up to the next closing bracket has proved to be JSON. */
  #pending: SourceRecord[] = [];
  /** What is known of a top-level object that may prove to be a wrapper. */
  #array = new WrappedArray();

  constructor(limits: LineLimits = lineLimits) {
    this.#limits = limits;
  }

  /** Why the input ended early; undefined as long as it did not. */
  get problem(): JsonProblem | undefined {
    return this.#problem;
  }

  push(text: string, out: SourceRecord[]): void {
    const ends = new MemberEnds(text);
    for (let start = 0; start < text.length && this.#problem === undefined; ) {
      const end = Math.min(ends.after(start), start + pieceLengthMax);
      this.#feed(text.slice(start, end), out);
      start = end;
    }
  }

  flush(out: SourceRecord[]): void {
    if (this.#problem !== undefined) return;
    this.#feed('\n', out);
    if (this.#problem === undefined) this.#handOnPending(out);
    if (this.#problem === undefined && this.#depth > 0) this.#problem = 'incomplete';
  }

  #feed(piece: string, out: SourceRecord[]): void {
    const tokens = this.#tokens(piece);
    if (tokens === undefined) {
      this.#problem = 'malformed';
      return;
    }
    for (const token of tokens) {
      this.#take(token, out);
      if (this.#depth > depthMax) {
        this.#problem = 'too_deep';
        return;
      }
    }
  }

  /** The tokens of the next piece; undefined when it is not JSON. What the tokenizer says of it depends on the chunks, so it is not passed on. */
  #tokens(piece: string): readonly Token[] | undefined {
    try {
      const parsed = this.#parse(piece);
      return typeof parsed === 'symbol' ? [] : parsed.values;
    } catch {
      return undefined;
    }
  }

  #take(token: Token, out: SourceRecord[]): void {
    const opens = token.name === 'startObject' || token.name === 'startArray';
    const closes = token.name === 'endObject' || token.name === 'endArray';
    if (opens && this.#member === undefined) this.#beginMember(token);
    if (closes) {
      this.#depth -= 1;
      this.#handOnPending(out);
    }
    const member = this.#member;
    if (member !== undefined) {
      const lengthBefore = member.length;
      member.add(token);
      if (this.#root === 'object') this.#array.watch(token, this.#depth, lengthBefore, member.length);
      if (closes && this.#depth === this.#memberDepth) this.#endMember(member, out);
      else if (member.length > this.#limits.lengthMax && !member.isCut) this.#tooLong(member);
    }
    if (opens) this.#depth += 1;
  }

  /** An array or object begins outside of members: is it one? */
  #beginMember(token: Token): void {
    if (this.#depth === 0) {
      this.#root = token.name === 'startArray' ? 'array' : 'object';
      if (this.#root === 'array') return;
      this.#array = new WrappedArray();
    }
    if (this.#root === 'wrapper' && this.#depth === 1 && token.name === 'startArray') return;
    this.#member = new JsonText();
    this.#memberDepth = this.#depth;
  }

  #endMember(member: JsonText, out: SourceRecord[]): void {
    this.#member = undefined;
    if (this.#root === 'object' && this.#array.isWholeObject && !member.isCut) {
      for (const element of this.#array.elements(member.text)) this.#emit(element, out);
    } else if (member.isCut) {
      this.#emitCut(member.text, out);
    } else {
      this.#emit(member.text, out);
    }
  }

  /** An object that is too long for a record is unwrapped if an array of objects is what makes it so; anything else is cut. */
  #tooLong(member: JsonText): void {
    if (this.#root !== 'object' || !this.#array.isOpen) {
      member.cut(this.#limits.lengthKept);
      return;
    }
    for (const element of this.#array.elements(member.text)) this.#emit(element, this.#pending);
    this.#root = 'wrapper';
    this.#member = this.#array.openElement(member);
    this.#memberDepth = 2;
    if (this.#member !== undefined && this.#member.length > this.#limits.lengthMax) {
      this.#member.cut(this.#limits.lengthKept);
    }
  }

  #handOnPending(out: SourceRecord[]): void {
    if (this.#pending.length === 0) return;
    for (const record of this.#pending) out.push(record);
    this.#pending = [];
  }

  #emit(text: string, out: SourceRecord[]): void {
    const offset = this.#advance(text);
    out.push(text.includes('\ufffd') ? { text, offset, flaw: 'invalid_utf8' } : { text, offset });
  }

  #emitCut(text: string, out: SourceRecord[]): void {
    out.push({ text, offset: this.#advance(text), flaw: 'truncated' });
  }

  #advance(text: string): number {
    const offset = this.#position;
    this.#position += utf8Length(text) + 1;
    return offset;
  }
}

/** Where pieces of one text may end: behind each closing bracket, since only there a member can end. */
class MemberEnds {
  readonly #text: string;
  #brace = -1;
  #bracket = -1;

  constructor(text: string) {
    this.#text = text;
  }

  /** Index behind the next closing bracket from `start` on; the text's length when there is none. */
  after(start: number): number {
    if (this.#brace < start) this.#brace = this.#next('}', start);
    if (this.#bracket < start) this.#bracket = this.#next(']', start);
    return Math.min(this.#brace + 1, this.#bracket + 1, this.#text.length);
  }

  #next(bracket: string, start: number): number {
    const found = this.#text.indexOf(bracket, start);
    return found < 0 ? this.#text.length : found;
  }
}

/** JSON that is being written from tokens. */
class JsonText {
  text = '';
  /** Of the whole text, also of what is no longer kept. */
  length = 0;
  isCut = false;
  /** Nothing stands before the next value or key that a comma would have to part from it. */
  #first = true;

  add(token: Token): void {
    switch (token.name) {
      case 'startObject':
        this.#open('{');
        return;
      case 'startArray':
        this.#open('[');
        return;
      case 'endObject':
        this.#close('}');
        return;
      case 'endArray':
        this.#close(']');
        return;
      case 'startKey':
      case 'startString':
        this.#open('"');
        return;
      case 'endKey':
        this.#write('":');
        this.#first = true;
        return;
      case 'endString':
        this.#close('"');
        return;
      case 'startNumber':
        this.#open('');
        return;
      case 'stringChunk':
        this.#write(JSON.stringify(token.value).slice(1, -1));
        return;
      case 'numberChunk':
        this.#write(token.value);
        return;
      case 'endNumber':
        this.#close('');
        return;
      case 'trueValue':
      case 'falseValue':
      case 'nullValue':
        this.#open(String(token.value));
        this.#close('');
        return;
    }
  }

  /** The text from `start` on, as a member of its own that is still being written. */
  from(start: number): JsonText {
    const rest = new JsonText();
    rest.text = this.text.slice(start);
    rest.length = rest.text.length;
    rest.#first = this.#first;
    return rest;
  }

  /** From here on only the first `lengthKept` characters are kept. */
  cut(lengthKept: number): void {
    this.text = head(this.text, lengthKept);
    this.isCut = true;
  }

  #open(text: string): void {
    this.#write(this.#first ? text : `,${text}`);
    this.#first = true;
  }

  #close(text: string): void {
    this.#write(text);
    this.#first = false;
  }

  #write(text: string): void {
    this.length += text.length;
    if (!this.isCut) this.text += text;
  }
}

/** Watches the members of one top-level object for the array of objects that would make it a wrapper. */
class WrappedArray {
  #keys = 0;
  /** Inside the array that is the latest key's value; and whether it holds nothing but objects. */
  #inside = false;
  #onlyObjects = false;
  /** Start and end of each element in the object's text; -1 while none is open. */
  #spans: number[] = [];
  #elementStart = -1;

  /** The object's only value is an array of objects. */
  get isWholeObject(): boolean {
    return this.#keys === 1 && this.#onlyObjects && this.#spans.length > 0;
  }

  /** The text ends inside an array of objects. */
  get isOpen(): boolean {
    return this.#inside && this.#onlyObjects;
  }

  /** `depth`: of the token itself. `before` and `after`: length of the object's text without and with it. */
  watch(token: Token, depth: number, before: number, after: number): void {
    if (depth === 1) {
      if (token.name === 'startKey') {
        this.#keys += 1;
        this.#spans = [];
        this.#onlyObjects = false;
      } else if (token.name === 'startArray') {
        this.#inside = true;
        this.#onlyObjects = true;
      } else if (token.name === 'endArray') {
        this.#inside = false;
      }
    } else if (depth === 2 && this.#inside) {
      if (token.name === 'startObject') {
        this.#elementStart = before + (this.#spans.length > 0 ? 1 : 0);
      } else if (token.name === 'endObject') {
        this.#spans.push(this.#elementStart, after);
        this.#elementStart = -1;
      } else {
        this.#onlyObjects = false;
      }
    }
  }

  *elements(text: string): Generator<string> {
    for (let i = 0; i + 1 < this.#spans.length; i += 2) yield text.slice(this.#spans[i], this.#spans[i + 1]);
  }

  openElement(object: JsonText): JsonText | undefined {
    return this.#elementStart < 0 ? undefined : object.from(this.#elementStart);
  }
}

/** Bytes that `text` takes in UTF-8 (a lone surrogate takes the three of its replacement). */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      length += 1;
    } else if (unit >= 0xd800 && unit <= 0xdbff && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      // A pair is two units and four bytes.
      length += 2;
      i += 1;
    } else {
      length += 2;
    }
  }
  return length;
}
