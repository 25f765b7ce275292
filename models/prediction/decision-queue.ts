import { Heap } from '../math/heap.ts';
import { type Attempt, byStart, type Decision } from './attempt.ts';

/** An outcome that waits for the moment at which it becomes known. */
export interface Waiting {
  readonly attempt: Attempt;
  readonly decision: Decision;
  /** The attempt is not among those under way: its outcome was known before, or it began unseen. */
  readonly isAfterthought: boolean;
  /** Of two alike that become known at the same moment, the one that was added first comes first. */
  readonly order: number;
}

/** What survives JSON. */
export interface DecisionQueueData {
  readonly order: number;
  readonly waiting: readonly Waiting[];
}

/** Outcomes that wait for the moment at which they become known, in the order of that moment, then of their attempts. */
export class DecisionQueue {
  readonly #heap = new Heap<Waiting>(isBefore);
  #order: number;

  constructor(data: DecisionQueueData = { order: 0, waiting: [] }) {
    this.#order = data.order;
    for (const w of data.waiting) this.#heap.add(w);
  }

  toData(): DecisionQueueData {
    return { order: this.#order, waiting: this.#heap.values() };
  }

  get size(): number {
    return this.#heap.size;
  }

  add(attempt: Attempt, decision: Decision, isAfterthought: boolean): void {
    this.#heap.add({ attempt, decision, isAfterthought, order: this.#order++ });
  }

  /** The next one known by `to`, or undefined. */
  take(to: number): Waiting | undefined {
    const { first } = this.#heap;
    return first === undefined || first.decision.at > to ? undefined : this.#heap.take();
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  const earlier = a.decision.at - b.decision.at || byStart(a.attempt, b.attempt) || a.order - b.order;
  return earlier < 0;
}
