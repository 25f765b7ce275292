/** The whole chain while one of its servers is away for long, or has no room left: memory stays, nobody leaves a group, and afterwards every document is that of one process. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { topicsOf } from '../../cli/stream/topics.ts';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import type { Kafka } from '../../ingest/kafka/port.ts';
import { connect } from '../../outputs/elasticsearch/connection.ts';
import { type AllDocuments, embedded } from '../cli/stream/in-memory.ts';
import { grow, smallDisk } from '../outputs/small-disk.ts';
import { startElasticsearch, uniqueNamespace } from './elasticsearch.ts';
import { configFor, installTemplates } from './elasticsearch-setup.ts';
import { logOf, startImapwhy } from './imapwhy-process.ts';
import { type KafkaOptions, startOwnKafka } from './kafka.ts';
import { allThere, assertSame, compare, deadLetters, totalsOf } from './stored-documents.ts';
import { type SampleTopic, sampleFolder, sampleTopics, sendEnd, sendSample } from './streaming-sample.ts';
import { until } from './until.ts';

const MEBIBYTE = 2 ** 20;
const DRAIN_MS = 25_000;

let expected: AllDocuments;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imapwhy-trouble-'));
  expected = await embedded(sampleFolder, true);
});
after(() => rm(folder, { recursive: true, force: true }));

async function startAll(t: TestContext, options: KafkaOptions = {}) {
  const [broker, index] = await Promise.all([startOwnKafka(options), startElasticsearch({ own: true })]);
  const kafka = kafkajsKafka({ brokers: broker.brokers, clientId: 'test' });
  const connection = connect(configFor(index.url));
  await installTemplates(configFor(index.url));
  const namespace = uniqueNamespace();
  const topics = await sampleTopics(namespace);
  await kafka.createTopics(topics.map(({ topic }) => ({ topic, partitions: 1 })));
  t.after(async () => {
    await kafka.close();
    await connection.close();
    await Promise.all([broker.stop(), index.stop()]);
  });
  const start = (more: object = {}) =>
    startImapwhy(
      {
        kafka: { brokers: broker.brokers, topic_prefix: namespace },
        elasticsearch: { nodes: [index.url], namespace },
        inputs: topics.map(({ topic }) => ({ topic })),
        partitions: 4,
        snapshot_seconds: 2,
        idle_seconds: 600, // a machine with much to do is no silent source
        ...more,
      },
      { folder, name: namespace },
    );
  const log = (): Promise<string> => readFile(logOf(folder, namespace), 'utf8');
  return { broker, index, kafka, request: connection.request, namespace, topics, start, log };
}

const firstOf = (topics: readonly SampleTopic[], count: number): readonly SampleTopic[] =>
  topics.map(({ topic, records }) => ({ topic, records: records.slice(0, count) }));
const restOf = (topics: readonly SampleTopic[], count: number): readonly SampleTopic[] =>
  topics.map(({ topic, records }) => ({ topic, records: records.slice(count) }));

/** A group has committed everything that there is. */
async function isReadBy(kafka: Kafka, group: string, topic: string): Promise<boolean> {
  const committed = await kafka.committedOffsets(group, topic);
  const ranges = (await kafka.describeTopics([topic])).get(topic) ?? [];
  // After the last record the marker of its transaction follows.
  return ranges.every(({ partition, begin, end }) => end - begin <= 1 || (committed.get(partition) ?? 0) >= end - 1);
}

async function memoryOf(pid: number): Promise<number> {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kilobytes) * 1024) / MEBIBYTE;
}

describe('a server that is away', () => {
  test('Elasticsearch, for three quarters of an hour of input: memory flat, the groups stable, one recovery, and SIGTERM drains', async (t) => {
    const { index, kafka, request, namespace, topics, start, log } = await startAll(t);
    const service = await start();
    const producer = await kafka.producer();
    await sendSample(producer, firstOf(topics, 500));
    await until(
      'some events are there',
      async () => (await totalsOf(request, 'events', namespace)).count > 100,
      60_000,
    );
    await index.kill();
    await sendSample(producer, restOf(topics, 500));
    await sendEnd(producer, topics);
    const { events } = topicsOf(namespace);
    const isRead = async (): Promise<boolean> => {
      await sleep(500);
      for (const { topic } of topics) if (!(await isReadBy(kafka, `${namespace}.parse`, topic))) return false;
      return isReadBy(kafka, `${namespace}.sessions`, events);
    };
    await until('everything is parsed and joined, though it cannot be written', isRead, 240_000);
    const before = await memoryOf(service.pid);
    const samples: number[] = [];
    for (let i = 0; i < 30; i++) {
      await sleep(500);
      samples.push(await memoryOf(service.pid));
    }
    assert.ok(
      Math.max(...samples) < before + 100,
      `from ${before} to ${Math.max(...samples)} MiB while nothing could be written`,
    );
    assert.ok(Math.max(...samples) < 900, `${Math.max(...samples)} MiB`);
    await index.restart();
    const saidBefore = (await log()).length;
    await allThere(request, namespace, expected, 240_000);
    const since = performance.now();
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 0, 'it ends by itself');
    assert.ok(performance.now() - since < DRAIN_MS, 'within the time for draining');
    const said = await log();
    assert.equal(said.match(/took over/g)?.length, 3, 'each group was divided once');
    assert.doesNotMatch(said, /membership_lost|stalled|fenced|handler_failed/);
    const after = said.slice(saidBefore);
    assert.match(after, /Elasticsearch answers again/);
    assert.doesNotMatch(after.slice(after.indexOf('answers again')), /reading waits/, 'no second overload');
    assertSame(await compare(request, namespace, expected));
    assert.deepEqual(await deadLetters(kafka, namespace), new Map());
  });

  test('Elasticsearch at its flood stage takes nothing: reading waits and says why, and goes on by itself once there is room', async (t) => {
    const { kafka, request, namespace, topics, start, log } = await startAll(t);
    const service = await start();
    const producer = await kafka.producer();
    await sendSample(producer, firstOf(topics, 500));
    await until(
      'some events are there',
      async () => (await totalsOf(request, 'events', namespace)).count > 100,
      60_000,
    );
    const disk = (settings: object) =>
      request('PUT', '/_cluster/settings', {
        persistent: { cluster: { info: { update: { interval: '10s' } }, routing: { allocation: { disk: settings } } } },
      });
    const isBlocked = async (): Promise<boolean> => {
      await sleep(500);
      const { body } = await request('GET', `/logs-imapwhy.*-${namespace}/_settings/index.blocks.*`);
      return JSON.stringify(body).includes('read_only_allow_delete');
    };
    // Any disk is fuller than that.
    await disk({ threshold_enabled: true, watermark: { low: '0.01%', high: '0.02%', flood_stage: '0.03%' } });
    await until('the server blocks its indices', isBlocked, 90_000);
    await sendSample(producer, restOf(topics, 500));
    await sendEnd(producer, topics);
    await until('it says so', async () => /flood stage.*; reading waits/.test(await log()), 60_000);
    const { count } = await totalsOf(request, 'events', namespace);
    await sleep(5000);
    assert.equal((await totalsOf(request, 'events', namespace)).count, count, 'nothing is written');
    await disk({ threshold_enabled: true, watermark: { low: null, high: null, flood_stage: null } });
    await disk({ threshold_enabled: false });
    await until('the block is lifted', async () => !(await isBlocked()), 90_000);
    await allThere(request, namespace, expected, 240_000);
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 0, await log());
    assert.match(await log(), /Elasticsearch answers again/);
    assertSame(await compare(request, namespace, expected));
    assert.deepEqual(await deadLetters(kafka, namespace), new Map());
  });

  test('one input is far behind in time: the others are held, memory stays, and all goes on once it has come', async (t) => {
    const { kafka, request, namespace, topics, start } = await startAll(t);
    const sizes = topics.map(({ records }) => records.length);
    const [behind] = topics.filter(({ records }) => records.length === Math.max(...sizes));
    assert.ok(behind);
    const others = topics.filter((topic) => topic !== behind);
    const service = await start({ waiting_events: 1000 });
    const producer = await kafka.producer();
    await sendSample(producer, [...others, ...firstOf([behind], 1000)]);
    const read = async (): Promise<number> => {
      let sum = 0;
      for (const { topic } of others) sum += (await kafka.committedOffsets(`${namespace}.parse`, topic)).get(0) ?? 0;
      return sum;
    };
    let before = -1;
    const stands = async (): Promise<boolean> => {
      const now = await read();
      const isSame = now === before && now > 0;
      before = now;
      await sleep(4000);
      return isSame && (await isReadBy(kafka, `${namespace}.parse`, behind.topic));
    };
    await until('nobody goes on', stands, 120_000);
    const all = others.reduce((sum, { records }) => sum + records.length, 0);
    assert.ok(before < all / 2, `${before} of ${all} records were read ahead of the one that is behind`);
    const megabytes = await memoryOf(service.pid);
    assert.ok(megabytes < 500, `${megabytes} MiB`);
    await sendSample(producer, restOf([behind], 1000));
    await sendEnd(producer, topics);
    await allThere(request, namespace, expected, 240_000);
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 0);
    assertSame(await compare(request, namespace, expected));
    assert.deepEqual(await deadLetters(kafka, namespace), new Map());
  });

  test('the broker has no room left: it ends, and when it has room again everything goes on by itself', async (t) => {
    const disk = smallDisk(t, 70 * MEBIBYTE);
    if (disk === undefined) return;
    const { broker, kafka, request, namespace, topics, start, log } = await startAll(t, { data: disk });
    const producer = await kafka.producer();
    await sendSample(producer, topics);
    await sendEnd(producer, topics);
    const service = await start();
    await broker.ended();
    grow(disk, 1024 * MEBIBYTE);
    await broker.restart();
    await allThere(request, namespace, expected, 240_000);
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 0, await log());
    assertSame(await compare(request, namespace, expected));
    assert.deepEqual(await deadLetters(kafka, namespace), new Map());
  });
});
