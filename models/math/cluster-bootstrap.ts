import { rankedDown, weightedAveragePrecision } from './classifier-scores.ts';
import { newRandom } from './random.ts';

const REPLICATES = 400;

export interface Interval {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/**
 * 95 % interval of the difference in average precision (a less b), by drawing whole clients with replacement: attempts of one client are
 * not independent, so drawing rows would make it too narrow. Percentile method. Source: Efron & Tibshirani 1993, chapters 8 and 13.
 */
export function averagePrecisionDifference(
  a: Float64Array,
  b: Float64Array,
  labels: Uint8Array,
  clients: Uint32Array,
  seed: number,
): Interval {
  const numbers = new Map<number, number>();
  const clientOf = Uint32Array.from(clients, (client) => {
    const known = numbers.get(client) ?? numbers.size;
    numbers.set(client, known);
    return known;
  });
  const weights = new Float64Array(numbers.size).fill(1);
  const weightOf = (row: number): number => weights[clientOf[row]!]!;
  const orderA = rankedDown(a);
  const orderB = rankedDown(b);
  const differ = (): number =>
    weightedAveragePrecision(a, labels, orderA, weightOf) - weightedAveragePrecision(b, labels, orderB, weightOf);
  const difference = differ();
  const random = newRandom(seed);
  const drawn: number[] = [];
  for (let replicate = 0; replicate < REPLICATES; replicate++) {
    weights.fill(0);
    for (let i = 0; i < weights.length; i++) weights[Math.floor(random() * weights.length)]! += 1;
    const value = differ();
    if (!Number.isNaN(value)) drawn.push(value);
  }
  drawn.sort((x, y) => x - y);
  const at = (q: number): number => drawn[Math.floor(q * (drawn.length - 1))] ?? Number.NaN;
  return { difference, low: at(0.025), high: at(0.975) };
}
