import type { FileHandle } from 'node:fs/promises';
import { FingerprintSet } from './fingerprint-set.ts';

const BUFFER_BYTES = 1 << 20;
/** UTF-8 needs at most three bytes for a unit of a JavaScript string. */
const BYTES_PER_UNIT = 3;
const READ_BYTES = 1 << 20;
const NEWLINE = 10;

/**
 * One NDJSON file in the making. Lines are appended as they come; if an id came in more than one revision, `finish` squeezes the file in
 * place so that only the line with the highest revision stays (of equal revisions the first).
 * Memory: one buffer that is used again and again and holds what comes between two flushes, and 20 to 40 bytes a revised document to notice that its id came again.
 */
export interface DocumentFile {
  /** Takes a document that is never revised, as JSON. */
  append(text: string): void;
  /** Takes a profile or an incident with its id. Do not mix with `append` in one file. */
  appendRevision(id: string, revision: number, text: string): void;
  /** Hands everything to the system; nothing may be appended meanwhile. */
  flush(): Promise<void>;
  /** Flushes, removes what was superseded, syncs to disk and closes. */
  finish(): Promise<void>;
  /** Closes without care for the content. */
  abandon(): Promise<void>;
}

/** `handle` must be open for reading and writing, at an empty file; `name` is for messages. */
export function createDocumentFile(handle: FileHandle, name: string): DocumentFile {
  const seen = new FingerprintSet();
  const suspects = new Map<number, Suspect>(); // by line number; only ids that may have come twice
  let lines = 0;
  let buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  let pending = 0;

  async function flush(): Promise<void> {
    if (pending === 0) return;
    const chunk = buffer.subarray(0, pending);
    pending = 0;
    await writeAll(handle, chunk, null);
  }

  function append(text: string): void {
    const most = pending + text.length * BYTES_PER_UNIT + 1;
    if (most > buffer.length) buffer = Buffer.concat([buffer.subarray(0, pending)], 2 * most);
    pending += buffer.write(text, pending);
    buffer[pending++] = NEWLINE;
  }

  return {
    append,
    appendRevision(id, revision, text) {
      const line = lines++;
      const earlier = seen.add(id);
      if (earlier >= 0) {
        // What the earlier line says is only in the file; `finish` reads it.
        if (!suspects.has(earlier)) suspects.set(earlier, undefined);
        suspects.set(line, { id, revision });
      }
      append(text);
    },
    flush,
    async finish() {
      await flush();
      if (suspects.size > 0) await squeeze(handle, name, suspects);
      await handle.sync();
      await handle.close();
    },
    abandon: () => handle.close(),
  };
}

/** A line whose id may have come more than once; undefined: the first of them, whose id is still to be read from the file. */
type Suspect = { readonly id: string; readonly revision: number } | undefined;

/** `FileHandle.write` may take less than it was given, without an error. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const at = position === null ? null : position + done;
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at);
    done += bytesWritten;
  }
}

/** Reads the file twice: once for the ids of suspects that are not known yet, once to move the lines that stay to the front. */
async function squeeze(handle: FileHandle, name: string, suspects: Map<number, Suspect>): Promise<void> {
  for await (const { line, bytes } of readLines(handle)) {
    if (suspects.has(line) && suspects.get(line) === undefined) suspects.set(line, identify(bytes.toString(), name));
  }
  const losers = losersOf(suspects);
  let end = 0;
  let kept: Buffer[] = [];
  let keptBytes = 0;
  // Writing in place is safe: a line moves only towards the front, behind what was read already.
  for await (const { line, bytes } of readLines(handle)) {
    if (losers.has(line)) continue;
    kept.push(bytes);
    keptBytes += bytes.length;
    if (keptBytes < READ_BYTES) continue;
    await writeAll(handle, Buffer.concat(kept), end);
    end += keptBytes;
    kept = [];
    keptBytes = 0;
  }
  await writeAll(handle, Buffer.concat(kept), end);
  await handle.truncate(end + keptBytes);
}

function losersOf(suspects: ReadonlyMap<number, Suspect>): Set<number> {
  const winners = new Map<string, { line: number; revision: number }>();
  const losers = new Set<number>();
  for (const [line, suspect] of [...suspects].sort((a, b) => a[0] - b[0])) {
    if (suspect === undefined) continue;
    const winner = winners.get(suspect.id);
    if (winner && suspect.revision <= winner.revision) {
      losers.add(line);
      continue;
    }
    if (winner) losers.add(winner.line);
    winners.set(suspect.id, { line, revision: suspect.revision });
  }
  return losers;
}

/** Lines with their newline, each in memory of its own. */
async function* readLines(handle: FileHandle): AsyncGenerator<{ line: number; bytes: Buffer }> {
  const chunk = Buffer.allocUnsafe(READ_BYTES);
  let position = 0;
  let line = 0;
  let parts: Buffer[] = []; // the beginning of a line that goes on in the next chunk
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, READ_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    let start = 0;
    for (;;) {
      const newline = chunk.subarray(0, bytesRead).indexOf(NEWLINE, start);
      if (newline < 0) break;
      parts.push(Buffer.from(chunk.subarray(start, newline + 1)));
      yield { line: line++, bytes: Buffer.concat(parts) };
      parts = [];
      start = newline + 1;
    }
    if (start < bytesRead) parts.push(Buffer.from(chunk.subarray(start, bytesRead)));
  }
}

/** Id and revision of a profile, an incident or a finding that was read back. */
function identify(text: string, name: string): { id: string; revision: number } {
  const document: unknown = JSON.parse(text);
  const own = at(document, 'imapwhy');
  const id = at(at(own, 'session'), 'id') ?? at(at(own, 'incident'), 'id') ?? at(at(own, 'anomaly'), 'id');
  const revision = at(own, 'revision');
  if (typeof id !== 'string') throw new Error(`${name}: a document without an id cannot be told from its repetition`);
  return { id, revision: typeof revision === 'number' ? revision : 0 };
}

function at(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, key)?.value;
}
