/** The streaming service on a real broker: the documents are those of one process over the same files. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { checked } from '../../cli/run-config.ts';
import { RAW_FAMILIES } from '../../cli/send.ts';
import { type Service, startService } from '../../cli/stream/service.ts';
import { topicsOf } from '../../cli/stream/topics.ts';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import { SHIPPED_MODEL } from '../../models/cause/shipped-model.ts';
import { DEFAULT_TIMERS } from '../../processors/profile/known-timers.ts';
import { newRedaction } from '../../processors/redact.ts';
import { type Documents, embedded } from '../cli/stream/in-memory.ts';
import { smallModel } from '../models/prediction/small-model.ts';
import { succeed } from './command.ts';
import { type KafkaServer, startKafka } from './kafka.ts';
import { newestOf, sampleFolder, sampleTopics, sendEnd, sendSample } from './streaming-sample.ts';
import { until } from './until.ts';

let server: KafkaServer;
let expected: Documents;
before(async () => {
  server = await startKafka();
  expected = await embedded(sampleFolder, false, prediction);
});
after(() => server.stop());

const root = new URL('../..', import.meta.url).pathname;
const redaction = newRedaction('a key of the tests');
const prediction = smallModel();

describe('the streaming service', () => {
  const opened: { stop(): Promise<void> }[] = [];
  after(async () => {
    for (const one of opened.reverse()) await one.stop();
  });
  for (const { partitions, processes, by } of [
    { partitions: 1, processes: 1, by: 'imapwhy send' },
    { partitions: 4, processes: 2, by: 'a topic for each log' },
  ])
    test(`${by}, ${partitions} partitions, ${processes} processes: every document of one process, and no other`, async () => {
      const prefix = `test-${partitions}`;
      const kafka = kafkajsKafka({ brokers: server.brokers, clientId: 'test' });
      opened.push({ stop: () => kafka.close() });
      const topics = await sampleTopics(prefix);
      const isSent = by === 'imapwhy send';
      const inputs = isSent
        ? RAW_FAMILIES.map((family) => `${prefix}.raw.${family}`)
        : topics.map(({ topic }) => topic);
      const config = checked(
        {
          kafka: { brokers: server.brokers, topic_prefix: prefix },
          roles: ['parse', 'correlate'],
          inputs: inputs.map((topic) => ({ topic })),
          partitions,
          snapshot_seconds: 2,
        },
        'test',
      );
      const log: string[] = [];
      const services: Service[] = [];
      for (let i = 0; i < processes; i++) {
        const own = kafkajsKafka({ brokers: server.brokers, clientId: `test-${i}` });
        opened.push({ stop: () => own.close() });
        const service = await startService(config, {
          kafka: own,
          redaction,
          model: SHIPPED_MODEL,
          timers: DEFAULT_TIMERS,
          prediction,
          log: (line) => void log.push(line),
        });
        services.push(service);
        opened.push(service);
      }
      const producer = await kafka.producer();
      if (isSent) {
        const args = ['cli/main.ts', 'send', '--to', 'kafka', '--brokers', server.brokers.join(',')];
        await succeed(process.execPath, [...args, '--topic-prefix', prefix, '--end', sampleFolder], { cwd: root });
      } else {
        await sendSample(producer, topics);
        await sendEnd(producer, topics);
      }
      const names = topicsOf(prefix);
      const isThere = async (topic: string, documents: ReadonlyMap<string, string>): Promise<boolean> => {
        await sleep(500); // each look reads the whole topic
        return (await newestOf(kafka, topic)).size >= documents.size;
      };
      await until('all profiles', () => isThere(names.profiles, expected.profiles), 240_000);
      await until('all incidents', () => isThere(names.incidents, expected.incidents), 60_000);
      await until('all anomalies', () => isThere(names.anomalies, expected.findings), 60_000);
      for (const service of services) await service.stop();
      for (const { counters } of services)
        for (const { name, label, value } of counters.entries())
          if (label === 'late' || name === 'dead_letters_total') assert.equal(value, 0, `${name} ${label}`);
      for (const [kind, topic] of [
        ['profiles', names.profiles],
        ['incidents', names.incidents],
        ['findings', names.anomalies],
        ['likely', names.likely],
      ] as const) {
        const found = await newestOf(kafka, topic);
        const differing = [...expected[kind]].filter(([id, text]) => found.get(id) !== text);
        assert.deepEqual(differing.slice(0, 1), [], `${differing.length} ${kind} differ`);
        // Lists go on for a while after the end of the logs, as time does.
        if (kind !== 'likely') assert.equal(found.size, expected[kind].size);
      }
      assert.deepEqual(
        log.filter((line) => /error|_failed|lost/.test(line)),
        [],
      );
    });
});
