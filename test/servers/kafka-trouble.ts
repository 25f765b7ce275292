/** What goes wrong between the port and a real Kafka: each gives an error with a code, or is overcome. Brokers here are killed, frozen and secured, so they are always our own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import kafkajs, { type AclEntry } from 'kafkajs';
import { KAFKA_COMPRESSIONS, type KafkaSasl, SASL_MECHANISMS } from '../../ingest/kafka/connection.ts';
import { KafkaError, type KafkaErrorCode } from '../../ingest/kafka/kafka-error.ts';
import type { ConsumedRecord, Kafka, RecordToSend, Transactor } from '../../ingest/kafka/port.ts';
import { succeed } from './command.ts';
import { javaProducer } from './java-producer.ts';
import { type KafkaServer, startOwnKafka, users } from './kafka.ts';
import { clients, fresh } from './kafka-clients.ts';
import { until } from './until.ts';

const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i);
const numbered = (topic: string, from: number, to: number, partition = 0): readonly RecordToSend[] =>
  range(from, to).map((i) => ({ topic, partition, key: null, value: Buffer.from(String(i)) }));
const numbers = (records: readonly ConsumedRecord[]): readonly number[] =>
  records.map(({ value }) => Number(String(value)));
const quick = { sessionTimeoutMs: 2_000, rebalanceTimeoutMs: 5_000 };

async function readAll(kafka: Kafka, topic: string): Promise<readonly ConsumedRecord[]> {
  const records: ConsumedRecord[] = [];
  const reading = await kafka.read({ topic }, { records: (_, more) => void records.push(...more), failed: () => {} });
  await reading.caughtUp;
  return records;
}

for (const client of clients) {
  describe(`a broker that dies, by ${client.name}`, () => {
    let server: KafkaServer;
    let kafka: Kafka;
    before(async () => {
      server = await startOwnKafka({ properties: ['group.min.session.timeout.ms=500'] });
      kafka = client.open({ brokers: server.brokers, clientId: 'imapwhy-test' });
    });
    after(async () => {
      await kafka.close();
      await server.stop();
    });

    test('kill -9 and restart under load: read, process, write; every record is written once', async () => {
      const [from, to] = [fresh('from'), fresh('to')];
      const group = fresh('group');
      const count = 4_000;
      await kafka.createTopics([from, to].map((topic) => ({ topic, partitions: 2 })));
      const transactors = new Map<number, Transactor>();
      const told: string[] = [];
      const consumption = await kafka.consume(
        { group, topics: [from], ...quick },
        {
          assigned: async (leases) => {
            for (const { topic, partition } of leases)
              transactors.set(partition, await kafka.transactor(`${group}.${topic}.${partition}`));
          },
          batch: async ({ lease, records, next }) => {
            const out = records.map(({ key, value }) => ({ topic: to, partition: lease.partition, key, value }));
            await transactors.get(lease.partition)?.commit({ records: out, consumed: [{ lease, next }] });
          },
          failed: ({ code }) => void told.push(code),
        },
      );
      // Small sends, so that a kill meets many transactions and requests in flight.
      const producer = await kafka.producer();
      let rejected = 0;
      const sendThrough = async (records: readonly RecordToSend[]): Promise<void> => {
        for (;;)
          try {
            return await producer.send(records);
          } catch (error) {
            // A producer may give up; then the port promises nothing but that it says so.
            if (!(error instanceof KafkaError) || error.code !== 'unreachable') throw error;
            rejected += 1;
          }
      };
      const sending = (async () => {
        for (let i = 0; i < count; i += 20)
          await sendThrough(
            range(i, i + 20).map((n) => ({ topic: from, partition: n % 2, key: null, value: Buffer.from(String(n)) })),
          );
      })();
      for (const kills of range(0, 2)) {
        await until(
          'some are through',
          async () => ((await kafka.committedOffsets(group, from)).get(0) ?? 0) > 100 + kills * 500,
        );
        await server.kill();
        await server.restart();
      }
      await sending;
      const ends = (await kafka.describeTopics([from])).get(from) ?? [];
      await until(
        'all is committed',
        async () => {
          const committed = await kafka.committedOffsets(group, from);
          return ends.every(({ partition, end }) => committed.get(partition) === end);
        },
        90_000,
      );
      await consumption.stop();
      const [came, went] = [numbers(await readAll(kafka, from)), numbers(await readAll(kafka, to))];
      const sorted = (values: readonly number[]): readonly number[] => values.toSorted((a, b) => a - b);
      assert.deepEqual(sorted([...new Set(came)]), range(0, count), 'no record is lost');
      if (rejected === 0) assert.equal(came.length, count, 'the idempotent producer writes none twice');
      assert.deepEqual(sorted(went), sorted(came), `the transactions: none lost, none twice (${told.join(' ')})`);
    });

    test('frozen, then thawed: the consumer goes on', async () => {
      const topic = fresh('frozen');
      await kafka.createTopics([{ topic, partitions: 1 }]);
      const producer = await kafka.producer();
      await producer.send(numbered(topic, 0, 10));
      const seen = new Set<number>();
      const consumption = await kafka.consume(
        { group: fresh('group'), topics: [topic], stallMs: 4_000, ...quick },
        {
          batch: async ({ lease, records, next }) => {
            for (const n of numbers(records)) seen.add(n);
            await lease.commit(next);
          },
          failed: () => {},
        },
      );
      await until('the first ten', () => seen.size === 10);
      server.freeze();
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      server.thaw();
      await producer.send(numbered(topic, 10, 20));
      await until('all twenty', () => seen.size === 20, 60_000);
      await consumption.stop();
      await producer.close();
    });
  });

  describe(`connections that stand still, by ${client.name}`, () => {
    let server: KafkaServer;
    let proxy: Proxy;
    before(async () => {
      proxy = await startProxy();
      server = await startOwnKafka({
        properties: ['group.min.session.timeout.ms=500', `advertised.listeners=PLAIN://127.0.0.1:${proxy.port}`],
      });
      proxy.target = Number(server.brokers[0]?.split(':')[1]);
    });
    after(async () => {
      await server.stop();
      proxy.close();
    });

    test('the watchdog sees that nothing moves, says so, and starts anew', async () => {
      const kafka = client.open({ brokers: server.brokers, clientId: 'imapwhy-test' });
      const topic = fresh('stalled');
      await kafka.createTopics([{ topic, partitions: 1 }]);
      const told: KafkaError[] = [];
      const seen = new Set<number>();
      const consumption = await kafka.consume(
        { group: fresh('group'), topics: [topic], stallMs: 1_500, ...quick },
        {
          batch: async ({ lease, records, next }) => {
            for (const n of numbers(records)) seen.add(n);
            await lease.commit(next);
          },
          failed: (error) => {
            told.push(error);
          },
        },
      );
      const send = async (from: number, to: number): Promise<void> => {
        const sender = client.open({ brokers: server.brokers, clientId: 'imapwhy-test' });
        const producer = await sender.producer();
        await producer.send(numbered(topic, from, to));
        await sender.close();
      };
      await send(0, 10);
      await until('the first ten', () => seen.size === 10);
      const stalledAt = performance.now();
      proxy.stall();
      await send(10, 20);
      await until('all twenty', () => seen.size === 20);
      assert.equal(told[0]?.code, 'stalled', told.map(({ code }) => code).join(' '));
      // A request is given up only after 20 s.
      assert.ok(performance.now() - stalledAt < 15_000, `${Math.round(performance.now() - stalledAt)} ms`);
      await consumption.stop();
      await kafka.close();
    });
  });

  describe(`what Java's own producer packs, by ${client.name}`, () => {
    let server: KafkaServer;
    let kafka: Kafka;
    before(async () => {
      server = await startOwnKafka();
      kafka = client.open({ brokers: server.brokers, clientId: 'imapwhy-test' });
    });
    after(async () => {
      await kafka.close();
      await server.stop();
    });

    for (const codec of KAFKA_COMPRESSIONS)
      test(`${codec} is unpacked, and packed so that it comes back`, async () => {
        const topic = fresh(codec);
        await kafka.createTopics([{ topic, partitions: 1 }]);
        const lines = range(0, 2_000).map(
          (i) => `line ${i} of a log with much that repeats itself, and that repeats itself`,
        );
        await javaProducer(server, topic, codec, lines);
        const packer = client.open({ brokers: server.brokers, clientId: 'imapwhy-test', compression: codec });
        const producer = await packer.producer();
        await producer.send(lines.map((line) => ({ topic, partition: 0, key: null, value: Buffer.from(line) })));
        await packer.close();
        const got = (await readAll(kafka, topic)).map(({ value }) => String(value));
        assert.deepEqual(got, [...lines, ...lines]);
      });
  });

  describe(`who may do what, by ${client.name}`, () => {
    let server: KafkaServer;
    let owner: Kafka;
    const topic = fresh('guarded');
    before(async () => {
      server = await startOwnKafka({ secured: true });
      owner = client.open({ brokers: server.brokers, clientId: 'imapwhy-test' });
      await owner.createTopics([{ topic, partitions: 1 }]);
      const admin = new kafkajs.Kafka({ brokers: [...server.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
      await admin.connect();
      await admin.createAcls({ acl: ['READ', 'DESCRIBE', 'WRITE'].map((operation) => allow(operation, topic)) });
      await admin.disconnect();
    });
    after(async () => {
      await owner.close();
      await server.stop();
    });
    const alice = (sasl: Partial<KafkaSasl> = {}): Kafka =>
      client.open({
        brokers: [server.listeners.sasl],
        clientId: 'imapwhy-test',
        sasl: { mechanism: 'plain', username: 'alice', password: users.alice, ...sasl },
      });
    const refused = async (
      kafka: Kafka,
      code: KafkaErrorCode,
      action: (kafka: Kafka) => Promise<unknown>,
    ): Promise<void> => {
      await assert.rejects(action(kafka), (error: KafkaError) => {
        assert.equal(error.code, code, error.message);
        assert.doesNotMatch(`${error.message} ${error.stack}`, /secret|hush/);
        return true;
      });
      await kafka.close();
    };
    const describeIt = (kafka: Kafka): Promise<unknown> => kafka.describeTopics([topic]);

    for (const mechanism of SASL_MECHANISMS) {
      test(`${mechanism}: the right password opens, and a wrong one is said`, async () => {
        const kafka = alice({ mechanism });
        const producer = await kafka.producer();
        await producer.send(numbered(topic, 0, 1));
        await kafka.close();
        await refused(alice({ mechanism, password: 'hush' }), 'authentication_failed', describeIt);
        await refused(alice({ mechanism, password: 'hush' }), 'authentication_failed', (k) => k.producer());
        const handler = { batch: async () => {}, failed: () => {} };
        await refused(alice({ mechanism, password: 'hush' }), 'authentication_failed', (k) =>
          k.consume({ group: 'g', topics: [topic] }, handler),
        );
      });
    }

    test('ACLs: a topic, a group and a transactional id that are not allowed', async () => {
      const other = fresh('other');
      await owner.createTopics([{ topic: other, partitions: 1 }]);
      await refused(alice(), 'not_authorized', async (k) => (await k.producer()).send(numbered(other, 0, 1)));
      const handler = { batch: async () => {}, failed: () => {} };
      await refused(alice(), 'not_authorized', (k) => k.consume({ group: 'not-allowed', topics: [topic] }, handler));
      await refused(alice(), 'not_authorized', (k) => k.transactor('not-allowed'));
      await refused(alice(), 'not_authorized', (k) => k.createTopics([{ topic: fresh('new'), partitions: 1 }]));
    });

    test('TLS: the right authority opens; none, another one and an expired certificate do not', async () => {
      const tls = (broker: string, ca?: string): Kafka =>
        client.open({ brokers: [broker], clientId: 'imapwhy-test', tls: ca === undefined ? {} : { ca } });
      const kafka = tls(server.listeners.tls, server.certificate);
      await kafka.describeTopics([topic]).catch((error: KafkaError) => assert.equal(error.code, 'not_authorized'));
      await kafka.close();
      await refused(tls(server.listeners.tls), 'tls_failed', describeIt);
      await refused(tls(server.listeners.tls, server.expiredCertificate), 'tls_failed', describeIt);
      await refused(tls(server.listeners.expired, server.expiredCertificate), 'tls_failed', describeIt);
      await refused(tls(server.brokers[0] ?? '', server.certificate), 'tls_failed', describeIt);
    });

    test('plain text towards a TLS listener, and an address where nobody is', async () => {
      const open = (broker: string): Kafka => client.open({ brokers: [broker], clientId: 'imapwhy-test' });
      await refused(open(server.listeners.tls), client.name === 'kafkajs' ? 'unreachable' : 'tls_failed', describeIt);
      await refused(open('127.0.0.1:1'), 'unreachable', describeIt);
      await refused(open('127.0.0.1:1'), 'unreachable', (k) => k.producer());
    });
  });

  test(`nothing of ${client.name} itself reaches the screen`, async () => {
    const server = await startOwnKafka();
    const script = `
      import { clients } from '${join(import.meta.dirname, 'kafka-clients.ts')}';
      const kafka = clients.find(({ name }) => name === '${client.name}').open({ brokers: ['${server.brokers[0]}'], clientId: 'quiet' });
      await kafka.createTopics([{ topic: 'quiet', partitions: 1 }]);
      const producer = await kafka.producer();
      for (let i = 0; i < 50; i++) await producer.send([{ topic: 'quiet', partition: 0, key: null, value: Buffer.from('x') }]);
      const reading = await kafka.read({ topic: 'quiet' }, { records() {}, failed() {} });
      await reading.caughtUp;
      await kafka.close();
      const none = clients.find(({ name }) => name === '${client.name}').open({ brokers: ['127.0.0.1:1'], clientId: 'quiet' });
      await none.describeTopics(['quiet']).catch(() => {});
      await none.close();`;
    const finished = await succeed(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: import.meta.dirname,
    }).finally(() => server.stop());
    assert.deepEqual([finished.stdout, finished.stderr], ['', '']);
  });
}

const allow = (operation: string, name: string): AclEntry => ({
  resourceType: kafkajs.AclResourceTypes.TOPIC,
  resourceName: name,
  resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
  principal: 'User:alice',
  host: '*',
  operation: { READ: 3, WRITE: 4, DESCRIBE: 8 }[operation] ?? 0,
  permissionType: kafkajs.AclPermissionTypes.ALLOW,
});

interface Proxy {
  readonly port: number;
  target: number;
  /** The connections that are there stay open and carry nothing more; new ones work. */
  stall(): void;
  close(): void;
}

async function startProxy(): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(proxy.target, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy: Proxy = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    target: 0,
    stall: () => {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}
