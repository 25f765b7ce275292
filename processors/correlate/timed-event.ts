import type { ParsedEvent } from '../parse/index.ts';

/** A parsed event on the common clock: `shift` was added to its stamp. `seenAt` is when its source could know it. */
export interface TimedEvent {
  readonly event: ParsedEvent;
  readonly shift: number;
  readonly at: number;
  readonly seenAt: number;
}
