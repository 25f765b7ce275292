/** Reads an input to its end, with texts that do not depend on the reader's memory. */
import { statSync } from 'node:fs';
import type { InputPath } from '../../ingest/find.ts';
import { type OpenedLog, type OpenOptions, openLog } from '../../ingest/open.ts';
import type { SourceRecord } from '../../ingest/record.ts';

export interface ReadLog {
  readonly log: OpenedLog;
  readonly records: readonly SourceRecord[];
  readonly texts: readonly string[];
  readonly codes: readonly string[];
  readonly bytesRead: number;
}

export function namedFile(path: string): InputPath {
  return { kind: 'file', path, size: statSync(path).size, origin: 'named' };
}

export async function readAll(input: InputPath | string, options: OpenOptions = {}, index = 0): Promise<ReadLog> {
  const log = await openLog(typeof input === 'string' ? namedFile(input) : input, index, options);
  const records: SourceRecord[] = [];
  let bytesRead = 0;
  for await (const batch of log.batches()) {
    for (const record of batch.records) records.push(record);
    bytesRead = batch.bytesRead;
  }
  return {
    log,
    records,
    texts: records.map(({ text }) => text),
    codes: log.problems.map(({ code }) => code),
    bytesRead,
  };
}
