import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type AttemptRecord, byStart, readAttempt } from '../models/prediction/attempt.ts';
import { messageOf } from '../outputs/output-error.ts';
import { UseError } from './use-error.ts';

/** What was read and what had to be left out. */
export interface ReadCounts {
  lines: number;
  attempts: number;
  bad: number;
  /** The first bad line, in words. */
  firstBad: string | undefined;
  duplicates: number;
  late: number;
}

export const newReadCounts = (): ReadCounts => ({
  lines: 0,
  attempts: 0,
  bad: 0,
  firstBad: undefined,
  duplicates: 0,
  late: 0,
});

/** The attempts of a file of profiles, in its order. `-` is standard input. Lines that are no profiles are counted. */
export async function* readAttempts(path: string, counts: ReadCounts): AsyncGenerator<AttemptRecord> {
  const source: Readable = path === '-' ? process.stdin : createReadStream(path);
  const plain = path.endsWith('.gz') ? source.pipe(createGunzip()) : source;
  // An error of the file must reach whoever reads from the pipe.
  source.on('error', (error) => plain.destroy(error));
  try {
    for await (const line of createInterface({ input: plain, crlfDelay: Number.POSITIVE_INFINITY })) {
      counts.lines++;
      if (line.trim() === '') continue;
      const read = parseLine(line);
      if (read.kind === 'attempt') {
        counts.attempts++;
        yield read.record;
      } else {
        counts.bad++;
        counts.firstBad ??= `line ${counts.lines}: ${read.field} must be ${read.need}`;
      }
    }
  } catch (cause) {
    throw new UseError(
      `${path}: cannot be read: ${messageOf(cause)}. Name a file of profiles (NDJSON, .gz too), or -.`,
      {
        cause,
      },
    );
  }
}

function parseLine(line: string): ReturnType<typeof readAttempt> {
  try {
    return readAttempt(JSON.parse(line));
  } catch {
    return { kind: 'problem', field: 'the line', need: 'JSON' };
  }
}

/** Attempts held back to put them in order; a file of profiles is in the order in which sessions closed. */
export const HELD_MAX = 250_000;

export interface OrderedAttempt {
  readonly record: AttemptRecord;
  /** It began before one that was given out already, so the knowledge of its own time is gone. */
  readonly isLate: boolean;
}

/**
 * The same attempts by start, each once: of several with one id that are held together, the one with the highest revision. Holds at most
 * `max`; what is out of order by more is marked late.
 */
export async function* inOrder(
  records: AsyncIterable<AttemptRecord>,
  max: number,
  counts: ReadCounts,
): AsyncGenerator<OrderedAttempt> {
  const latest = new Map<string, AttemptRecord>();
  let held: AttemptRecord[] = [];
  let reached = Number.NEGATIVE_INFINITY;
  const release = function* (n: number): Generator<OrderedAttempt> {
    held.sort((a, b) => byStart(a.attempt, b.attempt));
    const out = held.slice(0, n);
    held = held.slice(n);
    for (const record of out) {
      if (latest.get(record.attempt.id) !== record) continue;
      latest.delete(record.attempt.id);
      const isLate = record.attempt.at < reached;
      if (isLate) counts.late++;
      reached = Math.max(reached, record.attempt.at);
      yield { record, isLate };
    }
  };
  for await (const record of records) {
    const known = latest.get(record.attempt.id);
    if (known !== undefined) {
      counts.duplicates++;
      if (record.revision < known.revision) continue;
    }
    latest.set(record.attempt.id, record);
    held.push(record);
    // Half at a time, so that the cost of sorting is shared by many.
    if (held.length >= max) yield* release(Math.ceil(max / 2));
  }
  yield* release(held.length);
}

/** What was left out, as lines for standard error. */
export function readProblems(path: string, counts: ReadCounts): readonly string[] {
  const problems: string[] = [];
  if (counts.bad > 0)
    problems.push(`${path}: ${counts.bad} lines are no profiles and were left out (${counts.firstBad}).`);
  if (counts.duplicates > 0)
    problems.push(`${path}: ${counts.duplicates} profiles came again with the same id; the highest revision counts.`);
  if (counts.late > 0)
    problems.push(
      `${path}: ${counts.late} attempts began long before others above them, so what was known at their time is gone: they got the base rate. Sort the file by event.start.`,
    );
  return problems;
}
