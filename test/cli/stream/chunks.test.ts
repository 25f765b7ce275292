import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrayOf, chunks, RECORD_BYTES_MAX } from '../../../cli/stream/chunks.ts';

test('what brokers count is bytes, whatever the letters', () => {
  for (const letter of ['a', 'ż', '漢', '😀']) {
    const entries = Array.from({ length: 5000 }, () => JSON.stringify(letter.repeat(200)));
    const pieces = chunks(entries);
    assert.deepEqual(pieces.flat(), entries);
    for (const piece of pieces) assert.ok(Buffer.byteLength(arrayOf(piece)) <= RECORD_BYTES_MAX + 2);
  }
});
