/** From what the user names (files, folders, globs, `-`) to the files to read. What cannot be read is a value; the rest goes on. */
import type { BigIntStats } from 'node:fs';
import { glob, lstat, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { accessProblem, type InputProblem, inputProblem } from './problem.ts';

/** One input, not opened yet. */
export interface InputPath {
  /** 'pipe' is a named pipe or a process substitution: read once, from the beginning to the end, like 'stdin'. */
  readonly kind: 'file' | 'pipe' | 'stdin';
  /** As the user gave it, or as found below a folder that they gave; `-` for stdin. */
  readonly path: string;
  /** Bytes on disk, for progress; undefined when only the end will tell. */
  readonly size: number | undefined;
  /** Whether the user named this file itself, or it was found in a folder or by a pattern. A problem with a named one weighs more. */
  readonly origin: 'named' | 'found';
}

export interface FoundInputs {
  readonly inputs: readonly InputPath[];
  readonly problems: readonly InputProblem[];
}

const depthMax = 16;
const filesMax = 100_000;

/** What `analyze` writes unless told otherwise; see also `isOutputFolder`. */
const outputFolder = 'imapwhy-out';
const outputStore = 'imapwhy.db';
/** Databases (ours and others') and binary files that share folders with logs. */
const neverLogs = /\.(?:db|db-wal|db-shm|db-journal|sqlite3?|journal~?|pcap|pcapng|onnx)$/i;
const loginRecords = new Set(['wtmp', 'btmp', 'utmp', 'lastlog', 'faillog']);

/**
 * In the order of `paths`; below a folder by name. A file that is reached twice (by name, link or pattern) is returned once.
 * Folders: recursive, links are followed but no folder is entered twice; dotfiles, devices, sockets, databases and our own output are left out.
 * Patterns: `*`, `**`, `?`, `[a-z]`, `{a,b}`; a path that exists is never taken as a pattern.
 */
export async function findInputs(paths: readonly string[]): Promise<FoundInputs> {
  const search = new Search();
  for (const path of paths) await search.add(path);
  return search;
}

class Search {
  readonly inputs: InputPath[] = [];
  readonly problems: InputProblem[] = [];
  /** Device and inode of every file and folder met so far: the same one is never read twice, and loops of links end. */
  readonly #seen = new Set<string>();
  /** Files that may be read, repeated ones too. */
  #files = 0;

  async add(path: string): Promise<void> {
    if (path === '-') {
      this.#once('-', { kind: 'stdin', path, size: undefined, origin: 'named' });
      return;
    }
    const entry = await this.#stat(path);
    if (entry instanceof Error) {
      if (isMissing(entry) && /[*?[{]/.test(path)) await this.#addPattern(path);
      else this.problems.push(accessProblem(path, entry));
    } else if (entry.isDirectory()) {
      await this.#addFolder(path, entry);
    } else {
      this.#addEntry(path, entry, 'named');
    }
  }

  async #addPattern(pattern: string): Promise<void> {
    const matches: string[] = [];
    try {
      for await (const match of glob(pattern)) {
        matches.push(match);
        if (matches.length > filesMax) break;
      }
    } catch (error) {
      this.problems.push(accessProblem(pattern, error));
      return;
    }
    // A pattern that asks for hidden names gets them.
    const hidden = /(?:^|[/\\])\./.test(pattern);
    let matched = 0;
    for (const match of matches.sort()) {
      if (!hidden && /(?:^|[/\\])\.[^/\\.]/.test(match)) continue;
      const entry = await this.#stat(match);
      if (entry instanceof Error) {
        this.problems.push(accessProblem(match, entry));
        matched += 1;
      } else if (entry.isFile() && mayBeLog(match)) {
        this.#addEntry(match, entry, 'found');
        matched += 1;
      } else if (entry.isDirectory() && !pattern.includes('**')) {
        await this.#addFolder(match, entry);
        matched += 1;
      }
    }
    if (matched === 0) {
      this.problems.push(
        inputProblem(
          'no_match',
          pattern,
          'matches no file: check the pattern (quoted, so that it reaches us?) and the folder.',
        ),
      );
    }
  }

  async #addFolder(path: string, entry: BigIntStats): Promise<void> {
    if (basename(path) === outputFolder || (await isOutputFolder(path))) {
      this.problems.push(inputProblem('own_output', path, 'holds our own output: name the folder with the logs.'));
      return;
    }
    if (this.#seen.has(identity(entry))) return;
    const filesBefore = this.#files;
    const problemsBefore = this.problems.length;
    await this.#walk(path, entry, 0);
    if (this.#files === filesBefore && this.problems.length === problemsBefore) {
      this.problems.push(
        inputProblem(
          'no_logs',
          path,
          'holds no file that could be a log: name the folder that the logs are written to.',
        ),
      );
    }
  }

  async #walk(path: string, entry: BigIntStats, depth: number): Promise<void> {
    if (this.#seen.has(identity(entry))) return;
    this.#seen.add(identity(entry));
    if (depth > depthMax) {
      this.problems.push(
        inputProblem(
          'too_deep',
          path,
          `lies more than ${depthMax} folders deep: name it by itself if its logs matter.`,
        ),
      );
      return;
    }
    for (const name of await this.#list(path)) {
      if (this.inputs.length >= filesMax) {
        this.problems.push(
          inputProblem(
            'too_many',
            path,
            `has more than ${filesMax} files below it: name the folders that matter one by one.`,
          ),
        );
        return;
      }
      const below = join(path, name);
      const found = await this.#stat(below);
      if (found instanceof Error) {
        this.problems.push(accessProblem(below, found));
      } else if (found.isDirectory()) {
        if (name !== outputFolder && !(await isOutputFolder(below))) await this.#walk(below, found, depth + 1);
      } else if (found.isFile() && mayBeLog(name)) {
        this.#addEntry(below, found, 'found');
      }
    }
  }

  /** Names in a folder, sorted by code unit so that every machine reads in the same order. */
  async #list(path: string): Promise<readonly string[]> {
    try {
      return (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
    } catch (error) {
      this.problems.push(accessProblem(path, error));
      return [];
    }
  }

  #addEntry(path: string, entry: BigIntStats, origin: InputPath['origin']): void {
    if (entry.isFile()) {
      this.#files += 1;
      this.#once(identity(entry), { kind: 'file', path, size: Number(entry.size), origin });
    } else if (entry.isFIFO()) {
      this.#once(identity(entry), { kind: 'pipe', path, size: undefined, origin });
    } else {
      this.problems.push(
        inputProblem('not_a_file', path, 'is a device or socket: name a file, a folder, or `-` for standard input.'),
      );
    }
  }

  #once(key: string, input: InputPath): void {
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.inputs.push(input);
  }

  async #stat(path: string): Promise<BigIntStats | Error> {
    try {
      return await stat(path, { bigint: true });
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

function identity(entry: BigIntStats): string {
  return `${entry.dev}:${entry.ino}`;
}

function isMissing(error: Error): boolean {
  return 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function mayBeLog(path: string): boolean {
  const name = basename(path);
  return !neverLogs.test(name) && !loginRecords.has(name);
}

/** A folder that an earlier run wrote to, whatever its name. */
async function isOutputFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(join(path, outputStore))).isFile();
  } catch {
    return false;
  }
}
