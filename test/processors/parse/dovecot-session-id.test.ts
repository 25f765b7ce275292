import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeSessionId } from '../../../processors/parse/dovecot-session-id.ts';

const CHECKED = 'YzxPP/1ghdfLAHEc'; // 2026-11-24T03:24:25.413731Z, port 55173, 203.0.113.28
const AT = Date.UTC(2026, 10, 24, 3, 24, 25) + 413.731;
const WRAP_MS = 2 ** 48 / 1000;

/** What Dovecot does: client_get_session_id() in src/login-common/client-common.c. */
function encode(micros: bigint, port: number, address: readonly number[]): string {
  const bytes = Buffer.alloc(8 + address.length);
  for (let i = 0; i < 6; i++) bytes[i] = Number((micros >> BigInt(8 * i)) & 255n);
  bytes.writeUInt16LE(port, 6);
  bytes.set(address, 8);
  return bytes.toString('base64').replace(/=+$/, '');
}

test('time, port and IPv4 address', () => {
  const decoded = decodeSessionId(CHECKED, Date.UTC(2026, 10, 24));
  assert.deepEqual(decoded, { at: AT, port: 55173, ip: '203.0.113.28' });
});

test('the wrap nearest to the log is taken, and an implausible time is refused', () => {
  assert.equal(decodeSessionId(CHECKED, AT + 399 * 86_400_000)?.at, AT);
  assert.equal(decodeSessionId(CHECKED, AT - 399 * 86_400_000)?.at, AT);
  assert.equal(decodeSessionId(CHECKED, AT + 401 * 86_400_000), undefined);
  assert.equal(decodeSessionId(CHECKED, AT - WRAP_MS + 5)?.at, AT - WRAP_MS);
  assert.equal(decodeSessionId(CHECKED, AT + WRAP_MS - 5)?.at, AT + WRAP_MS);
});

test('without a time of the log the years 2021 to 2030 are assumed', () => {
  assert.equal(decodeSessionId(CHECKED, Number.NaN)?.at, AT);
  assert.equal(decodeSessionId(CHECKED, Number.POSITIVE_INFINITY)?.at, AT);
});

test('IPv6 in its short form, IPv4-mapped as IPv4', () => {
  const micros = BigInt(Date.UTC(2025, 5, 1)) * 1000n;
  const ip = (...address: number[]) => decodeSessionId(encode(micros, 993, address), Date.UTC(2025, 5, 1))?.ip;
  assert.equal(ip(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x17), '2001:db8::17');
  assert.equal(ip(0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0), '2001:db8:0:1::');
  assert.equal(ip(0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1), '2001:db8:0:1:1:1:1:1');
  assert.equal(ip(0x20, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1), '2001:0:0:1::1');
  assert.equal(ip(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), '::1');
  assert.equal(ip(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), '::');
  assert.equal(ip(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 198, 51, 100, 7), '198.51.100.7');
});

test('ids of another form are not decoded', () => {
  for (const id of [
    '',
    'YzxPP/1ghdfLAHE',
    `${CHECKED}=`,
    `${CHECKED}:P1`,
    'YzxPP_1ghdfLAHEc',
    'YzxPP/1ghdfLAH\u00e9c',
    '\ud83d\ude00'.repeat(8),
  ]) {
    assert.equal(decodeSessionId(id, AT), undefined, id);
  }
});

test('property: what Dovecot packs comes back to the microsecond', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2012, 0, 1), max: Date.UTC(2060, 0, 1) }),
      fc.integer({ min: 0, max: 999 }),
      fc.integer({ min: 0, max: 65_535 }),
      fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 }),
      fc.integer({ min: -399, max: 399 }),
      (ms, micros, port, address, days) => {
        const id = encode(BigInt(ms) * 1000n + BigInt(micros), port, address);
        const decoded = decodeSessionId(id, ms + days * 86_400_000);
        assert.deepEqual(decoded, { at: (ms * 1000 + micros) / 1000, port, ip: address.join('.') });
      },
    ),
  );
});

test('property: total on any string', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (id) => void decodeSessionId(id, AT)));
});
