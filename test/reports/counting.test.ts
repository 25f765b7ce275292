import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DistinctCounter } from '../../reports/counting/distinct-counter.ts';
import { DurationSketch } from '../../reports/counting/duration-sketch.ts';
import { TimeBuckets } from '../../reports/counting/time-buckets.ts';
import { TopCounter } from '../../reports/counting/top-counter.ts';
import { WorstTable } from '../../reports/worst-table.ts';

test('a top counter is exact below its capacity, whatever the keys', () => {
  const counter = new TopCounter(4);
  for (const key of ['b', 'a', '__proto__', 'a', 'b', 'constructor', '__proto__', 'a']) counter.count(key);
  assert.deepEqual(counter.top(3), [
    { key: 'a', count: 3 },
    { key: '__proto__', count: 2 },
    { key: 'b', count: 2 },
  ]);
  assert.equal(counter.exact, true);
});

test('a top counter keeps frequent keys among a flood of others, and never counts too many', () => {
  const counter = new TopCounter(50);
  for (let i = 0; i < 20_000; i++) {
    counter.count(`noise-${i}`);
    if (i % 10 === 0) counter.count('frequent');
  }
  const [first] = counter.top(1);
  assert.equal(first?.key, 'frequent');
  assert.equal(first?.count, 2000);
  assert.equal(counter.exact, false);
});

test('keys that differ only beyond 256 characters or in lone surrogates count as one', () => {
  const counter = new TopCounter(4);
  counter.count(`${'x'.repeat(256)}a`);
  counter.count(`${'x'.repeat(256)}b`);
  counter.count('\ud800');
  counter.count('\udfff');
  assert.deepEqual(
    counter.top(4).map((c) => c.count),
    [2, 2],
  );
});

test('distinct counts are exact up to the limit and "at least" beyond', () => {
  const counter = new DistinctCounter(3);
  for (const key of ['a', 'b', 'a', 'c']) counter.add(key);
  assert.deepEqual(counter.distinct(), { count: 3, at_least: false });
  counter.add('d');
  assert.deepEqual(counter.distinct(), { count: 3, at_least: true });
});

test('durations: exact mean, quantiles within 5 %, nonsense left out', () => {
  const sketch = new DurationSketch();
  for (let ms = 1; ms <= 1000; ms++) sketch.add(ms, 10);
  sketch.add(Number.NaN, 1);
  sketch.add(-5, 1);
  assert.equal(sketch.count, 1000);
  assert.equal(sketch.mean(), 500.5);
  assert.equal(sketch.meanPrecision(), 10);
  const p95 = sketch.quantile(0.95) ?? 0;
  assert.ok(p95 >= 950 && p95 <= 950 * 1.06, String(p95));
  assert.equal(new DurationSketch().quantile(0.5), undefined);
});

test('time buckets widen until they fit and lose nothing', () => {
  const buckets = new TimeBuckets(2);
  const start = Date.UTC(2026, 0, 1);
  for (let i = 0; i < 30_000; i++) buckets.add(start + i * 60_000, 0);
  buckets.add(start, 1);
  const series = buckets.build(120);
  assert.ok(series.buckets.length <= 120);
  assert.equal(
    series.buckets.reduce((sum, b) => sum + (b.counts[0] ?? 0), 0),
    30_000,
  );
  assert.equal(series.buckets[0]?.counts[1], 1);
  assert.equal(series.outside, 0);
});

test('one session of another century does not squeeze the rest into one bucket', () => {
  const buckets = new TimeBuckets(1);
  const start = Date.UTC(2026, 0, 1);
  for (let i = 0; i < 600; i++) buckets.add(start + i * 1000, 0);
  buckets.add(Date.UTC(1970, 0, 2), 0);
  buckets.add(253_402_300_799_000, 0);
  const series = buckets.build(120);
  assert.equal(series.widthSeconds, 10);
  assert.equal(series.buckets.length, 60);
  assert.equal(series.outside, 2);
});

test('two sessions far apart are both drawn: neither is a stray', () => {
  const buckets = new TimeBuckets(1);
  buckets.add(Date.UTC(2026, 0, 1), 0);
  buckets.add(Date.UTC(2026, 5, 1), 0);
  const series = buckets.build(120);
  assert.equal(series.outside, 0);
  assert.ok(series.buckets.length > 1 && series.buckets.length <= 120);
});

test('the densest range is the shortest that holds the share', () => {
  const buckets = new TimeBuckets(1);
  for (let i = 0; i < 90; i++) buckets.add(1_000_000 + i * 100, 0);
  for (let i = 0; i < 10; i++) buckets.add(5_000_000 + i * 600_000, 0);
  assert.deepEqual(buckets.densest(0.9), { startMs: 1_000_000, endMs: 1_010_000 });
  assert.equal(new TimeBuckets(1).densest(0.9), undefined);
});

test('the worst table forgets names without failures first', () => {
  const table = new WorstTable(20);
  for (let i = 0; i < 5; i++) table.add('bad', 'server.auth_slow', i);
  for (let i = 0; i < 5000; i++) table.add(`fine-${i}`, undefined, i);
  table.add('bad', 'network.packet_loss', 9000);
  const [row, ...rest] = table.top(10);
  assert.deepEqual(rest, []);
  assert.deepEqual(row, {
    name: 'bad',
    attempts: 6,
    failed: 6,
    main_cause: 'server.auth_slow',
    main_cause_sessions: 5,
    last_failure: '1970-01-01T00:00:09.000Z',
  });
  assert.equal(table.exact, false);
});
