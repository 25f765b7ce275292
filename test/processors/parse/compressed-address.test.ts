import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compressedAddress } from '../../../processors/parse/compressed-address.ts';

test("the kernel's long IPv6 spelling becomes the usual one", () => {
  assert.equal(compressedAddress('2001:0db8:0000:0000:0000:0000:0000:0007'), '2001:db8::7');
  assert.equal(compressedAddress('2001:0db8:0000:0001:0001:0001:0001:0001'), '2001:db8:0:1:1:1:1:1');
  assert.equal(compressedAddress('2001:0000:0000:0001:0000:0000:0000:0001'), '2001:0:0:1::1');
  assert.equal(compressedAddress('0000:0000:0000:0000:0000:0000:0000:0000'), '::');
  assert.equal(compressedAddress('FE80:0000:0000:0000:0000:0000:0000:0000'), 'fe80::');
  assert.equal(compressedAddress('0000:0000:0000:0000:0000:ffff:c000:0201'), '192.0.2.1');
});

test('everything else goes through unchanged', () => {
  for (const address of ['192.0.2.1', '2001:db8::7', ':::::::::::::::::::::::::::::::::::::::', '']) {
    assert.equal(compressedAddress(address), address);
  }
});
