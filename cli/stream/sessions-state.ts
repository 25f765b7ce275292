/** The state of a partition of sessions as it lies in a compacted topic: a record for each session and for whatever else changes by itself, and one for the rest. */
import { RestingSessions } from '../../processors/correlate/resting-sessions.ts';
import type { RestoredSession } from '../../processors/correlate/session-store.ts';
import type { TimedSessionEvent } from '../../processors/correlate/sessions.ts';
import type { AddressUsers } from '../../processors/correlate/shared-addresses.ts';
import { readStored, writeStored } from '../../processors/correlate/stored-session.ts';
import type { SessionsPartition, SessionsPartitionCore, StoredPartition } from './sessions-partition.ts';

const CORE = 'core';
const SESSION = 's ';
const ADDRESS = 'a ';
const POSTPONED = 'p ';

/** What must be written for a step; null where something is no more. */
export function writeSessionsChanges(
  changes: ReturnType<SessionsPartition['changes']>,
): readonly (readonly [key: string, value: string | null])[] {
  const { core, sessions, addresses, postponed } = changes;
  const json = (value: object | undefined): string | null => (value === undefined ? null : JSON.stringify(value));
  return [
    ...sessions.map(([serial, s]) => [`${SESSION}${serial}`, s === undefined ? null : writeStored(s)] as const),
    ...addresses.map(([ip, users]) => [`${ADDRESS}${ip}`, json(users)] as const),
    ...postponed.map(([position, event]) => [`${POSTPONED}${position}`, json(event)] as const),
    [CORE, JSON.stringify(core)],
  ];
}

/** One record of the state, read. */
export type StatePart =
  | { readonly kind: 'core'; readonly core: SessionsPartitionCore }
  | ({ readonly kind: 'session' } & RestoredSession)
  | { readonly kind: 'address'; readonly entry: readonly [string, AddressUsers] }
  | { readonly kind: 'postponed'; readonly event: TimedSessionEvent }
  | UnknownForm
  | { readonly kind: 'unknown' };

/** A record that a later release wrote. */
export interface UnknownForm {
  readonly kind: 'unknown form';
  readonly key: string;
}

/** Reads the state of one partition. Sessions are at rest from the beginning: all of them whole would be too much. */
export class SessionsStateReader {
  private readonly resting = new RestingSessions();

  /** What a record says; undefined if it says that something is no more. `before`: what the record of this key before it said. */
  read(key: string, value: Buffer | null, before: StatePart | undefined): StatePart | undefined {
    if (before?.kind === 'session') this.resting.forget(before.session);
    if (value === null) return undefined;
    const text = value.toString('utf8');
    if (key.startsWith(SESSION)) return this.session(key, text);
    if (key.startsWith(ADDRESS)) return { kind: 'address', entry: [key.slice(ADDRESS.length), JSON.parse(text)] };
    if (key.startsWith(POSTPONED)) return { kind: 'postponed', event: JSON.parse(text) };
    return key === CORE ? { kind: 'core', core: JSON.parse(text) } : { kind: 'unknown' };
  }

  private session(key: string, text: string): StatePart {
    const stored = readStored(text);
    if (stored === undefined) return { kind: 'unknown form', key };
    const { head, body, closed, shared, found, foundBefore } = stored;
    return { kind: 'session', session: this.resting.add(head, body), closed, shared, found, foundBefore };
  }

  /** The whole state, of the newest record of each key, in the order in which they lie there; undefined where there is none. */
  stored(parts: Iterable<StatePart>): StoredPartition | UnknownForm | undefined {
    let core: SessionsPartitionCore | undefined;
    const sessions: RestoredSession[] = [];
    const addresses: (readonly [string, AddressUsers])[] = [];
    const postponed: TimedSessionEvent[] = [];
    for (const part of parts) {
      if (part.kind === 'core') core = part.core;
      else if (part.kind === 'session') sessions.push(part);
      else if (part.kind === 'address') addresses.push(part.entry);
      else if (part.kind === 'postponed') postponed.push(part.event);
      else if (part.kind === 'unknown form') return part;
    }
    return core && { core, sessions, resting: this.resting, addresses, postponed };
  }
}
