/** What lies in a topic of documents and is none must not stop what lies beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../cli/stream/counters.ts';
import { IndexWorker } from '../../../cli/stream/index-worker.ts';
import { placeHeaders } from '../../../cli/stream/place-header.ts';
import { topicsOf } from '../../../cli/stream/topics.ts';
import { DLQ_HEADERS } from '../../../ingest/kafka/dead-letter.ts';
import type { ConsumedRecord, Kafka, Lease, Producer, RecordToSend } from '../../../ingest/kafka/port.ts';
import type { BulkDocument, MonthlyPlace } from '../../../outputs/elasticsearch/bulk-document.ts';
import type { ElasticsearchOutput } from '../../../outputs/elasticsearch/elasticsearch.ts';

const topics = topicsOf('t');

async function indexed(topic: string, values: readonly string[]) {
  const of = (text: string, offset: number) => {
    return { offset, timestamp: 0, key: null, value: Buffer.from(text), headers: new Map<string, Buffer>() };
  };
  const { written, dead, committed } = await indexedRecords(topic, values.map(of));
  return { written: written.map((d) => d.id), dead, committed };
}

async function indexedRecords(topic: string, records: readonly ConsumedRecord[]) {
  const written: BulkDocument[] = [];
  const dead: RecordToSend[] = [];
  let committed = -1;
  const output = {
    async deliverDocuments(documents: readonly BulkDocument[]) {
      written.push(...documents);
      return { written: documents.length, present: 0, refused: [] };
    },
  } as unknown as ElasticsearchOutput;
  const producer = {
    send: async (records: readonly RecordToSend[]) => void dead.push(...records),
  } as unknown as Producer;
  const lease = {
    topic,
    partition: 0,
    async commit(next: number) {
      committed = next;
    },
  } as unknown as Lease;
  const context = { kafka: {} as unknown as Kafka, counters: new Counters(), log: () => {} };
  const worker = new IndexWorker({ topics, namespace: 'default', output }, producer, context);
  await worker.batch({ lease, records, next: records.length, end: records.length });
  const offsets = dead.map((d) => Number(d.headers?.find(([name]) => name === DLQ_HEADERS.offset)?.[1].toString()));
  return { written, dead: offsets, committed };
}

const document = '{"@timestamp":"2026-11-24T04:00:00.000Z","event":{"dataset":"dovecot.login"}}';
const good = `a-1 2026-11-24T04:00:00.000Z dovecot\n${document}\n`;

test('documents that are none are dead letters, and the others are written', async () => {
  const poison = [
    'no document',
    '{}\n',
    `\n${document}\n`,
    ` 2026-11-24T04:00:00.000Z dovecot\n${document}\n`,
    `${'x'.repeat(513)} 2026-11-24T04:00:00.000Z dovecot\n${document}\n`,
    `b 2026-11-24T04:00:00.000Z ../other-index\n${document}\n`,
    'c 2026-11-24T04:00:00.000Z dovecot\n[1]\n',
    `d 2026-11-24T04:00:00.000Z dovecot\n${document}`,
    `${good}e x y z\n${document}\n`,
  ];
  const { written, dead, committed } = await indexed(topics.documents, [good, ...poison, good.replace('a-1', 'a-2')]);
  assert.deepEqual(written, ['a-1', 'a-2']);
  assert.deepEqual(dead, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(committed, 11);
});

test('a document whose place stands in a header is not read; a header that names none is no harm', async () => {
  const place: MonthlyPlace = {
    kind: 'profile',
    month: '2026.11',
    id: 'p',
    at: '2026-11-24T04:00:00.000Z',
    version: 3,
  };
  const record = (key: string, value: string, header: Buffer | undefined) => ({
    offset: 0,
    timestamp: 0,
    key: Buffer.from(key),
    value: Buffer.from(value),
    headers: new Map(header && [['imapwhy.place', header]]),
  });
  const header = placeHeaders(place)[0]?.[1];
  const whole =
    '{"@timestamp":"2026-11-24T04:00:00.000Z","event":{"start":"2026-11-24T04:00:00.000Z"},"imapwhy":{"session":{"id":"s","dovecot_id":null},"revision":1}}';
  const { written, dead } = await indexedRecords(topics.profiles, [
    record('p', '{"a":1}', header),
    record('x'.repeat(513), '{"a":1}', header),
    record('s', whole, Buffer.from('2026.11 -1 \n{"delete":{}}')),
    record('p', '{"a":1\n}', header),
  ]);
  assert.deepEqual(
    written.map(({ id, target, version }) => [id, target, version]),
    [
      ['p', 'imapwhy-profiles-default-2026.11', 3],
      ['s', 'imapwhy-profiles-default-2026.11', 1],
    ],
  );
  assert.equal(dead.length, 2);
});

test('a revision that is no version would have the whole request refused', async () => {
  const profile = (revision: string): string =>
    `{"@timestamp":"2026-11-24T04:00:00.000Z","event":{"start":"2026-11-24T04:00:00.000Z"},"imapwhy":{"session":{"id":"s","dovecot_id":null},"revision":${revision}}}`;
  const { written, dead } = await indexed(topics.profiles, ['1', '-1', '1.5', '"1"', '1e999'].map(profile));
  assert.deepEqual(written, ['s']);
  assert.deepEqual(dead, [1, 2, 3, 4]);
});
