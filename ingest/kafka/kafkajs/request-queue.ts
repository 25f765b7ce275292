/**
 * Mends one method of kafkajs 2.2.4 (its pull request 1755 was never merged): after each answer it sets a timer in the past, which Node 24 and later answers with a
 * TimeoutNegativeWarning on the user's screen, and which wakes the process for nothing. A timer is needed only while something waits.
 */
import { createRequire } from 'node:module';

interface Queue {
  pending: { length: number };
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

const pollMs = 10;

function scheduleCheckPendingRequests(this: Queue): void {
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

export function mendRequestQueue(): void {
  const queue: unknown = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js');
  if (typeof queue !== 'function' || !('scheduleCheckPendingRequests' in queue.prototype))
    throw new Error(
      'kafkajs is not the version that this was written for (2.2.4): see ingest/kafka/kafkajs/request-queue.ts',
    );
  Object.defineProperty(queue.prototype, 'scheduleCheckPendingRequests', { value: scheduleCheckPendingRequests });
}
