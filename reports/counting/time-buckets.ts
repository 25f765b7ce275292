/** Widths in seconds; each divides the next, so that counts can be merged upwards. */
const WIDTHS = [10, 30, 60, 300, 900, 3600, 10_800, 43_200, 86_400, 604_800] as const;
const HELD_MAX = 2000;

/** Counts per bucket: one number for each series, in the order given to the constructor. */
export interface Bucket {
  readonly startMs: number;
  readonly counts: readonly number[];
}

export interface TimeSeries {
  readonly widthSeconds: number;
  /** Without gaps, in time order. */
  readonly buckets: readonly Bucket[];
  /** Counts of the first series that lie far from the rest (a wrong clock) and are not drawn. */
  readonly outside: number;
}

/** Counts over a time range that is not known beforehand: buckets widen when more than 2000 are occupied. */
export class TimeBuckets {
  readonly #series: number;
  #widthSeconds: number = WIDTHS[0];
  #buckets = new Map<number, number[]>();

  constructor(series: number) {
    this.#series = series;
  }

  add(atMs: number, series: number): void {
    if (!Number.isFinite(atMs)) return;
    const index = Math.floor(atMs / (this.#widthSeconds * 1000));
    let counts = this.#buckets.get(index);
    if (!counts) {
      counts = new Array<number>(this.#series).fill(0);
      this.#buckets.set(index, counts);
    }
    counts[series] = (counts[series] ?? 0) + 1;
    if (this.#buckets.size > HELD_MAX) this.#widen(nextWidth(this.#widthSeconds));
  }

  /** At most `limit` buckets. Stamps far from everything else are left out and counted. */
  build(limit: number): TimeSeries {
    const occupied = [...this.#buckets.keys()].sort((a, b) => a - b);
    const range = mainRange(occupied, (index) => this.#buckets.get(index)?.[0] ?? 0);
    if (!range) return { widthSeconds: this.#widthSeconds, buckets: [], outside: 0 };
    let width = this.#widthSeconds;
    while (bucketCount(range, this.#widthSeconds, width) > limit) width = nextWidth(width);
    const first = Math.floor((range.first * this.#widthSeconds) / width);
    const last = Math.floor((range.last * this.#widthSeconds) / width);
    const buckets: { startMs: number; counts: number[] }[] = [];
    for (let i = first; i <= last; i++) {
      buckets.push({ startMs: i * width * 1000, counts: new Array<number>(this.#series).fill(0) });
    }
    let outside = 0;
    for (const index of occupied) {
      const counts = this.#buckets.get(index) ?? [];
      const target =
        index < range.first || index > range.last
          ? undefined
          : buckets[Math.floor((index * this.#widthSeconds) / width) - first];
      if (target) addCounts(target.counts, counts);
      else outside += counts[0] ?? 0;
    }
    return { widthSeconds: width, buckets, outside };
  }

  /** The shortest range, in whole buckets, that holds `share` (0 to 1) of the first series. Undefined when nothing was counted. */
  densest(share: number): { readonly startMs: number; readonly endMs: number } | undefined {
    const occupied = [...this.#buckets.keys()].sort((a, b) => a - b);
    const countAt = (position: number) => this.#buckets.get(occupied[position] ?? 0)?.[0] ?? 0;
    let total = 0;
    for (let i = 0; i < occupied.length; i++) total += countAt(i);
    if (total === 0) return undefined;
    const widthMs = this.#widthSeconds * 1000;
    let from = 0;
    let held = 0;
    let best: { startMs: number; endMs: number } | undefined;
    for (let to = 0; to < occupied.length; to++) {
      held += countAt(to);
      while (held - countAt(from) >= share * total) held -= countAt(from++);
      const range = { startMs: (occupied[from] ?? 0) * widthMs, endMs: ((occupied[to] ?? 0) + 1) * widthMs };
      if (held >= share * total && (!best || range.endMs - range.startMs < best.endMs - best.startMs)) best = range;
    }
    return best;
  }

  #widen(widthSeconds: number): void {
    const merged = new Map<number, number[]>();
    for (const [index, counts] of this.#buckets) {
      const wider = Math.floor((index * this.#widthSeconds) / widthSeconds);
      const sum = merged.get(wider);
      if (sum) addCounts(sum, counts);
      else merged.set(wider, counts);
    }
    this.#buckets = merged;
    this.#widthSeconds = widthSeconds;
  }
}

function nextWidth(widthSeconds: number): number {
  return WIDTHS.find((w) => w > widthSeconds) ?? widthSeconds * 4;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function bucketCount(range: Range, heldSeconds: number, widthSeconds: number): number {
  return (
    Math.floor((range.last * heldSeconds) / widthSeconds) - Math.floor((range.first * heldSeconds) / widthSeconds) + 1
  );
}

function addCounts(into: number[], counts: readonly number[]): void {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] ?? 0) + (counts[i] ?? 0);
}

/**
 * The range without stray ends: an end part that holds at most one count in two hundred is dropped when the rest is then less than
 * a quarter as long. A single line with a wrong clock would otherwise squeeze the whole picture into one bucket.
 */
function mainRange(occupied: readonly number[], countAt: (index: number) => number): Range | undefined {
  if (occupied.length === 0) return undefined;
  let total = 0;
  for (const index of occupied) total += countAt(index);
  const strayMax = Math.floor(total / 200);
  let from = 0;
  let to = occupied.length - 1;
  let stray = 0;
  let bestFrom = from;
  let bestTo = to;
  while (from < to) {
    const low = occupied[from] ?? 0;
    const high = occupied[to] ?? 0;
    const gapLow = (occupied[from + 1] ?? 0) - low;
    const gapHigh = high - (occupied[to - 1] ?? 0);
    stray += countAt(gapLow >= gapHigh ? low : high);
    if (stray > strayMax) break;
    if (gapLow >= gapHigh) from++;
    else to--;
    const bestLength = (occupied[bestTo] ?? 0) - (occupied[bestFrom] ?? 0) + 1;
    if ((occupied[to] ?? 0) - (occupied[from] ?? 0) + 1 < bestLength / 4) {
      bestFrom = from;
      bestTo = to;
    }
  }
  return { first: occupied[bestFrom] ?? 0, last: occupied[bestTo] ?? 0 };
}
