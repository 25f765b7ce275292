/** Runs the real command in a process of its own, as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');
const MAIN = join(ROOT, 'cli', 'main.ts');
const TIME_MAX_MS = 50_000;

export interface Finished {
  /** Null when a signal ended it; a test that waits too long ends it so. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  /** Whoever gets `onStart` writes to it and ends it. */
  readonly stdinStaysOpen?: boolean;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** User to run as; only root can choose. */
  readonly uid?: number;
  /** A file that gets standard output instead of the test, such as /dev/full. */
  readonly stdoutTo?: string;
  /** Called with the running process, to signal it or to close its pipes. */
  readonly onStart?: (child: ChildProcess) => void;
}

export function imapwhy(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { promise, resolve, reject } = Promise.withResolvers<Finished>();
  const stdout = options.stdoutTo === undefined ? undefined : openSync(options.stdoutTo, 'w');
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd,
    env: {
      ...process.env,
      IMAPWHY_KEY: 'a key for tests only',
      NO_COLOR: '1',
      NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'imapwhy-tests'), // halves the start of each process
      ...options.env,
    },
    stdio: ['pipe', stdout ?? 'pipe', 'pipe'],
    timeout: TIME_MAX_MS,
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  if (stdout !== undefined) closeSync(stdout);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  child.on('error', reject);
  child.on('close', (code) => resolve({ code, stdout: textOf(out), stderr: textOf(err) }));
  child.stdin?.on('error', () => {}); // it may end before it has read all
  if (options.stdinStaysOpen !== true) child.stdin?.end(options.stdin ?? '');
  options.onStart?.(child);
  return promise;
}

const textOf = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');

/** A folder of one test, removed when the test ends, with what one analysis wrote. */
export interface Workplace {
  readonly path: string;
  readonly out: string;
  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string;
  /** `analyze` into `out`. */
  analyze(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** Documents of a file in `out`. */
  documents(name: 'profiles' | 'events' | 'incidents'): readonly unknown[];
  report(): string;
}

export function workplace(t: TestContext): Workplace {
  const path = mkdtempSync(join(tmpdir(), 'imapwhy-cli-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  const out = join(path, 'out');
  return {
    path,
    out,
    write(name, content) {
      const file = join(path, name);
      writeFileSync(file, content);
      return file;
    },
    analyze: (args, options) => imapwhy(['analyze', ...args, '--out', out], options),
    documents: (name) => ndjson(readFileSync(join(out, `${name}.ndjson`), 'utf8')),
    report: () => readFileSync(join(out, 'report.html'), 'utf8'),
  };
}

export function ndjson(text: string): readonly unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

/** The value at a dotted path of a document; undefined if there is none. Only own keys count. */
export function at(document: unknown, path: string): unknown {
  let value = document;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/** Every sentence on standard error is one line that says whose it is. */
export function sentences(finished: Finished): readonly string[] {
  return finished.stderr.split('\n').filter((line) => line !== '');
}
