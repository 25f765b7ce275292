import assert from 'node:assert/strict';
import { test } from 'node:test';
import { snappyCompress } from '@platformatic/wasm-utils';
import kafkajs from 'kafkajs';
import { installCodecs, unpackSnappy } from '../../../../ingest/kafka/kafkajs/codecs.ts';

installCodecs();
const types = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
const bytes = Buffer.from('the same line again and again\n'.repeat(5_000));

for (const [name, type] of Object.entries(types)) {
  const codec = kafkajs.CompressionCodecs[type]();

  test(`${name} packs and unpacks`, async () => {
    const packed: Buffer = await codec.compress({ buffer: bytes });
    assert.ok(packed.length < bytes.length / 5);
    assert.ok(bytes.equals(await codec.decompress(packed)));
  });

  test(`${name}: what is broken is an error with a code`, async () => {
    const packed: Buffer = await codec.compress({ buffer: bytes });
    await assert.rejects(codec.decompress(packed.subarray(0, packed.length / 2)), { code: 'undecodable' });
    await assert.rejects(codec.decompress(Buffer.alloc(64, 0xff)), { code: 'undecodable' });
  });
}

test('a small batch does not unpack to gigabytes', async () => {
  const { gzipSync } = await import('node:zlib');
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024), { level: 1 });
  await assert.rejects(kafkajs.CompressionCodecs[types.gzip]().decompress(bomb), { code: 'undecodable' });
  // A raw block that says to be 4 GiB long.
  await assert.rejects(
    kafkajs.CompressionCodecs[types.snappy]().decompress(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0])),
    {
      code: 'undecodable',
    },
  );
});

test("snappy as Java frames it, in blocks after xerial's magic", () => {
  const header = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]);
  const blocks = [bytes.subarray(0, 32_768), bytes.subarray(32_768)].flatMap((block) => {
    const packed = Buffer.from(snappyCompress(block));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(packed.length);
    return [length, packed];
  });
  assert.ok(bytes.equals(unpackSnappy(Buffer.concat([header, ...blocks]))));
});
