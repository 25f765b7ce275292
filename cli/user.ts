import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { terminalText } from '../reports/clean-text.ts';
import { hashPassword } from '../web/password.ts';
import { ROLES, type Role } from '../web/sign-in.ts';
import { DEFAULT_ACCOUNTS, isAccountName, readAccounts, writeAccounts } from './accounts.ts';
import { UseError } from './use-error.ts';

const PASSWORD_MIN = 12;
const PASSWORD_MAX = 1000;

interface UserOptions {
  readonly role?: string;
  readonly accounts: string;
  /** The account has no password: another server says who it is (serve --oidc-issuer). */
  readonly oidc?: boolean;
}

/** Adds `user add|remove|list` to the program. */
export function registerUser(program: Command): void {
  const user = program.command('user').description('who may sign in to the web page (imapwhy serve)');
  const withFile = (command: Command): Command =>
    command.option('--accounts <file>', 'the file of accounts', DEFAULT_ACCOUNTS);
  withFile(user.command('add'))
    .description(
      'make an account, or give one a new password or role; asks for the password, or takes it from standard input',
    )
    .argument('<name>', 'letters, digits and . _ @ + -')
    .option('--role <role>', ROLES.join(', '), 'viewer')
    .option('--oidc', 'no password: who it is says the server of serve --oidc-issuer')
    .action(async (name: string, options: UserOptions) =>
      say(await addUser(name, options, options.oidc ? undefined : await askPassword(name))),
    );
  withFile(user.command('remove'))
    .description('take an account away; who is signed in with it is so no longer')
    .argument('<name>')
    .action(async (name: string, options: UserOptions) => say(await removeUser(name, options)));
  withFile(user.command('list'))
    .description('names and roles')
    .action(async (options: UserOptions) => say(await listUsers(options)));
}

const say = (text: string): void => {
  process.stdout.write(`${terminalText(text)}\n`);
};

export async function addUser(name: string, options: UserOptions, password: string | undefined): Promise<string> {
  if (!isAccountName(name))
    throw new UseError(`${name}: no name for an account. Use letters, digits and . _ @ + - (at most 200).`);
  const role = ROLES.find((r) => r === options.role);
  if (role === undefined) throw new UseError(`--role ${options.role}: one of ${ROLES.join(', ')}.`);
  if (password !== undefined && (password.length < PASSWORD_MIN || password.length > PASSWORD_MAX))
    throw new UseError(
      `the password has ${password.length} characters; ${PASSWORD_MIN} to ${PASSWORD_MAX} are needed.`,
    );
  const accounts = await readAccounts(options.accounts);
  const known = accounts.some((a) => a.name === name);
  const others = accounts.filter((a) => a.name !== name);
  await writeAccounts(options.accounts, [
    ...others,
    { name, role, ...(password !== undefined && { password: await hashPassword(password) }) },
  ]);
  return `${name} (${role}) ${known ? 'has a new password and role' : 'may sign in'}: ${options.accounts}`;
}

async function removeUser(name: string, options: UserOptions): Promise<string> {
  const accounts = await readAccounts(options.accounts);
  if (!accounts.some((a) => a.name === name)) throw new UseError(`${name}: no such account in ${options.accounts}.`);
  await writeAccounts(
    options.accounts,
    accounts.filter((a) => a.name !== name),
  );
  return `${name} may no longer sign in.`;
}

async function listUsers(options: UserOptions): Promise<string> {
  const accounts = await readAccounts(options.accounts);
  if (accounts.length === 0) return `no accounts in ${options.accounts}`;
  const row = ({ name, role }: { readonly name: string; readonly role: Role }): string => `${role.padEnd(9)} ${name}`;
  return accounts.map(row).join('\n');
}

/** From a terminal without showing it; else the first line of standard input. */
async function askPassword(name: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const isTerminal = process.stdin.isTTY === true;
  const lines = createInterface({
    input: process.stdin,
    output: isTerminal ? silent : undefined,
    terminal: isTerminal,
  });
  try {
    if (isTerminal) process.stderr.write(`Password for ${terminalText(name)}: `);
    const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?];
    if (isTerminal) process.stderr.write('\n');
    return line ?? '';
  } finally {
    lines.close();
  }
}
