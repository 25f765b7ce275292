/** The workers themselves, on Kafka in memory: whatever is lost, not known, or dies in the middle, the documents are those of an undisturbed run. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checked } from '../../../cli/run-config.ts';
import { startService } from '../../../cli/stream/service.ts';
import { topicsOf } from '../../../cli/stream/topics.ts';
import { endOfInput } from '../../../ingest/kafka/raw-record.ts';
import { SHIPPED_MODEL } from '../../../models/cause/shipped-model.ts';
import { newRandom } from '../../../models/math/random.ts';
import { DEFAULT_TIMERS } from '../../../processors/profile/known-timers.ts';
import { newRedaction } from '../../../processors/redact.ts';
import { sampleTopics } from '../../servers/streaming-sample.ts';
import { until } from '../../servers/until.ts';
import { rawTopics, streamed, TEST_KEY } from './in-memory.ts';
import { type CommitFault, MemoryCluster, MemoryKafka } from './memory-kafka.ts';

const PART = 0.2;
const partOf = <T>(list: readonly T[]): T[] => list.slice(0, Math.ceil(list.length * PART));
const names = topicsOf('t');
const folder = new URL('../../../samples/lab-a/logs', import.meta.url).pathname;
const expected = streamed(
  (await rawTopics(folder)).map(({ records }) => ({ records: partOf(records) })),
  { partitions: 3, batch: 500 },
);
const sample = (await sampleTopics('t')).map(({ topic, records }) => ({
  topic,
  records: [...partOf(records), endOfInput({ topic, partition: 0 })],
}));
const config = checked(
  {
    kafka: { brokers: ['nowhere:1'], topic_prefix: 't' },
    roles: ['parse', 'correlate'],
    inputs: sample.map(({ topic }) => ({ topic })),
    partitions: 3,
    snapshot_seconds: 1,
    idle_seconds: 3600,
  },
  'test',
);

/** The newest revision of each document. */
function newest(cluster: MemoryCluster, topic: string): ReadonlyMap<string, string> {
  const found = new Map<string, { readonly revision: number; readonly text: string }>();
  for (const partition of cluster.partitionsOf(topic))
    for (const { key, value } of cluster.log(topic, partition)) {
      const text = String(value);
      const { revision } = JSON.parse(text).imapwhy;
      if (revision >= (found.get(String(key))?.revision ?? 0)) found.set(String(key), { revision, text });
    }
  return new Map([...found].map(([id, { text }]) => [id, text]));
}

async function disturbed(seed: number): Promise<{ readonly cluster: MemoryCluster; readonly deaths: number }> {
  const next = newRandom(seed);
  const cluster = new MemoryCluster();
  for (const { topic } of sample) cluster.create(topic, 1);
  let untilDeath = Number.POSITIVE_INFINITY;
  const fault = (): CommitFault => {
    untilDeath--;
    const chance = next();
    return chance < 0.01 ? 'lost' : chance < 0.02 ? 'unknown' : undefined;
  };
  const start = async () => {
    untilDeath = 20 + Math.floor(next() * 150);
    const kafka = new MemoryKafka(cluster, { fetchMax: 50 + Math.floor(next() * 400), fault });
    const world = { kafka, redaction: newRedaction(TEST_KEY), model: SHIPPED_MODEL, timers: DEFAULT_TIMERS };
    return { kafka, service: await startService(config, { ...world, log: () => {} }) };
  };
  let deaths = 0;
  let running = await start();
  const isDone = () =>
    ['profiles', 'incidents'].every((kind) => {
      const wanted = kind === 'profiles' ? expected.profiles : expected.incidents;
      const found = newest(cluster, kind === 'profiles' ? names.profiles : names.incidents);
      return found.size >= wanted.size && [...wanted].every(([id, text]) => found.get(id) === text);
    });
  const isRead = () =>
    sample.every(({ topic }) => (cluster.committed.get(`t.parse ${topic}/0`) ?? 0) === cluster.log(topic, 0).length);
  const STEPS = 25;
  for (let step = 0; step < STEPS; step++) {
    for (const { topic, records } of sample)
      cluster.append(
        records
          .slice(Math.round((records.length * step) / STEPS), Math.round((records.length * (step + 1)) / STEPS))
          .map((r) => ({ ...r, topic, partition: 0 })),
      );
    await until('the step is read, or the process is to die', () => untilDeath <= 0 || isRead(), 20_000);
    if (untilDeath > 0) continue;
    running.kafka.die();
    deaths++;
    running = await start();
  }
  await until('all documents', isDone, 60_000).catch(() => {}); // what is missing, the comparison tells
  await running.service.stop();
  await running.kafka.close();
  return { cluster, deaths };
}

describe('workers that die and whose commits get lost', () => {
  for (const seed of [1, 2])
    test(`seed ${seed}: the documents of an undisturbed run`, async () => {
      const { cluster, deaths } = await disturbed(seed);
      assert.ok(deaths >= 3, `only ${deaths} deaths`);
      for (const kind of ['profiles', 'incidents'] as const) {
        const found = newest(cluster, names[kind]);
        const differing = [...expected[kind]].filter(([id, text]) => found.get(id) !== text);
        const [first] = differing;
        assert.equal(first && `${found.get(first[0])}`, first?.[1], `${differing.length} ${kind} differ`);
        assert.deepEqual(
          [...found].filter(([id]) => !expected[kind].has(id)).slice(0, 2),
          [],
          `${found.size} ${kind}, not ${expected[kind].size}`,
        );
      }
      for (const topic of await new MemoryKafka(cluster).listTopics())
        if (topic.endsWith('.dlq')) assert.deepEqual(cluster.log(topic, 0), []);
    });
});
