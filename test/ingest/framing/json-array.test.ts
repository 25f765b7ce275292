/** JSON documents of any size as one record a member. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JsonArrayFramer, utf8Length } from '../../../ingest/framing/json-array.ts';
import type { SourceRecord } from '../../../ingest/record.ts';

function frame(
  text: string,
  limits?: { lengthMax: number; lengthKept: number },
): { texts: string[]; records: SourceRecord[]; problem: string | undefined } {
  const framer = new JsonArrayFramer(limits);
  const records: SourceRecord[] = [];
  framer.push(text, records);
  framer.flush(records);
  return { texts: records.map((record) => record.text), records, problem: framer.problem };
}

test('members of an array; offsets are positions in the members written as lines', () => {
  const { records, problem } = frame('[ {"a": 1, "b": [1, "ü"]},\n {"c": null}, {} ]');
  assert.deepEqual(records, [
    { text: '{"a":1,"b":[1,"ü"]}', offset: 0 },
    { text: '{"c":null}', offset: 21 },
    { text: '{}', offset: 32 },
  ]);
  assert.equal(problem, undefined);
});

test('a wrapper, however long, gives its members; other objects are one record', () => {
  assert.deepEqual(frame('{"records":[{"a":1},{"b":{"c":[{}]}}]}').texts, ['{"a":1}', '{"b":{"c":[{}]}}']);
  assert.deepEqual(frame('{"Records":[{"a":1}]}\n{"Records":[{"b":2}]}').texts, ['{"a":1}', '{"b":2}']);
  for (const one of [
    '{"a":[1,{"b":2}]}',
    '{"a":[]}',
    '{"messages":[{"b":2}],"transaction":{"id":"x"}}',
    '{"transaction":{"x":[{"y":1}]}}',
    '{}',
  ]) {
    assert.deepEqual(frame(one).texts, [one]);
  }
  const limits = { lengthMax: 100, lengthKept: 50 };
  const members = Array.from({ length: 40 }, (_, n) => JSON.stringify({ n, text: 'x'.repeat(n) }));
  assert.deepEqual(frame(`{"version":3,"flows":[${members.join(',')}],"count":40,"more":{"a":1}}`, limits).texts, [
    ...members,
    '{"a":1}',
  ]);
});

test('pretty-printed documents that follow each other', () => {
  const documents = [{ transaction: { messages: [{ id: 1 }, { id: 2 }] } }, { transaction: { messages: [] } }];
  const text = documents.map((document) => JSON.stringify(document, undefined, 2)).join('\n');
  assert.deepEqual(
    frame(text).texts,
    documents.map((document) => JSON.stringify(document)),
  );
});

test('what JSON.parse would lose is kept: repeated keys, digits of numbers, `__proto__`', () => {
  const member = '{"Set-Cookie":"a","Set-Cookie":"b","n":12345678901234567890.10,"__proto__":{"admin":true}}';
  assert.deepEqual(frame(`[${member}]`).texts, [member]);
});

test('the first malformed value ends the input and what came before is kept', () => {
  for (const text of [
    '[{"a":1},{"b":2},{"c":}]',
    '[{"a":1},{"b":2} {"c":3}]',
    '[{"a":1},{"b":2}]]',
    '[{"a":1},{"b":2},nonsense and more of it',
  ]) {
    assert.deepEqual([frame(text).texts, frame(text).problem], [['{"a":1}', '{"b":2}'], 'malformed'], text);
  }
  for (const text of ['[{"a":1},{"b":2},{"c":', '[{"a":1},{"b":2}', '[{"a":1},{"b":2},{"c":"x']) {
    assert.deepEqual([frame(text).texts, frame(text).problem], [['{"a":1}', '{"b":2}'], 'incomplete'], text);
  }
});

test('values outside of members are left out', () => {
  assert.deepEqual(frame('[1,"x",{"a":1},null,[2]] 5 "y"'), {
    texts: ['{"a":1}', '[2]'],
    records: [
      { text: '{"a":1}', offset: 0 },
      { text: '[2]', offset: 8 },
    ],
    problem: undefined,
  });
});

test('a member that is too long is cut, and broken characters are marked', () => {
  const limits = { lengthMax: 100, lengthKept: 20 };
  const { records } = frame(`[{"a":"${'x'.repeat(1000)}","b":[${'1,'.repeat(500)}1]},{"a":"\ufffd"}]`, limits);
  assert.deepEqual(records, [
    { text: `{"a":"${'x'.repeat(14)}`, offset: 0, flaw: 'truncated' },
    { text: '{"a":"\ufffd"}', offset: 21, flaw: 'invalid_utf8' },
  ]);
});

test('deep nesting ends the input', () => {
  assert.equal(frame('['.repeat(100_000)).problem, 'too_deep');
  assert.deepEqual(frame(`[{"a":1},${'{"a":'.repeat(100_000)}`).texts, ['{"a":1}']);
});

test('500 MB of JSON would not fit: memory stays where it is', () => {
  const framer = new JsonArrayFramer();
  const out: SourceRecord[] = [];
  framer.push('{"records":[{"a":"', out);
  const piece = 'x'.repeat(1 << 20);
  const before = process.memoryUsage().rss;
  for (let n = 0; n < 60; n += 1) framer.push(piece, out);
  framer.push('"},{"b":1}]}', out);
  framer.flush(out);
  assert.deepEqual(
    out.map(({ text, flaw }) => [text.length, flaw]),
    [
      [1 << 16, 'truncated'],
      [7, undefined],
    ],
  );
  assert.ok(process.memoryUsage().rss - before < 150 << 20);
});

test('lengths in UTF-8', () => {
  for (const text of ['', 'abc', 'ä', '€', '\u{1f600}', '\ud83d', '\ude00x', 'aä€\u{1f600}\ud83dz'])
    assert.equal(utf8Length(text), Buffer.byteLength(text), text);
});
