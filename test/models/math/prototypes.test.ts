/** Novelty by prototypes, beside a plain list that forgets nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Packer, Unpacker } from '../../../models/math/packing.ts';
import { Prototypes } from '../../../models/math/prototypes.ts';
import { newNormal, newRandom } from '../../../models/math/random.ts';

const SETTINGS = { capacity: 400, width: 0.01 };
const LONG = 1e9;

/** The definition: distance to the nearest value kept, over the range of all. */
class PlainNovelty {
  readonly kept: number[] = [];
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;

  add(x: number): number {
    const range = this.#high - this.#low;
    const distance = Math.min(...this.kept.map((k) => Math.abs(k - x)));
    const novelty = this.kept.length === 0 ? 0 : range > 0 ? distance / range : distance > 0 ? 1 : 0;
    if (this.kept.length === 0 || novelty > SETTINGS.width) this.kept.push(x);
    this.#low = Math.min(this.#low, x);
    this.#high = Math.max(this.#high, x);
    return novelty;
  }
}

describe('prototypes', () => {
  test('two channels side by side answer like a plain list each', () => {
    const uniform = newRandom(2);
    const normal = newNormal(uniform);
    const prototypes = new Prototypes(2, SETTINGS);
    const plain = [new PlainNovelty(), new PlainNovelty()];
    for (let row = 0; row < 3000; row++) {
      prototypes.advance(row, LONG);
      for (const [channel, x] of [1e6 + 1000 * normal(), uniform() ** 4].entries()) {
        const expected = plain[channel]?.add(x) ?? 0;
        const novelty = prototypes.novelty(channel, x, row);
        assert.ok(Math.abs(novelty - expected) < 1e-5, `row ${row}: ${novelty}, not ${expected}`);
      }
    }
    assert.equal(
      prototypes.size,
      plain.reduce((sum, p) => sum + p.kept.length, 0),
    );
  });

  test('small changes on top of a huge value are seen', () => {
    const prototypes = new Prototypes(1, SETTINGS);
    for (let row = 0; row < 500; row++) {
      prototypes.advance(row, LONG);
      prototypes.novelty(0, 1e12 + (row % 10), row);
    }
    assert.ok(prototypes.novelty(0, 1e12 + 18, 500) > 0.9);
    assert.equal(prototypes.novelty(0, 1e12 + 4, 501), 0);
  });

  test('never holds more than its capacity, whatever comes', () => {
    const uniform = newRandom(4);
    const prototypes = new Prototypes(3, { capacity: 20, width: 0.001 });
    for (let row = 0; row < 5000; row++) {
      prototypes.advance(row, 1000);
      for (let c = 0; c < 3; c++) prototypes.novelty(c, uniform() * 10 ** (c * 5), row);
      assert.ok(prototypes.size <= 20);
    }
  });

  test('what was not seen for the length of the memory is novel again', () => {
    const prototypes = new Prototypes(1, SETTINGS);
    const feed = (from: number, to: number, x: number): void => {
      for (let row = from; row < to; row++) {
        prototypes.advance(row, 1000);
        prototypes.novelty(0, x + (row % 2), row);
      }
    };
    feed(0, 100, 50);
    feed(100, 900, 0);
    assert.ok(prototypes.novelty(0, 50, 900) < 0.03);
    feed(901, 3200, 0);
    assert.ok(prototypes.novelty(0, 50, 3200) > 0.5);
  });

  test('rows may count into the millions', () => {
    const prototypes = new Prototypes(1, SETTINGS);
    for (let row = 0; row < 64 * 140_000; row += 64) {
      prototypes.advance(row, 100_000);
      prototypes.novelty(0, (row / 64) % 7, row);
    }
    assert.equal(prototypes.size, 7);
    assert.equal(prototypes.novelty(0, 3, 64 * 140_000), 0);
  });

  test('goes on after packing; bytes that do not belong together are refused', () => {
    const uniform = newRandom(6);
    const one = new Prototypes(2, SETTINGS);
    const step = (p: Prototypes, row: number, x: number): readonly number[] => {
      p.advance(row, 500);
      return [p.novelty(0, x, row), p.novelty(1, x * x, row)];
    };
    for (let row = 0; row < 1500; row++) step(one, row, uniform());
    const to = new Packer(4096);
    one.pack(to);
    const other = Prototypes.unpack(2, SETTINGS, new Unpacker(to.bytes()));
    for (let row = 1500; row < 3000; row++) {
      const x = uniform();
      assert.deepEqual(step(other, row, x), step(one, row, x));
    }
    const forged = to.bytes();
    forged[8] = 255;
    assert.throws(() => Prototypes.unpack(2, SETTINGS, new Unpacker(forged)), RangeError);
  });
});
