import { crc32 } from 'node:zlib';
import type { ConsumedRecord } from '../../ingest/kafka/port.ts';

/** How a partition began when it was first read: by this a topic that was deleted and made anew is told from the one that its state is about. */
export interface Beginning {
  readonly offset: number;
  readonly timestamp: number;
  /** Of the value. */
  readonly checksum: number;
}

export const beginningOf = ({ offset, timestamp, value }: ConsumedRecord): Beginning => ({
  offset,
  timestamp,
  checksum: crc32(value ?? ''),
});

/** Whether a record that is met cannot lie in the partition that began so. Old records go, but nothing ever comes before what was the first. */
export function isOfAnother(known: Beginning, met: ConsumedRecord): boolean {
  if (met.offset !== known.offset) return met.offset < known.offset;
  const { timestamp, checksum } = beginningOf(met);
  return timestamp !== known.timestamp || checksum !== known.checksum;
}
