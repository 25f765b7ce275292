/** Mends three methods of kafkajs 2.2.4, whose corrections will never be released. Another version is refused: what is mended may look different there. */
import { createRequire } from 'node:module';
import { type AbortedTransaction, type FetchedRecord, hideAborted } from './aborted.ts';

const require = createRequire(import.meta.url);

export function mendKafkajs(): void {
  mendMethod(
    'kafkajs/src/network/requestQueue/index.js',
    'scheduleCheckPendingRequests',
    () => scheduleCheckPendingRequests,
  );
  mendMethod('kafkajs/src/broker/index.js', 'fetch', withoutAborted);
  mendMethod('kafkajs/src/cluster/index.js', 'findGroupCoordinatorMetadata', withReason);
}

function mendMethod(file: string, name: string, mend: (original: unknown) => unknown): void {
  const loaded: unknown = require(file);
  const original: unknown =
    typeof loaded === 'function' ? Object.getOwnPropertyDescriptor(loaded.prototype, name)?.value : undefined;
  if (typeof loaded !== 'function' || typeof original !== 'function')
    throw new Error(`kafkajs is not the version that this was written for (2.2.4): ${file} has no ${name}`);
  Object.defineProperty(loaded.prototype, name, { value: mend(original) });
}

interface RequestQueue {
  pending: { length: number };
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

const pollMs = 10;

/**
 * The original sets a timer in the past after each answer, which Node 24 and later answers with a TimeoutNegativeWarning on the user's screen, and
 * which wakes the process for nothing (its pull request 1755). A timer is needed only while something waits.
 */
function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
  const throttledMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttledMs > 0 ? throttledMs : pollMs,
  );
}

interface CoordinatorSeeker {
  findControllerBroker(): Promise<{ findGroupCoordinator(options: unknown): Promise<unknown> }>;
}

/** The original keeps to itself why no broker names a coordinator, so that a missing right looks like a broker that is down: one is asked again. */
function withReason(original: unknown): unknown {
  return async function findGroupCoordinatorMetadata(this: CoordinatorSeeker, options: unknown): Promise<unknown> {
    try {
      return typeof original === 'function' ? await Reflect.apply(original, this, [options]) : undefined;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'KafkaJSGroupCoordinatorNotFound') throw error;
      await (await this.findControllerBroker()).findGroupCoordinator(options);
      throw error;
    }
  };
}

interface FetchAnswer {
  readonly responses: readonly {
    readonly partitions: readonly {
      abortedTransactions?: readonly AbortedTransaction[] | null;
      readonly messages: readonly FetchedRecord[];
    }[];
  }[];
}

/** The original lets records of aborted transactions through (`aborted.ts`). It finds them hidden already, and nothing to do. */
function withoutAborted(original: unknown): unknown {
  return async function fetch(this: unknown, options: unknown): Promise<unknown> {
    const answer: FetchAnswer | undefined =
      typeof original === 'function' ? await Reflect.apply(original, this, [options]) : undefined;
    for (const { partitions } of answer?.responses ?? [])
      for (const partition of partitions) {
        hideAborted(partition.messages, partition.abortedTransactions ?? []);
        partition.abortedTransactions = [];
      }
    return answer;
  };
}
