import type { Progress } from './messages.ts';

/** A unit that has read everything there is and lies further behind the others than this has a wrong clock, or nothing to say. */
const BEHIND_MS = 600_000;

/**
 * How far event time has come, over all units that are read: as far as the one that is furthest behind. One that is silent, or whose clock is
 * slow, holds up nobody once it has been read to its end. (A fast clock is cut back where it is read: see `ParsePartition.push`.)
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

  of(unit: string): Progress | undefined {
    return this.units.get(unit);
  }

  /** -Infinity while one of `expected` has not been heard of; Infinity when all that ever said something have ended. */
  at(expected: Iterable<string>): number {
    for (const unit of expected) if (!this.units.has(unit)) return Number.NEGATIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    let hasEnded = false;
    const going: Progress[] = [];
    for (const p of this.units.values()) {
      if (p.ended) hasEnded = true;
      else if (p.reached !== null || !p.caughtUp) going.push(p);
      if (!p.ended && p.reached !== null && p.reached > last) last = p.reached;
    }
    if (going.length === 0) return hasEnded ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    let first = Number.POSITIVE_INFINITY;
    for (const { reached, caughtUp } of going) {
      const at = reached ?? Number.NEGATIVE_INFINITY;
      if (!caughtUp || at >= last - BEHIND_MS) first = Math.min(first, at);
    }
    return first;
  }
}

/** `TOPIC/PARTITION` */
export const topicOf = (unit: string): string => unit.slice(0, unit.lastIndexOf('/'));
