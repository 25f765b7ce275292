import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createDocumentFile, type DocumentFile } from './document-file.ts';
import { type TextOf, textOf } from './document-text.ts';
import { makeFolder } from './folder.ts';
import type { Output, OutputBatch } from './output.ts';
import { messageOf, OutputError, systemCode } from './output-error.ts';

const NAMES = ['events', 'incidents', 'anomalies', 'profiles'] as const; // published in this order: who sees the profiles finds their events
const RECENT_EVENTS = 250_000;
type Name = (typeof NAMES)[number];

/** Files that appear under their names all at once, or not at all. */
export interface NdjsonOutput extends Output {
  /** Instead of `close`: nothing is published, the partial files are removed. Never rejects. */
  discard(): Promise<void>;
}

interface OpenFile {
  readonly path: string;
  readonly partial: string;
  readonly file: DocumentFile;
}

/**
 * Writes `profiles.ndjson`, `events.ndjson`, `incidents.ndjson` and `anomalies.ndjson` into the folder, one document a line. They are written under
 * `NAME.partial-PID` and renamed by `close`, so that a final name never holds half a file; an interrupted run leaves the files of the run before it.
 * A profile or incident that comes again with a higher revision replaces the earlier one. An event that comes again is dropped if it is
 * among the last 250,000, so that a repeated batch changes nothing while memory stays bounded over any number of events.
 *
 * `write` resolves when the system has taken the lines (which is also its back-pressure), `close` when they are on disk under their names. After a
 * failed write nothing is published: `close` removes the partial files and rejects with the same error.
 */
export async function openNdjson(dir: string): Promise<NdjsonOutput> {
  const files = await openFiles(dir);
  const recent = new RecentIds();
  let failure: OutputError | undefined;
  let closing: Promise<void> | undefined;
  let last: Promise<void> = Promise.resolve(); // writes take their turn, even if the caller does not wait

  async function append(batch: OutputBatch, text: TextOf): Promise<void> {
    if (failure) throw failure;
    try {
      const { events, incidents, anomalies, profiles } = files;
      for (const e of batch.events) if (recent.add(e.id)) events.file.append(text(e.document));
      for (const i of batch.incidents) {
        incidents.file.appendRevision(i.imapwhy.incident.id, i.imapwhy.revision, text(i));
      }
      for (const f of batch.findings ?? []) {
        anomalies.file.appendRevision(f.imapwhy.anomaly.id, f.imapwhy.revision, text(f));
      }
      for (const p of batch.profiles) {
        profiles.file.appendRevision(p.imapwhy.session.id, p.imapwhy.revision, text(p));
      }
      for (const name of NAMES) await files[name].file.flush();
    } catch (error) {
      failure = describe(error, dir);
      throw failure;
    }
  }

  async function publish(): Promise<void> {
    await last.catch(() => undefined);
    try {
      if (failure) throw failure;
      for (const name of NAMES) await files[name].file.finish();
      for (const name of NAMES) await rename(files[name].partial, files[name].path);
      await syncFolder(dir);
    } catch (error) {
      await discard(files);
      throw error instanceof OutputError ? error : describe(error, dir);
    }
  }

  return {
    write(batch, text = textOf) {
      const turn = closing
        ? Promise.reject(new OutputError('OUTPUT_FAILED', `${dir}: written to after it was closed`))
        : last.catch(() => undefined).then(() => append(batch, text));
      last = turn;
      return turn;
    },
    close() {
      closing ??= publish();
      return closing;
    },
    async discard() {
      await last.catch(() => undefined);
      if (closing) await closing.catch(() => undefined);
      else {
        closing = Promise.reject(new OutputError('OUTPUT_FAILED', `${dir}: closed after its files were discarded`));
        closing.catch(() => undefined);
        await discard(files);
      }
    },
  };
}

async function openFiles(dir: string): Promise<Record<Name, OpenFile>> {
  const opened: OpenFile[] = [];
  const openOne = async (name: Name): Promise<OpenFile> => {
    const path = join(dir, `${name}.ndjson`);
    const partial = `${path}.partial-${process.pid}`;
    await rm(partial, { force: true });
    const handle = await open(partial, 'wx+'); // exclusive: never follows a link that somebody left there
    const one = { path, partial, file: createDocumentFile(handle, partial) };
    opened.push(one);
    return one;
  };
  try {
    await makeFolder(dir);
    await removeAbandoned(dir);
    return {
      events: await openOne('events'),
      incidents: await openOne('incidents'),
      anomalies: await openOne('anomalies'),
      profiles: await openOne('profiles'),
    };
  } catch (error) {
    for (const one of opened) await one.file.abandon().catch(() => undefined);
    for (const one of opened) await rm(one.partial, { force: true }).catch(() => undefined);
    throw describe(error, dir);
  }
}

/** The last 250,000 to 500,000 ids, in two generations of which the older is dropped as a whole. */
class RecentIds {
  #young = new Set<string>();
  #old = new Set<string>();

  /** False if the id is among the recent ones. */
  add(id: string): boolean {
    if (this.#young.has(id) || this.#old.has(id)) return false;
    this.#young.add(id);
    if (this.#young.size >= RECENT_EVENTS) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    return true;
  }
}

/** Partial files of runs that were killed. Those of a process that still lives are left alone. */
async function removeAbandoned(dir: string): Promise<void> {
  for (const entry of await readdir(dir)) {
    const pid = /^(?:events|incidents|anomalies|profiles)\.ndjson\.partial-(\d{1,10})$/.exec(entry)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(dir, entry), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

async function discard(files: Record<Name, OpenFile>): Promise<void> {
  for (const name of NAMES) {
    await files[name].file.abandon().catch(() => undefined);
    await rm(files[name].partial, { force: true }).catch(() => undefined);
  }
}

/** Makes the renames themselves durable. Not every system can do it on a folder, and the files are whole without it. */
async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function describe(error: unknown, dir: string): OutputError {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const what = code === 'EDQUOT' ? 'the quota is reached' : 'the disk is full';
    return new OutputError(
      'OUTPUT_FULL',
      `${dir}: ${what}. Free some space, or choose another folder with --out.`,
      error,
    );
  }
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    return new OutputError('OUTPUT_FAILED', `${dir} is not a folder. Choose another one with --out.`, error);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const message = `${dir}: no permission to write here. Change its owner or mode, or choose another folder with --out.`;
    return new OutputError('OUTPUT_FAILED', message, error);
  }
  return new OutputError('OUTPUT_FAILED', `${dir}: cannot be written: ${messageOf(error)}`, error);
}
