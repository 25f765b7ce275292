/** Held to kafkajs's own encoder and decoder, which brokers have understood for years. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBatches, encodeBatch } from '../../../../ingest/kafka/kafkajs/record-batch.ts';

const require = createRequire(import.meta.url);
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js');
const Record = require('kafkajs/src/protocol/recordBatch/record/v0/index.js');
const theirDecoder = require('kafkajs/src/protocol/recordBatch/v0/decoder.js');
const Decoder = require('kafkajs/src/protocol/decoder.js');

const bytes = fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b));
const record = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc
    .array(fc.tuple(fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }), bytes), { maxLength: 4 })
    .map((list) => Object.fromEntries(list.filter(([name]) => !(name in {})))),
  timestamp: fc.integer({ min: 1_000_000_000_000, max: 1_999_999_999_999 }).map(String),
});
const head = { transactional: true, producerId: 2n ** 40n + 7n, producerEpoch: 3, firstSequence: 99, now: 0 };
const never = async (): Promise<Buffer> => assert.fail('nothing is packed');

test('batches are byte for byte those of kafkajs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), async (records) => {
      const times = records.map(({ timestamp }) => timestamp).sort();
      const first = Number(times[0]);
      const theirs = await RecordBatch({
        records: records.map((r, offsetDelta) =>
          Record({ ...r, offsetDelta, timestampDelta: Number(r.timestamp) - first }),
        ),
        firstTimestamp: times[0],
        maxTimestamp: times.at(-1),
        lastOffsetDelta: records.length - 1,
        transactional: true,
        producerId: String(head.producerId),
        producerEpoch: head.producerEpoch,
        firstSequence: head.firstSequence,
      });
      assert.deepEqual(await encodeBatch(records, head, undefined), Buffer.from(theirs.buffer));
    }),
    { numRuns: 200 },
  );
});

test('what is read is what kafkajs reads', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), async (records) => {
      const batch = await encodeBatch(records, head, undefined);
      batch.writeBigInt64BE(2n ** 33n, 0); // as the broker does, outside of the checksum
      const theirs = await theirDecoder(new Decoder(batch));
      const ours = await decodeBatches(Buffer.concat([batch, batch.subarray(0, batch.length - 1)]), never);
      assert.deepEqual(
        ours.map(({ batchContext, magicByte: _, headers, ...r }) => ({ ...r, headers: Object.fromEntries(headers) })),
        theirs.records.map(
          ({ batchContext, magicByte: _, ...r }: { readonly batchContext: unknown; readonly magicByte: unknown }) => r,
        ),
      );
      const [one] = ours;
      const { firstOffset, lastOffsetDelta, producerId, inTransaction } = theirs;
      assert.deepEqual(one?.batchContext, { firstOffset, lastOffsetDelta, producerId, inTransaction });
    }),
    { numRuns: 200 },
  );
});

test('times that lie decades apart keep their distance', async () => {
  const at = ['0', '4102444800000'];
  const batch = await encodeBatch(
    at.map((timestamp) => ({ value: Buffer.from('x'), timestamp })),
    head,
    undefined,
  );
  assert.deepEqual(
    (await decodeBatches(batch, never)).map(({ timestamp }) => timestamp),
    at,
  );
});

test('packed batches go through the codec; a name of a header is no key of an object', async () => {
  const headers = JSON.parse('{"__proto__": "a", "k": ["b", "c"]}');
  const pack = async (b: Buffer) => Buffer.from(b.map((x) => x ^ 0xff));
  const packing = { codec: 4, bytesMin: 1, pack };
  const batch = await encodeBatch([{ value: 'v', headers }], head, packing);
  const [record] = await decodeBatches(batch, async (codec, packed) => {
    assert.equal(codec, 4);
    return pack(packed);
  });
  assert.deepEqual(
    [...(record?.headers ?? [])].map(([name, value]) => [name, String(value)]),
    [
      ['__proto__', 'a'],
      ['k', 'c'],
    ],
  );
});

test('a batch too small to be worth packing is left as it is', async () => {
  const pack = () => assert.fail('packed');
  const batch = await encodeBatch([{ value: 'v' }], head, { codec: 4, bytesMin: 100, pack });
  const [record] = await decodeBatches(batch, async () => assert.fail('unpacked'));
  assert.equal(String(record?.value), 'v');
});

test('a batch that is damaged, of an unknown kind or cannot be unpacked is one message with its bytes, and the others are read', async () => {
  const of = async (first: number, value: string, codec = 0) => {
    const packing = codec === 0 ? undefined : { codec, bytesMin: 0, pack: async (b: Buffer) => b };
    const batch = await encodeBatch([{ value }, { value: `${value}!` }], head, packing);
    batch.writeBigInt64BE(BigInt(first), 0);
    return batch;
  };
  const damaged = await of(12, 'b');
  damaged.writeUInt8((damaged.at(-1) ?? 0) ^ 1, damaged.length - 1);
  const unknown = await of(14, 'c');
  unknown.writeInt8(3, 16);
  const packed = await of(16, 'd', 2);
  const read = await decodeBatches(
    Buffer.concat([await of(10, 'a'), damaged, unknown, packed, await of(20, 'e')]),
    async () => Promise.reject(new Error('no such thing')),
  );
  assert.deepEqual(
    read.map(({ offset, value, undecodable }) => [offset, undecodable ?? String(value)]),
    [
      ['10', 'a'],
      ['11', 'a!'],
      ['13', 'the batch of records 12 to 13 cannot be read: its checksum says that it was damaged'],
      ['15', 'the batch of records 14 to 15 cannot be read: it is of kind (magic) 3, which is not known here'],
      // Up to where the next one begins, whatever its head says.
      ['19', 'the batch of records 16 to 19 cannot be read: no such thing'],
      ['20', 'e'],
      ['21', 'e!'],
    ],
  );
  assert.deepEqual(read[2]?.value, damaged);
});

test('a damaged head does not lead beyond the end', async () => {
  const batch = await encodeBatch([{ value: 'x' }], head, undefined);
  batch.writeInt32BE(1_000_000, 23);
  const [read] = await decodeBatches(batch, never);
  assert.deepEqual([read?.offset, read?.batchContext.lastOffsetDelta], ['0', 0]);
});

test('bytes that do not add up are an error or told, whatever they are', async () => {
  const good = await encodeBatch([{ key: 'k', value: 'v', headers: { a: 'b' } }], head, undefined);
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), async (at, byte) => {
      const bad = Buffer.from(good);
      bad[at] = byte;
      const isWhole = bad.equals(good);
      // Offset, length and epoch of the leader are the broker's, and not in the checksum.
      if (at < 17) await decodeBatches(bad, never).catch((error) => assert.ok(error instanceof RangeError));
      else assert.equal((await decodeBatches(bad, never))[0]?.undecodable === undefined, isWhole);
    }),
    { numRuns: 2000 },
  );
});
