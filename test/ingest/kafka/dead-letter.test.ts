import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDeadLetter, toDeadLetter, toReplay, UNDECODABLE } from '../../../ingest/kafka/dead-letter.ts';
import type { ConsumedRecord, RecordToSend } from '../../../ingest/kafka/port.ts';

const where = { topic: 'imapwhy.raw.mail', partition: 3 };
const poison: ConsumedRecord = {
  offset: 4711,
  timestamp: 1_764_000_000_000,
  key: Buffer.from([0, 1, 255]),
  value: Buffer.from([0xff, 0, 0x41]),
  headers: new Map([['imapwhy.offset', Buffer.from('12')]]),
};
const reason = { code: 'handler_failed', stage: 'parse', errorClass: 'RangeError', message: 'Invalid array length' };
const written = (sent: RecordToSend, offset: number): ConsumedRecord => ({
  offset,
  timestamp: 0,
  key: sent.key,
  value: sent.value,
  headers: new Map(sent.headers),
});

test('a dead letter keeps key, value and headers, and says why and where from', () => {
  const sent = toDeadLetter(poison, where, reason, '0.2.0');
  assert.deepEqual([sent.topic, sent.key, sent.value], ['imapwhy.raw.mail.dlq', poison.key, poison.value]);
  assert.deepEqual(readDeadLetter(written(sent, 0)), {
    ...reason,
    origin: { ...where, offset: 4711 },
    timestamp: 1_764_000_000_000,
    attempt: 1,
    version: '0.2.0',
  });
});

test('replayed, it is what it was; dead again, it counts its attempts and is no longer than before', () => {
  const once = toDeadLetter(poison, where, reason, '0.2.0');
  const again = toReplay(written(once, 0), 'imapwhy.raw.mail.dlq');
  assert.deepEqual([again?.topic, again?.partition, again?.timestamp], [where.topic, 3, 1_764_000_000_000]);
  assert.deepEqual([again?.key, again?.value, again?.headers?.[0]?.[0]], [poison.key, poison.value, 'imapwhy.offset']);
  assert.ok(again !== undefined);
  const twice = toDeadLetter({ ...written(again, 5000), timestamp: 7 }, where, reason, '0.2.1');
  assert.equal(twice.headers?.length, once.headers?.length);
  assert.equal(readDeadLetter(written(twice, 1)).attempt, 2);
});

test('a dead letter does not choose where it goes', () => {
  const forged = toDeadLetter(poison, { topic: 'payments', partition: 0 }, reason, '0.2.0');
  assert.equal(toReplay(written(forged, 0), 'imapwhy.raw.mail.dlq'), undefined);
});

test('a batch that is damaged is no record, and is not sent again as one', () => {
  const damaged = toDeadLetter(poison, where, { ...reason, code: UNDECODABLE }, '0.2.0');
  assert.equal(toReplay(written(damaged, 0), 'imapwhy.raw.mail.dlq'), undefined);
});

test('headers of others are no trouble', () => {
  const headers = new Map([
    ['imapwhy.dlq.topic', Buffer.from('a b')],
    ['imapwhy.dlq.partition', Buffer.from('-1')],
    ['imapwhy.dlq.attempt', Buffer.from('1e3')],
    ['imapwhy.dlq.message', Buffer.alloc(100_000, 'x')],
  ]);
  const read = readDeadLetter({ ...poison, headers });
  assert.deepEqual([read.origin, read.attempt, read.code, read.message?.length], [undefined, 0, undefined, 2000]);
  assert.equal(toReplay({ ...poison, headers }, 'imapwhy.raw.mail.dlq'), undefined);
});
