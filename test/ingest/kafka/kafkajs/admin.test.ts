/** Questions to the cluster, over a client of kafkajs that answers as this test says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka } from 'kafkajs';
import { KafkaError } from '../../../../ingest/kafka/kafka-error.ts';
import { KafkajsAdmin } from '../../../../ingest/kafka/kafkajs/admin.ts';

/** As kafkajs does, a connection that is given up drops what was asked over it. */
function client(answers: readonly (() => Promise<string[]>)[]): {
  readonly kafka: Kafka;
  readonly asked: () => number;
} {
  const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: 0 });
  let asked = 0;
  const admin = kafka.admin();
  kafka.admin = () => ({
    ...admin,
    connect: async () => {},
    disconnect: async () => {},
    listTopics: () => (answers[asked++] ?? assert.fail)(),
  });
  return { kafka, asked: () => asked };
}

const never = (): Promise<string[]> => new Promise(() => {});

test('what was asked over a connection that somebody else gave up is asked again over the next', async () => {
  const { kafka, asked } = client([never, async () => ['b', 'a']]);
  const admin = new KafkajsAdmin(kafka);
  const topics = admin.listTopics();
  await new Promise(setImmediate);
  assert.equal(asked(), 1);
  admin.forget();
  assert.deepEqual(await topics, ['a', 'b']);
  await admin.close();
});

test('what is asked when it is closed ends, and nothing is connected anew', async () => {
  const { kafka, asked } = client([never]);
  const admin = new KafkajsAdmin(kafka);
  const topics = admin.listTopics();
  const refused = assert.rejects(topics, (error) => error instanceof KafkaError && error.code === 'unreachable');
  await new Promise(setImmediate);
  await admin.close();
  await refused;
  assert.equal(asked(), 1);
});
