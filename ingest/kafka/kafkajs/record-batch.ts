/**
 * Kafka's record batches (magic 2), read and written in one pass. kafkajs makes an encoder for each record and header, copies every byte five times and sums it up byte by byte;
 * for records of 500 kB that was half of all our CPU. Format: https://kafka.apache.org/documentation/#recordbatch
 */
import { crc32c } from '@platformatic/wasm-utils';

const BATCH_HEAD = 61;
/** What the length in the head counts from. */
const LENGTH_END = 12;
const CRC_END = 21;
const MAGIC = 2;
const CODEC = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

export interface BatchRecord {
  readonly key?: Buffer | string | null | undefined;
  readonly value: Buffer | string | null;
  readonly headers?: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>> | undefined;
  /** Epoch ms. */
  readonly timestamp?: string | undefined;
}

export interface BatchHead {
  readonly transactional: boolean;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  /** Of records without a time of their own, epoch ms. */
  readonly now: number;
}

/** Packs the records of a batch; undefined leaves them as they are. */
export interface Packing {
  readonly codec: number;
  /** Of records together; fewer bytes are left as they are. */
  readonly bytesMin: number;
  pack(records: Buffer): Promise<Buffer>;
}

export async function encodeBatch(
  records: readonly BatchRecord[],
  head: BatchHead,
  packing: Packing | undefined,
): Promise<Buffer> {
  const times = records.map(({ timestamp }) => (timestamp === undefined ? head.now : Number(timestamp)));
  let first = times[0] ?? head.now;
  let last = first;
  for (const at of times) {
    if (at < first) first = at;
    if (at > last) last = at;
  }
  const prepared = records.map((record, i) => prepare(record, (times[i] ?? first) - first, i));
  let size = 0;
  for (const { size: body } of prepared) size += varintSize(body) + body;
  const body = Buffer.allocUnsafeSlow(BATCH_HEAD + size);
  let at = BATCH_HEAD;
  for (const record of prepared) at = writeRecord(body, at, record);
  const packer = packing !== undefined && size >= packing.bytesMin ? packing : undefined;
  const packed = await packer?.pack(body.subarray(BATCH_HEAD));
  const batch =
    packed === undefined ? body : Buffer.concat([body.subarray(0, BATCH_HEAD), packed], BATCH_HEAD + packed.length);
  batch.writeBigInt64BE(0n, 0); // the broker decides on offsets
  batch.writeInt32BE(batch.length - LENGTH_END, 8);
  batch.writeInt32BE(0, LENGTH_END); // epoch of the leader: the broker's
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE((packer?.codec ?? 0) | (head.transactional ? TRANSACTIONAL : 0), CRC_END);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(first), 27);
  batch.writeBigInt64BE(BigInt(last), 35);
  batch.writeBigInt64BE(head.producerId, 43);
  batch.writeInt16BE(head.producerEpoch, 51);
  batch.writeInt32BE(head.firstSequence, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_END)), 17);
  return batch;
}

interface Prepared {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
  readonly timeDelta: number;
  readonly offsetDelta: number;
  readonly size: number;
}

function prepare({ key, value, headers }: BatchRecord, timeDelta: number, offsetDelta: number): Prepared {
  const list: (readonly [string, Buffer | null])[] = [];
  if (headers !== undefined)
    for (const name of Object.keys(headers)) {
      const given = headers[name];
      if (typeof given === 'object' && !Buffer.isBuffer(given))
        for (const one of given) list.push([name, bytesOf(one)]);
      else list.push([name, bytesOf(given)]);
    }
  const record = { key: bytesOf(key), value: bytesOf(value), headers: list, timeDelta, offsetDelta };
  let size = 1 + varintSize(timeDelta) + varintSize(offsetDelta) + varintSize(list.length);
  size += sizeOfBytes(record.key) + sizeOfBytes(record.value);
  for (const [name, bytes] of list) {
    const length = Buffer.byteLength(name);
    size += varintSize(length) + length + sizeOfBytes(bytes);
  }
  return { ...record, size };
}

function writeRecord(to: Buffer, from: number, record: Prepared): number {
  let at = writeVarint(to, from, record.size);
  to[at++] = 0; // attributes, of which there are none yet
  at = writeVarint(to, at, record.timeDelta);
  at = writeVarint(to, at, record.offsetDelta);
  at = writeBytes(to, at, record.key);
  at = writeBytes(to, at, record.value);
  at = writeVarint(to, at, record.headers.length);
  for (const [name, value] of record.headers) {
    at = writeVarint(to, at, Buffer.byteLength(name));
    at += to.write(name, at);
    at = writeBytes(to, at, value);
  }
  return at;
}

function bytesOf(value: Buffer | string | null | undefined): Buffer | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? Buffer.from(value) : value;
}

const sizeOfBytes = (bytes: Buffer | null): number =>
  bytes === null ? varintSize(-1) : varintSize(bytes.length) + bytes.length;

function writeBytes(to: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) return writeVarint(to, at, -1);
  const from = writeVarint(to, at, bytes.length);
  return from + bytes.copy(to, from);
}

/** Zigzag, seven bits a byte. Numbers beyond 32 bits (times that lie far apart) need arithmetic instead of shifts. */
function varintSize(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let size = 1;
  for (; rest > 127; size++) rest = Math.floor(rest / 128);
  return size;
}

function writeVarint(to: Buffer, from: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let at = from;
  for (; rest > 127; rest = Math.floor(rest / 128)) to[at++] = (rest % 128) | 128;
  to[at++] = rest;
  return at;
}

/** A record as kafkajs hands it on: numbers of 64 bits as text. */
export interface FetchedMessage {
  readonly magicByte: number;
  readonly attributes: number;
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Of several headers with one name the last. */
  readonly headers: ReadonlyMap<string, Buffer>;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
  /** Of one that stands for a whole batch, whose bytes are its value: why the batch cannot be read. */
  readonly undecodable?: string;
}

interface BatchContext {
  readonly firstOffset: string;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly inTransaction: boolean;
}

const NO_HEADERS: ReadonlyMap<string, Buffer> = new Map();

/** Whether the first of these is a batch of the only kind that brokers of today write, or of one that is not known yet. */
export const isBatches = (bytes: Buffer): boolean => bytes.length > 16 && (bytes[16] ?? 0) >= MAGIC;

/**
 * All whole batches; the last one of a fetched piece may have been cut off, and comes again. One that is damaged, or of an unknown kind, gives one message with its bytes, so that it
 * can be kept and the rest goes on. Throws where it cannot be told where the next one begins.
 */
export async function decodeBatches(
  bytes: Buffer,
  unpack: (codec: number, packed: Buffer) => Promise<Buffer>,
): Promise<FetchedMessage[]> {
  const out: FetchedMessage[] = [];
  for (let at = 0; at + BATCH_HEAD <= bytes.length; ) {
    const end = at + LENGTH_END + bytes.readInt32BE(at + 8);
    if (end < at + BATCH_HEAD) throw new RangeError('a batch of records is shorter than its head');
    if (end > bytes.length) break;
    const batch = bytes.subarray(at, end);
    const magic = batch.readInt8(16);
    // Of the kinds of before 2017, which are fetched again and left to the original.
    if (magic < MAGIC) break;
    const good = out.length;
    try {
      if (magic > MAGIC) throw new RangeError(`it is of kind (magic) ${magic}, which is not known here`);
      if (crc32c(batch.subarray(CRC_END)) !== batch.readUInt32BE(17))
        throw new RangeError('its checksum says that it was damaged');
      await decodeBatch(batch, unpack, out);
    } catch (error) {
      out.length = good;
      const following = end + 8 <= bytes.length ? Number(bytes.readBigInt64BE(end)) : undefined;
      out.push(undecodable(batch, following, error instanceof Error ? error.message : String(error)));
    }
    at = end;
  }
  return out;
}

/** `following`: where the next batch begins, if it is there. What the head says may be damaged too, and reading must not go on beyond the end. */
function undecodable(batch: Buffer, following: number | undefined, why: string): FetchedMessage {
  const first = Number(batch.readBigInt64BE(0));
  const delta = batch.readInt32BE(23);
  const said = delta >= 0 && delta === batch.readInt32BE(57) - 1 ? first + delta : first;
  const last = following === undefined ? said : Math.max(first, following - 1);
  return {
    magicByte: MAGIC,
    attributes: 0,
    offset: String(last),
    timestamp: batch.readBigInt64BE(35).toString(),
    key: null,
    value: batch,
    headers: NO_HEADERS,
    isControlRecord: false,
    batchContext: {
      firstOffset: String(first),
      lastOffsetDelta: last - first,
      producerId: '-1',
      inTransaction: false,
    },
    undecodable: `the batch of records ${first} to ${last} cannot be read: ${why}`,
  };
}

async function decodeBatch(
  batch: Buffer,
  unpack: (codec: number, packed: Buffer) => Promise<Buffer>,
  out: FetchedMessage[],
): Promise<void> {
  const attributes = batch.readInt16BE(CRC_END);
  const firstOffset = Number(batch.readBigInt64BE(0));
  const context: BatchContext = {
    firstOffset: String(firstOffset),
    lastOffsetDelta: batch.readInt32BE(23),
    producerId: String(batch.readBigInt64BE(43)),
    inTransaction: (attributes & TRANSACTIONAL) !== 0,
  };
  const isControlRecord = (attributes & CONTROL) !== 0;
  const first = Number(batch.readBigInt64BE(27));
  const appendedAt = (attributes & LOG_APPEND_TIME) === 0 ? undefined : batch.readBigInt64BE(35).toString();
  const codec = attributes & CODEC;
  const bytes = batch.subarray(BATCH_HEAD);
  const cursor = new Cursor(codec === 0 ? bytes : await unpack(codec, bytes));
  const count = batch.readInt32BE(57);
  for (let i = 0; i < count; i++) {
    const end = cursor.varint() + cursor.at;
    if (end <= cursor.at) throw new RangeError('a record in a batch is shorter than nothing');
    const attributesOfOne = cursor.byte();
    const timestamp = first + cursor.varint();
    const offset = firstOffset + cursor.varint();
    const key = cursor.bytes();
    const value = cursor.bytes();
    const headers = cursor.headers();
    cursor.at = end;
    out.push({
      magicByte: MAGIC,
      attributes: attributesOfOne,
      offset: String(offset),
      timestamp: appendedAt ?? String(timestamp),
      key,
      value,
      headers,
      isControlRecord,
      batchContext: context,
    });
  }
}

/** Reads on from `at`; throws beyond the end. */
class Cursor {
  private readonly buffer: Buffer;
  at = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  byte(): number {
    const byte = this.buffer[this.at++];
    if (byte === undefined) throw new RangeError('a batch of records ends in the middle of one');
    return byte;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) break;
      if (scale > 2 ** 56) throw new RangeError('a number in a batch of records has no end');
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const end = this.at + length;
    if (end > this.buffer.length) throw new RangeError('a record is longer than what is left of its batch');
    const bytes = this.buffer.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  headers(): ReadonlyMap<string, Buffer> {
    const count = this.varint();
    if (count <= 0) return NO_HEADERS;
    const headers = new Map<string, Buffer>();
    for (let i = 0; i < count; i++) {
      const length = this.varint();
      const end = this.at + length;
      if (end > this.buffer.length) throw new RangeError('a header is longer than what is left of its batch');
      const name = this.buffer.toString('utf8', this.at, end);
      this.at = end;
      const value = this.bytes();
      if (value !== null) headers.set(name, value);
    }
    return headers;
  }
}
