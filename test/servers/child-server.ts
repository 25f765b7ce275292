/** A server as a child of the test process: it ends with it, and may be killed and started again on the same folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';

export interface ChildServer {
  readonly pid: number;
  /** Its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Sends the signal and waits for the end. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Sends a signal that does not end it (SIGSTOP, SIGCONT). */
  signal(signal: NodeJS.Signals): void;
}

interface ChildOptions {
  readonly cwd: string;
  readonly log: string;
  /** What it prints when it is ready. */
  readonly ready: string;
  readonly timeoutMs: number;
  readonly env?: NodeJS.ProcessEnv;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Resolves when the server has said that it is ready; rejects with the end of what it said when it ends before, or says nothing in time. */
export async function startChild(
  program: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<ChildServer> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const ended = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  const log = createWriteStream(options.log, { flags: 'a' });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${program} ${why}:\n${said.slice(-4000)}`));
    const timer = setTimeout(
      () => fail(`said nothing of "${options.ready}" for ${options.timeoutMs} ms`),
      options.timeoutMs,
    );
    const listen = (text: string): void => {
      log.write(text);
      said = (said + text).slice(-20_000);
      if (!said.includes(options.ready)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.setEncoding('utf8').on('data', listen);
    child.stderr?.setEncoding('utf8').on('data', listen);
    child.once('error', reject);
    void ended.then(() => {
      clearTimeout(timer);
      fail('ended');
    });
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    pid: child.pid ?? -1,
    ended,
    signal: (signal) => void child.kill(signal),
    stop: async (signal) => {
      child.kill(signal);
      await ended;
    },
  };
}

/** User and system time of /proc/PID/stat, in its unit of 10 ms; undefined where there is no such process, or no such file system. */
export async function cpuSeconds(pid: number | undefined): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
