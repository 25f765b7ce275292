import { toDeadLetter } from '../../ingest/kafka/dead-letter.ts';
import type { RecordToSend, TopicPartition } from '../../ingest/kafka/port.ts';
import { writtenText } from '../../outputs/document-text.ts';
import { type BulkDocument, eventKey, eventStream } from '../../outputs/elasticsearch/bulk-document.ts';
import type { ElasticsearchOutput } from '../../outputs/elasticsearch/elasticsearch.ts';
import type { Delivery, DocumentKind, Refusal } from '../../outputs/output.ts';
import { version } from '../version.ts';
import type { Counters } from './counters.ts';
import { writeDocuments } from './document-lines.ts';
import type { ParsedDocument } from './parse-partition.ts';

/**
 * Nobody waits longer for an index that fails or says nothing: sessions are joined meanwhile, and documents go by way of Kafka. One that has much to do may be silent for a
 * while, and would only have more to do if what it is working on came by the other way too.
 */
const PATIENCE = { failingMs: 5000, silentMs: 20_000 };
const LOOK_MS = 250;

/** The index of the same process. */
export interface Straight {
  readonly output: Pick<ElasticsearchOutput, 'deliverDocuments' | 'isAway'>;
  readonly namespace: string;
}

/** The batch has to be done again, and what it gives goes by way of Kafka then. */
export class IndexAway extends Error {
  override readonly name = 'IndexAway';
}

/**
 * Events of one batch, from the reader of this process to the index without a way through Kafka. They are written down as bytes as they are given, and not held: should the index
 * go away before all are answered, the same lines are read again. Some may have been written by then: a second time changes nothing.
 */
export class StraightBatch {
  private readonly straight: Straight;
  private readonly from: string;
  private readonly deliveries: Promise<Delivery>[] = [];
  private readonly abandoned = new AbortController();

  private constructor(straight: Straight, from: string) {
    this.straight = straight;
    this.from = from;
  }

  /** `from`: the partition that is read. Undefined where the index is away. */
  static begin(straight: Straight, from: string): StraightBatch | undefined {
    return straight.output.isAway(PATIENCE) ? undefined : new StraightBatch(straight, from);
  }

  add(documents: readonly ParsedDocument[]): void {
    const { output, namespace } = this.straight;
    const bulk = documents.map((d) => bulkDocument(d, namespace, this.from));
    const delivery = output.deliverDocuments(bulk, this.abandoned.signal);
    delivery.catch(() => {}); // `done` tells
    this.deliveries.push(delivery);
  }

  /** Resolves when each has its answer. Rejects with IndexAway. */
  async done(): Promise<Delivery> {
    const { output } = this.straight;
    const away = Promise.withResolvers<never>();
    const looking = setInterval(() => {
      if (!output.isAway(PATIENCE)) return;
      away.reject(new IndexAway('the index is away: until it answers again, documents go by way of Kafka'));
      this.abandoned.abort(); // by both ways an index that has too much to do would have twice as much
    }, LOOK_MS);
    try {
      const all = await Promise.race([Promise.all(this.deliveries), away.promise]);
      const sum = (of: (d: Delivery) => number): number => all.reduce((n, d) => n + of(d), 0);
      return {
        written: sum((d) => d.written),
        present: sum((d) => d.present),
        refused: all.flatMap(({ refused }) => refused),
      };
    } finally {
      clearInterval(looking);
    }
  }
}

function bulkDocument(parsed: ParsedDocument, namespace: string, from: string): BulkDocument {
  const { id, at, family } = parsed;
  const target = eventStream(family, namespace);
  return {
    kind: 'event',
    target,
    id,
    at,
    version: undefined,
    document: parsed.document,
    origin: `${from}/${parsed.offset}`,
  };
}

/** A dead letter of the topic by way of which it would have come: so it is tried again when it is sent there. */
export function refusedStraight(
  { id, target, code, reason, document, origin }: Refusal,
  where: TopicPartition,
): RecordToSend {
  const content = writtenText(document);
  const [value = null] = writeDocuments([{ id, ...eventKey(JSON.parse(content)), document: content }]);
  const message = `${target}, id ${id}: ${reason} (the line is ${origin})`;
  const record = { offset: 0, timestamp: Date.now(), key: null, value, headers: new Map<string, Buffer>() };
  return toDeadLetter(record, where, { code, stage: 'index', errorClass: 'Error', message }, version);
}

export function countDelivery(counters: Counters, kind: DocumentKind, { written, present, refused }: Delivery): void {
  counters.add('indexed_total', `${kind} written`, written);
  counters.add('indexed_total', `${kind} present`, present);
  counters.add('indexed_total', `${kind} refused`, refused.length);
}
