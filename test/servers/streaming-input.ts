/** Whatever lies in a raw topic, by whomever and however it was written: it becomes an event, is passed over and counted, or is a dead letter; the rest flows, and the service goes on. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { KAFKA_COMPRESSIONS } from '../../ingest/kafka/connection.ts';
import { readDeadLetter } from '../../ingest/kafka/dead-letter.ts';
import type { ConsumedRecord, Kafka, RecordToSend } from '../../ingest/kafka/port.ts';
import { RAW_HEADERS } from '../../ingest/kafka/raw-record.ts';
import { javaProducer } from './java-producer.ts';
import { platformaticKafka } from './platformatic-kafka.ts';
import { patternOf } from './stored-documents.ts';
import { deploy, login, logins, type Servers, startServers } from './streaming-world.ts';
import { until } from './until.ts';

const LINES = 100;

interface WrittenBatch {
  readonly at: number;
  readonly bytes: Buffer;
}

/** The batches of a partition as they lie on the broker's disk. */
async function batchesOf(segment: string): Promise<readonly WrittenBatch[]> {
  const file = await open(segment, 'r');
  const all = await file.readFile();
  await file.close();
  const batches: WrittenBatch[] = [];
  for (let at = 0; at + 12 < all.length; ) {
    const end = at + 12 + all.readInt32BE(at + 8);
    batches.push({ at, bytes: all.subarray(at, end) });
    at = end;
  }
  return batches;
}

/** As a bad disk would: the broker checks what producers send, not what lies there. */
async function overwrite(segment: string, at: number, byte: number): Promise<void> {
  const file = await open(segment, 'r+');
  await file.write(Buffer.of(byte), 0, 1, at);
  await file.close();
}

async function all(kafka: Kafka, topic: string): Promise<readonly ConsumedRecord[]> {
  const found: ConsumedRecord[] = [];
  const reading = await kafka.read(
    { topic },
    {
      records: (_, records) => void found.push(...records),
      failed: (error) => assert.fail(error),
    },
  );
  await reading.caughtUp;
  return found;
}

describe('what lies in raw topics', () => {
  let servers: Servers;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imapwhy-input-'));
    await mkdir(join(folder, 'broker'));
    servers = await startServers({ kafka: { data: join(folder, 'broker') } });
  });
  after(async () => {
    await servers?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('every codec, by Java; empty, huge, binary and oddly headed records, by another client; damaged batches', async (t) => {
    const { broker, kafka, request } = servers;
    const deployment = deploy(t, servers, folder, [...KAFKA_COMPRESSIONS, 'odd', 'damaged']);
    const { namespace, topics } = deployment;
    const [odd = '', damaged = ''] = topics.slice(-2);
    const packed = topics.slice(0, -2);
    await kafka.createTopics(
      topics.map((topic) => ({ topic, partitions: 1, config: { 'max.message.bytes': '16000000' } })),
    );
    for (const [i, codec] of KAFKA_COMPRESSIONS.entries())
      await javaProducer(
        broker,
        packed[i] ?? '',
        codec,
        Array.from({ length: LINES }, (_, n) => login(i * LINES + n)),
      );

    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const of = (value: Buffer | null, headers: RecordToSend['headers'] = []): RecordToSend => ({
      topic: odd,
      partition: 0,
      key: null,
      value,
      headers,
    });
    const foreign = platformaticKafka({ brokers: broker.brokers, clientId: 'foreign' });
    const producer = await foreign.producer();
    await producer.send([
      of(Buffer.alloc(0)),
      of(null),
      of(bytes),
      of(Buffer.alloc(10_000_000, 'x')),
      of(Buffer.from(login(9000)), [
        [RAW_HEADERS.fingerprint, bytes],
        [RAW_HEADERS.offset, Buffer.from('-1')],
        [RAW_HEADERS.zone, Buffer.from('Nowhere/At all')],
        [RAW_HEADERS.clock, Buffer.from('soon')],
        ['__proto__', bytes],
      ]),
      of(Buffer.from(login(9001))),
    ]);
    for (const n of [0, 1, 2, 3]) await producer.send(logins(damaged, 10_000 + 10 * n, 10_010 + 10 * n));
    await foreign.close();
    const segment = join(folder, 'broker', `${damaged}-0`, '00000000000000000000.log');
    const [, second, third] = await batchesOf(segment);
    assert.ok(second && third);
    await overwrite(segment, second.at + second.bytes.length - 20, 0x23);
    await overwrite(segment, third.at + 16, 9);

    const service = await deployment.start();
    const expected = KAFKA_COMPRESSIONS.length * LINES + 4 + 20;
    await until('all events', async () => (await deployment.count()) >= expected, 60_000);
    const dlq = `${damaged}.dlq`;
    await until('both letters', async () => (await all(kafka, dlq)).length === 2, 30_000);
    await service.stop('SIGTERM');
    assert.equal(await service.ended, 0, await deployment.said());

    assert.equal((await deployment.events()).length, expected);
    const { body } = await request('POST', `/${patternOf('events', namespace)}/_search`, {
      size: 0,
      track_total_hits: true,
      query: { term: { 'event.dataset': 'dovecot.login' } },
    });
    const { hits } = body as { hits: { total: { value: number } } };
    assert.equal(hits.total.value, expected - 2, 'all but the binary and the huge one were understood');

    const letters = await all(kafka, dlq);
    assert.deepEqual(
      letters.map((letter) => {
        const { code, stage, origin, message } = readDeadLetter(letter);
        return [origin?.offset, code, stage, message];
      }),
      [
        [
          19,
          'undecodable',
          'parse',
          'the batch of records 10 to 19 cannot be read: its checksum says that it was damaged',
        ],
        [
          29,
          'undecodable',
          'parse',
          'the batch of records 20 to 29 cannot be read: it is of kind (magic) 9, which is not known here',
        ],
      ],
    );
    const [, asItLay, andThis] = await batchesOf(segment);
    assert.ok(letters[0]?.value?.equals(asItLay?.bytes ?? Buffer.of()), 'with all bytes of the batch');
    assert.ok(letters[1]?.value?.equals(andThis?.bytes ?? Buffer.of()));
    const said = await deployment.said();
    for (const header of ['fingerprint', 'offset', 'zone', 'clock'])
      assert.match(said, new RegExp(`headers_ignored_total\\{${header}\\} 1\n`));
    assert.match(said, /records_skipped_total\{empty\} 2\n/);
    assert.doesNotMatch(said, /_failed|lost|stalled/);
  });
});
