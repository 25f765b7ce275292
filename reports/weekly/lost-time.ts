import type { Profile } from '../../processors/profile/profile.ts';
import { isFailed, isLegitimate, standingOf } from '../../processors/profile/standing.ts';
import { ownText } from '../counting/own-text.ts';
import { causeKey } from './cause-key.ts';

/** Whoever does not come back within this time has stopped waiting for mail: more is not counted as lost. */
export const LOST_MAX_MS = 30 * 60_000;
const SWEEP_EVERY = 10_000;
const UNEXPLAINED = 'unexplained';

interface Waiting {
  readonly key: string;
  readonly fromMs: number;
}

/**
 * How long people were without mail: from the moment at which an attempt stalled until the same user (the same address where no user is known)
 * tried again, at most 30 minutes. The next attempt takes over, whether it succeeds or fails, so that no minute is counted twice. Profiles
 * must come by start. Memory: one entry for each who is waiting.
 */
export class LostTime {
  readonly #lostMs = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting[]>();
  #nowMs = Number.NEGATIVE_INFINITY;
  #added = 0;

  add(profile: Profile): void {
    const standing = standingOf(profile);
    const startMs = Date.parse(profile.event.start);
    if (!isLegitimate(standing) && standing !== 'undetermined') return;
    this.#nowMs = Math.max(this.#nowMs, startMs);
    const names = namesOf(profile);
    for (const name of names) this.#settle(name, (w) => w.fromMs <= startMs);
    if (isFailed(standing)) {
      const waiting = { key: causeKey(profile) ?? UNEXPLAINED, fromMs: stalledAt(profile) };
      const [who] = names;
      if (who === undefined) this.#count(waiting, LOST_MAX_MS);
      else this.#waiting.set(who, [...(this.#waiting.get(who) ?? []), waiting]);
    }
    if (++this.#added % SWEEP_EVERY !== 0) return;
    for (const name of [...this.#waiting.keys()]) this.#settle(name, (w) => w.fromMs + LOST_MAX_MS <= startMs);
  }

  /** Lost milliseconds by `causeKey`, or `unexplained`. `endMs`: nothing is known after it. */
  finish(endMs: number): ReadonlyMap<string, number> {
    for (const waiting of this.#waiting.values()) for (const w of waiting) this.#count(w, endMs - w.fromMs);
    this.#waiting.clear();
    return this.#lostMs;
  }

  #settle(name: string, isOver: (waiting: Waiting) => boolean): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    const still = waiting.filter((w) => !isOver(w));
    for (const w of waiting) if (isOver(w)) this.#count(w, this.#nowMs - w.fromMs);
    if (still.length > 0) this.#waiting.set(name, still);
    else this.#waiting.delete(name);
  }

  #count(waiting: Waiting, ms: number): void {
    const lost = Math.min(LOST_MAX_MS, Math.max(0, ms));
    this.#lostMs.set(waiting.key, (this.#lostMs.get(waiting.key) ?? 0) + lost);
  }
}

/** Whom an attempt is by: the user first, where one is known, and the address. */
function namesOf(profile: Profile): readonly string[] {
  const user = profile.user.name;
  const address = profile.client.ip ?? profile.source.ip;
  return [
    ...(user === null || user === '' ? [] : [ownText(`user ${user.toLowerCase()}`)]),
    ...(address === null ? [] : [ownText(`address ${address}`)]),
  ];
}

/** A session that idled lost nothing until it was cut; one that stalled in a phase was of no use from then on. */
function stalledAt(profile: Profile): number {
  const { stalled_in, phases } = profile.imapwhy;
  const startMs = Date.parse(profile.event.start);
  if (stalled_in === 'idle') return Date.parse(profile.event.end);
  const stalled = stalled_in === null ? undefined : phases.findLast((p) => p.name === stalled_in);
  const at = stalled === undefined ? Number.NaN : Date.parse(stalled.start);
  return Number.isNaN(at) ? startMs : Math.max(startMs, at);
}
