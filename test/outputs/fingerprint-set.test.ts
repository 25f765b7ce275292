import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FingerprintSet } from '../../outputs/fingerprint-set.ts';

describe('FingerprintSet', () => {
  it('gives the number of the first call with the same id', () => {
    const set = new FingerprintSet();
    assert.equal(set.add('a'), -1);
    assert.equal(set.add('b'), -1);
    assert.equal(set.add('a'), 0);
    assert.equal(set.add('c'), -1);
    assert.equal(set.add('c'), 3);
    assert.equal(set.add('a'), 0);
    assert.equal(set.add(''), -1);
    assert.equal(set.add(''), 6);
  });

  it('tells a million similar ids apart and knows them all again', () => {
    const set = new FingerprintSet();
    const count = 1_000_000;
    for (let i = 0; i < count; i++) assert.equal(set.add(`mx1-00a1-${i}`), -1);
    for (let i = 0; i < count; i += 997) assert.equal(set.add(`mx1-00a1-${i}`), i);
  });
});
