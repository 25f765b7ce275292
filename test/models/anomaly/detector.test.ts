/** The detector of service metrics: what it finds, in which words, and that its state is bounded and can be taken up again. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { madeSeries } from '../../../models/anomaly/benchmark/made-series.ts';
import { Detector, STATE_BYTES_MAX } from '../../../models/anomaly/detector.ts';
import { KINDS, type Kind } from '../../../models/anomaly/kind.ts';
import { reasonText } from '../../../models/anomaly/reason.ts';
import { binomial, poisson } from '../../../models/math/distributions.ts';
import { newNormal, newRandom } from '../../../models/math/random.ts';

const STEP = 300_000;
const MONDAY = Date.UTC(2026, 0, 5);
const DAY_ROWS = 288;
const ALARM = 0.5;

interface Row {
  readonly value: number;
  readonly n: number;
}

/** Load of the hour, 1 on average. */
const load = (row: number): number => 1 + 0.6 * Math.sin((row / DAY_ROWS) * 2 * Math.PI);

/** A service with 200 attempts a step, of which 1 in 100 fails, each taking about 500 ms. */
function service(kind: Kind, seed: number): (row: number) => Row {
  const uniform = newRandom(seed);
  const normal = newNormal(uniform);
  return (row) => {
    const n = poisson(200 * load(row), uniform, normal);
    if (kind === 'count' || kind === 'value') return { value: n, n: Number.NaN };
    if (kind === 'ratio') return { value: 1 - binomial(n, 0.01, uniform) / n, n };
    return { value: 500 * Math.exp((0.7 * normal()) / Math.sqrt(n)), n };
  };
}

/** Scores after `days` of normal rows, then of rows that `change` has changed. */
function afterDays(kind: Kind, days: number, rows: number, change: (row: Row, i: number) => Row, seed = 1) {
  const detector = new Detector(kind);
  const next = service(kind, seed);
  const at = (row: number): number => MONDAY + row * STEP;
  const from = days * DAY_ROWS + 9 * 12; // a Tuesday 09:00 after 15 days
  let falseAlarms = 0;
  for (let row = 0; row < from; row++) {
    const { value, n } = next(row);
    if (detector.observe(at(row), value, n) >= ALARM) falseAlarms++;
  }
  const scores: number[] = [];
  const reasons: string[] = [];
  for (let i = 0; i < rows; i++) {
    const { value, n } = change(next(from + i), i);
    scores.push(detector.observe(at(from + i), value, n));
    const { finding } = detector;
    reasons.push(finding ? reasonText(finding, kind, at(from + i)) : '');
  }
  return { scores, reasons, falseAlarms };
}

describe('what it finds', () => {
  test('failures: four times the usual, in words', () => {
    const { scores, reasons, falseAlarms } = afterDays('ratio', 15, 1, ({ n }) => ({ value: 1 - 13 / n, n: 320 }));
    assert.ok((scores[0] ?? 0) >= ALARM, `${scores[0]}`);
    assert.match(
      reasons[0] ?? '',
      /^\d(\.\d)? times the usual failures \(\d+(\.\d)? where \d(\.\d)? are usual\) for a Tuesday 09:00$/,
    );
    assert.ok(falseAlarms <= 4, `${falseAlarms} false alarms in two weeks`);
  });

  test('a ratio knows its n: no success of one is nothing, none of 300 is', () => {
    const few = afterDays('ratio', 15, 1, () => ({ value: 0, n: 1 }));
    const many = afterDays('ratio', 15, 1, () => ({ value: 0, n: 300 }));
    assert.ok((few.scores[0] ?? 1) < ALARM, `${few.scores[0]}`);
    assert.ok((many.scores[0] ?? 0) > 0.9, `${many.scores[0]}`);
  });

  test('a count: twice the usual, and a third of it', () => {
    const more = afterDays('count', 15, 1, ({ value }) => ({ value: 2 * value, n: Number.NaN }));
    assert.ok((more.scores[0] ?? 0) >= ALARM);
    assert.match(
      more.reasons[0] ?? '',
      /^(2(\.\d)?|1\.9) times the usual number \(\d+ where \d+ are usual\) for a Tuesday 09:00$/,
    );
    const fewer = afterDays('count', 15, 1, ({ value }) => ({ value: Math.round(value / 3), n: Number.NaN }));
    assert.ok((fewer.scores[0] ?? 0) >= ALARM);
    assert.match(fewer.reasons[0] ?? '', /^only \d\d(\.\d)? % of the usual number/);
  });

  test('a duration: a shift that no single row shows, over a window', () => {
    const shifted = ({ value, n }: Row): Row => ({ value: value * 1.12, n });
    const { scores, reasons } = afterDays('duration', 15, 36, shifted);
    assert.ok((scores[0] ?? 1) < ALARM, 'the first row alone is no alarm');
    const first = scores.findIndex((s) => s >= ALARM);
    assert.ok(first > 0 && first < 24, `row ${first}`);
    assert.match(reasons[first] ?? '', /over the last \d+ rows$/);
  });

  test('a ramp', () => {
    const ramp = ({ value, n }: Row, i: number): Row => ({ value: value * (1 + i / 48), n });
    assert.ok(afterDays('duration', 15, 48, ramp).scores.some((s) => s >= ALARM));
  });

  test('silence: no attempts where many are usual, whether rows say so or are missing', () => {
    for (const kind of ['ratio', 'duration'] as const) {
      const silent = afterDays(kind, 15, 3, () => ({ value: Number.NaN, n: 0 }));
      assert.ok(
        silent.scores.some((s) => s >= ALARM),
        `${kind}: ${silent.scores}`,
      );
      assert.match(
        silent.reasons[0] ?? '',
        /^nothing came where about \d+ are usual for a Tuesday|^nothing came where about \d+ are usual$/,
      );
    }
    const detector = new Detector('count');
    const next = service('count', 1);
    for (let row = 0; row < 10 * DAY_ROWS; row++) detector.observe(MONDAY + row * STEP, next(row).value);
    const row = 10 * DAY_ROWS + 24;
    assert.ok(detector.observe(MONDAY + row * STEP, next(row).value) >= ALARM);
  });

  test('the right value at the wrong hour', () => {
    const elsewhere = ({ n }: Row, i: number): Row => ({ value: Math.round(200 * load(9 * 12 + i + 144)), n });
    assert.ok(afterDays('count', 15, 12, elsewhere).scores.some((s) => s >= ALARM));
  });

  test('a value: unlike all that were seen', () => {
    const { scores, reasons } = afterDays('value', 8, 1, () => ({ value: 900, n: Number.NaN }));
    assert.ok((scores[0] ?? 0) > 0.9);
    assert.equal(
      reasons[0]?.endsWith(': 900, lately about 290') || /: 900, lately about \d+$/.test(reasons[0] ?? ''),
      true,
    );
  });

  test('what goes on is told while it gets worse, then now and then, and at once when it gets worse again', () => {
    const { scores } = afterDays('duration', 15, 180, ({ value, n }, i) => ({
      value: value * (i < 170 ? 1.3 : 8),
      n,
    }));
    const told = scores.flatMap((score, i) => (score >= ALARM ? [i] : []));
    assert.equal(told[0], 0);
    assert.ok(told.filter((i) => i >= 70 && i < 170).length <= 20, `${told}`);
    assert.ok((scores[170] ?? 0) >= ALARM);
  });

  test('a cold start is honest: nothing is found before a day has been seen', () => {
    for (const kind of KINDS) {
      const detector = new Detector(kind);
      for (let row = 0; row < 90; row++)
        assert.ok(detector.observe(MONDAY + row * STEP, row % 7 === 0 ? 1 : 0.5, 10) < ALARM);
    }
  });
});

describe('any input', () => {
  test('gives a score from 0 to 1 and never throws', () => {
    const number = fc.oneof(
      fc.double({ noNaN: false }),
      fc.integer(),
      fc.constantFrom(0, 1, -1, 1e300, Number.NaN, 5e-324),
    );
    const row = fc.record({
      pause: fc.oneof(fc.constant(STEP), fc.integer({ min: -1e6, max: 1e12 })),
      value: number,
      n: number,
    });
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), fc.array(row, { minLength: 1, maxLength: 400 }), (kind, rows) => {
        const detector = new Detector(kind);
        let at = MONDAY;
        for (const { pause, value, n } of rows) {
          at += pause;
          const [v, size] = sane(kind, value, n);
          const score = detector.observe(at, v, size);
          assert.ok(score >= 0 && score <= 1, `${kind} ${v} ${size}: ${score}`);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test('constant series, duplicate and backward times and a pause of ten years stay silent', () => {
    for (const kind of KINDS) {
      const detector = new Detector(kind);
      for (let row = 0; row < 2000; row++) assert.ok(detector.observe(MONDAY + row * STEP, 1, 50) < ALARM);
      const later = MONDAY + 10 * 365 * 86_400_000;
      for (const at of [later, later, MONDAY, later + STEP]) assert.ok(detector.observe(at, 1, 50) < ALARM, kind);
    }
  });
});

/** What the command lets through. */
function sane(kind: Kind, value: number, n: number): readonly [number, number] {
  const size = Number.isFinite(n) ? Math.abs(n) : Number.NaN;
  if (!Number.isFinite(value)) return [Number.NaN, size];
  if (kind === 'ratio') return [Math.abs(value) % 1, size];
  return [kind === 'value' ? value : Math.abs(value), size];
}

describe('state', () => {
  const series = madeSeries(77, 4);

  test(`is never longer than ${STATE_BYTES_MAX} bytes`, () => {
    for (const kind of KINDS) {
      const uniform = newRandom(9);
      const normal = newNormal(uniform);
      const detector = new Detector(kind);
      let longest = 0;
      for (let row = 0; row < 12_000; row++) {
        const wander = kind === 'ratio' ? uniform() : 1e5 * uniform() ** 8 + Math.abs(normal());
        detector.observe(MONDAY + row * STEP, wander, Math.ceil(100 * uniform()));
        if (row % 500 === 0) longest = Math.max(longest, detector.toBytes().length);
      }
      assert.ok(longest > 900 && longest <= STATE_BYTES_MAX, `${kind}: ${longest}`);
    }
  });

  test('taken up again in the middle gives the same scores, for every kind', () => {
    for (const s of series)
      for (const kind of [s.kind, 'value'] as const) {
        const whole = new Detector(kind);
        let parted = new Detector(kind);
        for (let i = 0; i < 3000; i++) {
          if (i % 701 === 0) parted = Detector.fromBytes(parted.toBytes()) ?? assert.fail('its own bytes are refused');
          const row = [s.times[i] ?? 0, s.values[i] ?? 0, s.sizes[i]] as const;
          assert.equal(parted.observe(...row), whole.observe(...row), `${s.name} row ${i}`);
        }
      }
  });

  test('bytes that are none of a detector are refused', () => {
    const detector = new Detector('ratio');
    for (let row = 0; row < 100; row++) detector.observe(MONDAY + row * STEP, 0.9, 100);
    const bytes = detector.toBytes();
    assert.equal(Detector.fromBytes(bytes.subarray(0, -1)), undefined);
    assert.equal(Detector.fromBytes(new Uint8Array(0)), undefined);
    assert.equal(Detector.fromBytes(new Uint8Array([...bytes, 0])), undefined);
    const other = bytes.slice();
    other[7] = 0x41; // another version
    assert.equal(Detector.fromBytes(other), undefined);
  });
});
