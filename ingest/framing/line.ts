/**
 * Cuts decoded text into lines, whatever the chunks look like: the records depend on the bytes alone.
 *
 * Hot. An ASCII chunk needs one `indexOf`, one `slice` and one object a line (offsets are string indices). In any other chunk the newlines
 * are found in the text and in the bytes side by side: UTF-8 never hides 0x0A inside a character, so the n-th newline is the same one.
 *
 * The texts are slices of the chunk, so one text that is kept keeps its whole chunk (1 MiB) in memory. Whoever keeps a text beyond
 * its batch takes the parts that are needed, or `detach`es it.
 */
import type { RecordFlaw, SourceRecord } from '../record.ts';

/** Whole characters, decoded from UTF-8. */
export interface TextChunk {
  readonly text: string;
  /** What `text` was decoded from; undefined when that is pure ASCII. */
  readonly bytes: Uint8Array | undefined;
  /** False when the bytes were not valid UTF-8; the text then has U+FFFD in their place. */
  readonly valid: boolean;
}

export interface LineLimits {
  /** A longer line, in UTF-16 units without its newline, is cut. */
  readonly lengthMax: number;
  /** What is kept of a line that is cut. */
  readonly lengthKept: number;
}

export const lineLimits: LineLimits = { lengthMax: 1 << 20, lengthKept: 1 << 16 };

const carriageReturn = 0x0d;
const newline = 0x0a;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

export class LineFramer {
  readonly #limits: LineLimits;
  /** Byte offset of the next chunk. */
  #offset: number;
  /** Beginning of a line whose end has not been seen; `#open` tells an empty beginning from none. */
  #open = false;
  #carry = '';
  #carryOffset = 0;
  #carryInvalid = false;
  /** The open line is over the limit: `#carry` is what is kept, the rest passes by. */
  #skipping = false;

  /** `offset`: byte offset of the first character (3 after a byte order mark). */
  constructor(offset = 0, limits: LineLimits = lineLimits) {
    this.#offset = offset;
    this.#limits = limits;
  }

  push(chunk: TextChunk, out: SourceRecord[]): void {
    const { text, bytes } = chunk;
    let start = 0;
    let byteStart = 0;
    if (this.#open) {
      const end = text.indexOf('\n');
      const byteEnd = end < 0 || bytes === undefined ? end : bytes.indexOf(newline);
      this.#extend(chunk, 0, end < 0 ? text.length : end, 0, byteEnd < 0 ? byteLength(chunk) : byteEnd);
      if (end < 0) {
        this.#offset += byteLength(chunk);
        return;
      }
      this.#close(out);
      start = end + 1;
      byteStart = byteEnd + 1;
    }
    if (bytes === undefined) {
      start = this.#cutAscii(text, start, out);
      byteStart = start;
    } else {
      while (true) {
        const end = text.indexOf('\n', start);
        if (end < 0) break;
        const byteEnd = bytes.indexOf(newline, byteStart);
        out.push(this.#wideRecord(chunk, start, end, byteStart, byteEnd));
        start = end + 1;
        byteStart = byteEnd + 1;
      }
    }
    if (start < text.length) {
      this.#open = true;
      this.#carryOffset = this.#offset + byteStart;
      this.#extend(chunk, start, text.length, byteStart, byteLength(chunk));
    }
    this.#offset += byteLength(chunk);
  }

  /** End of input: a last line without a newline is a record too; it is marked when the input was `cutShort` (a damaged archive). */
  flush(out: SourceRecord[], cutShort = false): void {
    if (!this.#open) return;
    this.#close(out);
    const last = out.at(-1);
    if (cutShort && last !== undefined && last.flaw === undefined) {
      out[out.length - 1] = flawedRecord(last.text, last.offset, 'incomplete');
    }
  }

  /** Emits every whole line from `start` on; returns where the rest begins. */
  #cutAscii(text: string, start: number, out: SourceRecord[]): number {
    const base = this.#offset;
    const lengthMax = this.#limits.lengthMax;
    let from = start;
    for (let end = text.indexOf('\n', from); end >= 0; end = text.indexOf('\n', from)) {
      if (end - from > lengthMax) {
        out.push(this.#truncated(text.slice(from, end), base + from));
      } else {
        const textEnd = end > from && text.charCodeAt(end - 1) === carriageReturn ? end - 1 : end;
        out.push({ text: text.slice(from, textEnd), offset: base + from });
      }
      from = end + 1;
    }
    return from;
  }

  #wideRecord(chunk: TextChunk, start: number, end: number, byteStart: number, byteEnd: number): SourceRecord {
    const line = chunk.text.slice(start, end);
    const offset = this.#offset + byteStart;
    if (line.length > this.#limits.lengthMax) return this.#truncated(line, offset);
    return lineRecord(line, offset, isInvalid(chunk, line, byteStart, byteEnd));
  }

  /** Adds a part of a line to the open line, or lets it pass when that line is already too long. */
  #extend(chunk: TextChunk, start: number, end: number, byteStart: number, byteEnd: number): void {
    if (this.#skipping) return;
    const part = chunk.text.slice(start, end);
    this.#carry += part;
    if (this.#carry.length > this.#limits.lengthMax) {
      this.#carry = detach(head(this.#carry, this.#limits.lengthKept));
      this.#skipping = true;
    } else if (isInvalid(chunk, part, byteStart, byteEnd)) {
      this.#carryInvalid = true;
    }
  }

  #close(out: SourceRecord[]): void {
    out.push(
      this.#skipping
        ? flawedRecord(this.#carry, this.#carryOffset, 'truncated')
        : lineRecord(this.#carry, this.#carryOffset, this.#carryInvalid),
    );
    this.#open = false;
    this.#carry = '';
    this.#carryInvalid = false;
    this.#skipping = false;
  }

  #truncated(line: string, offset: number): SourceRecord {
    return flawedRecord(head(line, this.#limits.lengthKept), offset, 'truncated');
  }
}

/** A copy that does not keep alive the longer string that `text` was cut from. */
export function detach(text: string): string {
  // The engine shares memory between a string and its slices; a concatenation that is read is written out anew.
  const copy = ` ${text}`;
  return copy.charCodeAt(0) === 0x20 ? copy.slice(1) : text;
}

/** The first `length` UTF-16 units; one less where that would part a surrogate pair. */
export function head(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

function byteLength(chunk: TextChunk): number {
  return chunk.bytes === undefined ? chunk.text.length : chunk.bytes.length;
}

function lineRecord(line: string, offset: number, invalid: boolean): SourceRecord {
  const text = line.charCodeAt(line.length - 1) === carriageReturn ? line.slice(0, -1) : line;
  return invalid ? flawedRecord(text, offset, 'invalid_utf8') : { text, offset };
}

function flawedRecord(text: string, offset: number, flaw: RecordFlaw): SourceRecord {
  return { text, offset, flaw };
}

/** Whether this part of a chunk holds bytes that are not UTF-8. A U+FFFD that the log itself spells out is none. */
function isInvalid(chunk: TextChunk, part: string, byteStart: number, byteEnd: number): boolean {
  if (chunk.valid || chunk.bytes === undefined || !part.includes('\ufffd')) return false;
  try {
    strictUtf8.decode(chunk.bytes.subarray(byteStart, byteEnd));
    return false;
  } catch {
    return true;
  }
}
