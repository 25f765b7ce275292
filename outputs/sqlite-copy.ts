/** The store as it was, beside the one that is brought up to a newer version: whoever goes back to an older imapwhy has it. */
import { renameSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';

/**
 * Writes `FILE.vN`; an older copy of that name is replaced. SQLite makes it (VACUUM INTO), so that it is whole even while others write, with what
 * still stands in the WAL. Outside transactions only. Throws what SQLite or the file system throws; then nothing is left of it.
 */
export function keepCopy(db: DatabaseSync, file: string, version: number): void {
  const partial = `${file}.v${version}.partial-${process.pid}`;
  rmSync(partial, { force: true });
  try {
    db.prepare('VACUUM INTO ?').run(partial);
    renameSync(partial, `${file}.v${version}`);
  } finally {
    rmSync(partial, { force: true });
  }
}
