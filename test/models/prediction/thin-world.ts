/** A simulated world of 48 clients, kept small by leaving out clients (README beside the files). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type AttemptRecord, readAttempt } from '../../../models/prediction/attempt.ts';

const FOLDER = join(import.meta.dirname, 'world-thin');

/** Lines of profiles, from one number to another. */
export function worldLines(from: number, to: number): readonly string[] {
  return gunzipSync(readFileSync(join(FOLDER, 'profiles.ndjson.gz')))
    .toString('utf8')
    .trim()
    .split('\n')
    .slice(from, to);
}

export function worldAttempts(from: number, to: number): readonly AttemptRecord[] {
  return worldLines(from, to).map((line) => recordOf(JSON.parse(line)));
}

export function recordOf(document: unknown): AttemptRecord {
  const read = readAttempt(document);
  if (read.kind !== 'attempt') throw new Error(`${read.field} must be ${read.need}`);
  return read.record;
}
