import { toDeadLetter } from '../../ingest/kafka/dead-letter.ts';
import type { RecordToSend, TopicPartition } from '../../ingest/kafka/port.ts';
import { type BulkDocument, eventKey, eventStream } from '../../outputs/elasticsearch/bulk-document.ts';
import type { ElasticsearchOutput } from '../../outputs/elasticsearch/elasticsearch.ts';
import type { Delivery, DocumentKind, Refusal } from '../../outputs/output.ts';
import { version } from '../version.ts';
import type { Counters } from './counters.ts';
import { writeDocuments } from './document-lines.ts';
import type { ParsedDocument } from './parse-partition.ts';

/** Of an index that answers nothing for so long nobody waits for more: sessions are joined meanwhile, and documents go by way of Kafka. */
const PATIENCE_MS = 5000;
const LOOK_MS = 250;

/** The index of the same process. */
export interface Straight {
  readonly output: Pick<ElasticsearchOutput, 'deliverDocuments' | 'isAway'>;
  readonly namespace: string;
}

/**
 * Events from the reader of this process to the index, without a way through Kafka. `from`: the partition that was read. Undefined: the index is away, and they have to go by that
 * way. Some of them may have been written by then, or may still be: a second time changes nothing.
 */
export async function deliverStraight(
  { output, namespace }: Straight,
  documents: readonly ParsedDocument[],
  from: string,
): Promise<Delivery | undefined> {
  if (output.isAway(PATIENCE_MS)) return undefined;
  const over = Promise.withResolvers<undefined>();
  const looking = setInterval(() => {
    if (output.isAway(PATIENCE_MS)) over.resolve(undefined);
  }, LOOK_MS);
  try {
    const delivering = output.deliverDocuments(documents.map((d) => bulkDocument(d, namespace, from)));
    return await Promise.race([delivering, over.promise]);
  } finally {
    clearInterval(looking);
  }
}

function bulkDocument({ id, document, offset }: ParsedDocument, namespace: string, from: string): BulkDocument {
  const { at, family } = eventKey(document);
  const target = eventStream(family, namespace);
  return { kind: 'event', target, id, at, version: undefined, document, origin: `${from}/${offset}` };
}

/** A dead letter of the topic by way of which it would have come: so it is tried again when it is sent there. */
export function refusedStraight(
  { id, target, code, reason, document, origin }: Refusal,
  where: TopicPartition,
): RecordToSend {
  const content: ParsedDocument['document'] = Buffer.isBuffer(document)
    ? JSON.parse(document.toString('utf8'))
    : document;
  const [value = null] = writeDocuments([{ id, document: content }]);
  const message = `${target}, id ${id}: ${reason} (the line is ${origin})`;
  const record = { offset: 0, timestamp: Date.now(), key: null, value, headers: new Map<string, Buffer>() };
  return toDeadLetter(record, where, { code, stage: 'index', errorClass: 'Error', message }, version);
}

export function countDelivery(counters: Counters, kind: DocumentKind, { written, present, refused }: Delivery): void {
  counters.add('indexed_total', `${kind} written`, written);
  counters.add('indexed_total', `${kind} present`, present);
  counters.add('indexed_total', `${kind} refused`, refused.length);
}
