/**
 * Reads raw records again by their position, so that the stages need to keep positions only.
 *
 * Plain files are read where they are. What cannot be read twice or not at a position (standard input, pipes, compressed files, UTF-16, JSON
 * documents) is copied to one temporary file while it is read for the first time; on the systems that allow it that file has no name, so
 * nothing is left behind even after a crash. Reads are synchronous: a record is a few hundred bytes, most often in the page cache.
 */
import { isAscii } from 'node:buffer';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileIdentity } from './bytes.ts';
import { LineFramer } from './framing/line.ts';
import { TransactionFramer } from './framing/multi-line.ts';
import { errorCode } from './problem.ts';
import type { Framing, SourceRecord } from './record.ts';
import { Utf8Chunks } from './text.ts';

/** Bytes read at once; a record that is longer takes the slow way. */
const windowBytes = 1 << 16;
/** Bytes read at first: most records are asked for alone, and shorter than this. */
const glanceBytes = 1 << 12;
/** How far the end of a transaction is looked for. */
const searchBytesMax = 64 << 20;
/** Files held open at once. */
const openFilesMax = 32;

export interface ArchivedFile {
  readonly path: string;
  readonly identity: FileIdentity;
  readonly framing: Framing;
}

/** Takes the bytes of one source in order. */
export interface SpoolWriter {
  /** Returns the code of the error when the bytes could not be kept (disk full); from then on the source cannot be read again. */
  append(bytes: Uint8Array): string | undefined;
}

/** A run of bytes of one source in the spool. */
interface Extent {
  readonly sourceOffset: number;
  readonly spoolOffset: number;
  length: number;
}

interface SpooledSource {
  readonly framing: Framing;
  readonly extents: Extent[];
  length: number;
  failed: boolean;
}

/** Reads bytes at a position into `buffer`; returns how many there were. */
type ReadAt = (buffer: Buffer, offset: number) => number;

export class LineArchive {
  readonly #directory: string;
  readonly #files = new Map<number, ArchivedFile>();
  readonly #spooled = new Map<number, SpooledSource>();
  /** Least recently used first. */
  readonly #openFiles = new Map<number, number>();
  readonly #window = Buffer.allocUnsafeSlow(windowBytes);
  #spool: SpoolFile | undefined;

  /** `directory`: where the spool goes; the system's folder for temporary files unless told otherwise. */
  constructor(directory: string = tmpdir()) {
    this.#directory = directory;
  }

  /** Registers a file that can be read where it is. `openLog` does it. */
  addFile(source: number, file: ArchivedFile): void {
    this.#files.set(source, file);
  }

  /** Registers a source whose bytes will be appended. `openLog` does it. */
  addSpool(source: number, framing: Framing): SpoolWriter {
    const spooled: SpooledSource = { framing, extents: [], length: 0, failed: false };
    this.#spooled.set(source, spooled);
    return { append: (bytes) => this.#append(spooled, bytes) };
  }

  /** The text of the record at `offset`, as it was first read; undefined when it cannot be had any more (file moved, disk full). */
  read(source: number, offset: number): string | undefined {
    return this.readMany(source, [offset])[0];
  }

  /** In the order of `offsets`. Reads in the order of the file, so thousands at once cost little more than the bytes between them. */
  readMany(source: number, offsets: readonly number[]): readonly (string | undefined)[] {
    const texts = new Array<string | undefined>(offsets.length).fill(undefined);
    const readAt = this.#reader(source);
    if (readAt === undefined) return texts;
    const framing = this.#files.get(source)?.framing ?? this.#spooled.get(source)?.framing;
    const order = offsets.map((_, index) => index).sort((a, b) => (offsets[a] ?? 0) - (offsets[b] ?? 0));
    const lines = new WindowedLines(readAt, this.#window);
    for (const index of order) {
      const offset = offsets[index] ?? -1;
      if (!Number.isSafeInteger(offset) || offset < 0) continue;
      texts[index] = framing === 'modsecurity-audit' ? readTransaction(readAt, offset) : lines.at(offset);
    }
    return texts;
  }

  /** Gives back files and the spool. Nothing can be read after it. */
  close(): void {
    for (const file of this.#openFiles.values()) closeSync(file);
    this.#openFiles.clear();
    this.#files.clear();
    this.#spooled.clear();
    this.#spool?.close();
    this.#spool = undefined;
  }

  #append(source: SpooledSource, bytes: Uint8Array): string | undefined {
    if (source.failed || bytes.length === 0) return undefined;
    try {
      this.#spool ??= new SpoolFile(this.#directory);
      const spoolOffset = this.#spool.append(bytes);
      const last = source.extents.at(-1);
      if (last !== undefined && last.spoolOffset + last.length === spoolOffset) last.length += bytes.length;
      else source.extents.push({ sourceOffset: source.length, spoolOffset, length: bytes.length });
      source.length += bytes.length;
      return undefined;
    } catch (error) {
      source.failed = true;
      return errorCode(error);
    }
  }

  #reader(source: number): ReadAt | undefined {
    const spooled = this.#spooled.get(source);
    if (spooled !== undefined) {
      const spool = this.#spool;
      return spool === undefined || spooled.failed
        ? undefined
        : (buffer, offset) => readExtents(spool, spooled.extents, buffer, offset);
    }
    const file = this.#openFile(source);
    return file === undefined ? undefined : (buffer, offset) => readFully(file, buffer, offset);
  }

  #openFile(source: number): number | undefined {
    const known = this.#openFiles.get(source);
    if (known !== undefined) {
      this.#openFiles.delete(source);
      this.#openFiles.set(source, known);
      return known;
    }
    const file = this.#files.get(source);
    const opened = file === undefined ? undefined : openSame(file.path, file.identity);
    if (opened === undefined) return undefined;
    for (const [oldest, handle] of this.#openFiles) {
      if (this.#openFiles.size < openFilesMax) break;
      this.#openFiles.delete(oldest);
      closeSync(handle);
    }
    this.#openFiles.set(source, opened);
    return opened;
  }
}

/** Opens a path if it still leads to the same file. */
function openSame(path: string, identity: FileIdentity): number | undefined {
  try {
    const file = openSync(path, 'r');
    const { dev, ino } = fstatSync(file, { bigint: true });
    if (dev === identity.device && ino === identity.inode) return file;
    closeSync(file);
  } catch {
    // Moved away or no longer readable: the same answer as another file in its place.
  }
  return undefined;
}

function readFully(file: number, buffer: Buffer, offset: number): number {
  let length = 0;
  try {
    while (length < buffer.length) {
      const read = readSync(file, buffer, length, buffer.length - length, offset + length);
      if (read === 0) break;
      length += read;
    }
  } catch {
    // An unreadable place gives what came before it.
  }
  return length;
}

function readExtents(spool: SpoolFile, extents: readonly Extent[], buffer: Buffer, offset: number): number {
  let length = 0;
  for (let i = firstExtentAt(extents, offset); i < extents.length && length < buffer.length; i += 1) {
    const extent = extents[i];
    if (extent === undefined) break;
    const inside = offset + length - extent.sourceOffset;
    const wanted = Math.min(buffer.length - length, extent.length - inside);
    if (inside < 0 || wanted <= 0) break;
    const read = readFully(spool.file, buffer.subarray(length, length + wanted), extent.spoolOffset + inside);
    length += read;
    if (read < wanted) break;
  }
  return length;
}

/** Index of the extent that holds `offset`: the last one that begins at or before it. */
function firstExtentAt(extents: readonly Extent[], offset: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((extents[middle]?.sourceOffset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, 0);
}

/** Lines at growing offsets, out of a window that moves along. */
class WindowedLines {
  readonly #readAt: ReadAt;
  readonly #window: Buffer;
  #start = -1;
  #length = 0;

  constructor(readAt: ReadAt, window: Buffer) {
    this.#readAt = readAt;
    this.#window = window;
  }

  at(offset: number): string | undefined {
    const inside = this.#inWindow(offset);
    if (inside !== undefined) return inside;
    // The first line that is asked for may be the only one; from the second on, the bytes between them are worth reading.
    const window = this.#start < 0 ? this.#window.subarray(0, glanceBytes) : this.#window;
    this.#start = offset;
    this.#length = this.#readAt(window, offset);
    if (this.#length === 0) return undefined;
    return this.#inWindow(offset) ?? readRecord(this.#readAt, offset, (records) => records[0]?.text);
  }

  /** Undefined when the line is not wholly in the window. */
  #inWindow(offset: number): string | undefined {
    const from = offset - this.#start;
    if (from < 0 || from >= this.#length) return undefined;
    const newline = this.#window.indexOf(0x0a, from);
    if (newline < 0 || newline >= this.#length) return undefined;
    const end = newline > from && this.#window[newline - 1] === 0x0d ? newline - 1 : newline;
    const bytes = this.#window.subarray(from, end);
    return isAscii(bytes) ? bytes.toString('latin1') : bytes.toString('utf8');
  }
}

/** Frames from `offset` on, as the first reading did, until the transaction that begins there comes out. */
function readTransaction(readAt: ReadAt, offset: number): string | undefined {
  const framer = new TransactionFramer();
  const found: SourceRecord[] = [];
  return readRecord(readAt, offset, (lines, ended) => {
    for (const line of lines) framer.push(line, found);
    if (ended) framer.flush(found);
    else framer.settle();
    const text = found.find((record) => record.offset === offset)?.text;
    found.length = 0;
    return text;
  });
}

/** Cuts lines from `offset` on, a window at a time, until `take` makes a text of them. */
function readRecord(
  readAt: ReadAt,
  offset: number,
  take: (lines: readonly SourceRecord[], ended: boolean) => string | undefined,
): string | undefined {
  const chunks = new Utf8Chunks();
  const framer = new LineFramer(offset);
  let buffer = Buffer.allocUnsafe(glanceBytes);
  let length = 0;
  for (let position = offset; position < offset + searchBytesMax; position += length) {
    if (position > offset && buffer.length < windowBytes) buffer = Buffer.allocUnsafe(windowBytes);
    length = readAt(buffer, position);
    const lines: SourceRecord[] = [];
    framer.push(chunks.push(buffer.subarray(0, length)), lines);
    const text = take(lines, false);
    if (text !== undefined) return text;
    if (length < buffer.length) break;
  }
  const lines: SourceRecord[] = [];
  framer.push(chunks.flush(), lines);
  framer.flush(lines);
  return take(lines, true);
}

/** One temporary file that only this process can read. */
class SpoolFile {
  readonly file: number;
  readonly #folder: string;
  readonly #path: string;
  readonly #removeOnExit = (): void => this.#remove();
  #length = 0;

  constructor(directory: string) {
    this.#folder = mkdtempSync(join(directory, 'imapwhy-'));
    this.#path = join(this.#folder, 'spool');
    this.file = openSync(this.#path, 'wx+', 0o600);
    try {
      // Without a name it is gone when the process is, however that ends.
      unlinkSync(this.#path);
      rmdirSync(this.#folder);
    } catch {
      process.once('exit', this.#removeOnExit);
    }
  }

  /** Returns where the bytes were put. */
  append(bytes: Uint8Array): number {
    const offset = this.#length;
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(this.file, bytes, written, bytes.length - written, offset + written);
    }
    this.#length += bytes.length;
    return offset;
  }

  close(): void {
    closeSync(this.file);
    this.#remove();
    process.removeListener('exit', this.#removeOnExit);
  }

  #remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
