/** Topics that go, come back, are made anew or grow while the service runs, and states that are deleted: told, nothing lost, nothing double, and by itself where that is possible. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { examine } from '../../cli/doctor.ts';
import { checked } from '../../cli/run-config.ts';
import { topicsOf } from '../../cli/stream/topics.ts';
import { deadLetters, totalsOf } from './stored-documents.ts';
import { type Deployment, deploy, logins, type Servers, startServers } from './streaming-world.ts';
import { until } from './until.ts';

/** As long as a topic is gone that somebody deletes and makes anew, at the least. */
const GONE_MS = 2000;

describe('topics that change under a running service', () => {
  let servers: Servers;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imapwhy-topics-'));
    servers = await startServers();
  });
  after(async () => {
    await servers?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const begun = async (t: TestContext, inputs: readonly string[]) => {
    const deployment = deploy(t, servers, folder, inputs);
    const service = await deployment.start();
    const send = async (topic: string, from: number, to: number, partition = 0): Promise<void> => {
      const producer = await servers.kafka.producer(); // one that knows of the topic as it is now
      await producer.send(logins(topic, from, to, partition));
      await producer.close();
    };
    const count = (wanted: number, timeoutMs = 60_000): Promise<void> =>
      until(`${wanted} events`, async () => (await deployment.count()) >= wanted, timeoutMs).catch(
        async (error: Error) => {
          throw new Error(`${error.message}, only ${await deployment.count()}:\n${await deployment.said()}`);
        },
      );
    return { deployment, service, send, count, topics: deployment.topics };
  };
  const ends = async (
    deployment: Deployment,
    service: { stop(s: NodeJS.Signals): Promise<void>; ended: Promise<number | null> },
    events: number,
  ) => {
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 0, await deployment.said());
    const ids = await deployment.events();
    assert.deepEqual([ids.length, new Set(ids).size], [events, events]);
    assert.deepEqual(await deadLetters(servers.kafka, deployment.namespace), new Map());
  };

  test('a raw topic that grows is read in all its partitions; one that is made anew is read from its beginning, whatever was in it before', async (t) => {
    const { deployment, service, send, count, topics } = await begun(t, ['a', 'b']);
    const [a = '', b = ''] = topics;
    await send(a, 0, 50);
    await send(b, 0, 50);
    await count(100);
    await servers.admin.createPartitions({ topicPartitions: [{ topic: a, count: 3 }] });
    await send(a, 100, 150, 2);
    await count(150);
    for (const [i, lines] of [20, 80].entries()) {
      await servers.admin.deleteTopics({ topics: [b] });
      await sleep(GONE_MS);
      await servers.kafka.createTopics([{ topic: b, partitions: 1 }]);
      await send(b, 1000 * (i + 1), 1000 * (i + 1) + lines);
      await count(i === 0 ? 170 : 250);
    }
    assert.match(await deployment.said(), new RegExp(`${b}/0 was made anew: all of it is read`));
    await ends(deployment, service, 250);
  });

  test('a raw topic that goes holds up neither the others nor their time; it is read again when it comes back', async (t) => {
    const { deployment, service, send, count, topics } = await begun(t, ['a', 'b']);
    const [a = '', b = ''] = topics;
    await send(b, 0, 50);
    await count(50);
    await servers.admin.deleteTopics({ topics: [b] });
    await until('it says which', async () =>
      new RegExp(`parse: ${b}: there is no such topic any more`).test(await deployment.said()),
    );
    await send(a, 100, 200);
    await count(150);
    // Much later in the log: the sessions of before are over, if time goes on.
    await send(a, 2000, 2001);
    const sessions = async () => (await totalsOf(servers.request, 'profiles', deployment.namespace)).count;
    await until('their sessions are closed', async () => (await sessions()) >= 100, 60_000);
    await servers.kafka.createTopics([{ topic: b, partitions: 1 }]);
    await send(b, 3000, 3050);
    await count(201);
    await ends(deployment, service, 201);
  });

  test('the topic of events with another number of partitions: a start is refused, and doctor says the same', async (t) => {
    const { deployment, service, send, count, topics } = await begun(t, ['a']);
    const [a = ''] = topics;
    const { events } = topicsOf(deployment.namespace);
    await send(a, 0, 50);
    await count(50);
    await servers.admin.createPartitions({ topicPartitions: [{ topic: events, count: 4 }] });
    await send(a, 50, 100);
    await count(100);
    await ends(deployment, service, 100);
    await assert.rejects(deployment.start(), new RegExp(`${events} has 4 partitions and .*another topic_prefix`));
    const config = {
      kafka: { brokers: servers.broker.brokers, topic_prefix: deployment.namespace },
      roles: ['parse', 'correlate'],
      inputs: [{ topic: a }],
      partitions: 2,
    };
    await writeFile(join(folder, 'torn.yaml'), JSON.stringify(config));
    const findings = await examine(checked(config, 'test'));
    const torn = findings.find(({ state }) => state === 'failed');
    assert.match(torn?.found ?? '', /torn apart.*another topic_prefix/);
  });

  test('states that are deleted: it says so and waits; started anew it refuses to go on without, and another prefix reads all again', async (t) => {
    const { deployment, service, send, count, topics } = await begun(t, ['a']);
    const [a = ''] = topics;
    const { sessionsState } = topicsOf(deployment.namespace);
    await send(a, 0, 50);
    await count(50);
    await servers.admin.deleteTopics({ topics: [sessionsState] });
    await send(a, 50, 100);
    await until('it says which topic', async () =>
      new RegExp(`sessions: .*${sessionsState}.*unknown_topic`).test(await deployment.said()),
    );
    await service.stop('SIGKILL');
    const next = await deployment.start();
    await until('it refuses', async () =>
      new RegExp(`its state is gone: .*${sessionsState}.*another topic_prefix.*state_lost`).test(
        await deployment.said(),
      ),
    );
    await next.stop('SIGKILL');
    const prefixed = await deployment.start({
      kafka: { brokers: servers.broker.brokers, topic_prefix: `${deployment.namespace}.second` },
    });
    const sessions = async () => (await totalsOf(servers.request, 'profiles', deployment.namespace)).count;
    await send(a, 2000, 2001);
    await until('all sessions', async () => (await sessions()) >= 100, 60_000);
    await ends(deployment, prefixed, 101);
  });
});
