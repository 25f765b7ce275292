import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const KEY_BYTES = 32;

/**
 * The key of this site, by which secrets become fingerprints: `IMAPWHY_KEY`, else the file `IMAPWHY_KEY_FILE`, else
 * `~/.config/imapwhy/key`, which is made once with mode 0600. Throws an Error that says what to do when it cannot be had.
 */
export async function siteKey(environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  if (environment.IMAPWHY_KEY) return environment.IMAPWHY_KEY;
  const file =
    environment.IMAPWHY_KEY_FILE || join(environment.XDG_CONFIG_HOME || join(homedir(), '.config'), 'imapwhy', 'key');
  try {
    return await existingKey(file);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw unusable(file, error);
  }
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const key = randomBytes(KEY_BYTES).toString('base64url');
    // Written under another name first: whoever sees the file sees the whole key.
    const made = `${file}.${process.pid}-${randomBytes(6).toString('hex')}`;
    await writeFile(made, `${key}\n`, { mode: 0o600, flag: 'wx' });
    try {
      await link(made, file);
    } finally {
      await rm(made);
    }
    return key;
  } catch (error) {
    // Somebody else made it in the same moment: theirs is the site's.
    if (codeOf(error) === 'EEXIST') return existingKey(file);
    throw unusable(file, error);
  }
}

async function existingKey(file: string): Promise<string> {
  const key = (await readFile(file, 'utf8')).trim();
  if (key.length < 16) throw new Error('it holds fewer than 16 characters');
  return key;
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

function unusable(file: string, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Error(
    `the site's key cannot be read from or written to ${file} (${why}). Set IMAPWHY_KEY to a secret text of your own, or IMAPWHY_KEY_FILE to a file that can be written.`,
    { cause },
  );
}
