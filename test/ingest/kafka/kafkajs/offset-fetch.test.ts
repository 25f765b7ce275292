/** Held to the encoder of another client, @platformatic/kafka, and to kafkajs's own words for the answers. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { offsetFetchV7, Writer } from '@platformatic/kafka';
import fc from 'fast-check';
import { askingForStable, UNSTABLE_OFFSET } from '../../../../ingest/kafka/kafkajs/offset-fetch.ts';

const original = { ...createRequire(import.meta.url)('kafkajs/src/protocol/requests/offsetFetch/index.js') };
const mended = askingForStable(original);
const best = (version: number) => mended.protocol({ version });

const partition = fc.record({ partition: fc.nat() });
const topic = fc.record({
  topic: fc.string({ minLength: 1, maxLength: 200, unit: 'binary' }),
  partitions: fc.array(partition, { maxLength: 200 }),
});
const question = fc.record({ groupId: fc.string({ maxLength: 200 }), topics: fc.array(topic, { maxLength: 4 }) });

test('the question is byte for byte that of another client', async () => {
  await fc.assert(
    fc.asyncProperty(question, async ({ groupId, topics }) => {
      const theirs = offsetFetchV7.createRequest(
        [
          {
            groupId,
            memberId: null,
            memberEpoch: -1,
            topics: topics.map((t) => ({
              name: t.topic,
              partitionIndexes: t.partitions.map((p) => p.partition),
            })),
          },
        ],
        true,
      );
      const { request } = best(7)({ groupId, topics });
      const { buffer } = await request.encode();
      assert.deepEqual([request.apiKey, request.apiVersion, buffer[0]], [9, 7, 0]);
      assert.deepEqual(buffer.subarray(1), theirs.buffer);
    }),
  );
});

/** As the protocol says it, with tags that nobody knows yet. */
function answer(
  partitions: readonly (readonly [partition: number, offset: bigint, error: number])[],
  error = 0,
): Buffer {
  return Writer.create()
    .appendUnsignedVarInt(1)
    .appendUnsignedVarInt(77)
    .appendUnsignedVarInt(2)
    .append(Buffer.from('xy'))
    .appendInt32(40)
    .appendArray([partitions], (writer, list) =>
      writer
        .appendString('topic')
        .appendArray([...list], (w, [partition, offset, code]) =>
          w.appendInt32(partition).appendInt64(offset).appendInt32(-1).appendString(null).appendInt16(code),
        ),
    )
    .appendInt16(error)
    .appendTaggedFields().buffer;
}

test('of a partition that an open transaction moves it is said so, and nothing of the others is lost', async () => {
  const { response } = best(10)({ groupId: 'g', topics: [] });
  const said = await response.decode(
    answer([
      [0, -1n, 0],
      [1, -1n, 88],
      [300, 2n ** 40n, 0],
    ]),
  );
  assert.equal(said.clientSideThrottleTime, 40);
  assert.deepEqual(
    (await response.parse(said)).responses.map((r) => [r.topic, r.partitions.map((p) => [p.partition, p.offset])]),
    [
      [
        'topic',
        [
          [0, '-1'],
          [1, UNSTABLE_OFFSET],
          [300, '1099511627776'],
        ],
      ],
    ],
  );
});

test('other refusals are errors, of the group and of a partition', async () => {
  const { response } = best(7)({ groupId: 'g', topics: [] });
  await assert.rejects(async () => response.parse(await response.decode(answer([[0, 1n, 29]]))), {
    type: 'TOPIC_AUTHORIZATION_FAILED',
  });
  await assert.rejects(async () => response.parse(await response.decode(answer([], 14))), {
    type: 'GROUP_LOAD_IN_PROGRESS',
  });
});

test('an answer that is cut off anywhere is an error', async () => {
  const whole = answer([[0, 5n, 0]]);
  const { response } = best(7)({ groupId: 'g', topics: [] });
  for (let length = 0; length < whole.length - 1; length++)
    await assert.rejects(response.decode(whole.subarray(0, length)), RangeError, `${length} bytes`);
});

test('an older broker is asked as kafkajs does', async () => {
  const asked = { groupId: 'g', topics: [{ topic: 't', partitions: [{ partition: 3 }] }] };
  assert.deepEqual(mended.versions, ['1', '2', '3', '4', '7']);
  for (const [version, expected] of [
    [2, 2],
    [4, 4],
    [5, 4],
    [6, 4],
  ] as const) {
    const { request } = best(version)(asked);
    assert.equal(request.apiVersion, expected);
    const theirs = original.protocol({ version: expected })(asked);
    assert.deepEqual((await request.encode()).buffer, (await theirs.request.encode()).buffer);
  }
});
