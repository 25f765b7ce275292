export interface BackoffLimits {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait before trying again: full jitter, so that many workers do not come back at the same moment. `attempt`: 0 for the first repetition. `random`: 0
 * to 1. A `Retry-After` of the server is the least, up to the longest wait. Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(attempt: number, random: number, limits: BackoffLimits, retryAfterMs = 0): number {
  const ceiling = Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(attempt, 30));
  return Math.max(Math.min(retryAfterMs, limits.maxMs), Math.round(random * ceiling));
}

/** Milliseconds that a `Retry-After` header asks for: whole seconds or an HTTP date. `nowEpochMs`: the time by the caller's clock. */
export function retryAfterMs(header: string | undefined, nowEpochMs: number): number {
  if (header === undefined) return 0;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - nowEpochMs);
}
