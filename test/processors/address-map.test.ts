import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { AddressMap, parsePrefix } from '../../processors/address-map.ts';

function mapOf(...ranges: readonly string[]): AddressMap<string> {
  const map = new AddressMap<string>();
  for (const text of ranges) {
    const prefix = parsePrefix(text);
    assert.ok(typeof prefix !== 'string', `${text}: ${String(prefix)}`);
    map.set(prefix, text);
  }
  return map;
}

describe('ranges of addresses', () => {
  test('the narrowest that holds an address counts', () => {
    const map = mapOf('10.0.0.0/8', '10.20.0.0/16', '10.20.30.40', '2001:db8::/32', '2001:db8:1::/48');
    assert.equal(map.get('10.1.2.3'), '10.0.0.0/8');
    assert.equal(map.get('10.20.2.3'), '10.20.0.0/16');
    assert.equal(map.get('10.20.30.40'), '10.20.30.40');
    assert.equal(map.get('2001:db8:2::5'), '2001:db8::/32');
    assert.equal(map.get('2001:0DB8:0001:0:0:0:0:5'), '2001:db8:1::/48');
    assert.equal(map.get('2001:db9::1'), undefined);
    assert.equal(map.get('11.0.0.1'), undefined);
    assert.equal(map.size, 5);
  });

  test('IPv4 and IPv6 do not meet, but for IPv4-mapped addresses', () => {
    const map = mapOf('0.0.0.0/1', '::ffff:203.0.113.9');
    assert.equal(map.get('::1'), undefined);
    assert.equal(map.get('203.0.113.9'), '::ffff:203.0.113.9');
    assert.equal(mapOf('64:ff9b::192.0.2.0/120').get('64:ff9b::c000:201'), '64:ff9b::192.0.2.0/120');
  });

  test('what is no address is in none', () => {
    const map = mapOf('0.0.0.0/0', '::/0');
    for (const text of ['', 'mx1', '1.2.3', '1.2.3.4.5', '256.1.1.1', '::g', 'fe80::1%eth0', '__proto__'])
      assert.equal(map.get(text), undefined, text);
  });

  test('a range that is none says why', () => {
    for (const text of ['', 'mx1', '10.0.0', '10.0.0.0.0/8', '010.0.0.0/8', ':::/8', 'fe80::1%eth0/64', '/8'])
      assert.equal(parsePrefix(text), 'no-address', text);
    for (const text of ['10.0.0.0/', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8 ', '10.0.0.0/1e1', '::/129', '::/8/8'])
      assert.equal(parsePrefix(text), 'bad-length', text);
    for (const text of ['10.0.0.1/8', '2001:db8::1/32']) assert.equal(parsePrefix(text), 'bits-beyond-length', text);
  });

  test('hold what those of Node hold', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.ipV4(), (base, length, ip) => {
        const bits = base.split('.').reduce((n, part) => n * 256 + Number(part), 0);
        const first = Math.floor(bits / 2 ** (32 - length)) * 2 ** (32 - length);
        const text = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.');
        const list = new BlockList();
        list.addSubnet(text, length);
        assert.equal(mapOf(`${text}/${length}`).get(ip) !== undefined, list.check(ip));
      }),
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (one, other) => {
        const list = new BlockList();
        list.addAddress(one, 'ipv6');
        const map = mapOf(one);
        assert.equal(map.get(one), one);
        // Node takes IPv4-mapped addresses for IPv4; ours come to here as IPv4 already.
        if (!one.toLowerCase().includes('ffff:')) assert.equal(map.get(other) !== undefined, list.check(other, 'ipv6'));
      }),
    );
  });
});
