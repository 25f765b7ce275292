/** SIGTERM while a server is away: the service ends within its time, says what is left, and whoever goes on misses nothing and doubles nothing. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deadLetters } from './stored-documents.ts';
import { deploy, logins, type Servers, startServers } from './streaming-world.ts';
import { until } from './until.ts';

const DRAIN_SECONDS = 3;
const LINES = 500;

describe('a stop', () => {
  let servers: Servers;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imapwhy-stop-'));
    servers = await startServers();
  });
  after(async () => {
    await servers?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const seconds = (since: number): number => (performance.now() - since) / 1000;

  test('while Elasticsearch is away: in time, with what is left; the next one writes it', async (t) => {
    const deployment = deploy(t, servers, folder, ['mail'], { drain_seconds: DRAIN_SECONDS });
    const [topic = ''] = deployment.topics;
    const service = await deployment.start();
    const producer = await servers.kafka.producer();
    await producer.send(logins(topic, 0, LINES));
    await until('all is written', async () => (await deployment.count()) === LINES);
    await servers.index.kill();
    await producer.send(logins(topic, LINES, 2 * LINES));
    await until('it says so', async () => /Elasticsearch at http.* \(unreachable\)/.test(await deployment.said()));
    const since = performance.now();
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 1, 'something was left');
    assert.ok(seconds(since) < DRAIN_SECONDS + 2, `${seconds(since)} s`);
    assert.match(
      await deployment.said(),
      /not finished after 3 s: \d+ records were waiting.*, and [1-9]\d* bytes of documents have no answer of Elasticsearch/,
    );
    await servers.index.restart();
    const next = await deployment.start();
    await until('the rest is written', async () => (await deployment.count()) >= 2 * LINES, 60_000);
    await next.stop('SIGTERM');
    assert.equal(await next.ended, 0, await deployment.said());
    assert.equal((await deployment.events()).length, 2 * LINES);
    assert.deepEqual(await deadLetters(servers.kafka, deployment.namespace), new Map());
  });

  test('while Kafka is away: in time; the next one goes on where it was', async (t) => {
    const deployment = deploy(t, servers, folder, ['mail'], { drain_seconds: DRAIN_SECONDS });
    const [topic = ''] = deployment.topics;
    const service = await deployment.start();
    const producer = await servers.kafka.producer();
    await producer.send(logins(topic, 0, LINES));
    await until('all is written', async () => (await deployment.count()) === LINES);
    await servers.broker.kill();
    const since = performance.now();
    await service.stop('SIGTERM');
    const code = await service.ended;
    assert.ok(seconds(since) < DRAIN_SECONDS + 2, `${seconds(since)} s`);
    assert.match(await deployment.said(), code === 0 ? /stopped\n$/ : /not finished after 3 s/);
    await servers.broker.restart();
    const next = await deployment.start();
    await producer.send(logins(topic, LINES, 2 * LINES));
    await until('the rest is written', async () => (await deployment.count()) >= 2 * LINES, 60_000);
    await next.stop('SIGTERM');
    assert.equal(await next.ended, 0, await deployment.said());
    assert.equal((await deployment.events()).length, 2 * LINES);
  });

  test('asked twice: at once', async (t) => {
    const deployment = deploy(t, servers, folder, ['mail'], { drain_seconds: 60 });
    const [topic = ''] = deployment.topics;
    const service = await deployment.start();
    const producer = await servers.kafka.producer();
    await producer.send(logins(topic, 0, LINES));
    await until('all is written', async () => (await deployment.count()) === LINES);
    await servers.index.kill();
    await producer.send(logins(topic, LINES, 2 * LINES));
    await until('it says so', async () => /reading waits/.test(await deployment.said()));
    service.signal('SIGTERM');
    await until('it is finishing', async () => /SIGTERM: finishing what is in hand/.test(await deployment.said()));
    const since = performance.now();
    await service.stop('SIGINT');
    assert.equal(await service.ended, 1);
    assert.ok(seconds(since) < 2, `${seconds(since)} s`);
    assert.match(await deployment.said(), /SIGINT once more: .*What is not written down will be done again/);
    await servers.index.restart();
  });
});
