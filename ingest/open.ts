/**
 * Opens one input and reads it as batches of records.
 *
 * The way of the bytes: file, pipe or stdin → gzip or zstd → UTF-16 to UTF-8 → text → framing. What an input is, its first bytes say.
 * Nothing here throws for bad input: what is wrong with the whole is in `problems`, what is wrong with one record is its `flaw`.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { LineArchive, SpoolWriter } from './archive.ts';
import {
  chunkBytes,
  decompress,
  type FileIdentity,
  newReading,
  type Peeked,
  peek,
  type Reading,
  rawChunks,
} from './bytes.ts';
import type { InputPath } from './find.ts';
import { detectFraming } from './framing/detect.ts';
import type { JsonProblem } from './framing/json-array.ts';
import { type LineLimits, lineLimits } from './framing/line.ts';
import { accessProblem, type InputProblem, inputProblem } from './problem.ts';
import type { Framing, LogSource, SourceRecord } from './record.ts';
import { RecordReader } from './record-reader.ts';
import {
  type Compression,
  type Encoding,
  headBytes,
  markLength,
  sniffCompression,
  sniffEncoding,
  sniffUnreadable,
} from './sniff.ts';
import { utf16ToUtf8 } from './text.ts';

/** Records in the order of the input. Their texts share the memory of a chunk of 1 MiB: keep what you need of them, not them (`detach`). */
export interface RecordBatch {
  readonly records: readonly SourceRecord[];
  /** Bytes of the underlying file (compressed ones if it is compressed) that were read up to here, for progress. */
  readonly bytesRead: number;
  /** Undefined where a record is more than a piece of the bytes (several lines, a JSON document), and for the last ones, which come with the end. */
  readonly chunk: Chunk | undefined;
}

/** The bytes that a batch was cut from, valid until the next batch is asked for. The first record may have begun in the chunk before. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** Of the first byte, as the records count. */
  readonly offset: number;
}

export interface OpenedLog {
  readonly source: LogSource;
  readonly framing: Framing;
  readonly compression: Compression;
  readonly encoding: Encoding;
  /** Bytes of the underlying file; undefined for pipes and stdin. */
  readonly size: number | undefined;
  /** The decoded beginning, up to 64 KiB, for a look before reading; the last line may be cut. */
  readonly head: string;
  /** Grows while batches are read; after the last one it is whole. */
  readonly problems: readonly InputProblem[];
  /** Gives it another place among the sources, and another fingerprint, before it is read. */
  identify(index: number, fingerprint: string): void;
  /** Empty for an input that was skipped. Files can be read again from the beginning, pipes and stdin once. */
  batches(): AsyncIterable<RecordBatch>;
  /** Gives back what is open; needed only when `batches` was not read to its end. */
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Where records can be read again by position. */
  readonly archive?: LineArchive;
  /** Overrides what the beginning says. */
  readonly framing?: Framing;
  readonly limits?: LineLimits;
  /** Of a chunk, at most; up to 1 MiB, which is the default. */
  readonly chunkBytes?: number;
  readonly stdin?: Readable;
}

const fingerprintBytes = 1024;
const magicBytes = 16;

/** `index`: the source's place among the sources of the run. */
export async function openLog(input: InputPath, index: number, options: OpenOptions = {}): Promise<OpenedLog> {
  const log = new Log(input, index, options);
  await log.open();
  return log;
}

/** The decompressed, not yet decoded bytes, with their beginning. */
interface Decompressed extends Peeked {
  readonly compression: Compression;
}

class Log implements OpenedLog {
  readonly problems: InputProblem[] = [];
  readonly size: number | undefined;
  source: LogSource;
  framing: Framing;
  compression: Compression = 'none';
  encoding: Encoding = 'utf-8';
  head = '';
  readonly #input: InputPath;
  readonly #options: OpenOptions;
  #reading: Reading;
  #identity: FileIdentity | undefined;
  #skipped = false;
  /** Bytes of a UTF-8 byte order mark at the beginning. */
  #mark = 0;
  /** Bytes that were opened and not read yet; a pipe keeps them from `open` to `batches`. */
  #opened: Decompressed | undefined;

  constructor(input: InputPath, index: number, options: OpenOptions) {
    this.#input = input;
    this.#options = options;
    this.#reading = newReading(input.path);
    this.size = input.size;
    this.framing = options.framing ?? 'line';
    this.source = { index, name: input.path, fingerprint: fingerprint(Buffer.alloc(0)), modifiedAt: undefined };
  }

  async open(): Promise<void> {
    const modifiedAt = await this.#identify();
    if (this.#skipped) return;
    const isFile = this.#input.kind === 'file';
    const opened = isFile
      ? await this.#decompressed(headBytes, headBytes)
      : await this.#decompressed(this.#options.chunkBytes ?? chunkBytes, chunkBytes);
    const bytes = opened.head;
    this.compression = opened.compression;
    this.source = { ...this.source, fingerprint: fingerprint(bytes), modifiedAt };
    this.encoding = sniffEncoding(bytes);
    const text = await this.#decodedHead(bytes);
    this.#judge(bytes, text);
    this.#mark = this.encoding === 'utf-8' ? markLength(bytes) : 0;
    this.head = text.toString('utf8', this.#mark);
    this.framing = this.#options.framing ?? detectFraming(this.head);
    if (isFile || this.#skipped) await opened.close();
    else this.#opened = opened;
  }

  identify(index: number, fingerprint: string): void {
    this.source = { ...this.source, index, fingerprint };
  }

  async *batches(): AsyncGenerator<RecordBatch> {
    if (this.#skipped || !(await this.#reopen()) || this.#opened === undefined) return;
    const opened = this.#opened;
    this.#opened = undefined;
    const { archive, limits = lineLimits } = this.#options;
    const plain = this.compression === 'none' && this.encoding === 'utf-8' && this.#input.kind === 'file';
    const spool = this.#archive(archive, plain && this.framing !== 'json-array');
    // A plain file's offsets count its byte order mark; everything else begins with its first character.
    const chunks = this.encoding === 'utf-8' ? opened.chunks : utf16ToUtf8(opened.chunks, this.encoding);
    const records = new RecordReader(this.framing, plain ? this.#mark : 0, limits);
    let toSkip: number = this.#mark;
    let offset = plain ? this.#mark : 0;
    try {
      for await (const bytes of chunks) {
        const content = toSkip > 0 ? bytes.subarray(toSkip) : bytes;
        toSkip -= bytes.length - content.length;
        const out: SourceRecord[] = [];
        records.push(content, out);
        this.#keep(spool, content, out);
        const chunk = this.framing === 'line' ? { bytes: content, offset } : undefined;
        offset += content.length;
        yield { records: out, bytesRead: this.#reading.bytesRead, chunk };
        if (records.jsonProblem !== undefined) break;
      }
      const out: SourceRecord[] = [];
      records.flush(out, this.#reading.problem !== undefined);
      this.#keep(spool, undefined, out);
      if (out.length > 0) yield { records: out, bytesRead: this.#reading.bytesRead, chunk: undefined };
      this.#noteReading();
      if (records.jsonProblem !== undefined)
        this.#note(jsonProblem(this.#input.path, records.jsonProblem, records.count));
    } finally {
      await opened.close();
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.close();
  }

  /** Which file it is; returns when it was last modified. */
  async #identify(): Promise<number | undefined> {
    if (this.#input.kind === 'stdin') return undefined;
    try {
      const entry = await stat(this.#input.path, { bigint: true });
      if (this.#input.kind === 'file') this.#identity = { device: entry.dev, inode: entry.ino };
      return this.#input.kind === 'file' ? Number(entry.mtimeMs) : undefined;
    } catch (error) {
      this.#skip(accessProblem(this.#input.path, error));
      return undefined;
    }
  }

  async #decompressed(chunkSize: number, readSize: number): Promise<Decompressed> {
    this.#reading = newReading(this.#input.path);
    const raw = rawChunks(this.#input, this.#options.stdin ?? process.stdin, chunkSize, readSize, this.#reading);
    const stored = await peek(raw, magicBytes);
    const compression = sniffCompression(stored.head);
    const chunks = compression === 'none' ? stored.chunks : decompress(stored.chunks, compression, this.#reading);
    return { ...(await peek(chunks, headBytes)), compression };
  }

  async #decodedHead(bytes: Buffer): Promise<Buffer> {
    if (this.encoding === 'utf-8') return bytes;
    // An odd last byte is half a unit and would read as a broken character.
    const whole = bytes.subarray(0, bytes.length & ~1);
    const decoded: Buffer[] = [];
    for await (const chunk of utf16ToUtf8(oneChunk(whole), this.encoding)) decoded.push(chunk);
    return Buffer.concat(decoded);
  }

  /** Decides from the beginning whether there is anything to read. */
  #judge(bytes: Buffer, text: Buffer): void {
    const { path } = this.#input;
    const problem = this.#reading.problem;
    if (bytes.length === 0) {
      this.#skip(problem ?? inputProblem('empty', path, 'is empty: nothing was read from it.'));
      return;
    }
    const unreadable =
      sniffUnreadable(bytes.subarray(0, this.encoding === 'utf-8' ? bytes.length : 0)) ?? sniffUnreadable(text);
    if (unreadable !== undefined) this.#skip(inputProblem(unreadable.code, path, unreadable.advice));
  }

  /** Opens a file from its beginning; false when that cannot be done. A pipe is open already, or was read. */
  async #reopen(): Promise<boolean> {
    if (this.#input.kind !== 'file') return this.#opened !== undefined;
    const known = this.#identity;
    await this.#identify();
    if (this.#skipped) return false;
    if (known?.device !== this.#identity?.device || known?.inode !== this.#identity?.inode) {
      this.#note(
        inputProblem(
          'replaced',
          this.#input.path,
          'was replaced by another file (log rotation?) while we were at work: run again.',
        ),
      );
      this.#identity = known;
      return false;
    }
    this.#opened = await this.#decompressed(this.#options.chunkBytes ?? chunkBytes, chunkBytes);
    return true;
  }

  /** Registers the source in the archive; returns where its text must be copied to, if it must. */
  #archive(archive: LineArchive | undefined, inPlace: boolean): SpoolWriter | undefined {
    if (archive === undefined) return undefined;
    const { index } = this.source;
    if (!inPlace || this.#identity === undefined) return archive.addSpool(index, this.framing);
    archive.addFile(index, { path: this.#input.path, identity: this.#identity, framing: this.framing });
    return undefined;
  }

  /** Copies what was read to the spool: the text itself, or for JSON its records, one a line, since that is what their offsets count. */
  #keep(spool: SpoolWriter | undefined, content: Buffer | undefined, records: readonly SourceRecord[]): void {
    if (spool === undefined) return;
    const bytes =
      this.framing === 'json-array' ? Buffer.from(records.map((record) => `${record.text}\n`).join('')) : content;
    const error = bytes === undefined ? undefined : spool.append(bytes);
    if (error === undefined) return;
    this.#note(
      inputProblem(
        'spool_failed',
        this.#input.path,
        `could not be copied to a temporary file (${error}), so its lines cannot be shown again: free some space there, or set TMPDIR.`,
      ),
    );
  }

  #skip(problem: InputProblem): void {
    this.#skipped = true;
    this.#note(problem);
  }

  #noteReading(): void {
    if (this.#reading.problem !== undefined) this.#note(this.#reading.problem);
  }

  /** A file that is read again says the same again; once is enough. */
  #note(problem: InputProblem): void {
    if (!this.problems.some(({ code }) => code === problem.code)) this.problems.push(problem);
  }
}

/** Of the uncompressed beginning: the same after rotation, renaming and compression. 22 characters of base64url. */
function fingerprint(head: Buffer): string {
  return createHash('sha256').update(head.subarray(0, fingerprintBytes)).digest('base64url').slice(0, 22);
}

function jsonProblem(path: string, problem: JsonProblem, count: number): InputProblem {
  const before = `the ${count} records before it were read`;
  switch (problem) {
    case 'malformed':
      return inputProblem(
        'malformed_json',
        path,
        `holds a value that is not JSON; ${before}. Repair the file to read the rest.`,
      );
    case 'too_deep':
      return inputProblem('malformed_json', path, `holds a value nested too deeply for a log; ${before}.`);
    case 'incomplete':
      return inputProblem(
        'incomplete_json',
        path,
        `ends inside a JSON value; ${before}. Copy the file again if it should be whole.`,
      );
  }
}

async function* oneChunk(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
