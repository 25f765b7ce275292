import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './output-error.ts';

/**
 * Makes a folder and those above it that are missing. Throws the error of the system.
 * Not `mkdir` with `recursive`: that one never returns where the system says that a parent which exists is missing (/proc, some network disks).
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && (await isFolder(path))) return;
    const parent = dirname(path);
    if (systemCode(error) !== 'ENOENT' || parent === path || (await isFolder(parent))) throw error;
    await makeFolder(parent);
    await makeFolder(path);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
}
