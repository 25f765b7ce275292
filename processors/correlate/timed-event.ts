import type { ParsedEvent } from '../parse/index.ts';

/** A parsed event on the common clock: `shift` was added to its stamp. `seenAt` is when its source could know it. */
export interface TimedEvent<E extends ParsedEvent = ParsedEvent> {
  readonly event: E;
  readonly shift: number;
  readonly at: number;
  readonly seenAt: number;
}
