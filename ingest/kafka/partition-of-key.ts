/**
 * The partition that every Kafka client chooses for a key: murmur2 of its bytes with Kafka's seed, the sign dropped, modulo the count.
 * Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.partitionForKey.
 */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** 32 bits, signed; equal to Java's for the same bytes. */
export function murmur2(bytes: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = bytes.length;
  let h = 0x9747b28c ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k =
      byteAt(bytes, i) | (byteAt(bytes, i + 1) << 8) | (byteAt(bytes, i + 2) << 16) | (byteAt(bytes, i + 3) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  const rest = length - whole;
  if (rest >= 3) h ^= byteAt(bytes, whole + 2) << 16;
  if (rest >= 2) h ^= byteAt(bytes, whole + 1) << 8;
  if (rest >= 1) h = Math.imul(h ^ byteAt(bytes, whole), m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return (h ^ (h >>> 15)) | 0;
}

const byteAt = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0;
