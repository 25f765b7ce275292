/** imapwhy doctor against a real broker and a real Elasticsearch, and against what is not there. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { examine, type Finding } from '../../cli/doctor.ts';
import { checked } from '../../cli/run-config.ts';
import { prepareTopics } from '../../cli/stream/topics.ts';
import { kafkajsKafka } from '../../ingest/kafka/kafkajs/client.ts';
import { type ElasticsearchServer, startElasticsearch } from './elasticsearch.ts';
import { freePort } from './free-port.ts';
import { type KafkaServer, startKafka } from './kafka.ts';

let kafka: KafkaServer;
let elasticsearch: ElasticsearchServer;
before(async () => {
  [kafka, elasticsearch] = await Promise.all([startKafka(), startElasticsearch()]);
});
after(() => Promise.all([kafka.stop(), elasticsearch.stop()]));

const stateOf = (findings: readonly Finding[], what: string): string | undefined =>
  findings.find((f) => f.what.startsWith(what))?.state;

describe('imapwhy doctor', () => {
  const configOf = (brokers: readonly string[], node: string) =>
    checked(
      {
        kafka: { brokers, topic_prefix: 'doctor' },
        elasticsearch: { nodes: [node] },
        inputs: [{ topic: 'doctor.raw.mail' }],
        partitions: 2,
      },
      'test',
    );

  test('says what is there, and what is missing', async () => {
    const config = configOf(kafka.brokers, elasticsearch.url);
    const before = await examine(config);
    assert.equal(stateOf(before, 'Kafka'), 'ok');
    assert.equal(stateOf(before, 'topics'), 'warning');
    assert.equal(stateOf(before, 'transactions'), 'ok');
    assert.equal(stateOf(before, 'Elasticsearch'), 'ok');
    assert.equal(stateOf(before, 'clock'), 'ok');
    assert.equal(stateOf(before, 'templates'), 'failed');
    for (const f of before) if (f.state !== 'ok') assert.ok(f.advice, `${f.what} says what to do`);
    const client = kafkajsKafka({ brokers: kafka.brokers, clientId: 'test' });
    await prepareTopics(client, config);
    await client.close();
    const now = await examine({ ...config, partitions: 3 });
    assert.equal(stateOf(now, 'topics'), 'ok');
    assert.equal(stateOf(now, 'doctor.events'), 'warning', 'the number of partitions is another one');
    assert.equal(stateOf(now, 'group doctor.parse'), 'ok');
  });

  test('names what does not answer', async () => {
    const port = await freePort();
    const findings = await examine(configOf([`127.0.0.1:${port}`], `http://127.0.0.1:${port}`));
    assert.deepEqual(
      findings.map((f) => f.state),
      ['failed', 'failed'],
    );
    for (const f of findings) assert.match(f.found, new RegExp(String(port)));
  });
});
