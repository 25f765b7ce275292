/** Documents that go to the index at once, and what becomes of them where they cannot. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDocuments } from '../../../cli/stream/document-lines.ts';
import type { ParsedDocument } from '../../../cli/stream/parse-partition.ts';
import { refusedStraight, StraightBatch } from '../../../cli/stream/straight-index.ts';
import { readDeadLetter, toReplay } from '../../../ingest/kafka/dead-letter.ts';
import type { BulkDocument } from '../../../outputs/elasticsearch/bulk-document.ts';
import type { Delivery } from '../../../outputs/output.ts';

const documents: readonly ParsedDocument[] = ['a', 'b'].map((id, offset) => ({
  offset,
  id,
  at: '2026-11-24T04:00:00.000Z',
  family: 'dovecot',
  document: JSON.stringify({ '@timestamp': '2026-11-24T04:00:00.000Z', event: { dataset: 'dovecot.login' } }),
}));

const written: Delivery = { written: 2, present: 0, refused: [] };

function index(answer: Promise<Delivery>) {
  const given: BulkDocument[] = [];
  const state = { away: false };
  const output = {
    isAway: () => state.away,
    deliverDocuments(some: readonly BulkDocument[]) {
      given.push(...some);
      return answer;
    },
  };
  return { given, state, straight: { output, namespace: 'default' } };
}

test('events go to the stream of their family, and say where they were read', async () => {
  const { given, straight } = index(Promise.resolve(written));
  const batch = StraightBatch.begin(straight, 'raw/3');
  batch?.add(documents);
  batch?.add(documents);
  assert.deepEqual(await batch?.done(), { written: 4, present: 0, refused: [] });
  assert.deepEqual(
    given.slice(0, 2).map(({ target, id, origin }) => [target, id, origin]),
    [
      ['logs-imapwhy.dovecot-default', 'a', 'raw/3/0'],
      ['logs-imapwhy.dovecot-default', 'b', 'raw/3/1'],
    ],
  );
});

test('an index that is away is given nothing', () => {
  const { given, state, straight } = index(Promise.resolve(written));
  state.away = true;
  assert.equal(StraightBatch.begin(straight, 'raw/3'), undefined);
  assert.deepEqual(given, []);
});

test('one that goes away is not waited for', async () => {
  const { state, straight } = index(new Promise(() => {}));
  const batch = StraightBatch.begin(straight, 'raw/3');
  batch?.add(documents);
  state.away = true;
  await assert.rejects(async () => batch?.done(), { name: 'IndexAway' });
});

test('what it refuses is a dead letter that can be sent again by way of Kafka', () => {
  const refused = {
    kind: 'event',
    id: 'a',
    target: 'logs-imapwhy.dovecot-default',
    code: 'bad_document',
    reason: '400 no such date',
    document: Buffer.from(documents[0]?.document ?? ''),
    origin: 'raw/3/17',
  } as const;
  const letter = refusedStraight(refused, { topic: 't.documents', partition: 1 });
  assert.equal(letter.topic, 't.documents.dlq');
  const record = { offset: 0, timestamp: 0, key: null, value: letter.value, headers: new Map(letter.headers) };
  const { code, stage, message } = readDeadLetter(record);
  assert.deepEqual([code, stage], ['bad_document', 'index']);
  assert.match(message ?? '', /400 no such date \(the line is raw\/3\/17\)/);
  const again = toReplay(record, 't.documents.dlq');
  assert.deepEqual([again?.topic, again?.partition], ['t.documents', 1]);
  assert.deepEqual(
    readDocuments(again?.value ?? Buffer.alloc(0))?.map(({ id, family }) => [id, family]),
    [['a', 'dovecot']],
  );
});
