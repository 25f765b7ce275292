/** Runs a program to its end and tells what it cost. Its output is thrown away. */
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Cost {
  /** User and system time of all its threads, start and garbage collection included. */
  readonly cpuSeconds: number;
  /** 0 for programs that are not Node. */
  readonly peakRssBytes: number;
}

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const PEAK_HOOK = new URL('./peak-rss.ts', import.meta.url).href;

/** `imapwhy ARGS`. */
export async function measureImapwhy(args: readonly string[]): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'imapwhy-peak-'));
  const file = join(folder, 'peak');
  try {
    const cost = await measure(process.execPath, ['--import', PEAK_HOOK, MAIN, ...args], { IMAPWHY_BENCH_PEAK: file });
    return { ...cost, peakRssBytes: Number(readFileSync(file, 'utf8')) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Any program; `input`: the file on its standard input. */
export async function measure(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<Cost> {
  const stdin = openSync(input ?? '/dev/null', 'r');
  try {
    // `times` of the shell counts its children the same way for every program.
    const child = spawn('sh', ['-c', '"$@" > /dev/null || exit 1; times', 'sh', program, ...args], {
      stdio: [stdin, 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let times = '';
    let errors = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      times += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (errors.length < 2000) errors += text;
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${errors}`);
    return { cpuSeconds: childSeconds(times), peakRssBytes: 0 };
  } finally {
    closeSync(stdin);
  }
}

/** The second line of `times`: user and system time of the children, like `0m1.230s 0m0.040s`. */
function childSeconds(times: string): number {
  const line = times.trim().split('\n')[1] ?? '';
  let seconds = 0;
  for (const part of line.split(' ')) {
    const [minutes = '', rest = ''] = part.split('m');
    seconds += Number(minutes) * 60 + Number(rest.replace(',', '.').replace('s', ''));
  }
  if (!Number.isFinite(seconds)) throw new Error(`what the shell says of its children is not understood: ${times}`);
  return seconds;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
