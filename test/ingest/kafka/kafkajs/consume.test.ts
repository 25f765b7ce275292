import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaMessage } from 'kafkajs';
import { nextOffset, toRecord } from '../../../../ingest/kafka/kafkajs/consume.ts';
import { decodeOwned } from '../../../../ingest/kafka/kafkajs/sticky-assigner.ts';

const message = (offset: string, more: object = {}): KafkaMessage => ({
  offset,
  timestamp: '5',
  key: null,
  value: null,
  attributes: 0,
  headers: {},
  ...more,
});

test('reading goes on after the batch, not after its last record', () => {
  const batchContext = { firstOffset: '100', lastOffsetDelta: 999 };
  assert.equal(nextOffset([message('100'), message('104', { batchContext })], 105), 1100);
  assert.equal(nextOffset([message('100')], 101), 101);
  assert.equal(nextOffset([message('100', { batchContext: { firstOffset: 'x', lastOffsetDelta: 1 } })], 101), 101);
  assert.equal(nextOffset([], 7), 7);
});

test('headers whatever kafkajs makes of their names', () => {
  const last = Buffer.from('last');
  const headers = { twice: [Buffer.from('first'), last], toString: [Object.prototype.toString, last], none: undefined };
  const record = toRecord(message('1', { headers }));
  assert.deepEqual(
    [...record.headers],
    [
      ['twice', last],
      ['toString', last],
    ],
  );
});

test('what another member claims to own is not believed blindly', () => {
  assert.deepEqual(decodeOwned(Buffer.from('[["t",1],["t"],7,null,["u",2]]')), [
    { topic: 't', partition: 1 },
    { topic: 'u', partition: 2 },
  ]);
  for (const text of ['', '{}', 'null', '[', '\u0000']) assert.deepEqual(decodeOwned(Buffer.from(text)), []);
});
