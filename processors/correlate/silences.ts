import type { Session } from './session.ts';
import { isIdle } from './trouble.ts';

/** Clients give up waiting for an answer after at most about this long; a longer silence was nobody's waiting. */
const SHORTEST_MS = 45_000;
const BIN_MS = 500;
const BINS_MAX = 20_000;

/**
 * How long sessions had been silent when somebody else ended them, counted by length. Silences that chance ends have all lengths; many of
 * the same length, to half a second, are the work of a timer, whoever runs it.
 */
export class Silences {
  private readonly counts = new Map<number, number>();

  add(ms: number): void {
    if (ms < SHORTEST_MS) return;
    const bin = Math.round(ms / BIN_MS);
    if (this.counts.size >= BINS_MAX && !this.counts.has(bin)) return;
    this.counts.set(bin, (this.counts.get(bin) ?? 0) + 1);
  }

  /** How many silences had this length, give or take half a second; and how many lay beside it, within a tenth of the length. */
  like(ms: number): { readonly same: number; readonly beside: number } {
    const bin = Math.round(ms / BIN_MS);
    const reach = Math.max(4, Math.round(bin * 0.1));
    let same = 0;
    let beside = 0;
    for (let b = bin - reach; b <= bin + reach; b++) {
      const n = this.counts.get(b) ?? 0;
      if (Math.abs(b - bin) <= 1) same += n;
      else beside += n;
    }
    return { same, beside };
  }

  toData(): readonly (readonly [number, number])[] {
    return [...this.counts];
  }

  static fromData(data: readonly (readonly [number, number])[]): Silences {
    const silences = new Silences();
    for (const [bin, n] of data) silences.counts.set(bin, n);
    return silences;
  }
}

/** The client's silence before its connection was closed without LOGOUT, in ms, from the mail process' own words; else undefined. */
export function silentMs(s: Session): number | undefined {
  const post = s.postLogin;
  if (post?.end !== 'connection-closed') return undefined;
  if (post.commandState === 'running' && isIdle(post.command))
    return (post.waitingSeconds ?? post.commandSeconds ?? 0) * 1000;
  return post.commandState === 'finished' ? (post.commandSeconds ?? 0) * 1000 : undefined;
}
