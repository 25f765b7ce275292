/** From bytes to records: the part of reading that knows no files. */
import { JsonArrayFramer, type JsonProblem } from './framing/json-array.ts';
import { LineFramer, type LineLimits, lineLimits, type TextChunk } from './framing/line.ts';
import { TransactionFramer } from './framing/multi-line.ts';
import type { Framing, SourceRecord } from './record.ts';
import { Utf8Chunks } from './text.ts';

/** Frames UTF-8 bytes. The records do not depend on how the bytes are cut into chunks. */
export class RecordReader {
  /** Records so far. */
  count = 0;
  readonly #framing: Framing;
  readonly #text = new Utf8Chunks();
  readonly #lines: LineFramer;
  readonly #transactions = new TransactionFramer();
  readonly #json: JsonArrayFramer;

  /** `offset`: byte offset of the first byte that will be pushed. */
  constructor(framing: Framing, offset = 0, limits: LineLimits = lineLimits) {
    this.#framing = framing;
    this.#lines = new LineFramer(offset, limits);
    this.#json = new JsonArrayFramer(limits);
  }

  /** Why JSON ended early. */
  get jsonProblem(): JsonProblem | undefined {
    return this.#json.problem;
  }

  push(bytes: Buffer, out: SourceRecord[]): void {
    const before = out.length;
    this.#frame(this.#text.push(bytes), out);
    this.count += out.length - before;
  }

  /** `cutShort`: the input ended where it should not have. */
  flush(out: SourceRecord[], cutShort = false): void {
    const before = out.length;
    this.#frame(this.#text.flush(), out);
    if (this.#framing === 'line') {
      this.#lines.flush(out, cutShort);
    } else if (this.#framing === 'modsecurity-audit') {
      const lines: SourceRecord[] = [];
      this.#lines.flush(lines, cutShort);
      for (const line of lines) this.#transactions.push(line, out);
      this.#transactions.flush(out);
    } else {
      this.#json.flush(out);
    }
    this.count += out.length - before;
  }

  #frame(chunk: TextChunk, out: SourceRecord[]): void {
    if (chunk.text === '') return;
    if (this.#framing === 'line') {
      this.#lines.push(chunk, out);
    } else if (this.#framing === 'modsecurity-audit') {
      const lines: SourceRecord[] = [];
      this.#lines.push(chunk, lines);
      for (const line of lines) this.#transactions.push(line, out);
      this.#transactions.settle();
    } else {
      this.#json.push(chunk.text, out);
    }
  }
}
