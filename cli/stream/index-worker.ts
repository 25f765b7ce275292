import { toDeadLetter, UNDECODABLE } from '../../ingest/kafka/dead-letter.ts';
import type { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type { Batch, ConsumedRecord, ConsumeHandler, Producer, RecordToSend } from '../../ingest/kafka/port.ts';
import type { AnomalyFinding } from '../../models/anomaly/finding.ts';
import type { LikelyDocument } from '../../models/prediction/likely-document.ts';
import {
  anomalyDocument,
  type BulkDocument,
  eventStream,
  incidentDocument,
  likelyDocument,
  monthlyDocument,
  pipelineDocument,
  profileDocument,
} from '../../outputs/elasticsearch/bulk-document.ts';
import type { ElasticsearchOutput } from '../../outputs/elasticsearch/elasticsearch.ts';
import type { DocumentKind } from '../../outputs/output.ts';
import type { PipelineDocument } from '../../outputs/pipeline-document.ts';
import type { Incident } from '../../processors/profile/incident.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { version } from '../version.ts';
import { readDocuments, writtenAgain } from './document-lines.ts';
import { readPlace } from './place-header.ts';
import { countDelivery } from './straight-index.ts';
import type { Topics } from './topics.ts';
import type { WorkerContext } from './worker.ts';

export interface IndexWorkerOptions {
  readonly topics: Topics;
  readonly namespace: string;
  readonly output: ElasticsearchOutput;
}

/** Documents in, Elasticsearch out. An offset is committed when each document before it has its answer; one that is refused is a dead letter. */
export class IndexWorker implements ConsumeHandler {
  private readonly options: IndexWorkerOptions;
  private readonly context: WorkerContext;
  private readonly producer: Producer;

  constructor(options: IndexWorkerOptions, producer: Producer, context: WorkerContext) {
    this.options = options;
    this.producer = producer;
    this.context = context;
  }

  async batch({ lease, records, next }: Batch): Promise<void> {
    const { counters } = this.context;
    const documents: BulkDocument[] = [];
    const dead: RecordToSend[] = [];
    const recordOf = new Map<string, ConsumedRecord>();
    for (const record of records) {
      const found = this.documentsOf(lease.topic, record, `${lease.topic}/${lease.partition}/${record.offset}`);
      if (record.undecodable !== undefined)
        dead.push(this.dead(record, record.value, lease, UNDECODABLE, record.undecodable));
      else if (!found) dead.push(this.dead(record, record.value, lease, 'malformed', 'This is no document.'));
      for (const d of found ?? []) {
        documents.push(d);
        recordOf.set(d.origin ?? '', record);
      }
    }
    const delivery = await this.options.output.deliverDocuments(documents);
    const kind = this.kindOf(lease.topic);
    countDelivery(counters, kind, delivery);
    for (const r of delivery.refused) {
      const record = recordOf.get(r.origin ?? '');
      if (!record) throw new Error(`a refused document says that it comes from ${r.origin}, where none came from`);
      // The document alone, not its neighbours in the record: they are there.
      const value = r.kind === 'event' ? this.alone(record, r.id) : record.value;
      dead.push(this.dead(record, value, lease, r.code, `${r.target}, id ${r.id}: ${r.reason}`));
    }
    if (dead.length > 0) await this.producer.send(dead);
    await lease.commit(next);
  }

  failed(error: KafkaError): void {
    this.context.counters.add('kafka_errors_total', error.code);
    this.context.log(`index: ${error.message} (${error.code})`);
  }

  /** A topic has documents of one kind. */
  private kindOf(topic: string): StreamedKind {
    const { profiles, incidents, anomalies, likely, pipeline } = this.options.topics;
    if (topic === profiles) return 'profile';
    if (topic === incidents) return 'incident';
    if (topic === anomalies) return 'anomaly';
    if (topic === likely) return 'likely';
    return topic === pipeline ? 'pipeline' : 'event';
  }

  /** Undefined if one of them is none that a bulk request can hold. */
  private documentsOf(topic: string, record: ConsumedRecord, origin: string): readonly BulkDocument[] | undefined {
    const { value, undecodable } = record;
    if (value === null || undecodable !== undefined) return [];
    const kind = this.kindOf(topic);
    const { namespace } = this.options;
    if (kind === 'event')
      return readDocuments(value)?.map(({ id, at, family, document }) => {
        const target = eventStream(family, namespace);
        return { kind, target, id, at, version: undefined, document, origin };
      });
    const place = kind === 'pipeline' ? undefined : readPlace(kind, record);
    if (place && isObjectInOneLine(value)) {
      const made = monthlyDocument(place, value, namespace);
      return isSound(made) ? [{ ...made, origin }] : undefined;
    }
    try {
      const made = documentOf(kind, value.toString('utf8'), namespace);
      // What nobody has to change is written as it came.
      return isSound(made)
        ? [{ ...made, origin, document: value.includes(NEWLINE) ? made.document : value }]
        : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
      throw error;
    }
  }

  private alone({ value }: ConsumedRecord, id: string): Buffer | null {
    const one = value && readDocuments(value)?.find((d) => d.id === id);
    return one ? writtenAgain(one) : value;
  }

  private dead(
    record: ConsumedRecord,
    value: Buffer | null,
    where: { readonly topic: string; readonly partition: number },
    code: string,
    message: string,
  ): RecordToSend {
    this.context.counters.add('dead_letters_total', 'index');
    return toDeadLetter({ ...record, value }, where, { code, stage: 'index', errorClass: 'Error', message }, version);
  }
}

const NEWLINE = 0x0a;
const BRACE = 0x7b;
const BRACE_END = 0x7d;
/** Bytes of an id that Elasticsearch takes. */
const ID_BYTES_MAX = 512;

/** What comes by way of Kafka. */
type StreamedKind = Exclude<DocumentKind, 'feedback'>;

function documentOf(kind: Exclude<StreamedKind, 'event'>, text: string, namespace: string): BulkDocument {
  switch (kind) {
    case 'profile': {
      const profile: Profile = JSON.parse(text);
      return profileDocument(profile, namespace);
    }
    case 'incident': {
      const incident: Incident = JSON.parse(text);
      return incidentDocument(incident, namespace);
    }
    case 'anomaly': {
      const finding: AnomalyFinding = JSON.parse(text);
      return anomalyDocument(finding, namespace);
    }
    case 'likely': {
      const one: LikelyDocument = JSON.parse(text);
      return likelyDocument(one, namespace);
    }
    case 'pipeline': {
      const report: PipelineDocument = JSON.parse(text);
      return pipelineDocument(report, namespace);
    }
  }
}

/** Whether it is sound JSON, the index says. */
const isObjectInOneLine = (value: Buffer): boolean =>
  value[0] === BRACE && value.at(-1) === BRACE_END && !value.includes(NEWLINE);

/** What stands in an action line (id, version) must be right, or Elasticsearch refuses the whole request and with it everything beside it. */
function isSound(d: {
  readonly id: unknown;
  readonly at: unknown;
  readonly version: unknown;
  readonly document: unknown;
}): boolean {
  const { id, at, version, document } = d;
  return (
    typeof id === 'string' &&
    id !== '' &&
    Buffer.byteLength(id) <= ID_BYTES_MAX &&
    typeof at === 'string' &&
    (version === undefined || (typeof version === 'number' && Number.isSafeInteger(version) && version >= 0)) &&
    typeof document === 'object' &&
    document !== null &&
    !Array.isArray(document)
  );
}
