import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FetchedRecord, hideAborted } from '../../../../ingest/kafka/kafkajs/aborted.ts';

const of = (producerId: string, offset: number, key: Buffer | null = null): FetchedRecord => ({
  offset: String(offset),
  key,
  batchContext: { producerId, inTransaction: true },
});
const end = (producerId: string, offset: number, kind: 0 | 1): FetchedRecord => ({
  ...of(producerId, offset, Buffer.from([0, 0, 0, kind])),
  isControlRecord: true,
});
const visible = (records: readonly FetchedRecord[], aborted: Parameters<typeof hideAborted>[1]): readonly number[] => {
  hideAborted(records, aborted);
  return records.filter((r) => r.isControlRecord !== true).map((r) => Number(r.offset));
};

describe('records of aborted transactions', () => {
  test('are hidden up to the marker of their writer; what it commits later is seen', () => {
    const records = [of('1', 0), of('2', 1), end('1', 2, 0), of('1', 3), end('2', 4, 1), end('1', 5, 1)];
    assert.deepEqual(visible(records, [{ producerId: '1', firstOffset: '0' }]), [1, 3]);
  });

  test('are hidden when the list is not in the order of first offsets', () => {
    const records = [of('1', 0), of('2', 1), end('2', 2, 0), end('1', 3, 0)];
    const aborted = [
      { producerId: '2', firstOffset: '1' },
      { producerId: '1', firstOffset: '0' },
    ];
    assert.deepEqual(visible(records, aborted), []);
  });

  test('are hidden when several began before what was fetched', () => {
    const records = [of('2', 10), of('1', 11), end('1', 12, 0), end('2', 13, 0)];
    const aborted = [
      { producerId: '1', firstOffset: '3' },
      { producerId: '2', firstOffset: '4' },
    ];
    assert.deepEqual(visible(records, aborted), []);
  });

  test('do not end with a record that only looks like a marker, and do not touch those outside of transactions', () => {
    const plain: FetchedRecord = { offset: '2', key: null, batchContext: { producerId: '1', inTransaction: false } };
    const records = [of('1', 0, Buffer.from([0, 0, 0, 0])), of('1', 1), plain, end('1', 3, 0)];
    assert.deepEqual(visible(records, [{ producerId: '1', firstOffset: '0' }]), [2]);
  });
});
