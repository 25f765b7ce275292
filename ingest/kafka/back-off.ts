import { setTimeout as sleep } from 'node:timers/promises';

/** Grows from 0.1 s to 30 s with the number of failures, half of it at random, so that many processes do not come back together. */
export function backOffMs(failures: number, random: () => number = Math.random): number {
  const full = Math.min(30_000, 100 * 2 ** Math.min(failures, 12));
  return full / 2 + (full / 2) * random();
}

/** Resolves early, and quietly, when the signal fires. */
export async function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  const woken = Promise.withResolvers<void>();
  const wake = (): void => woken.resolve();
  signal?.addEventListener('abort', wake, { once: true });
  const timer = new AbortController();
  try {
    await Promise.race([sleep(ms, undefined, { signal: timer.signal }), woken.promise]);
  } finally {
    timer.abort();
    signal?.removeEventListener('abort', wake);
  }
}
