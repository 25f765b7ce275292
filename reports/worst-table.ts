import { clipKey, ownText } from './counting/own-text.ts';
import { compareText } from './counting/top-counter.ts';
import type { WorstRow } from './summary-document.ts';

interface Tally {
  attempts: number;
  failed: number;
  lastFailureMs: number;
  readonly causes: Map<string, number>;
}

/**
 * Attempts and failures by user, network or server. Up to twice `capacity` names are held, then the half with the fewest failures is
 * forgotten: from then on counts are lower bounds and `exact` is false.
 */
export class WorstTable {
  readonly #capacity: number;
  #tallies = new Map<string, Tally>();
  #exact = true;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get exact(): boolean {
    return this.#exact;
  }

  /** `cause`: what it failed from, undefined for a success. */
  add(name: string, cause: string | undefined, atMs: number): void {
    let tally = this.#tallies.get(clipKey(name));
    if (!tally) {
      if (this.#tallies.size >= 2 * this.#capacity) this.#forget();
      tally = { attempts: 0, failed: 0, lastFailureMs: Number.NEGATIVE_INFINITY, causes: new Map() };
      this.#tallies.set(ownText(name), tally);
    }
    tally.attempts++;
    if (cause === undefined) return;
    tally.failed++;
    tally.causes.set(cause, (tally.causes.get(cause) ?? 0) + 1);
    if (atMs > tally.lastFailureMs) tally.lastFailureMs = atMs;
  }

  /** Those with failures, the most first. */
  top(limit: number): readonly WorstRow[] {
    return this.#sorted()
      .filter(([, tally]) => tally.failed > 0)
      .slice(0, limit)
      .map(([name, tally]) => worstRow(name, tally));
  }

  #sorted(): [string, Tally][] {
    return [...this.#tallies].sort(
      ([a, x], [b, y]) => y.failed - x.failed || x.attempts - y.attempts || compareText(a, b),
    );
  }

  #forget(): void {
    this.#exact = false;
    this.#tallies = new Map(this.#sorted().slice(0, this.#capacity));
  }
}

function worstRow(name: string, tally: Tally): WorstRow {
  let cause = 'unexplained';
  let most = 0;
  for (const [label, count] of tally.causes) {
    if (count > most || (count === most && label < cause)) {
      cause = label;
      most = count;
    }
  }
  return {
    name,
    attempts: tally.attempts,
    failed: tally.failed,
    main_cause: cause,
    main_cause_sessions: most,
    last_failure: Number.isFinite(tally.lastFailureMs) ? new Date(tally.lastFailureMs).toISOString() : null,
  };
}
