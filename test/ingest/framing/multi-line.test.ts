/** ModSecurity native audit logs: v2 and v3 boundaries, interleaved parts, leftovers, bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partBoundary, TransactionFramer, transactionLimits } from '../../../ingest/framing/multi-line.ts';
import type { SourceRecord } from '../../../ingest/record.ts';

function frame(text: string, limits = transactionLimits): readonly SourceRecord[] {
  const framer = new TransactionFramer(limits);
  const out: SourceRecord[] = [];
  let offset = 0;
  for (const line of text.split('\n')) {
    framer.push({ text: line, offset }, out);
    framer.settle();
    offset += line.length + 1;
  }
  framer.flush(out);
  return out;
}

const whole = (id: string, ...content: readonly string[]): string =>
  [`--${id}-A--`, '[24/Nov/2026:03:24:12 +0000] x', ...content, `--${id}-Z--`].join('\n');

test('boundary lines of v2, v3 and Coraza; what only looks like one', () => {
  assert.deepEqual(partBoundary('--0badcafe-A--'), { id: '0badcafe', part: 'A' });
  assert.deepEqual(partBoundary('---MiEq9p7y---Z--'), { id: 'MiEq9p7y', part: 'Z' });
  assert.deepEqual(partBoundary('--aB3dE6gH9j-H--'), { id: 'aB3dE6gH9j', part: 'H' });
  const others = [
    '--',
    '-----',
    '--0badcafe-a--',
    '--0badcafe--',
    '---MiEq9p7y-Z--',
    '--MiEq9p7y---Z--',
    '--bad-A--',
    '--0bad afe-A--',
    '------WebKitFormBoundary7MA4YWxk--',
    `--${'a'.repeat(99)}-A--`,
  ];
  for (const line of others) assert.equal(partBoundary(line), undefined, line);
});

test('one record a transaction, from the A line to the Z line; blank lines between them are nothing', () => {
  const [first, second] = [
    whole('0badcafe', '--0badcafe-B--', 'GET / HTTP/1.1', '', '--0badcafe-H--', 'Message: x'),
    whole('a1b2c3d4'),
  ];
  assert.deepEqual(frame(`${first}\n\n${second}\n`), [
    { text: first, offset: 0 },
    { text: second, offset: first.length + 2 },
  ]);
});

test('interleaved parts are told apart by their id, and come out when they end', () => {
  const text = [
    '---aaaaaaaa---A--',
    '[a]',
    '---bbbbbbbb---A--',
    '[b]',
    '---aaaaaaaa---H--',
    'rule a',
    '---bbbbbbbb---H--',
    'rule b',
    '---bbbbbbbb---Z--',
    '',
    '---aaaaaaaa---Z--',
  ].join('\n');
  assert.deepEqual(frame(text), [
    { text: '---bbbbbbbb---A--\n[b]\n---bbbbbbbb---H--\nrule b\n---bbbbbbbb---Z--', offset: 22 },
    { text: '---aaaaaaaa---A--\n[a]\n---aaaaaaaa---H--\nrule a\n---aaaaaaaa---Z--', offset: 0 },
  ]);
});

test('without beginning, without end, repeated, or outside of any transaction: kept and marked', () => {
  const rotated = 'end of a body\n\n--0badcafe-H--\nMessage: x\n--0badcafe-Z--';
  const repeated = '--a1b2c3d4-A--\n[one]\n--a1b2c3d4-A--\n[two]';
  assert.deepEqual(frame(`${rotated}\n${repeated}`), [
    { text: 'end of a body\n', offset: 0, flaw: 'incomplete' },
    { text: '--0badcafe-H--\nMessage: x\n--0badcafe-Z--', offset: 15, flaw: 'incomplete' },
    { text: '--a1b2c3d4-A--\n[one]', offset: 56, flaw: 'incomplete' },
    { text: '--a1b2c3d4-A--\n[two]', offset: 77, flaw: 'incomplete' },
  ]);
});

test('a long body is cut and the part that names the rules is kept', () => {
  const text = whole(
    '0badcafe',
    '--0badcafe-C--',
    ...Array.from({ length: 5000 }, () => 'b'.repeat(99)),
    '--0badcafe-H--',
    'Message: rule',
  );
  const [record, ...rest] = frame(text);
  assert.equal(rest.length, 0);
  assert.equal(record?.flaw, 'truncated');
  assert.ok(record.text.length <= transactionLimits.lengthMax);
  assert.ok(record.text.endsWith('\n--0badcafe-H--\nMessage: rule\n--0badcafe-Z--'));
  // One line that is longer than the room is cut, too.
  const [oneLine] = frame(whole('0badcafe', '--0badcafe-C--', 'b'.repeat(1 << 20), '--0badcafe-H--', 'Message: rule'));
  assert.ok(oneLine?.text.endsWith('Message: rule\n--0badcafe-Z--'));
});

test('what clients can make endless is bounded', () => {
  const limits = { lengthMax: 1000, openMax: 3 };
  const opened = frame(Array.from({ length: 9 }, (_, n) => `--0badcaf${n}-A--\n[${n}]`).join('\n'), limits);
  assert.deepEqual(
    opened.map(({ text }) => text.slice(-2, -1)),
    ['0', '1', '2', '3', '4', '5', '6', '7', '8'],
  );
  assert.ok(opened.every(({ flaw }) => flaw === 'incomplete'));
  for (const endless of [
    '--0badcafe-B--\n'.repeat(5000),
    `--0badcafe-C--\n${'\n'.repeat(50_000)}`,
    `--0badcafe-H--\n${'x\n'.repeat(50_000)}`,
    'outside\n'.repeat(5000),
  ]) {
    for (const { text } of frame(endless, limits)) assert.ok(text.length < 6000);
  }
});

test('a flaw of a line is a flaw of its record', () => {
  const framer = new TransactionFramer();
  const out: SourceRecord[] = [];
  framer.push({ text: '--0badcafe-A--', offset: 0 }, out);
  framer.push({ text: '[\ufffd]', offset: 15, flaw: 'invalid_utf8' }, out);
  framer.push({ text: '--0badcafe-Z--', offset: 19 }, out);
  assert.deepEqual(out, [{ text: '--0badcafe-A--\n[\ufffd]\n--0badcafe-Z--', offset: 0, flaw: 'invalid_utf8' }]);
});
