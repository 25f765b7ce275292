import type { EventBase, Line, ParseFailure, Stamp } from '../event.ts';
import type { CivilZone } from '../time.ts';
import type { SourceMemory } from './source-memory.ts';

/** What a parser must not guess: it comes in from outside, so that the same record always gives the same event. */
export interface RecordContext {
  /** Zone for stamps that carry none. */
  readonly zone: CivilZone;
  /** UTC epoch ms near which a stamp without a year lies (the source's last event, else the survey's estimate). */
  readonly near: number;
  /** What earlier records of this source said about how to read this one (CSV header, status file version). Parsers may update it. */
  readonly memory: SourceMemory;
}

/** Fields of one ECS document beyond those that every event shares (see `processors/ecs.ts`). Nested, never dotted keys. */
export interface EcsFields {
  readonly [field: string]: unknown;
}

export type ParseOutcome<E> =
  | { readonly kind: 'event'; readonly event: E }
  /** A record that only says how to read the next ones (a CSV header): counted, no event. */
  | { readonly kind: 'skip' }
  | { readonly kind: 'failure'; readonly code: ParseFailure; readonly field: string };

/**
 * One log format. Values of this type are rows of the table in `processors/parse/index.ts`.
 * Parsers are total: any string gives an event or a failure, in time linear in its length, and never throws.
 */
export interface Parser<E extends EventBase & { readonly dataset: string }> {
  /** Also the name of its golden folder and of its page in docs/formats. */
  readonly format: string;
  /** Syslog programs whose lines are surely ours; `postfix/` (with slash) means "any program that begins so". */
  readonly programs: readonly string[];
  /** Cheap first look at a line without a known program. May say yes too often, must never say no to its own lines. */
  accepts(line: Line): boolean;
  parse(line: Line, context: RecordContext): ParseOutcome<E>;
  /** The event's own ECS 9.4 fields: event.{category,type,action,outcome,reason}, source, server, user, tls, … */
  ecs(event: E): EcsFields;
}

/** Constructors, so that a parser's exits read as sentences. */
export const parsed = <E>(event: E): ParseOutcome<E> => ({ kind: 'event', event });
export const skipped: { readonly kind: 'skip' } = { kind: 'skip' };
export const failed = (code: ParseFailure, field: string): { kind: 'failure'; code: ParseFailure; field: string } => ({
  kind: 'failure',
  code,
  field,
});

/** The stamp of a line whose envelope must have carried one. */
export const envelopeStamp = (line: Line): Stamp | undefined => line.stamp;
