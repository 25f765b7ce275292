/** The made metrics and how alarms on them are scored; the detector beside its baselines on a small set. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BASELINES } from '../../../models/anomaly/benchmark/baselines.ts';
import { ANOMALY_SHAPES, type MadeSeries, madeSeries } from '../../../models/anomaly/benchmark/made-series.ts';
import { falseAlarmsAt, scoreAlarms } from '../../../models/anomaly/benchmark/score-alarms.ts';
import { Detector } from '../../../models/anomaly/detector.ts';

const WEEK_ROWS = 2016;

describe('made metrics', () => {
  const series = madeSeries(12, 8);

  test('the same seed gives the same series, another one others', () => {
    assert.deepEqual(madeSeries(12, 8), series);
    assert.notDeepEqual(madeSeries(13, 1)[0]?.values, series[0]?.values);
  });

  test('three weeks of five-minute rows, with every kind, and anomalies in order after the eighth day', () => {
    assert.deepEqual(new Set(series.map((s) => s.kind)), new Set(['count', 'ratio', 'duration']));
    assert.deepEqual(
      new Set(madeSeries(1, 40).flatMap((s) => s.anomalies.map((a) => a.shape))),
      new Set(ANOMALY_SHAPES),
    );
    for (const { values, sizes, kind, anomalies } of series) {
      assert.equal(values.length, 3 * WEEK_ROWS);
      for (const [i, value] of values.entries()) {
        if (kind === 'count') assert.ok(Number.isInteger(value) && Number.isNaN(sizes[i]));
        else assert.equal(Number.isNaN(value), sizes[i] === 0);
        if (kind === 'ratio' && sizes[i] !== 0) assert.ok(value >= 0 && value <= 1);
      }
      let end = 8 * 288;
      for (const { from, to } of anomalies) {
        assert.ok(from >= end && to >= from && to < values.length);
        end = to + 1;
      }
    }
  });
});

describe('scoring', () => {
  /** One series with one anomaly, rows 3000 to 3011. */
  const series: readonly MadeSeries[] = [
    {
      name: 'x',
      kind: 'count',
      times: new Float64Array(3 * WEEK_ROWS),
      values: new Float64Array(3 * WEEK_ROWS),
      sizes: new Float64Array(3 * WEEK_ROWS),
      anomalies: [{ shape: 'shift', from: 3000, to: 3011 }],
    },
  ];
  const scoresWith = (...rows: readonly (readonly [number, number])[]): readonly Float64Array[] => {
    const scores = new Float64Array(3 * WEEK_ROWS);
    for (const [row, score] of rows) scores[row] = score;
    return [scores];
  };

  test('the threshold is the lowest that keeps the budget: two weeks, so two false alarms at one a week', () => {
    const scores = scoresWith([2100, 0.9], [2500, 0.8], [4000, 0.7], [3005, 0.75]);
    const score = scoreAlarms(series, scores, 1);
    assert.deepEqual([score.recall, score.threshold, score.falseAlarms, score.medianDelayRows], [1, 0.75, 2, 5]);
    assert.equal(scoreAlarms(series, scores, 0.5).recall, 0);
  });

  test('alarms within an hour are one, those just behind an anomaly belong to it, and the first week does not count', () => {
    const scores = scoresWith([100, 1], [2100, 1], [2105, 1], [2110, 1], [3015, 1]);
    assert.equal(falseAlarmsAt(series, scores, 1), 0.5);
  });
});

test('the detector finds far more than its baselines at the same number of false alarms', () => {
  const series = madeSeries(104, 16);
  const own = series.map(({ kind, times, values, sizes }) => {
    const detector = new Detector(kind);
    return Float64Array.from(values, (value, i) => detector.observe(times[i] ?? 0, value, sizes[i]));
  });
  const { recall } = scoreAlarms(series, own, 1);
  assert.ok(recall >= 0.8, `${recall}`);
  for (const { name, scores } of BASELINES) {
    const baseline = scoreAlarms(series, series.map(scores), 1).recall;
    assert.ok(baseline + 0.2 < recall, `${name}: ${baseline}, detector: ${recall}`);
  }
});
