/**
 * The question what a group has committed, as brokers know it since 2.5 (KIP-447): of a partition that an open transaction moves they say so, instead of where it was before. kafkajs
 * asks in an older way. Format: https://kafka.apache.org/protocol#The_Messages_OffsetFetch, version 7.
 */

/** How kafkajs describes a kind of request. */
export interface Definition {
  readonly versions: readonly string[];
  readonly protocol: (best: { readonly version: number }) => (question: Question) => Exchange;
}

interface Question {
  readonly groupId: string;
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number }[];
  }[];
}

interface Exchange {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
  };
  readonly response: {
    readonly decode: (bytes: Buffer) => Promise<Answer>;
    readonly parse: (answer: Answer) => Promise<Answer>;
  };
}

interface Answer {
  readonly throttleTime: number;
  readonly clientSideThrottleTime: number;
  readonly responses: readonly { readonly topic: string; readonly partitions: readonly PartitionAnswer[] }[];
  readonly errorCode: number;
}

interface PartitionAnswer {
  readonly partition: number;
  readonly offset: string;
  readonly metadata: string | null;
  readonly errorCode: number;
}

const API_KEY = 9;
const VERSION = 7;
const UNSTABLE_OFFSET_COMMIT = 88;
/** In the place of an offset: kafkajs hands on nothing else, and makes an error for all partitions of what is said of one. */
export const UNSTABLE_OFFSET = '-88';

/** A broker of before 2.5 is asked as kafkajs does. */
export function askingForStable({ versions, protocol }: Definition): Definition {
  const newest = Math.max(...versions.map(Number));
  return {
    versions: [...versions, String(VERSION)],
    protocol: ({ version }) => {
      const older = protocol({ version: Math.min(version, newest) });
      if (version < VERSION) return older;
      return (question) => ({
        request: {
          apiKey: API_KEY,
          apiVersion: VERSION,
          apiName: 'OffsetFetch',
          encode: async () => {
            const buf = encode(question);
            return { buf, buffer: buf };
          },
        },
        response: { decode: async (bytes) => decode(bytes), parse: older(question).response.parse },
      });
    },
  };
}

const NO_TAGS = 0;
const REQUIRE_STABLE = 1;

/** The first byte belongs to the head of the request, which has tags since its second version. */
function encode({ groupId, topics }: Question): Buffer {
  const out = [NO_TAGS, ...compactText(groupId), ...varint(topics.length + 1)];
  for (const { topic, partitions } of topics) {
    out.push(...compactText(topic), ...varint(partitions.length + 1));
    for (const { partition } of partitions) out.push(...int32(partition));
    out.push(NO_TAGS);
  }
  return Buffer.from([...out, REQUIRE_STABLE, NO_TAGS]);
}

function decode(bytes: Buffer): Answer {
  const from = new Reader(bytes);
  from.passTags();
  const clientSideThrottleTime = from.int32();
  const responses = from.list(() => {
    const topic = from.text() ?? '';
    const partitions = from.list(() => partitionAnswer(from));
    from.passTags();
    return { topic, partitions };
  });
  return { throttleTime: 0, clientSideThrottleTime, responses, errorCode: from.int16() };
}

function partitionAnswer(from: Reader): PartitionAnswer {
  const partition = from.int32();
  const offset = from.int64().toString();
  from.int32(); // epoch of the leader
  const metadata = from.text();
  const errorCode = from.int16();
  from.passTags();
  return errorCode === UNSTABLE_OFFSET_COMMIT
    ? { partition, offset: UNSTABLE_OFFSET, metadata, errorCode: 0 }
    : { partition, offset, metadata, errorCode };
}

function compactText(text: string): readonly number[] {
  const bytes = Buffer.from(text);
  return [...varint(bytes.length + 1), ...bytes];
}

function int32(value: number): readonly number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return [...bytes];
}

function varint(value: number): readonly number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128);
  return [...out, rest];
}

/** Reads on; throws a RangeError beyond the end. */
class Reader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  int16(): number {
    return this.bytes.readInt16BE(this.pass(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.pass(4));
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.pass(8));
  }

  /** Lengths are one more than they say, so that 0 is none at all. */
  text(): string | null {
    const length = this.varint() - 1;
    if (length < 0) return null;
    const at = this.pass(length);
    return this.bytes.toString('utf8', at, this.at);
  }

  list<T>(one: () => T): readonly T[] {
    const items: T[] = [];
    for (let left = this.varint() - 1; left > 0; left--) items.push(one());
    return items;
  }

  passTags(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint();
      this.pass(this.varint());
    }
  }

  private varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes.readUInt8(this.pass(1));
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number in the answer of a broker has no end');
  }

  private pass(length: number): number {
    const at = this.at;
    this.at += length;
    if (this.at > this.bytes.length) throw new RangeError('the answer of a broker is shorter than it says');
    return at;
  }
}
