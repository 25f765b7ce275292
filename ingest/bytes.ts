/**
 * Where bytes come from: files, pipes and standard input, compressed or not. Chunks are of up to 1 MiB; one is only valid until the next
 * is asked for. What goes wrong after the first byte ends the stream and is told to `fail`; it is never thrown.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import type { InputPath } from './find.ts';
import { accessProblem, errorCode, type InputProblem, inputProblem } from './problem.ts';
import type { Compression } from './sniff.ts';

/** Of a chunk, unless told otherwise; and what a file is read by, because each read costs 80 µs, however short. */
export const chunkBytes = 1 << 20;
/** Compressed bytes handed over at once: small, so that what is read before damage is not lost with it. */
const compressedPiece = 1 << 14;
/** Decompressed bytes that may wait; a bomb of a few bytes must not fill the memory. */
const decompressedMax = 8 << 20;

/** Which file a path led to; another one after a rotation. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/** What reading tells beside the bytes. */
export interface Reading {
  /** Bytes of the file or pipe itself, compressed ones if it is compressed. */
  bytesRead: number;
  /** The first thing that went wrong. */
  problem: InputProblem | undefined;
  readonly path: string;
}

export function newReading(path: string): Reading {
  return { bytesRead: 0, problem: undefined, path };
}

/** The bytes as they are stored. A file is read `readSize` bytes at a time, each piece given out as chunks of `chunkSize`. */
export async function* rawChunks(
  input: InputPath,
  stdin: Readable,
  chunkSize: number,
  readSize: number,
  reading: Reading,
): AsyncGenerator<Buffer> {
  try {
    switch (input.kind) {
      case 'file':
        return yield* fileChunks(input.path, chunkSize, readSize, reading);
      case 'pipe':
        return yield* streamChunks(createReadStream(input.path, { highWaterMark: chunkSize }), reading);
      case 'stdin':
        return yield* streamChunks(stdin, reading);
    }
  } catch (error) {
    reading.problem ??= accessProblem(input.path, error);
  }
}

/** Reads the next piece while the chunks of the present one are worked on. */
async function* fileChunks(
  path: string,
  chunkSize: number,
  readSize: number,
  reading: Reading,
): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    let present = Buffer.allocUnsafeSlow(readSize);
    let next = Buffer.allocUnsafeSlow(readSize);
    let coming = file.read(present, 0, readSize, null);
    while (true) {
      const { bytesRead } = await coming;
      if (bytesRead === 0) return;
      coming = file.read(next, 0, readSize, null);
      // A reader that stops early never awaits it.
      coming.catch(() => {});
      for (let at = 0; at < bytesRead; at += chunkSize) {
        const chunk = present.subarray(at, Math.min(at + chunkSize, bytesRead));
        reading.bytesRead += chunk.length;
        yield chunk;
      }
      [present, next] = [next, present];
    }
  } finally {
    await file.close();
  }
}

async function* streamChunks(stream: Readable, reading: Reading): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    reading.bytesRead += bytes.length;
    yield bytes;
  }
}

/** Decompresses every member or frame. Truncated or damaged input: what could be read, then a problem. */
export async function* decompress(
  chunks: AsyncIterable<Buffer>,
  compression: Exclude<Compression, 'none'>,
  reading: Reading,
): AsyncGenerator<Buffer> {
  const unpack =
    compression === 'gzip' ? createGunzip({ chunkSize: 1 << 16 }) : createZstdDecompress({ chunkSize: 1 << 17 });
  const ready = new ReadyChunks(unpack);
  try {
    for await (const chunk of chunks) {
      for (let start = 0; start < chunk.length && ready.failure === undefined; start += compressedPiece) {
        const piece = chunk.subarray(start, start + compressedPiece);
        yield* ready.during((done) => unpack.write(piece, done));
      }
      if (ready.failure !== undefined) break;
    }
    if (ready.failure === undefined) {
      // Not the callback of `end`: it comes before the last step finds that the stream is cut short.
      yield* ready.during((done) => unpack.once('end', done).end());
    }
    yield* ready.take();
    if (ready.failure !== undefined) reading.problem ??= compressionProblem(reading.path, compression, ready.failure);
  } finally {
    unpack.destroy();
  }
}

/** Collects what a zlib stream puts out; its own buffer is thrown away when it meets an error. */
class ReadyChunks {
  failure: Error | undefined;
  readonly #stream: Transform;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #wake: () => void = () => {};

  constructor(stream: Transform) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes >= decompressedMax) {
        stream.pause();
        this.#wake();
      }
    });
    stream.on('error', (error) => {
      this.failure = error;
      this.#wake();
    });
  }

  /** Starts a step and yields what is put out until it is done. */
  async *during(step: (done: () => void) => void): AsyncGenerator<Buffer> {
    let finished = false;
    const done = (): void => {
      finished = true;
      this.#wake();
    };
    let woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    step(done);
    while (!finished && this.failure === undefined) {
      await woken;
      woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      yield* this.take();
      this.#stream.resume();
    }
    yield* this.take();
  }

  *take(): Generator<Buffer> {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    yield* chunks;
  }
}

function compressionProblem(path: string, compression: string, error: Error): InputProblem {
  const code = errorCode(error);
  if (code === 'Z_BUF_ERROR' || code === 'ZSTD_error_srcSize_wrong') {
    return inputProblem(
      'truncated_compression',
      path,
      `ends in the middle of its ${compression} stream: what came before was read. Copy the file again if it should be whole.`,
    );
  }
  return inputProblem(
    'damaged_compression',
    path,
    `has a damaged ${compression} stream (${code}): what came before the damage was read. Test the file with ${compression} -t.`,
  );
}

/** The first `length` bytes (fewer when the input is shorter), and all bytes with those in front. */
export interface Peeked {
  readonly head: Buffer;
  readonly chunks: AsyncGenerator<Buffer>;
  /** Closes what the bytes come from, whether or not `chunks` was read. */
  close(): Promise<void>;
}

export async function peek(chunks: AsyncGenerator<Buffer>, length: number): Promise<Peeked> {
  let head: Buffer | undefined;
  while (head === undefined || head.length < length) {
    const { value, done } = await chunks.next();
    if (done) break;
    // A chunk is only valid until the next one is asked for, so more than one is copied.
    head = head === undefined ? value : Buffer.concat([head, value]);
  }
  head ??= Buffer.alloc(0);
  return {
    head: head.subarray(0, length),
    chunks: replay(head, chunks),
    // A generator that was never asked for anything would not run its own clean-up, so the one that was started is told.
    close: async () => {
      await chunks.return(undefined);
    },
  };
}

async function* replay(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (head.length > 0) yield head;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
