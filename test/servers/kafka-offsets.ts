/** Where a group is, while a transaction that moves it is open: the port waits for its end, and never goes on at what may be the past. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Producer, type Transaction } from 'kafkajs';
import type { KafkaError } from '../../ingest/kafka/kafka-error.ts';
import type { Kafka } from '../../ingest/kafka/port.ts';
import { type KafkaServer, startKafka } from './kafka.ts';
import { clients, fresh } from './kafka-clients.ts';
import { until } from './until.ts';

let server: KafkaServer;
before(async () => {
  server = await startKafka({ properties: ['group.min.session.timeout.ms=500'] });
});
after(() => server.stop());

const quick = { sessionTimeoutMs: 1_500, rebalanceTimeoutMs: 4_000 };
const unexpected = (error: KafkaError): void => {
  throw error;
};

for (const client of clients)
  describe(`open transactions, by ${client.name}`, { concurrency: false }, () => {
    let kafka: Kafka;
    const raw = (): kafkajs.Kafka =>
      new kafkajs.Kafka({ brokers: [...server.brokers], logLevel: kafkajs.logLevel.NOTHING });
    before(() => {
      kafka = client.open({ brokers: server.brokers, clientId: 'imapwhy-test' });
    });
    after(() => kafka.close());

    /** Ten records in each of two partitions, of which the group has done three; a transaction that says seven of the first is open. */
    async function begun(): Promise<{
      readonly group: string;
      readonly topic: string;
      readonly transaction: Transaction;
      close(): Promise<void>;
    }> {
      const [group, topic] = [fresh('group'), fresh('topic')];
      await kafka.createTopics([{ topic, partitions: 2 }]);
      const sender = await kafka.producer();
      const one = (i: number) => ({ topic, partition: i % 2, key: null, value: Buffer.from(String(i >> 1)) });
      await sender.send(Array.from({ length: 20 }, (_, i) => one(i)));
      await sender.close();
      const producers: Producer[] = [];
      const says = async (offset: string, partitions: readonly number[]): Promise<Transaction> => {
        const producer = raw().producer({ transactionalId: fresh('raw'), idempotent: true, maxInFlightRequests: 1 });
        await producer.connect();
        producers.push(producer);
        const transaction = await producer.transaction();
        const offsets = partitions.map((partition) => ({ partition, offset }));
        await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: offsets }] });
        return transaction;
      };
      await (await says('3', [0, 1])).commit();
      assert.deepEqual(
        [...(await kafka.committedOffsets(group, topic))],
        [
          [0, 3],
          [1, 3],
        ],
      );
      const close = async (): Promise<void> => {
        for (const producer of producers) await producer.disconnect();
      };
      return { group, topic, transaction: await says('7', [0]), close };
    }

    for (const [end, expected] of [
      ['commit', 7],
      ['abort', 3],
    ] as const) {
      test(`who asks waits, and hears where it is after the ${end}`, async () => {
        const { group, topic, transaction, close } = await begun();
        assert.deepEqual(
          [...(await kafka.committedOffsets(group, topic, [1]))],
          [[1, 3]],
          'the other waits for nobody',
        );
        const asked = kafka.committedOffsets(group, topic);
        const early = await Promise.race([asked, sleep(1_000).then(() => 'waits')]);
        assert.equal(early, 'waits');
        await transaction[end]();
        assert.deepEqual(
          new Map(await asked),
          new Map([
            [0, expected],
            [1, 3],
          ]),
        );
        await close();
      });

      test(`who joins waits, and begins where it is after the ${end}`, async () => {
        const { group, topic, transaction, close } = await begun();
        const got: string[] = [];
        let isAssigned = false;
        const consumption = await kafka.consume(
          { group, topics: [topic], ...quick },
          {
            assigned: async () => {
              isAssigned = true;
            },
            batch: async ({ lease, records, next }) => {
              got.push(...records.map(({ value }) => `${lease.partition}/${value}`));
              await lease.commit(next);
            },
            failed: unexpected,
          },
        );
        await until('they are ours', () => isAssigned);
        await sleep(1_000);
        assert.deepEqual(got, []);
        await transaction[end]();
        const wanted = [expected, 3].flatMap((from, p) =>
          Array.from({ length: 10 - from }, (_, i) => `${p}/${from + i}`),
        );
        await until('all the rest', () => got.length >= wanted.length);
        await consumption.stop();
        assert.deepEqual(got.toSorted(), wanted);
        await close();
      });
    }
  });
