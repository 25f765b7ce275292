/** A simulated world of 48 clients, kept small by leaving out clients (README beside the files). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type AttemptRecord, readAttempt } from '../../../models/prediction/attempt.ts';

const FOLDER = join(import.meta.dirname, 'world-thin');

/** The first `n` profiles, one a line. */
export function worldLines(n = Number.POSITIVE_INFINITY): readonly string[] {
  return gunzipSync(readFileSync(join(FOLDER, 'profiles.ndjson.gz')))
    .toString('utf8')
    .trim()
    .split('\n')
    .slice(0, n);
}

export function worldAttempts(n = Number.POSITIVE_INFINITY): readonly AttemptRecord[] {
  return worldLines(n).map((line) => recordOf(JSON.parse(line)));
}

export function recordOf(document: unknown): AttemptRecord {
  const read = readAttempt(document);
  if (read.kind !== 'attempt') throw new Error(`${read.field} must be ${read.need}`);
  return read.record;
}
