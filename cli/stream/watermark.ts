import type { Progress } from './messages.ts';

/** A unit that has read everything there is and lies further behind the others than this has a wrong clock, or nothing to say. */
const BEHIND_MS = 600_000;

/**
 * How far event time has come, over all units that are read: as far as the one that is furthest behind. One that is silent, or whose clock is
 * slow, holds up nobody once it has been read to its end; one whose clock is fast pushes nobody ahead.
 */
export class Watermark {
  private readonly units: Map<string, Progress>;

  constructor(state: readonly Progress[] = []) {
    this.units = new Map(state.map((p) => [p.unit, p]));
  }

  toData(): readonly Progress[] {
    return [...this.units.values()];
  }

  note(progress: Progress): void {
    this.units.set(progress.unit, progress);
  }

  /** -Infinity while one of `expected` has not been heard of; Infinity when all have ended. */
  at(expected: Iterable<string>): number {
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    const counted: Progress[] = [];
    for (const unit of expected) if (!this.units.has(unit)) return Number.NEGATIVE_INFINITY;
    for (const p of this.units.values()) {
      if (p.ended) continue;
      counted.push(p);
      if (p.reached !== null && p.reached > last) last = p.reached;
    }
    let isHeld = false;
    for (const p of counted) {
      const isIdle = p.caughtUp && (p.reached === null || p.reached < last - BEHIND_MS);
      if (isIdle) continue;
      isHeld = true;
      first = Math.min(first, p.reached ?? Number.NEGATIVE_INFINITY);
    }
    // Nothing but silence: time stands still, unless everybody has said that this is the end.
    return isHeld || counted.length === 0 ? first : last;
  }
}
