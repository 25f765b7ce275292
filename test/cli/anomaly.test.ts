/** imapwhy anomaly: a CSV in, a CSV of as many rows out, whatever is in it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { metricColumns, parseTime } from '../../cli/csv-metric.ts';
import { madeSeries } from '../../models/anomaly/benchmark/made-series.ts';
import { type Finished, imapwhy } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'imapwhy-anomaly-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function scoresOf({ stdout }: Finished): readonly number[] {
  const [head, ...rows] = stdout.trimEnd().split('\n');
  assert.match(head ?? '', /^timestamp,value,anomaly_score/);
  return rows.map((row) => Number(row.split(',')[2]));
}

const stamp = (i: number): string =>
  new Date(Date.UTC(2026, 0, 5) + i * 300_000).toISOString().slice(0, 19).replace('T', ' ');
const wave = (i: number): number => Math.round(100 + 50 * Math.sin(i / 45.8) + (i % 7));

describe('a metric', () => {
  test('of values: every row is answered in order, and the odd one stands out', async () => {
    const rows = Array.from({ length: 1500 }, (_, i) => `${stamp(i)},${i === 1200 ? 900 : wave(i)}`);
    const done = await imapwhy(['anomaly', '-'], { stdin: `timestamp,value\n${rows.join('\n')}\n` });
    assert.deepEqual([done.code, done.stderr], [0, '']);
    const scores = scoresOf(done);
    assert.equal(scores.length, 1500);
    assert.equal(scores.indexOf(Math.max(...scores)), 1200);
    assert.ok(done.stdout.split('\n')[1201]?.startsWith(`${stamp(1200)},900,0.9`));
  });

  test('of ratios with n, from a file, with reasons', async () => {
    const made = madeSeries(5, 2)[1] ?? assert.fail();
    assert.equal(made.kind, 'ratio');
    const file = join(folder, 'ratio.csv');
    const rows = Array.from(
      made.values,
      (v, i) => `${stamp(i)},${Number.isNaN(v) ? '' : i === 5000 ? 0.2 : v},${made.sizes[i]}`,
    );
    writeFileSync(file, `timestamp,value,n\r\n${rows.join('\r\n')}`);
    const done = await imapwhy(['anomaly', '--kind', 'ratio', '--reasons', file]);
    assert.equal(done.code, 0, done.stderr);
    const scores = scoresOf(done);
    assert.equal(scores.length, made.values.length);
    assert.ok((scores[5000] ?? 0) > 0.9);
    assert.match(done.stdout.split('\n')[5001] ?? '', /times the usual failures/);
  });

  test('is answered as it comes: memory does not grow with the input', async () => {
    const rows = Array.from({ length: 200_000 }, (_, i) => `${1_767_571_200 + i * 60},${wave(i)}\n`).join('');
    const done = await imapwhy(['anomaly', '-'], { stdin: rows, env: { NODE_OPTIONS: '--max-old-space-size=48' } });
    assert.equal(done.code, 0, done.stderr);
    assert.equal(scoresOf(done).length, 200_000);
  });
});

describe('bad input', () => {
  test('rows that cannot be judged score 0, are counted, and the rest goes on', async () => {
    const rows = [
      'timestamp;n;value',
      `${stamp(0)};5;1`,
      `not a time;5;1`,
      `${stamp(1)};5;Infinity`,
      `${stamp(2)};5;=HYPERLINK("x")`,
      `${stamp(3)};-5;1`,
      `${stamp(4)};5;99.5`,
      `${stamp(5)};5;NaN`,
      `${stamp(6)};5;`,
      `${stamp(6)};5;1`,
      `${stamp(2)};5;0.5`,
      '',
      `${stamp(7)}`,
      '__proto__;__proto__;__proto__',
      '2036-01-05 00:00:00;5;1',
    ];
    const done = await imapwhy(['anomaly', '--kind', 'ratio', '-'], { stdin: rows.join('\n') });
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual(
      scoresOf(done),
      Array.from({ length: 13 }, () => 0),
    );
    for (const said of [
      /line 3: the timestamp is no time.*not a time.*2 rows/,
      /line 4: the value is no finite number.*Infinity.*2 rows/,
      /line 6: n is negative.*1 row in all/,
      /line 7: a ratio lies between 0 and 1 \(divide percent by 100\)/,
      /line 10: not later than the row before.*2 rows/,
      /nothing is called unusual before 300 were seen/,
    ])
      assert.match(done.stderr, said);
    assert.ok(!/^[^\n,]*,=/m.test(done.stdout), 'a cell begins a formula');
    assert.ok(!done.stderr.includes('    at '), 'a stack trace');
  });

  test('a constant series is said to be one', async () => {
    const rows = Array.from({ length: 400 }, (_, i) => `${stamp(i)},5`);
    const done = await imapwhy(['anomaly', '-'], { stdin: rows.join('\n') });
    assert.equal(done.code, 0);
    assert.match(done.stderr, /all values are the same/);
    assert.ok(scoresOf(done).every((s) => s < 0.5));
  });

  const failures: readonly (readonly [string, string, number, RegExp])[] = [
    ['nothing', '', 1, /has no rows: nothing was scored/],
    ['a header alone', 'timestamp,value\n', 1, /has no rows/],
    ['no metric', 'hello world\n', 1, /line 1: no columns timestamp and value. Begin with a header/],
    ['no row that can be judged', 'timestamp,value\nx,1\n', 1, /not one of 1 row could be judged/],
  ];
  for (const [what, stdin, code, said] of failures)
    test(what, async () => {
      const done = await imapwhy(['anomaly', '-'], { stdin });
      assert.equal(done.code, code, done.stderr);
      assert.match(done.stderr, said);
      assert.ok(!done.stderr.includes('    at '));
    });

  test('wrong use and a missing file', async () => {
    const kind = await imapwhy(['anomaly', '--kind', 'speed', '-'], { stdin: '' });
    assert.deepEqual([kind.code, /--kind speed: no such kind. Write one of value/.test(kind.stderr)], [2, true]);
    const missing = await imapwhy(['anomaly', join(folder, 'none.csv')]);
    assert.deepEqual([missing.code, /none\.csv: cannot be read/.test(missing.stderr)], [1, true]);
  });
});

describe('times and columns', () => {
  const instant = Date.UTC(2026, 2, 17, 9, 13, 20);
  const times: readonly (readonly [string, number])[] = [
    ['2026-03-17 09:13:20', instant],
    ['2026-03-17T09:13:20.500Z', instant + 500],
    ['2026-03-17T10:13:20+01:00', instant],
    ['2026-03-17 04:43:20-0430', instant],
    ['2026-03-17', Date.UTC(2026, 2, 17)],
    [String(instant / 1000), instant],
    [String(instant), instant],
    ['2026-02-30 00:00:00', Number.NaN],
    ['17.03.2026', Number.NaN],
    ['1e999', Number.NaN],
    ['', Number.NaN],
  ];
  for (const [text, at] of times) test(`the time ${JSON.stringify(text)}`, () => assert.equal(parseTime(text), at));

  test('columns by name in any order, or time and number without a header', () => {
    assert.deepEqual(metricColumns('\ufeff"Value","n","Timestamp"'), {
      columns: { timestamp: 2, value: 0, n: 1, separator: ',' },
      header: true,
    });
    assert.equal(metricColumns('2026-03-17 09:13:20,5')?.header, false);
    assert.equal(metricColumns('a,b,c'), undefined);
  });
});
