import type { Writable } from 'node:stream';

/** Bytes that are collected before they are written: small enough to stay in the processor's cache. */
const FLUSH_BYTES = 1 << 17;
/** UTF-8 needs at most three bytes for a unit of a JavaScript string. */
const BYTES_PER_UNIT = 3;

/**
 * Lines to a stream, through one buffer that is used again and again. `flush` resolves when the stream has taken the bytes, so that a slow
 * reader slows the writer. A reader that went away (EPIPE) is no error: `gone` says so, and what follows is dropped.
 */
export class LineOutput {
  gone = false;
  readonly #stream: Writable;
  #buffer = Buffer.allocUnsafeSlow(2 * FLUSH_BYTES);
  #length = 0;
  #failure: Error | undefined;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error: Error) => this.#note(error));
  }

  get isFull(): boolean {
    return this.#length >= FLUSH_BYTES;
  }

  /** `line` without its end. `isAscii`: it is known to be; to write it as such takes a fifth less. */
  add(line: string, isAscii = false): void {
    const most = this.#length + line.length * BYTES_PER_UNIT + 1;
    if (most > this.#buffer.length) this.#grow(most);
    this.#length += this.#buffer.write(line, this.#length, isAscii ? 'latin1' : 'utf8');
    this.#buffer[this.#length++] = 0x0a;
  }

  /** Rejects when the stream cannot take more for another reason than that its reader went away: disk full, for one. */
  async flush(): Promise<void> {
    if (this.#length > 0 && !this.gone && this.#failure === undefined) {
      const bytes = this.#buffer.subarray(0, this.#length);
      await new Promise<void>((resolve) => {
        this.#stream.write(bytes, (error) => {
          if (error) this.#note(error);
          resolve();
        });
      });
    }
    this.#length = 0;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #note(error: Error): void {
    if ('code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')) this.gone = true;
    else this.#failure ??= error;
  }

  #grow(most: number): void {
    const grown = Buffer.allocUnsafeSlow(most * 2);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
