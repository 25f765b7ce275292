/** The contract of ingest/kafka/port.ts on a real broker: delivery, groups, transactions, reading. What goes wrong around it is in kafka-trouble.ts. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type {
  ConsumedRecord,
  ConsumeHandler,
  Consumption,
  Kafka,
  Lease,
  RecordToSend,
  Transactor,
} from '../../ingest/kafka/port.ts';
import { type KafkaServer, startKafka } from './kafka.ts';
import { clients, fresh } from './kafka-clients.ts';
import { until } from './until.ts';

let server: KafkaServer;
before(async () => {
  server = await startKafka({ properties: ['group.min.session.timeout.ms=500', 'log.cleaner.backoff.ms=200'] });
});
after(() => server.stop());

const text = (value: string): Buffer => Buffer.from(value);
const numbered = (topic: string, from: number, to: number, partition = 0): readonly RecordToSend[] =>
  Array.from({ length: to - from }, (_, i) => ({ topic, partition, key: null, value: text(String(from + i)) }));
const numbers = (records: readonly ConsumedRecord[]): readonly number[] =>
  records.map(({ value }) => Number(String(value)));
const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i);
const quick = { sessionTimeoutMs: 1_500, rebalanceTimeoutMs: 4_000, refreshMs: 300 };
/** What a test does not expect must not pass unseen. */
const unexpected = (error: KafkaError): void => {
  throw error;
};

for (const client of clients)
  describe(`Kafka by ${client.name}`, { concurrency: false }, () => {
    let kafka: Kafka;
    const opened: Kafka[] = [];
    const another = (): Kafka => {
      const one = client.open({ brokers: server.brokers, clientId: 'imapwhy-test' });
      opened.push(one);
      return one;
    };
    before(() => {
      kafka = another();
    });
    after(() => Promise.all(opened.map((one) => one.close())));

    const topicOf = async (partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> => {
      const topic = fresh('topic');
      await kafka.createTopics([{ topic, partitions, config }]);
      return topic;
    };
    const send = async (records: readonly RecordToSend[]): Promise<void> => {
      const producer = await kafka.producer();
      await producer.send(records);
      await producer.close();
    };
    const readAll = async (topic: string, from?: ReadonlyMap<number, number>): Promise<ConsumedRecord[]> => {
      const records: ConsumedRecord[] = [];
      const reading = await kafka.read(from === undefined ? { topic } : { topic, from }, {
        records: (_, more) => void records.push(...more),
        failed: unexpected,
      });
      await reading.caughtUp;
      return records;
    };

    test('creates what is missing, and describes what is there', async () => {
      const [a, b] = [fresh('a'), fresh('b')];
      assert.deepEqual(await kafka.createTopics([{ topic: a, partitions: 2 }]), [a]);
      const specs = [a, b].map((topic) => ({ topic, partitions: 3 }));
      assert.deepEqual(await kafka.createTopics(specs), [b]);
      const described = await kafka.describeTopics([a, b, 'there-is-none']);
      assert.deepEqual([...described.keys()], [a, b]);
      assert.deepEqual(
        described.get(a),
        range(0, 2).map((partition) => ({ partition, begin: 0, end: 0 })),
      );
    });

    test('a record arrives byte for byte: keys, headers, empty values, tombstones, 10 MB', async () => {
      const topic = await topicOf(1, { 'max.message.bytes': '20000000' });
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const huge = Buffer.alloc(10_000_000, 'x');
      const sent: readonly RecordToSend[] = [
        {
          topic,
          key: bytes,
          value: bytes,
          headers: [
            ['bytes', bytes],
            ['twice', text('first')],
            ['twice', text('last')],
            ['__proto__', text('harmless')],
            ['toString', text('harmless')],
            ['empty', Buffer.alloc(0)],
          ],
          timestamp: 1_700_000_000_123,
        },
        { topic, key: Buffer.alloc(0), value: Buffer.alloc(0) },
        { topic, key: text('gone'), value: null },
        { topic, key: null, value: huge },
      ];
      await send(sent);
      const got = await readAll(topic);
      assert.deepEqual(
        got.map(({ offset }) => offset),
        [0, 1, 2, 3],
      );
      assert.deepEqual([got[0]?.key, got[0]?.value, got[0]?.timestamp], [bytes, bytes, 1_700_000_000_123]);
      for (const [name, value] of sent[0]?.headers?.filter(([, v]) => String(v) !== 'first') ?? [])
        assert.deepEqual(got[0]?.headers.get(name), value, name);
      assert.equal(got[0]?.headers.size, 5);
      assert.deepEqual([got[1]?.key?.length, got[1]?.value?.length], [0, 0]);
      assert.deepEqual([got[2]?.value, got[3]?.key], [null, null]);
      assert.ok(got[3]?.value?.equals(huge));
    });

    test('a key always finds the partition that Java would choose, and its order is kept over many batches', async () => {
      const topic = await topicOf(7);
      const keys = range(0, 50).map((i) => text(`host-${i}`));
      await send(range(0, 20_000).map((i) => ({ topic, key: keys[i % 50] ?? null, value: text(String(i)) })));
      const seen = new Map<string, number[]>();
      const partitions = new Map<string, Set<number>>();
      const reading = await kafka.read(
        { topic },
        {
          records: (partition, records) => {
            for (const { key, value } of records) {
              seen.set(String(key), [...(seen.get(String(key)) ?? []), Number(String(value))]);
              partitions.set(String(key), (partitions.get(String(key)) ?? new Set()).add(partition));
            }
          },
          failed: unexpected,
        },
      );
      await reading.caughtUp;
      for (const [i, key] of keys.entries())
        assert.deepEqual(
          seen.get(String(key)),
          range(0, 400).map((n) => n * 50 + i),
        );
      assert.ok([...partitions.values()].every(({ size }) => size === 1));
      // toPositive(murmur2("host-0")) % 7 of org.apache.kafka.common.utils.Utils 4.3.1.
      assert.deepEqual([...(partitions.get('host-0') ?? [])], [2]);
    });

    test('records that together exceed a batch are sent in several', async () => {
      const topic = await topicOf();
      await send(range(0, 30).map(() => ({ topic, key: null, value: Buffer.alloc(200_000, 'y') })));
      assert.equal((await readAll(topic)).length, 30);
    });

    test('a consumer goes on after what was committed, not after what was seen', async () => {
      const topic = await topicOf();
      const group = fresh('group');
      await send(numbered(topic, 0, 100));
      const first: number[] = [];
      const one = await kafka.consume(
        { group, topics: [topic], ...quick },
        {
          batch: async ({ records, lease }) => {
            first.push(...numbers(records));
            await lease.commit(40);
          },
          failed: unexpected,
        },
      );
      await until('100 records', () => first.length === 100);
      await one.stop();
      assert.deepEqual([...(await kafka.committedOffsets(group, topic))], [[0, 40]]);
      const second: number[] = [];
      const two = await kafka.consume(
        { group, topics: [topic], ...quick },
        { batch: async ({ records }) => void second.push(...numbers(records)), failed: unexpected },
      );
      await until('60 records', () => second.length === 60);
      await two.stop();
      assert.deepEqual(second, range(40, 100));
    });

    test('a rejected batch comes again from what is committed; other partitions go on', async () => {
      const topic = await topicOf(2);
      const got = new Map<number, number[]>([
        [0, []],
        [1, []],
      ]);
      const told: string[] = [];
      await send([...numbered(topic, 0, 50, 0), ...numbered(topic, 0, 50, 1)]);
      let failures = 0;
      const consumption = await kafka.consume(
        { group: fresh('group'), topics: [topic], ...quick },
        {
          batch: async ({ lease, records }) => {
            if (lease.partition === 0 && failures < 3) {
              failures += 1;
              if (failures === 1) await lease.commit(10);
              throw new Error('not yet');
            }
            got.get(lease.partition)?.push(...numbers(records));
          },
          failed: ({ code, message }) => void told.push(`${code} ${message}`),
        },
      );
      await until('both partitions', () => got.get(0)?.length === 40 && got.get(1)?.length === 50);
      await consumption.stop();
      assert.deepEqual(got.get(0), range(10, 50));
      assert.deepEqual(
        told,
        Array.from({ length: 3 }, () => 'handler_failed batch: not yet'),
      );
    });

    test('a batch that takes longer than the session neither loses the membership nor holds up the other partition', async () => {
      const topic = await topicOf(2);
      let assigned = 0;
      let slowDone = false;
      const others: number[] = [];
      const producer = await kafka.producer();
      await producer.send([...numbered(topic, 0, 1, 0), ...numbered(topic, 0, 10, 1)]);
      const consumption = await kafka.consume(
        { group: fresh('group'), topics: [topic], ...quick },
        {
          assigned: async () => void assigned++,
          batch: async ({ lease, records, next }) => {
            if (lease.partition === 0) {
              await sleep(4_000);
              slowDone = true;
            } else others.push(...numbers(records));
            await lease.commit(next);
          },
          failed: unexpected,
        },
      );
      await until('the quick partition', () => others.length === 10);
      await producer.send(numbered(topic, 10, 20, 1));
      await until('more of it', () => others.length === 20);
      assert.equal(slowDone, false);
      await until('the slow batch', () => slowDone);
      await consumption.stop();
      await producer.close();
      assert.equal(assigned, 1);
    });

    test('paused beyond the session timeout it keeps its partitions, its memory is bounded, and it goes on where it was', async () => {
      const topic = await topicOf();
      const bytes = 50_000;
      await send(range(0, 400).map((i) => ({ topic, key: null, value: Buffer.alloc(bytes, String(i % 10)) })));
      const leases: Lease[] = [];
      const offsets: number[] = [];
      const consumption = await kafka.consume(
        { group: fresh('group'), topics: [topic], bufferBytesMax: 1_000_000, ...quick },
        {
          assigned: async (more) => void leases.push(...more),
          batch: async ({ lease, records, next }) => {
            if (offsets.length === 0) lease.pause();
            offsets.push(...records.map(({ offset }) => offset));
            await lease.commit(next);
          },
          failed: unexpected,
        },
      );
      await until('the first batch', () => offsets.length > 0);
      const first = offsets.length;
      await sleep(3_000);
      assert.equal(offsets.length, first, 'nothing while it is paused');
      assert.equal(leases.length, 1, 'and no rebalance');
      leases[0]?.resume();
      await until('the rest', () => offsets.length >= 400);
      await consumption.stop();
      assert.deepEqual(offsets, range(0, 400));
    });

    test('a second member takes its share; what stays keeps its state, and each record is done once', async () => {
      const topic = await topicOf(4);
      const group = fresh('group');
      const producer = await kafka.producer();
      const log: string[] = [];
      const done = new Map<number, number[]>(range(0, 4).map((p) => [p, []]));
      const member = (name: string): ConsumeHandler => ({
        assigned: async (leases) => void log.push(...leases.map(({ partition }) => `${name} gets ${partition}`)),
        revoked: async (leases) => void log.push(...leases.map(({ partition }) => `${name} loses ${partition}`)),
        batch: async ({ lease, records, next }) => {
          await sleep(30);
          await lease.commit(next);
          done.get(lease.partition)?.push(...numbers(records));
        },
        failed: unexpected,
      });
      let sent = 0;
      const more = async (): Promise<void> => {
        for (const partition of range(0, 4)) await producer.send(numbered(topic, sent, sent + 25, partition));
        sent += 25;
      };
      await more();
      const a = await kafka.consume({ group, topics: [topic], ...quick }, member('a'));
      await until('a has all', () => log.length === 4);
      await more();
      const b = await another().consume({ group, topics: [topic], ...quick }, member('b'));
      for (let i = 0; i < 5; i++) await more();
      await until('b has its share', () => log.filter((line) => line.startsWith('b gets')).length === 2);
      await more();
      await b.stop();
      await until('a has all again', () => log.filter((line) => line.startsWith('a gets')).length === 6);
      await more();
      await until('everything', () => [...done.values()].every(({ length }) => length >= sent));
      await a.stop();
      await producer.close();
      for (const [partition, got] of done) assert.deepEqual(got, range(0, sent), `partition ${partition}`);
      const kept = range(0, 4).filter((p) => !log.includes(`a loses ${p}`) || log.indexOf(`b gets ${p}`) < 0);
      assert.equal(kept.length, 2, log.join(', '));
      for (const p of kept) assert.equal(log.filter((line) => line === `a gets ${p}`).length, 1, log.join(', '));
    });

    test('whoever does not settle in time has lost: its late commit is refused and changes nothing', async () => {
      const topic = await topicOf(2);
      const group = fresh('group');
      await send([...numbered(topic, 0, 10, 0), ...numbered(topic, 0, 10, 1)]);
      const stuck = Promise.withResolvers<void>();
      const held: Lease[] = [];
      const late: (KafkaError | undefined)[] = [];
      const a = await kafka.consume(
        { group, topics: [topic], ...quick },
        {
          batch: async ({ lease, next }) => {
            if (held.length < 2) {
              held.push(lease);
              await stuck.promise;
              await lease.commit(next).then(
                () => late.push(undefined),
                (error: KafkaError) => late.push(error),
              );
            } else await lease.commit(next);
          },
          failed: () => {},
        },
      );
      await until('both are in hand', () => held.length === 2);
      const b = await another().consume(
        { group, topics: [topic], ...quick },
        { batch: async () => {}, failed: unexpected },
      );
      await until('a has lost them', () => held.every(({ lost }) => lost.aborted));
      const before = [...(await kafka.committedOffsets(group, topic))];
      stuck.resolve();
      await until('both tried', () => late.length === 2);
      assert.deepEqual(
        late.map((error) => error?.code),
        ['membership_lost', 'membership_lost'],
      );
      assert.equal(
        before.every(([, offset]) => offset === 10),
        true,
        'only what was done by a valid lease is committed',
      );
      await Promise.all([a.stop(), b.stop()]);
    });

    test('a transaction is seen whole or not at all, and its offsets with it', async () => {
      const [from, to] = [await topicOf(1), await topicOf(2)];
      const group = fresh('group');
      await send(numbered(from, 0, 3));
      const outcomes: string[] = [];
      let transactor: Transactor | undefined;
      const consumption = await kafka.consume(
        { group, topics: [from], ...quick },
        {
          assigned: async () => {
            transactor = await kafka.transactor(`${group}.0`);
          },
          batch: async ({ lease, next }) => {
            const poison = { topic: to, partition: 1, key: null, value: Buffer.alloc(3_000_000) };
            const spoilt = { records: [...numbered(to, 100, 110), poison], consumed: [{ lease, next }] };
            await transactor?.commit(spoilt).catch((error: KafkaError) => outcomes.push(error.code));
            outcomes.push(`committed ${(await kafka.committedOffsets(group, from)).size}`);
            const good = {
              records: [...numbered(to, 0, 10, 0), ...numbered(to, 10, 20, 1)],
              consumed: [{ lease, next }],
            };
            await transactor?.commit(good);
            outcomes.push('done');
          },
          failed: unexpected,
        },
      );
      await until('both transactions', () => outcomes.includes('done'));
      await consumption.stop();
      await transactor?.close();
      assert.deepEqual(outcomes, ['record_too_large', 'committed 0', 'done']);
      assert.deepEqual(
        numbers(await readAll(to)).toSorted((a, b) => a - b),
        range(0, 20),
      );
      assert.deepEqual([...(await kafka.committedOffsets(group, from))], [[0, 3]]);
    });

    test('what another client writes in a transaction is not read before it commits, and never when it aborts', async () => {
      const topic = await topicOf();
      const raw = new kafkajs.Kafka({ brokers: [...server.brokers], logLevel: kafkajs.logLevel.NOTHING });
      const producer = raw.producer({ transactionalId: fresh('raw'), idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const read: number[] = [];
      const reading = await kafka.read(
        { topic, follow: true },
        { records: (_, records) => void read.push(...numbers(records)), failed: unexpected },
      );
      const write = async (value: string, end: 'commit' | 'abort'): Promise<void> => {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ value }] });
        await sleep(500);
        assert.equal(read.includes(Number(value)), false);
        await transaction[end]();
      };
      await write('1', 'abort');
      await write('2', 'commit');
      await until('the committed one', () => read.includes(2));
      await reading.stop();
      await producer.disconnect();
      assert.deepEqual(read, [2]);
      assert.deepEqual(numbers(await readAll(topic)), [2]);
    });

    test('an id that is opened again fences the earlier holder', async () => {
      const topic = await topicOf();
      const id = fresh('id');
      const zombie = await kafka.transactor(id);
      await zombie.commit({ records: numbered(topic, 0, 1), consumed: [] });
      const owner = await another().transactor(id);
      await assert.rejects(zombie.commit({ records: numbered(topic, 1, 2), consumed: [] }), { code: 'fenced' });
      await assert.rejects(
        zombie.commit({ records: numbered(topic, 2, 3), consumed: [] }),
        { code: 'fenced' },
        'for good',
      );
      await owner.commit({ records: numbered(topic, 3, 4), consumed: [] });
      assert.deepEqual(numbers(await readAll(topic)), [0, 3]);
      await Promise.all([zombie.close(), owner.close()]);
    });

    test('reads some partitions from where it is told, then follows', async () => {
      const topic = await topicOf(3);
      for (const partition of range(0, 3)) await send(numbered(topic, 0, 100, partition));
      const got = new Map<number, number[]>();
      const reading = await kafka.read(
        { topic, partitions: [0, 2], from: new Map([[2, 90]]), follow: true },
        {
          records: (partition, records) =>
            void got.set(partition, [...(got.get(partition) ?? []), ...numbers(records)]),
          failed: unexpected,
        },
      );
      await reading.caughtUp;
      assert.deepEqual([got.get(0), got.get(1), got.get(2)], [range(0, 100), undefined, range(90, 100)]);
      await send([...numbered(topic, 100, 110, 0), ...numbered(topic, 100, 110, 1), ...numbered(topic, 100, 110, 2)]);
      await until('what came later', () => got.get(2)?.length === 20 && got.get(0)?.length === 110);
      assert.deepEqual(
        [...reading.positions],
        [
          [0, 110],
          [2, 110],
        ],
      );
      await reading.stop();
      assert.equal(got.has(1), false);
    });

    test('a compacted topic is read at once, over its gaps', async () => {
      const config = {
        'cleanup.policy': 'compact',
        'segment.bytes': '1048576',
        'min.cleanable.dirty.ratio': '0.01',
        'segment.ms': '500',
      };
      const topic = await topicOf(1, config);
      const producer = await kafka.producer();
      const records = range(0, 20_000).map((i) => ({
        topic,
        partition: 0,
        key: text(String(i % 10)),
        value: text(String(i).padEnd(100)),
      }));
      await producer.send(records);
      await sleep(600);
      await producer.send([{ topic, partition: 0, key: text('end'), value: text('-1') }]);
      await producer.close();
      await until('the cleaner', async () => (await readAll(topic)).length < 1_000, 60_000);
      const startedAt = performance.now();
      const left = await readAll(topic);
      assert.ok(performance.now() - startedAt < 3_000, `took ${performance.now() - startedAt} ms`);
      assert.ok(range(19_990, 20_000).every((i) => numbers(left).includes(i)));
    });

    test('finds new partitions, and a topic that was made anew', async () => {
      const topic = await topicOf(1);
      const got = new Map<string, number>();
      const told = new Set<string>();
      const raw = new kafkajs.Kafka({ brokers: [...server.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
      await raw.connect();
      const consumption = await kafka.consume(
        { group: fresh('group'), topics: [topic], ...quick },
        {
          batch: async ({ lease, records, next }) => {
            for (const { value } of records) got.set(String(value), lease.partition);
            await lease.commit(next);
          },
          failed: ({ code }) => void told.add(code),
        },
      );
      await send([{ topic, partition: 0, key: null, value: text('before') }]);
      await until('the first partition', () => got.get('before') === 0);
      await raw.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
      await send([{ topic, partition: 2, key: null, value: text('grown') }]);
      await until('the new partition', () => got.get('grown') === 2);
      await raw.deleteTopics({ topics: [topic] });
      await until('it says that the topic is gone', () => told.has('unknown_topic'));
      await sleep(500);
      await kafka.createTopics([{ topic, partitions: 1 }]);
      await send([{ topic, partition: 0, key: null, value: text('anew') }]);
      await until('the topic made anew', () => got.get('anew') === 0, 60_000);
      await consumption.stop();
      await raw.disconnect();
    });

    test('a topic that goes holds up no other, and is read again once it is there', async () => {
      const [stays, goes] = [await topicOf(), await topicOf()];
      const got = new Set<string>();
      const told = new Set<string>();
      const raw = new kafkajs.Kafka({ brokers: [...server.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
      await raw.connect();
      const consumption = await kafka.consume(
        { group: fresh('group'), topics: [stays, goes], ...quick },
        {
          batch: async ({ lease, records, next }) => {
            for (const { value } of records) got.add(String(value));
            await lease.commit(next);
          },
          failed: ({ code, message }) => void told.add(`${code} ${message}`),
        },
      );
      const say = (topic: string, value: string): Promise<void> =>
        send([{ topic, partition: 0, key: null, value: text(value) }]);
      await say(stays, 'one');
      await say(goes, 'two');
      await until('both', () => got.size === 2);
      await raw.deleteTopics({ topics: [goes] });
      await until('it says which one', () => [...told].some((t) => t.startsWith('unknown_topic') && t.includes(goes)));
      await say(stays, 'three');
      await until('the other goes on', () => got.has('three'));
      await kafka.createTopics([{ topic: goes, partitions: 1 }]);
      await say(goes, 'four');
      await until('it is read again', () => got.has('four'), 60_000);
      await consumption.stop();
      await raw.disconnect();
    });

    test('what was deleted before it was read is told, and reading goes on behind it', async () => {
      const topic = await topicOf();
      const group = fresh('group');
      const told: string[] = [];
      let seen: number[] = [];
      const read = (): Promise<Consumption> =>
        kafka.consume(
          { group, topics: [topic], ...quick },
          {
            batch: async ({ lease, records, next }) => {
              seen.push(...numbers(records));
              await lease.commit(next);
            },
            failed: ({ code, message }) => void told.push(`${code} ${message}`),
          },
        );
      await send(numbered(topic, 0, 10));
      const before = await read();
      await until('the first ten', () => seen.length === 10);
      await before.stop();
      await send(numbered(topic, 10, 30));
      const raw = new kafkajs.Kafka({ brokers: [...server.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
      await raw.connect();
      await raw.fetchTopicOffsets(topic); // or it does not know the topic
      await raw.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '25' }] });
      await raw.disconnect();
      seen = [];
      const after = await read();
      await until('what is left', () => seen.length === 5);
      await after.stop();
      assert.deepEqual(seen, range(25, 30));
      assert.deepEqual(told.slice(-1), [
        `out_of_range ${topic}/0: 10 to 24 were deleted before they were read; going on at 25`,
      ]);
    });

    test('says which topic is missing', async () => {
      const topic = fresh('none');
      await assert.rejects(kafka.read({ topic }, { records: () => {}, failed: unexpected }), { code: 'unknown_topic' });
      const producer = await kafka.producer();
      await assert.rejects(producer.send(numbered(topic, 0, 1)), (error: KafkaError) => {
        assert.equal(error.code, 'unknown_topic', error.message);
        assert.match(error.message, new RegExp(topic));
        return true;
      });
      await producer.close();
      const handler = { batch: async () => {}, failed: () => {} };
      await assert.rejects(kafka.consume({ group: fresh('group'), topics: [topic], ...quick }, handler), {
        code: 'unknown_topic',
      });
    });
  });
