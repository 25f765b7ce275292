/** What SQLite says, as errors that say what to do. */
import { messageOf, OutputError } from './output-error.ts';

export const SQLITE_CONSTRAINT = 19;
export const SQLITE_READONLY = 8;
export const SQLITE_CANTOPEN = 14;
const SQLITE_IOERR_SHMSIZE = 4874; // no space for the WAL's index

/** The primary result code of SQLite, or -1 for an error that is not SQLite's. Source: https://sqlite.org/rescode.html */
export function primaryCode(error: unknown): number {
  const code = resultCode(error);
  return code < 0 ? -1 : code & 0xff;
}

function resultCode(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return -1;
  return typeof error.errcode === 'number' ? error.errcode : -1;
}

/** Runs the work; an error of SQLite becomes an OutputError that says what to do. */
export function guard<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof OutputError) throw error;
    throw describe(error, file);
  }
}

/** The same for rows that are read one after the other: a damaged page shows itself only when it is reached. */
export function* guardedRows<T>(file: string, open: () => Iterator<T>): Generator<T> {
  const rows = guard(file, open);
  try {
    for (let next = guard(file, () => rows.next()); !next.done; next = guard(file, () => rows.next())) yield next.value;
  } finally {
    rows.return?.();
  }
}

function describe(error: unknown, file: string): OutputError {
  if (resultCode(error) === SQLITE_IOERR_SHMSIZE) return describeFull(error, file);
  switch (primaryCode(error)) {
    case 13:
      return describeFull(error, file);
    case 5:
    case 6:
      return new OutputError(
        'STORE_BUSY',
        `${file}: another process is writing to it. Wait until it has ended.`,
        error,
      );
    case SQLITE_READONLY:
      return new OutputError(
        'STORE_READ_ONLY',
        `${file}: no permission to write to it. Change its owner or mode, or choose another file with --store.`,
        error,
      );
    case 11:
      return new OutputError(
        'STORE_CORRUPT',
        `${file} is damaged. Move it away and run \`imapwhy analyze\` on the logs again.`,
        error,
      );
    case 26:
      return new OutputError(
        'STORE_FOREIGN',
        `${file} is not a store of imapwhy. Choose another file with --store.`,
        error,
      );
    case SQLITE_CANTOPEN:
      return new OutputError(
        'STORE_FAILED',
        `${file}: cannot be opened. Check that its folder exists and that you may use it.`,
        error,
      );
    default:
      return new OutputError('STORE_FAILED', `${file}: ${messageOf(error)}`, error);
  }
}

function describeFull(error: unknown, file: string): OutputError {
  const message = `${file}: the disk is full. What was written before is kept; free some space and run it again, or choose another file with --store.`;
  return new OutputError('STORE_FULL', message, error);
}

/** The same functions, each of which tells what SQLite says as an OutputError. */
export function guarded<T extends object>(file: string, functions: T): T {
  return new Proxy(functions, {
    get(target, name) {
      const one: unknown = Reflect.get(target, name);
      return typeof one === 'function' ? (...given: readonly unknown[]) => guard(file, () => one(...given)) : one;
    },
  });
}
