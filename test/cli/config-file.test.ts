import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readConfigFile } from '../../cli/config-file.ts';
import { checked, readRunConfig } from '../../cli/run-config.ts';
import { groupsOf, topicSpecs } from '../../cli/stream/topics.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imapwhy-config-'));
});
after(() => rm(folder, { recursive: true, force: true }));

async function file(text: string): Promise<string> {
  const path = join(folder, 'imapwhy.yml');
  await writeFile(path, text);
  return path;
}

const WHOLE = `
kafka: { brokers: ['127.0.0.1:9092'], topic_prefix: mail }
elasticsearch: { nodes: ['http://127.0.0.1:9200'], auth: { api_key: { env: KEY } }, request_timeout_ms: 5000 }
kibana: { url: 'http://127.0.0.1:5601', session_url: 'https://why.example.org/session/{{value}}' }
inputs: [{ topic: raw.mail, zone: Europe/Warsaw }]
`;

describe('a configuration file', () => {
  test('has one way to write names, in every section', async () => {
    const config = readRunConfig(await file(WHOLE));
    assert.equal(config.kafka.topic_prefix, 'mail');
    assert.equal(config.elasticsearch?.requestTimeoutMs, 5000);
    assert.deepEqual(config.roles, ['parse', 'correlate', 'index']);
    const other = await file(WHOLE.replace('request_timeout_ms', 'requestTimeoutMs'));
    assert.throws(() => readRunConfig(other), /elasticsearch\.requestTimeoutMs: write request_timeout_ms/);
  });

  test('is refused with the place of what is wrong', async () => {
    for (const [text, told] of [
      [WHOLE.replace('Europe/Warsaw', 'Mars/Olympus'), /inputs\.0\.zone: is no time zone/],
      [WHOLE.replace('request_timeout_ms: 5000', 'request_timeout_ms: soon'), /elasticsearch\.request_timeout_ms/],
      [WHOLE.replace(/elasticsearch.*\n/, ''), /needs the section elasticsearch/],
      [`${WHOLE}roles: [judge]\n`, /roles\.0/],
      [`${WHOLE}roles: [correlate]\ncorrelation: false\n`, /correlation is false, so nobody has the role correlate/],
      [`${WHOLE}correlation: false\nprediction: { model: m }\n`, /a prediction is made of sessions/],
      [`${WHOLE}inputs: []\n`, /is no YAML/],
      ['- a list', /has no sections/],
      ['', /has no sections/],
    ] as const) {
      const path = await file(text);
      assert.throws(() => readRunConfig(path), told, text);
    }
    assert.throws(() => readConfigFile(join(folder, 'there-is-none')), /cannot be read \(ENOENT\)/);
  });

  test('without correlation has neither its role nor its topics', async () => {
    const config = readRunConfig(await file(`${WHOLE}correlation: false\n`));
    assert.deepEqual(config.roles, ['parse', 'index']);
    assert.deepEqual(
      groupsOf(config).map(({ step, reads }) => [step, reads]),
      [
        ['parse', ['raw.mail']],
        ['index', ['mail.documents', 'mail.pipeline']],
      ],
    );
    const made = topicSpecs(config).map(({ topic }) => topic);
    for (const topic of ['mail.events', 'mail.facts', 'mail.profiles', 'mail.sessions.state'])
      assert.ok(!made.includes(topic), topic);
  });

  test('cannot name a topic twice', () => {
    const kafka = { brokers: ['127.0.0.1:9092'] };
    const inputs = [{ topic: 'a' }, { topic: 'a' }];
    assert.throws(() => checked({ kafka, roles: ['parse'], inputs }, 'test'), /names a twice/);
  });
});
