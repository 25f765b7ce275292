import { writtenText } from '../document-text.ts';
import type { BulkDocument, BulkPlace } from './bulk-document.ts';

/** One document in a body: its two lines are the bytes from `start` to `end`. */
export interface BulkItem<Receipt> {
  readonly place: BulkPlace;
  readonly receipt: Receipt; // whom its answer concerns
  readonly start: number;
  readonly end: number;
  /** Failures of the server that only this document met. */
  readonly doubts: number;
}

/** The bytes of one request, made once and sent as often as it takes. */
export interface BulkBody<Receipt> {
  readonly bytes: Buffer;
  readonly items: readonly BulkItem<Receipt>[];
  /** How often it was sent in vain. */
  readonly attempt: number;
  /** The buffer behind the bytes, if it may be used again. */
  readonly slab: Buffer | undefined;
}

const NEWLINE = 0x0a;

/** Fills one buffer with action and document lines. */
export class BodyBuilder<Receipt> {
  readonly #slab: Buffer;
  readonly #lengthMax: number;
  readonly #items: BulkItem<Receipt>[] = [];
  #length = 0;

  constructor(slab: Buffer, lengthMax: number = slab.length) {
    this.#slab = slab;
    this.#lengthMax = Math.min(lengthMax, slab.length);
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  get byteLength(): number {
    return this.#length;
  }

  /** False if it does not fit; nothing was added then. */
  add(document: BulkDocument, receipt: Receipt): boolean {
    const action = actionLine(document);
    const written = Buffer.isBuffer(document.document) ? document.document : undefined;
    const lines = written === undefined ? `${action}${writtenText(document.document)}\n` : action;
    const room = this.#lengthMax - this.#length - (written === undefined ? 0 : written.length + 1);
    // A UTF-16 unit becomes at most three bytes; only near the end of the buffer is the exact length worth its price.
    if (lines.length * 3 > room && Buffer.byteLength(lines) > room) return false;
    const start = this.#length;
    this.#length += this.#slab.write(lines, start);
    if (written !== undefined) {
      this.#length += written.copy(this.#slab, this.#length);
      this.#slab[this.#length++] = NEWLINE;
    }
    const { kind, target, id, at, version, origin } = document; // its content is in the body, and would only take memory here
    this.#items.push({
      place: { kind, target, id, at, version, origin },
      receipt,
      start,
      end: this.#length,
      doubts: 0,
    });
    return true;
  }

  finish(): BulkBody<Receipt> {
    return { bytes: this.#slab.subarray(0, this.#length), items: this.#items, attempt: 0, slab: this.#slab };
  }
}

/** Bytes that a buffer needs for one document that is too long for the usual size. */
export function byteLengthOf(document: BulkDocument): number {
  const { document: content } = document;
  const length = Buffer.isBuffer(content) ? content.length : Buffer.byteLength(writtenText(content));
  return Buffer.byteLength(actionLine(document)) + length + 1;
}

/** The document as it lies in the body, after its action line: a copy, since the buffer will be used again. */
export function contentOf<Receipt>({ bytes }: BulkBody<Receipt>, { start, end }: BulkItem<Receipt>): Buffer {
  return Buffer.from(bytes.subarray(bytes.indexOf(NEWLINE, start) + 1, end - 1));
}

/** A body of some of the items, for another attempt. The bytes are copied, not made again. */
export function bodyOf<Receipt>(
  from: BulkBody<Receipt>,
  items: readonly BulkItem<Receipt>[],
  attempt: number,
): BulkBody<Receipt> {
  if (items.length === from.items.length && items.every((item, i) => item === from.items[i]))
    return { ...from, attempt };
  const bytes = Buffer.concat(items.map((item) => from.bytes.subarray(item.start, item.end)));
  let start = 0;
  const moved = items.map((item) => {
    const end = start + item.end - item.start;
    const at = { ...item, start, end };
    start = end;
    return at;
  });
  return { bytes, items: moved, attempt, slab: undefined };
}

/** Everything goes through JSON.stringify, or is known to have no line feed, so that no text of a log can begin a line and become an action. */
function actionLine({ target, id, version }: BulkPlace): string {
  return version === undefined
    ? `{"create":{"_index":${JSON.stringify(target)},"_id":${JSON.stringify(id)}}}\n`
    : `{"index":{"_index":${JSON.stringify(target)},"_id":${JSON.stringify(id)},"version":${version},"version_type":"external"}}\n`;
}
