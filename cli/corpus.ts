import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseTruth, type TruthSession } from '../models/cause/truth.ts';
import { UseError } from './use-error.ts';

/** A lab corpus: `logs/`, `truth.ndjson` and perhaps `folds.ndjson`, each plain or `.gz`. */
export interface Corpus {
  readonly logs: string;
  readonly truth: readonly TruthSession[];
}

/** Beside the sources, or one folder further up when this runs compiled from dist/. */
export const SAMPLE_CORPUS =
  ['../samples/lab-a', '../../samples/lab-a']
    .map((path) => join(import.meta.dirname, path))
    .find((path) => existsSync(path)) ?? 'samples/lab-a';

export async function openCorpus(directory: string): Promise<Corpus> {
  const logs = join(directory, 'logs');
  if (!existsSync(logs))
    throw new UseError(`--corpus ${directory}: has no folder logs/. A corpus holds logs/ and truth.ndjson.`);
  return { logs, truth: (await lines(join(directory, 'truth.ndjson'))).map(parseTruth) };
}

/** One injected fault of a corpus. */
export interface Fault {
  readonly id: string;
  readonly cause: string;
  readonly start: number;
  readonly end: number;
}

/** `faults.ndjson` of a corpus. */
export async function readFaults(directory: string): Promise<readonly Fault[]> {
  return (await lines(join(directory, 'faults.ndjson'))).map((line) => {
    const row: unknown = JSON.parse(line);
    if (typeof row !== 'object' || row === null || !('id' in row && 'cause' in row && 'start' in row && 'end' in row))
      throw new UseError(`--corpus ${directory}: each line of faults.ndjson must have id, cause, start and end.`);
    const [start, end] = [Date.parse(String(row.start)), Date.parse(String(row.end))];
    return { id: String(row.id), cause: String(row.cause), start, end };
  });
}

/** Which fold each truth session belongs to. */
export async function readFolds(file: string): Promise<ReadonlyMap<number, number>> {
  const folds = new Map<number, number>();
  for (const line of await lines(file)) {
    const row: unknown = JSON.parse(line);
    if (typeof row !== 'object' || row === null || !('session' in row) || !('fold' in row))
      throw new UseError(`--folds ${file}: each line must be {"session":…,"fold":…}.`);
    folds.set(Number(row.session), Number(row.fold));
  }
  return folds;
}

async function lines(file: string): Promise<readonly string[]> {
  const path = existsSync(file) ? file : `${file}.gz`;
  if (!existsSync(path)) throw new UseError(`${file}: no such file (nor with .gz).`);
  const bytes = await readFile(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text.split('\n').filter((line) => line.trim() !== '');
}
