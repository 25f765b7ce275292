/** `imapwhy run` as users start it: a process of its own, with a configuration file. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { TEST_KEY } from '../cli/stream/in-memory.ts';
import { type ChildServer, startChild } from './child-server.ts';

const program = join(import.meta.dirname, '..', '..', 'bin', 'imapwhy.mjs');

export interface ImapwhyOptions {
  /** Where its configuration and its log go, under `name`. */
  readonly folder: string;
  readonly name: string;
  readonly nodeArguments?: readonly string[];
}

/** Resolves when it runs. */
export async function startImapwhy(
  config: object,
  { folder, name, nodeArguments = [] }: ImapwhyOptions,
): Promise<ChildServer> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, stringify(config));
  return startChild(process.execPath, [...nodeArguments, program, 'run', '--config', file], {
    cwd: folder,
    log: logOf(folder, name),
    ready: ' running: ',
    timeoutMs: 120_000,
    env: { ...process.env, IMAPWHY_KEY: TEST_KEY },
  });
}

export const logOf = (folder: string, name: string): string => join(folder, `${name}.log`);
