/** How far one source may run ahead of the others, in event time: less than lines may be out of order by (`LATENESS_MS`). */
const AHEAD_MS = 20_000;

/**
 * Lets sources go on side by side in event time: whoever is further ahead than AHEAD_MS waits for the one that is furthest behind. The one that
 * is furthest behind never waits.
 */
export class SideBySide {
  private readonly next = new Map<object, number>();
  private readonly waiting = new Set<() => void>();

  /** The source has something to say, of an unknown time until it says `at`. */
  begin(source: object): void {
    this.next.set(source, Number.NEGATIVE_INFINITY);
  }

  /** Resolves when it is this source's turn to go on with what is of `time`. */
  async at(source: object, time: number): Promise<void> {
    this.move(source, time);
    while (time > this.furthestBehind() + AHEAD_MS) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.waiting.add(resolve);
      await promise;
    }
  }

  done(source: object): void {
    this.next.delete(source);
    this.wake();
  }

  /** How far this source may go before others have moved. */
  horizon(source: object): number {
    let first = Number.POSITIVE_INFINITY;
    for (const [other, time] of this.next) if (other !== source) first = Math.min(first, time);
    return first + AHEAD_MS;
  }

  private move(source: object, time: number): void {
    this.next.set(source, time);
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }

  private furthestBehind(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const time of this.next.values()) first = Math.min(first, time);
    return first;
  }
}
