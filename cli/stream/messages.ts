/**
 * What travels between the workers: one record a batch, so that the cost of a record is shared. JSON, because every part is plain data.
 * The topics are the product's own; what does not have the shape is a dead letter, not a crash. Checked is what the order of things hangs on; what a
 * step cannot take beyond that, it rejects one by one.
 */
import type { TimedSessionEvent } from '../../processors/correlate/sessions.ts';
import type { SiteFact } from '../../processors/correlate/site-fact.ts';
import type { ClockEstimate } from '../../processors/resolve/clock-skew.ts';
import { arrayOf, chunks } from './chunks.ts';

/** How far a unit of reading (a raw partition, a partition of sessions) has come. */
export interface Progress {
  readonly unit: string;
  /** Event time, UTC ms: nothing older comes from here, but for what is late. null: nothing was read yet. */
  readonly reached: number | null;
  /** Everything that was there has been read. */
  readonly caughtUp: boolean;
  /** Whoever writes here has said that no more will come. */
  readonly ended: boolean;
}

/** Events of connections for one partition of sessions. */
export interface EventBatch {
  /** null: more of the same reading follows. */
  readonly progress: Progress | null;
  readonly events: readonly TimedSessionEvent[];
}

/** What a number of a source stands for. */
export interface SourceNote {
  readonly number: number;
  readonly fingerprint: string;
  readonly name: string;
  readonly clock: ClockEstimate | null;
}

/** What the site is told, by the readers and by the sessions. */
export interface FactBatch {
  readonly progress: Progress | null;
  readonly sources: readonly SourceNote[];
  readonly facts: readonly SiteFact[];
}

/** Undefined if it is not one of ours. */
export function readEventBatch(value: Buffer | null): EventBatch | undefined {
  const batch: EventBatch | undefined = json(value);
  return isBatch(batch) && isList(batch.events, isTimedEvent) ? batch : undefined;
}

export function readFactBatch(value: Buffer | null): FactBatch | undefined {
  const batch: FactBatch | undefined = json(value);
  return isBatch(batch) && isList(batch.sources, isSource) && isList(batch.facts, isFact) ? batch : undefined;
}

/** Checked by hand: for every event that travels, a general checker costs more than to parse it. */
function isBatch<B extends { readonly progress: unknown }>(batch: B | undefined): batch is B {
  return isObject(batch) && (batch.progress === null || isProgress(batch.progress));
}

function isProgress(p: unknown): boolean {
  return (
    isObject(p) &&
    'unit' in p &&
    typeof p.unit === 'string' &&
    'reached' in p &&
    (p.reached === null || isTime(p.reached)) &&
    'caughtUp' in p &&
    typeof p.caughtUp === 'boolean' &&
    'ended' in p &&
    typeof p.ended === 'boolean'
  );
}

function isTimedEvent(e: unknown): boolean {
  if (!isObject(e) || !('seenAt' in e) || !('at' in e) || !('shift' in e) || !('event' in e)) return false;
  const { seenAt, at, shift, event } = e;
  if (!isTime(seenAt) || !isTime(at) || !isTime(shift) || !isObject(event)) return false;
  return 'dataset' in event && typeof event.dataset === 'string' && 'line' in event && isPosition(event.line);
}

const isPosition = (p: unknown): boolean =>
  isObject(p) && 'source' in p && isTime(p.source) && 'offset' in p && isTime(p.offset);

function isFact(f: unknown): boolean {
  return isPosition(f) && isObject(f) && 'seenAt' in f && isTime(f.seenAt) && 'kind' in f && typeof f.kind === 'string';
}

function isSource(s: unknown): boolean {
  if (!isObject(s) || !('number' in s) || !('fingerprint' in s) || !('name' in s)) return false;
  return isTime(s.number) && typeof s.fingerprint === 'string' && typeof s.name === 'string';
}

const isList = (list: unknown, isOne: (one: unknown) => boolean): boolean => Array.isArray(list) && list.every(isOne);
const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
// JSON can say 1e999, and a time without end would be the end of all input.
const isTime = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

/** One record, or more where it would be too large; only with the last one the reader has come as far as it says. */
export function writeEvents(progress: Progress, events: readonly TimedSessionEvent[]): readonly Buffer[] {
  const pieces = chunks(events.map((e) => JSON.stringify(e)));
  return (pieces.length > 0 ? pieces : [[]]).map((piece, i) =>
    Buffer.from(`{"progress":${i >= pieces.length - 1 ? JSON.stringify(progress) : null},"events":${arrayOf(piece)}}`),
  );
}

export function writeFacts({ progress, sources, facts }: FactBatch): readonly Buffer[] {
  const pieces = chunks(facts.map((f) => JSON.stringify(f)));
  return (pieces.length > 0 ? pieces : [[]]).map((piece, i) => {
    const isLast = i >= pieces.length - 1;
    return Buffer.from(
      `{"progress":${isLast ? JSON.stringify(progress) : null},"sources":${i === 0 ? JSON.stringify(sources) : '[]'},"facts":${arrayOf(piece)}}`,
    );
  });
}

/** Undefined if it is no JSON. */
function json(value: Buffer | null) {
  if (value === null) return undefined;
  try {
    return JSON.parse(value.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
