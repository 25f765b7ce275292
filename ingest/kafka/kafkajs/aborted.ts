/**
 * Hides the records of aborted transactions in what was fetched. kafkajs's own way leaves some visible when several writers were aborted in one
 * partition: it takes the list to be in the order of first offsets, which brokers do not promise, and steps into one transaction a record at most.
 * Source: `org.apache.kafka.clients.consumer.internals.CompletedFetch`, the Java client, which keeps a queue by first offset.
 */
export interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

export interface FetchedRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
  /** Control records are passed over, but their offset counts: so it is to be with hidden ones. */
  isControlRecord?: boolean;
}

export function hideAborted(records: readonly FetchedRecord[], aborted: readonly AbortedTransaction[]): void {
  const waiting = aborted
    .map(({ producerId, firstOffset }) => ({ producerId, first: Number(firstOffset) }))
    .sort((a, b) => a.first - b.first);
  const open = new Set<string>();
  let at = 0;
  for (const record of records) {
    const offset = Number(record.offset);
    for (let next = waiting[at]; next !== undefined && next.first <= offset; next = waiting[++at])
      open.add(next.producerId);
    const { producerId, inTransaction } = record.batchContext ?? { producerId: '', inTransaction: false };
    if (record.isControlRecord === true) {
      if (isAbortMarker(record)) open.delete(producerId);
    } else if (inTransaction && open.has(producerId)) record.isControlRecord = true;
  }
}

/** Version and kind, two bytes each: kind 0 is an abort. */
const isAbortMarker = ({ key }: FetchedRecord): boolean => key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
