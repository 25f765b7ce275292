import { binomial, logUniform, poisson } from '../../math/distributions.ts';
import { newNormal, newRandom } from '../../math/random.ts';
import type { Kind } from '../kind.ts';

/** What is injected. `context`: a value that is right at another hour of the day. */
export const ANOMALY_SHAPES = ['spike', 'shift', 'ramp', 'silence', 'context'] as const;
export type AnomalyShape = (typeof ANOMALY_SHAPES)[number];

export interface InjectedAnomaly {
  readonly shape: AnomalyShape;
  /** First and last row. */
  readonly from: number;
  readonly to: number;
}

/** One made service metric: `values[i]` at `times[i]`; NaN where nothing happened, so that there is no value. `sizes` is n, NaN if there is none. */
export interface MadeSeries {
  readonly name: string;
  readonly kind: Kind;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly sizes: Float64Array;
  readonly anomalies: readonly InjectedAnomaly[];
}

const STEP_MS = 300_000;
const DAYS = 21;
const ROWS_A_DAY = 288;
/** The first eight days are without anomalies, so that every detector has seen a week and a day. */
const QUIET_DAYS = 8;
const ANOMALIES_A_SERIES = 5;
const MONDAY = Date.UTC(2026, 0, 5);

/**
 * Makes service metrics as a mail server has them: connections (count), success rate (ratio), set-up and session times (duration), every five
 * minutes for three weeks, with the shape of day and week, noise that remembers itself, and five anomalies each. Nothing makes sure that an
 * anomaly can be found: a small one at a quiet hour cannot.
 */
export function madeSeries(seed: number, count: number): readonly MadeSeries[] {
  return Array.from({ length: count }, (_, i) => oneSeries(newChance(seed * 1_000_003 + i * 7919), i));
}

/** Chance in the forms that are needed here, all from one seed. */
interface Chance {
  uniform(): number;
  normal(): number;
  between(low: number, high: number): number;
  factor(low: number, high: number): number;
  integer(low: number, high: number): number; // high included
}

function newChance(seed: number): Chance {
  const uniform = newRandom(seed);
  const between = (low: number, high: number): number => low + (high - low) * uniform();
  return {
    uniform,
    normal: newNormal(uniform),
    between,
    factor: (low, high) => logUniform(low, high, uniform),
    integer: (low, high) => Math.floor(between(low, high + 1)),
  };
}

const METRICS = ['connections', 'success-rate', 'tls-time', 'session-time'] as const;

/** What one series is like, hidden from the detector. */
interface Nature {
  readonly metric: (typeof METRICS)[number];
  readonly rate: number; // events a step, on average
  readonly dayDepth: number;
  readonly peakHour: number;
  readonly secondPeak: number;
  readonly weekend: number; // factor of Saturday and Sunday
  readonly base: number; // failure share, or duration in ms
  readonly load: number; // how much load raises failures or durations
  readonly spread: number; // of single durations, in log units
  readonly memory: number; // of the noise, per step
  readonly noise: number; // its standard deviation, in log units
}

function oneSeries(chance: Chance, index: number): MadeSeries {
  const metric = METRICS[index % METRICS.length] ?? 'connections';
  const nature: Nature = {
    metric,
    rate: chance.factor(10, 1500),
    dayDepth: chance.between(0.4, 2),
    peakHour: chance.between(9, 16),
    secondPeak: chance.between(0, 0.5),
    weekend: chance.between(0.25, 1),
    base: metric === 'success-rate' ? chance.factor(0.001, 0.05) : chance.factor(40, 30_000),
    load: chance.between(0.2, 0.8),
    spread: metric === 'session-time' ? chance.between(0.8, 1.3) : chance.between(0.3, 0.8),
    memory: chance.between(0.7, 0.97),
    noise: chance.between(0.03, 0.12),
  };
  const rows = DAYS * ROWS_A_DAY;
  const anomalies = place(chance);
  const times = Float64Array.from({ length: rows }, (_, i) => MONDAY + i * STEP_MS);
  const values = new Float64Array(rows);
  const sizes = new Float64Array(rows);
  const effects = anomalies.map((a) => effectOf(chance, nature, a));
  let loadNoise = 0;
  let ownNoise = 0;
  const fresh = nature.noise * Math.sqrt(1 - nature.memory ** 2);
  for (let i = 0; i < rows; i++) {
    loadNoise = nature.memory * loadNoise + fresh * chance.normal();
    ownNoise = nature.memory * ownNoise + fresh * chance.normal();
    const at = anomalies.findIndex((a) => i >= a.from && i <= a.to);
    const effect = effects[at]?.(i) ?? NO_EFFECT;
    const shape = shapeAt(nature, i + effect.rowsOff);
    const counts = metric === 'connections';
    const rate = effect.silent ? 0 : nature.rate * Math.exp(shape + loadNoise + (counts ? effect.shift : 0));
    const n = poisson(rate, chance.uniform, chance.normal);
    sizes[i] = counts ? Number.NaN : n;
    if (counts) values[i] = n;
    else if (n === 0) values[i] = Number.NaN;
    else {
      const level = Math.log(nature.base) + nature.load * shape + ownNoise + effect.shift;
      if (metric === 'success-rate') values[i] = 1 - binomial(n, Math.min(0.95, Math.exp(level)), chance.uniform) / n;
      else {
        // The mean of n log-normal durations is itself nearly log-normal, with this spread.
        const spread = Math.sqrt(Math.log(1 + (Math.exp(nature.spread ** 2) - 1) / n));
        values[i] = Math.exp(level + nature.spread ** 2 / 2 - spread ** 2 / 2 + spread * chance.normal());
      }
    }
  }
  const kind: Kind = metric === 'connections' ? 'count' : metric === 'success-rate' ? 'ratio' : 'duration';
  return { name: `${metric}-${index}`, kind, times, values, sizes, anomalies };
}

/** Load in log units relative to its mean: one broad hill a day with a second, quieter at the weekend. */
function shapeAt(nature: Nature, row: number): number {
  const day = row / ROWS_A_DAY;
  const hour = (day % 1) * 24;
  const hill = Math.cos(((hour - nature.peakHour) / 12) * Math.PI);
  const second = nature.secondPeak * Math.cos(((hour - nature.peakHour - 3) / 6) * Math.PI);
  const weekend = Math.floor(day) % 7 >= 5 ? Math.log(nature.weekend) : 0;
  return (nature.dayDepth * (hill + second)) / 2 + weekend;
}

interface Effect {
  readonly silent: boolean;
  readonly shift: number; // in log units
  readonly rowsOff: number; // as if it were so many rows later
}

const NO_EFFECT: Effect = { silent: false, shift: 0, rowsOff: 0 };

/** Lengths in rows of five minutes. */
const LENGTHS: Readonly<Record<AnomalyShape, readonly [number, number]>> = {
  spike: [1, 3],
  shift: [12, 72],
  ramp: [24, 96],
  silence: [3, 24],
  context: [12, 48],
};

function place(chance: Chance): readonly InjectedAnomaly[] {
  const span = ((DAYS - QUIET_DAYS) * ROWS_A_DAY) / ANOMALIES_A_SERIES;
  return Array.from({ length: ANOMALIES_A_SERIES }, (_, k) => {
    const shape = ANOMALY_SHAPES[chance.integer(0, ANOMALY_SHAPES.length - 1)] ?? 'spike';
    const length = chance.integer(...LENGTHS[shape]);
    const from = Math.floor(QUIET_DAYS * ROWS_A_DAY + k * span + chance.uniform() * (span - length - 2 * 12));
    return { shape, from, to: from + length - 1 };
  });
}

function effectOf(chance: Chance, nature: Nature, a: InjectedAnomaly): (row: number) => Effect {
  // What goes wrong with a success rate is failures; connections come and go, times mostly grow.
  const failing = nature.metric === 'success-rate';
  const down = !failing && chance.uniform() < (nature.metric === 'connections' ? 0.5 : 0.2);
  const size = (low: number, high: number): number =>
    (down ? -1 : 1) * Math.log(chance.factor(low, high) * (failing ? 3 : 1));
  const steady = (shift: number) => (): Effect => ({ ...NO_EFFECT, shift });
  switch (a.shape) {
    case 'spike':
      return steady(size(2, 8));
    case 'shift':
      return steady(size(1.4, 4));
    case 'ramp': {
      const end = size(1.6, 5);
      return (row) => ({ ...NO_EFFECT, shift: (end * (row - a.from + 1)) / (a.to - a.from + 1) });
    }
    case 'silence':
      return () => ({ ...NO_EFFECT, silent: true });
    case 'context': {
      const rowsOff = chance.integer(8 * 12, 16 * 12);
      return () => ({ ...NO_EFFECT, rowsOff });
    }
    default:
      return a.shape satisfies never;
  }
}
