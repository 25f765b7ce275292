import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import {
  array,
  type InferOutput,
  maxLength,
  minLength,
  object,
  optional,
  picklist,
  pipe,
  regex,
  safeParse,
  string,
} from 'valibot';
import { type Account, ROLES } from '../web/sign-in.ts';
import { UseError } from './use-error.ts';

export const DEFAULT_ACCOUNTS = './imapwhy-accounts.json';

const NAME = pipe(string(), minLength(1), maxLength(200), regex(/^[\p{L}\p{N}._@+-]+$/u));
const FILE = object({
  accounts: array(object({ name: NAME, role: picklist(ROLES), password: optional(string()) })),
});

/** The accounts of a file; none if there is no such file. Throws UseError for a file that is something else. */
export async function readAccounts(file: string): Promise<readonly Account[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new UseError(`${file}: cannot be read (${error instanceof Error ? error.message : String(error)}).`);
  }
  return parse(text, file).accounts;
}

/** Replaces the file as a whole; only its owner may read it. */
export async function writeAccounts(file: string, accounts: readonly Account[]): Promise<void> {
  const made = `${file}.${process.pid}-${randomBytes(6).toString('hex')}`;
  await writeFile(made, `${JSON.stringify({ accounts }, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  await rename(made, file);
}

export function isAccountName(name: string): boolean {
  return safeParse(NAME, name).success;
}

function parse(text: string, file: string): InferOutput<typeof FILE> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UseError(`${file} is not JSON. Move it away and make accounts with: imapwhy user add NAME`);
  }
  const result = safeParse(FILE, value);
  if (!result.success) throw new UseError(`${file} is no file of accounts: ${result.issues[0].message}.`);
  return result.output;
}
