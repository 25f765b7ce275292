import type { TimedSessionEvent } from '../../processors/correlate/sessions.ts';
import type { SiteFact } from '../../processors/correlate/site-fact.ts';
import type { SourceNote } from './messages.ts';
import type { Parsed } from './parse-partition.ts';

/** What a reader tells those who correlate: events by partition of sessions, facts, and sources that were not heard of before. */
export interface Told {
  readonly events: TimedSessionEvent[][];
  readonly facts: SiteFact[];
  readonly sources: SourceNote[];
}

/** For a step that only says how far it has come: every partition of sessions hears of it. */
export const nothingTold = (partitions: number): Told => ({
  events: Array.from({ length: partitions }, () => []),
  facts: [],
  sources: [],
});

export function addTo(told: Told, { events, facts, sources }: Parsed): void {
  events.forEach((some, partition) => {
    for (const event of some) told.events[partition]?.push(event);
  });
  for (const fact of facts) told.facts.push(fact);
  for (const source of sources) told.sources.push(source);
}
