import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Prefix, parsePrefix } from '../../../processors/address-map.ts';
import { KnownAddresses, NOTHING_KNOWN } from '../../../processors/resolve/known-addresses.ts';

const ranges = (...texts: readonly string[]): readonly Prefix[] =>
  texts.map(parsePrefix).filter((p) => typeof p !== 'string');

const known = new KnownAddresses({
  ownNetworks: ranges('10.20.0.0/22', '203.0.113.64/26'),
  trustedProxies: ranges('192.0.2.10', '192.0.2.16/28'),
  scanners: ranges('198.51.100.0/24'),
  monitors: ranges('198.51.100.7'),
});

describe('known addresses', () => {
  test('an own network is one network, wider or narrower than addresses by themselves can tell', () => {
    assert.equal(known.network('10.20.3.9'), '10.20.0.0/22');
    assert.equal(known.network('203.0.113.65'), '203.0.113.64/26');
    assert.equal(known.network('203.0.113.9'), '203.0.113.0/24');
    assert.ok(known.isOwn('10.20.0.1'));
    assert.ok(!known.isOwn('10.20.4.1'));
    assert.ok(!known.isOwn(undefined));
  });

  test('of a range and an address in it the address counts', () => {
    assert.equal(known.apartAs('198.51.100.7'), 'health_check');
    assert.equal(known.apartAs('198.51.100.8'), 'known_scanner');
    assert.equal(known.apartAs('10.20.0.1'), undefined);
    assert.equal(NOTHING_KNOWN.apartAs('198.51.100.7'), undefined);
  });

  test('X-Forwarded-For is believed as far as trusted proxies wrote it', () => {
    assert.equal(known.clientOf('192.0.2.10', '203.0.113.5'), '203.0.113.5');
    assert.equal(known.clientOf('192.0.2.10', '10.9.9.9, 203.0.113.5, 192.0.2.17'), '203.0.113.5');
    assert.equal(known.clientOf('203.0.113.5', '10.9.9.9'), '203.0.113.5', 'a client says so of itself');
    assert.equal(known.clientOf('192.0.2.10', undefined), '192.0.2.10');
    assert.equal(known.clientOf('192.0.2.10', ''), '192.0.2.10');
    assert.equal(known.clientOf('192.0.2.10', 'unknown'), '192.0.2.10');
    assert.equal(known.clientOf('192.0.2.10', '<b>, [2001:db8::5]'), '2001:db8::5');
    assert.equal(known.clientOf('192.0.2.10', `${'1.1.1.1,'.repeat(50_000)}203.0.113.5`), '203.0.113.5');
    assert.equal(NOTHING_KNOWN.clientOf('192.0.2.10', '203.0.113.5'), '192.0.2.10');
  });
});
