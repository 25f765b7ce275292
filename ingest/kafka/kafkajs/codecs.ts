/** The codecs that kafkajs leaves out, and bounds for all of them: a small batch may not unpack to gigabytes. */

import { promisify } from 'node:util';
import {
  constants,
  gunzip,
  gzip,
  type InputType,
  type ZlibOptions,
  type ZstdOptions,
  zstdCompress,
  zstdDecompress,
} from 'node:zlib';
import { lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from '@platformatic/wasm-utils';
import kafkajs from 'kafkajs';
import { KafkaError } from '../kafka-error.ts';

/** A batch of 10 MB, the largest that topics are usually allowed, of text that packs ten to one. */
const unpackedBytesMax = 128 * 1024 * 1024;
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(packed: Buffer): Promise<Buffer>;
}

/** What is packed and unpacked comes in pieces of this size, at most; by default they are so small that a batch is put together of fifty. */
const pieceBytesMax = 1024 * 1024;
const pieceBytesMin = 16 * 1024;
const unpackedPiece = ({ length }: Buffer): number => Math.min(pieceBytesMax, Math.max(pieceBytesMin, 16 * length));
const packedPiece = ({ length }: Buffer): number => Math.min(pieceBytesMax, Math.max(pieceBytesMin, length >> 2));

const unpackGzip = promisify<InputType, ZlibOptions, Buffer>(gunzip);
const unpackZstd = promisify<InputType, ZstdOptions, Buffer>(zstdDecompress);
const packGzip = promisify<InputType, Buffer>(gzip);
const packZstd = promisify<InputType, ZstdOptions, Buffer>(zstdCompress);
/** Our records, which repeat themselves much, are a fifteenth either way; the usual level, 3, takes half as long again. */
const zstdLevel = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

type Packed = 1 | 2 | 3 | 4;

const codecs: ReadonlyMap<Packed, Codec> = new Map<Packed, Codec>([
  [
    kafkajs.CompressionTypes.GZIP,
    {
      compress: ({ buffer }) => packGzip(buffer),
      decompress: (packed) =>
        guard('gzip', () =>
          unpackGzip(packed, { maxOutputLength: unpackedBytesMax, chunkSize: unpackedPiece(packed) }),
        ),
    },
  ],
  [
    kafkajs.CompressionTypes.ZSTD,
    {
      compress: ({ buffer }) => packZstd(buffer, { ...zstdLevel, chunkSize: packedPiece(buffer) }),
      decompress: (packed) =>
        guard('zstd', () =>
          unpackZstd(packed, { maxOutputLength: unpackedBytesMax, chunkSize: unpackedPiece(packed) }),
        ),
    },
  ],
  [
    kafkajs.CompressionTypes.Snappy,
    {
      compress: async ({ buffer }) => Buffer.from(snappyCompress(buffer)),
      decompress: (packed) => guard('snappy', async () => unpackSnappy(packed)),
    },
  ],
  [
    kafkajs.CompressionTypes.LZ4,
    {
      compress: async ({ buffer }) => Buffer.from(lz4Compress(buffer)),
      decompress: (packed) => guard('lz4', async () => bounded(Buffer.from(lz4Decompress(packed)))),
    },
  ],
]);

/** Once a process; kafkajs keeps its codecs in one table for all clients. */
export function installCodecs(): void {
  for (const [type, codec] of codecs) kafkajs.CompressionCodecs[type] = () => codec;
}

/** How the records of a batch are packed; undefined for 0, which leaves them as they are. */
export function codecOf(number: number): Codec | undefined {
  if (number === 0) return undefined;
  const codec = [...codecs].find(([type]) => type === number)?.[1];
  if (codec === undefined)
    throw new KafkaError('undecodable', `a batch is packed in a way (${number}) that nobody knows`);
  return codec;
}

/** Java's clients frame snappy blocks (xerial); others send one raw block. */
export function unpackSnappy(packed: Buffer): Buffer {
  if (!packed.subarray(0, xerialMagic.length).equals(xerialMagic)) return snappyBlock(packed);
  const blocks: Buffer[] = [];
  let total = 0;
  let at = xerialHeaderBytes;
  while (at < packed.length) {
    const length = packed.readUInt32BE(at);
    at += 4;
    if (at + length > packed.length) throw new RangeError('a snappy block is longer than what is left');
    const block = snappyBlock(packed.subarray(at, at + length));
    total += block.length;
    if (total > unpackedBytesMax) throw new RangeError(`unpacks to more than ${unpackedBytesMax} bytes`);
    blocks.push(block);
    at += length;
  }
  return Buffer.concat(blocks, total);
}

function snappyBlock(packed: Buffer): Buffer {
  if (snappyLength(packed) > unpackedBytesMax)
    throw new RangeError(`says to unpack to more than ${unpackedBytesMax} bytes`);
  return Buffer.from(snappyDecompress(packed));
}

/** A raw block begins with its unpacked length, seven bits a byte. */
function snappyLength(packed: Buffer): number {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = packed[i] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length;
  }
  throw new RangeError('has no snappy length');
}

function bounded(unpacked: Buffer): Buffer {
  if (unpacked.length > unpackedBytesMax) throw new RangeError(`unpacks to more than ${unpackedBytesMax} bytes`);
  return unpacked;
}

async function guard(codec: string, unpack: () => Promise<Buffer>): Promise<Buffer> {
  try {
    return await unpack();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KafkaError('undecodable', `a batch packed with ${codec} cannot be unpacked: ${why}`, error);
  }
}
