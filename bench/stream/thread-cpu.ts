/** CPU of a Node process by what its threads do: our code runs on one of them, and what V8 and libuv do beside it may be as much again. */
import { readdir, readFile } from 'node:fs/promises';

/** Seconds of CPU. */
export interface ThreadCpu {
  /** Our code, and the garbage collector where that waits for it. */
  readonly main: number;
  /** Garbage and compiling. */
  readonly v8: number;
  /** libuv's pool: packing, unpacking, files. */
  readonly pool: number;
}

/** As Linux names the threads of Node 24 and later. */
const KINDS: readonly (readonly [kind: keyof ThreadCpu, name: RegExp])[] = [
  ['v8', /V8Worker/],
  ['pool', /libuv/],
];

export async function threadCpu(pid: number): Promise<ThreadCpu> {
  const sum = { main: 0, v8: 0, pool: 0 };
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    // A thread may end between the two.
    const stat = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => undefined);
    if (stat === undefined) continue;
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const kind = KINDS.find(([, pattern]) => pattern.test(name))?.[0] ?? 'main';
    sum[kind] += (Number(fields[11]) + Number(fields[12])) / 100;
  }
  return sum;
}

export function lessThreads(after: ThreadCpu, before: ThreadCpu): ThreadCpu {
  return {
    main: after.main - before.main,
    v8: after.v8 - before.v8,
    pool: after.pool - before.pool,
  };
}
