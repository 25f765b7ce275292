/** The workers without correlation, on Kafka in memory: every line is a document, and nothing is made for sessions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checked } from '../../../cli/run-config.ts';
import { readDocuments } from '../../../cli/stream/document-lines.ts';
import { startService } from '../../../cli/stream/service.ts';
import { topicsOf } from '../../../cli/stream/topics.ts';
import { SHIPPED_MODEL } from '../../../models/cause/shipped-model.ts';
import { DEFAULT_TIMERS } from '../../../processors/profile/known-timers.ts';
import { newRedaction } from '../../../processors/redact.ts';
import { sampleTopics } from '../../servers/streaming-sample.ts';
import { until } from '../../servers/until.ts';
import { TEST_KEY } from './in-memory.ts';
import { MemoryCluster, MemoryKafka } from './memory-kafka.ts';

test('lines become documents, and no topic of sessions is needed', async () => {
  const sample = (await sampleTopics('t')).map(({ topic, records }) => ({ topic, records: records.slice(0, 300) }));
  const cluster = new MemoryCluster();
  for (const { topic } of sample) cluster.create(topic, 1);
  const config = checked(
    {
      kafka: { brokers: ['nowhere:1'], topic_prefix: 't' },
      roles: ['parse'],
      correlation: false,
      inputs: sample.map(({ topic }) => ({ topic })),
      partitions: 3,
    },
    'test',
  );
  const kafka = new MemoryKafka(cluster);
  const world = { kafka, redaction: newRedaction(TEST_KEY), model: SHIPPED_MODEL, timers: DEFAULT_TIMERS };
  const service = await startService(config, { ...world, log: () => {} });
  for (const { topic, records } of sample) cluster.append(records.map((r) => ({ ...r, topic, partition: 0 })));
  const { documents, pipeline, parseState } = topicsOf('t');
  const isRead = () =>
    sample.every(({ topic }) => (cluster.committed.get(`t.parse ${topic}/0`) ?? 0) === cluster.log(topic, 0).length);
  await until('all is read', isRead, 20_000);
  await service.stop();
  await kafka.close();
  const ids = [0, 1, 2].flatMap((p) =>
    cluster
      .log(documents, p)
      .flatMap(({ value }) => readDocuments(value ?? Buffer.alloc(0))?.map(({ id }) => id) ?? []),
  );
  assert.equal(new Set(ids).size, ids.length);
  const events = service.counters
    .entries()
    .filter(({ name, label }) => name === 'events_total' && label.endsWith('parsed'));
  assert.equal(
    ids.length,
    events.reduce((sum, { value }) => sum + value, 0),
  );
  assert.ok(ids.length > 1000, `${ids.length} documents`);
  const ours = [...new Set([...cluster.logs.keys()].map((key) => key.slice(0, key.lastIndexOf('/'))))].filter(
    (topic) => !topic.startsWith('t.raw.') && !topic.endsWith('.dlq'),
  );
  assert.deepEqual(ours.sort(), [documents, parseState, pipeline].sort());
});
