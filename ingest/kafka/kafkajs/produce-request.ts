/** The request that sends records, written in one pass. Format: https://kafka.apache.org/protocol#The_Messages_Produce, versions 3 to 7. */
import { codecOf } from './codecs.ts';
import { type BatchRecord, encodeBatch } from './record-batch.ts';

/** As kafkajs asks for it. */
interface ProduceOptions {
  readonly acks: number;
  readonly timeout: number;
  readonly transactionalId?: string | null;
  /** A number of 64 bits as text, or an object that writes itself so. */
  readonly producerId?: unknown;
  readonly producerEpoch?: number;
  readonly compression?: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence?: number;
      readonly messages: readonly BatchRecord[];
    }[];
  }[];
}

/** Smaller batches are sent as they are: to pack them would cost more than it saves. */
const packedBytesMin = 8 * 1024;

export function produceRequest({
  acks,
  timeout,
  transactionalId = null,
  producerId = -1,
  producerEpoch = 0,
  compression = 0,
  topicData,
}: ProduceOptions) {
  const codec = codecOf(compression);
  const packing = codec && {
    codec: compression,
    bytesMin: packedBytesMin,
    pack: (buffer: Buffer) => codec.compress({ buffer }),
  };
  return {
    apiKey: 0,
    apiVersion: 3,
    apiName: 'Produce',
    expectResponse: () => acks !== 0,
    async encode() {
      const now = Date.now();
      const parts: Buffer[] = [text(transactionalId), int16(acks), int32(timeout), int32(topicData.length)];
      for (const { topic, partitions } of topicData) {
        parts.push(text(topic), int32(partitions.length));
        for (const { partition, firstSequence = 0, messages } of partitions) {
          const head = {
            transactional: transactionalId !== null && transactionalId !== '',
            producerId: BigInt(String(producerId)),
            producerEpoch,
            firstSequence,
            now,
          };
          const batch = await encodeBatch(messages, head, packing);
          parts.push(int32(partition), int32(batch.length), batch);
        }
      }
      const buf = Buffer.concat(parts);
      return { buf, buffer: buf };
    },
  };
}

function text(value: string | null): Buffer {
  if (value === null) return int16(-1);
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}
