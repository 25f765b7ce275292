import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ConsumedRecord } from '../../../ingest/kafka/port.ts';
import { partitionFingerprint, rawHeaders, readRawRecord } from '../../../ingest/kafka/raw-record.ts';

const where = { topic: 'imapwhy.raw.mail', partition: 3 };
const record = (
  value: Buffer | string | null,
  headers: readonly (readonly [string, Buffer | string])[] = [],
): ConsumedRecord => ({
  offset: 77,
  timestamp: 0,
  key: null,
  value: typeof value === 'string' ? Buffer.from(value) : value,
  headers: new Map(headers.map(([name, bytes]) => [name, Buffer.from(bytes)])),
});
const line = 'Nov 24 03:24:10 mx1 dovecot: imap-login: Login: user=<anna>';
const identity = { fingerprint: 'kAfk4-_fingerprint0000', offset: 1234, source: '/var/log/mail.log' };

describe('identity', () => {
  test('is the file’s where the producer named it', () => {
    const clock = { shiftMs: -3_600_000, confidence: 0.98, basis: '412 sessions that two sources saw' };
    const headers = rawHeaders({
      ...identity,
      zone: 'Europe/Warsaw',
      near: 1_764_000_000_000.4,
      clock,
      flaw: 'incomplete',
    });
    assert.deepEqual(readRawRecord(record(`${line}\r\n`, headers), where), {
      text: line,
      flaw: 'incomplete',
      ...identity,
      identity: 'producer',
      zone: 'Europe/Warsaw',
      near: 1_764_000_000_000,
      clock,
      ignored: [],
    });
  });

  test('is the place in Kafka where nobody said anything', () => {
    const read = readRawRecord(record(line), where);
    assert.deepEqual(
      [read?.identity, read?.fingerprint, read?.offset, read?.source],
      ['kafka', partitionFingerprint(where), 77, 'imapwhy.raw.mail/3'],
    );
    assert.notEqual(partitionFingerprint(where), partitionFingerprint({ ...where, partition: 4 }));
    assert.match(partitionFingerprint(where), /^[A-Za-z0-9_-]{22}$/);
  });

  test('half of one is none', () => {
    const half = rawHeaders(identity).filter(([name]) => name !== 'imapwhy.offset');
    assert.equal(readRawRecord(record(line, half), where)?.identity, 'kafka');
  });
});

describe('hostile headers are ignored and named', () => {
  const bad: readonly (readonly [string, Buffer | string, string])[] = [
    ['imapwhy.fingerprint', '../../etc/passwd', 'fingerprint'],
    ['imapwhy.fingerprint', 'x'.repeat(10_000), 'fingerprint'],
    ['imapwhy.offset', '-1', 'offset'],
    ['imapwhy.offset', '1e9', 'offset'],
    ['imapwhy.offset', '9'.repeat(16), 'offset'],
    ['imapwhy.source', Buffer.from([0xff, 0xfe]), 'source'],
    ['imapwhy.source', '', 'source'],
    ['imapwhy.zone', 'Europe/Warsaw\n', 'zone'],
    ['imapwhy.near', 'yesterday', 'near'],
    ['imapwhy.flaw', 'constructor', 'flaw'],
  ];
  for (const [name, bytes, ignored] of bad)
    test(`${name}: ${String(bytes).slice(0, 20)}`, () => {
      const read = readRawRecord(
        record(line, [...rawHeaders(identity).filter(([n]) => n !== name), [name, bytes]]),
        where,
      );
      assert.deepEqual(read?.ignored, [ignored]);
      assert.equal(read?.text, line);
    });
});

test('tombstones and empty values hold no line', () => {
  assert.equal(readRawRecord(record(null), where), undefined);
  assert.equal(readRawRecord(record(''), where), undefined);
});

test('what is not text is marked, what is too long is cut', () => {
  assert.equal(readRawRecord(record(Buffer.from([0x41, 0xff, 0x42])), where)?.flaw, 'invalid_utf8');
  assert.equal(readRawRecord(record('spelt out: \ufffd'), where)?.flaw, undefined);
  const huge = readRawRecord(record(Buffer.alloc(10_000_000, 'a')), where);
  assert.deepEqual([huge?.flaw, huge?.text.length], ['truncated', 65_536]);
});

describe('a shipper’s JSON', () => {
  const shipped = {
    '@timestamp': '2026-11-24T03:24:11.000Z',
    '@metadata': { beat: 'filebeat', version: '8.19.0' },
    log: { offset: 99, file: { path: '/var/log/mail.log' } },
    message: line,
    agent: { type: 'filebeat' },
  };

  test('is opened: the line, where it stood, when it was read', () => {
    const read = readRawRecord(record(JSON.stringify(shipped)), where);
    assert.deepEqual(
      [read?.text, read?.source, read?.near, read?.identity],
      [line, '/var/log/mail.log', Date.parse('2026-11-24T03:24:11Z'), 'kafka'],
    );
  });

  test('a log’s own JSON stays as it is', () => {
    for (const own of [
      '{"event":"imap_command_finished","message":"x"}',
      '{"MESSAGE":"x","__REALTIME_TIMESTAMP":"1"}',
      '{"@timestamp":"2026-11-24T03:24:11Z","message":"no shipper"}',
      '{"__proto__":{"message":"x"},"@timestamp":"now","log":{}}',
      '{"@timestamp" "message"',
    ])
      assert.equal(readRawRecord(record(own), where)?.text, own);
  });
});

test('any bytes give a record, and a record’s own headers come back', () => {
  const names = fc.constantFrom(
    'imapwhy.fingerprint',
    'imapwhy.offset',
    'imapwhy.source',
    'imapwhy.zone',
    'imapwhy.near',
    'imapwhy.flaw',
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), fc.array(fc.tuple(names, fc.uint8Array())), (value, headers) => {
      const read = readRawRecord(
        record(
          Buffer.from(value),
          headers.map(([name, bytes]) => [name, Buffer.from(bytes)] as const),
        ),
        where,
      );
      assert.ok(read !== undefined && Number.isSafeInteger(read.offset) && read.fingerprint.length >= 8);
    }),
  );
});
