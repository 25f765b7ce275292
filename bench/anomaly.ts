/**
 * Points a second and core of the anomaly detector, by kind, on made metrics: `node bench/anomaly.ts`. CPU time of this process, the median of ROUNDS
 * rounds that take turns; the first round warms up and does not count.
 */
import { madeSeries } from '../models/anomaly/benchmark/made-series.ts';
import { Detector } from '../models/anomaly/detector.ts';
import { KINDS, type Kind } from '../models/anomaly/kind.ts';
import { median } from './measure.ts';

const SERIES = 16;
const ROUNDS = 5;

const made = madeSeries(1, SERIES);
const times = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]));
for (let round = 0; round <= ROUNDS; round++)
  for (const kind of KINDS) {
    const series = kind === 'value' ? made : made.filter((s) => s.kind === kind);
    const points = series.reduce((sum, s) => sum + s.values.length, 0);
    const before = process.cpuUsage();
    for (const s of series) {
      const detector = new Detector(kind);
      for (let i = 0; i < s.values.length; i++)
        detector.observe(s.times[i] ?? 0, s.values[i] ?? 0, kind === 'value' ? Number.NaN : s.sizes[i]);
    }
    const { user, system } = process.cpuUsage(before);
    if (round > 0) times.get(kind)?.push((user + system) / points);
  }
for (const [kind, costs] of times) {
  const microseconds = median(costs);
  console.log(`${kind.padEnd(9)} ${(1 / microseconds).toFixed(2)} M points/s, ${microseconds.toFixed(2)} us a point`);
}
