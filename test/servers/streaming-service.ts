/** The whole chain as users run it: `imapwhy run` as a process, a real Kafka, a real Elasticsearch. The documents are those of one process over the same files. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { topicsOf } from '../../cli/stream/topics.ts';
import { readDeadLetter } from '../../ingest/kafka/dead-letter.ts';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import type { Kafka, RecordToSend } from '../../ingest/kafka/port.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { type AllDocuments, embedded } from '../cli/stream/in-memory.ts';
import { type ElasticsearchServer, startElasticsearch, uniqueNamespace } from './elasticsearch.ts';
import { configFor, installTemplates } from './elasticsearch-setup.ts';
import { logOf, startImapwhy } from './imapwhy-process.ts';
import { type KafkaServer, startKafka } from './kafka.ts';
import { allThere, assertSame, compare } from './stored-documents.ts';
import { sampleFolder, sampleTopics, sendEnd, sendSample } from './streaming-sample.ts';

/** The first record of each topic between the steps is none that the next step can use, and one document is none that the index takes. */
function poison(prefix: string): readonly RecordToSend[] {
  const { events, facts, documents, profiles } = topicsOf(prefix);
  const refused = '{"@timestamp":"not a time","event":{"dataset":"dovecot.login"}}';
  const of = (topic: string, text: string, key: Buffer | null = null): RecordToSend => ({
    topic,
    partition: 0,
    key,
    value: Buffer.from(text),
  });
  return [
    of(events, 'no batch'),
    of(facts, '{}'),
    of(profiles, 'null', Buffer.from('poison')),
    of(documents, 'no document'),
    of(documents, `poison 2026-11-24T04:00:00.000Z dovecot\n${refused}\n`),
  ];
}

/** Where each dead letter came from, why it is one, and who found out. */
async function deadOf(kafka: Kafka, prefix: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const topic of (await kafka.listTopics()).filter((name) => name.startsWith(prefix) && name.endsWith('.dlq'))) {
    const reading = await kafka.read(
      { topic },
      {
        records(_, records) {
          for (const record of records) {
            const { origin, code, stage, message } = readDeadLetter(record);
            assert.ok(message, 'it says why');
            found.push(`${origin?.topic}/${origin?.partition}/${origin?.offset} ${code} ${stage}`);
          }
        },
        failed(error) {
          throw error;
        },
      },
    );
    await reading.caughtUp;
  }
  return found.sort();
}

describe('imapwhy run', () => {
  let broker: KafkaServer;
  let index: ElasticsearchServer;
  let expected: AllDocuments;
  let kafka: Kafka;
  let request: Request;
  let folder: string;
  const closing: (() => Promise<void>)[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imapwhy-run-'));
    closing.push(() => rm(folder, { recursive: true, force: true }));
    [broker, index] = await Promise.all([startKafka(), startElasticsearch()]);
    closing.push(broker.stop, index.stop);
    kafka = kafkajsKafka({ brokers: broker.brokers, clientId: 'test' });
    const connection = connect(configFor(index.url));
    request = connection.request;
    closing.push(() => kafka.close(), connection.close);
    await installTemplates(configFor(index.url));
    expected = await embedded(sampleFolder, true);
  });
  after(async () => {
    for (const close of closing.reverse()) await close();
  });

  test('writes every document of one process into Elasticsearch, and no other, while poison becomes dead letters with their context; SIGTERM ends it', async () => {
    const namespace = uniqueNamespace();
    const topics = await sampleTopics(namespace);
    const service = await startImapwhy(
      {
        kafka: { brokers: broker.brokers, topic_prefix: namespace },
        elasticsearch: { nodes: [index.url], namespace },
        inputs: topics.map(({ topic }) => ({ topic })),
        partitions: 4,
        snapshot_seconds: 2,
        idle_seconds: 120, // a machine with much to do is no silent source
      },
      { folder, name: 'whole' },
    );
    const producer = await kafka.producer();
    await producer.send(poison(namespace));
    await sendSample(producer, topics);
    await sendEnd(producer, topics);
    await allThere(request, namespace, expected, 120_000);
    const since = performance.now();
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 0, 'it ends by itself, with nothing left to do');
    assert.ok(performance.now() - since < 25_000, 'within the time for draining');
    assertSame(await compare(request, namespace, expected));
    assert.deepEqual(await deadOf(kafka, namespace), [
      `${namespace}.documents/0/0 malformed index`,
      `${namespace}.documents/0/1 bad_document index`,
      `${namespace}.events/0/0 malformed correlate`,
      `${namespace}.facts/0/0 malformed correlate`,
      `${namespace}.profiles/0/0 malformed index`,
    ]);
    const said = await readFile(logOf(folder, 'whole'), 'utf8');
    assert.match(said, /stopped\n$/);
    assert.doesNotMatch(said, /error|_failed|lost/);
  });
});
