import assert from 'node:assert/strict';
import { test } from 'node:test';
import { murmur2, partitionOfKey } from '../../../ingest/kafka/partition-of-key.ts';

// Printed by org.apache.kafka.common.utils.Utils.murmur2 of kafka-clients 4.3.1.
const known: readonly (readonly [key: Buffer, hash: number])[] = [
  [Buffer.from(''), 275646681],
  [Buffer.from('a'), -1563381124],
  [Buffer.from('ab'), 316155434],
  [Buffer.from('abc'), 479470107],
  [Buffer.from('abcd'), -1323649548],
  [Buffer.from('host-0'), -803016298],
  [Buffer.from('host-1'), 761340765],
  [Buffer.from('host-49'), -541685244],
  [Buffer.from([255, 128, 0, 1, 254, 127, 5]), -1040809076],
];

test('the hash of a key is the one of Java', () => {
  for (const [key, hash] of known) assert.equal(murmur2(key), hash, String(key));
});

test('a key leads to a partition without its sign', () => {
  assert.equal(partitionOfKey(Buffer.from('host-0'), 7), 2);
  assert.equal(partitionOfKey(Buffer.from('abcd'), 7), 5);
  assert.equal(partitionOfKey(Buffer.from('host-49'), 7), 0);
});
