import type { ParsedEvent } from '../parse/index.ts';

/** A parsed event on the common clock: `shift` was added to its stamp. `seenAt` is when its source could know it. */
export interface TimedEvent<E extends ParsedEvent = ParsedEvent> {
  readonly event: E;
  readonly shift: number;
  readonly at: number;
  readonly seenAt: number;
  /** The record itself, secrets replaced and cut to QUOTE_MAX, where it cannot be read again by its position. */
  readonly text?: string;
}

/** An event of a source whose clock is `shift` ms behind the common one. */
export function timed<E extends ParsedEvent>(event: E, shift: number, text?: string): TimedEvent<E> {
  const at = event.stamp.at + shift;
  const seenAt = 'endedAt' in event && event.endedAt !== undefined ? event.endedAt + shift : at;
  return text === undefined ? { event, shift, at, seenAt } : { event, shift, at, seenAt, text };
}

/** Exporters send a flow when it has been silent for a while or has lasted for long, so records are out of order by those timeouts. */
const FLOW_DISORDER_MS = 300_000;

/** How far a source has come that has told this event. */
export const reachedBy = (t: TimedEvent): number =>
  t.event.dataset === 'netflow.flow' ? t.seenAt - FLOW_DISORDER_MS : t.seenAt;
