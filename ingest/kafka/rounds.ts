/** Cuts what shall be sent into requests: a broker takes one batch a partition and request, of at most its max.message.bytes. */
import type { RecordToSend } from './port.ts';

/** Below the 1,048,588 bytes that a broker takes unless told otherwise, with room for what a batch adds. */
export const BATCH_BYTES_MAX = 900_000;
const requestBytesMax = 16_000_000;
/** Lengths, attributes, deltas and checksum, roughly. */
const recordOverhead = 24;

export interface PlacedRecord extends RecordToSend {
  readonly partition: number;
}

/** In order for each partition; a record that is larger than a batch may be goes alone, and the broker judges it. */
export function rounds(records: readonly PlacedRecord[]): readonly (readonly PlacedRecord[])[] {
  const out: PlacedRecord[][] = [];
  let round: PlacedRecord[] = [];
  let total = 0;
  let sizes = new Map<string, number>();
  for (const record of records) {
    const key = `${record.topic} ${record.partition}`;
    const size = bytesOf(record);
    const batch = sizes.get(key) ?? 0;
    if ((batch > 0 && batch + size > BATCH_BYTES_MAX) || (total > 0 && total + size > requestBytesMax)) {
      out.push(round);
      round = [];
      total = 0;
      sizes = new Map();
    }
    round.push(record);
    total += size;
    sizes.set(key, (sizes.get(key) ?? 0) + size);
  }
  if (round.length > 0) out.push(round);
  return out;
}

export function bytesOf(record: RecordToSend): number {
  let size = recordOverhead + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers ?? []) size += name.length + value.length + 4;
  return size;
}
