import { spawn } from 'node:child_process';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, as a person's shell would: without what `npm run` adds to the environment. */
export function command(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...shellEnvironment(), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** Like `command`; a failure is an error that shows what the command said. */
export async function succeed(...call: Parameters<typeof command>): Promise<Finished> {
  const finished = await command(...call);
  if (finished.code === 0) return finished;
  const said = `${finished.stdout}\n${finished.stderr}`.trim().slice(-4000);
  throw new Error(`${call[0]} ${call[1].join(' ')} ended with ${finished.code}:\n${said}`);
}

/** Whether the shell would find it. */
export async function exists(program: string): Promise<boolean> {
  return (await command('sh', ['-c', `command -v ${program}`], { cwd: '/' })).code === 0;
}

function shellEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (
      value === undefined ||
      /^(npm_(lifecycle|package|command|execpath|node_execpath|config_local_prefix|config_prefix)|INIT_CWD|NODE_TEST_CONTEXT)/.test(
        name,
      )
    )
      continue;
    environment[name] = value;
  }
  const path = (process.env.PATH ?? '').split(':').filter((folder) => !folder.includes('node_modules'));
  return { ...environment, PATH: path.join(':') };
}
