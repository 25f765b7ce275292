import type { Packer, Unpacker } from './packing.ts';

/** How long and how finely values are remembered. */
export interface PrototypeSettings {
  /** Prototypes of all channels together. */
  readonly capacity: number;
  /** A value nearer than this share of the channel's range to a prototype is no new one. */
  readonly width: number;
}

/** `seen` counts blocks of so many rows. */
const BLOCK_ROWS = 64;
const BLOCKS_MAX = 65_535;
/** Origin, lowest and highest of this epoch, lowest and highest of the epoch before. */
const RANGE_NUMBERS = 5;

/**
 * Which values several channels of one series have taken: for each channel a sorted list of prototypes, all in one array of fixed size. What was not
 * seen for long is dropped; when the array is full, the prototype that was not seen for longest goes first. The distance of a new value to the nearest
 * prototype, in parts of the channel's range, is how novel it is: the design of "nearest value seen before".
 * State: 6 bytes a prototype and 42 a channel. One look-up is a binary search; an insertion moves what lies behind it.
 */
export class Prototypes {
  readonly #settings: PrototypeSettings;
  readonly #channels: number;
  /** Where each channel's prototypes end in `#values`; they begin where those of the channel before end. */
  readonly #ends: Uint16Array;
  readonly #values: Float32Array; // less the channel's origin
  readonly #seen: Uint16Array; // block, less `#base`
  readonly #ranges: Float64Array;
  #base = 0;
  /** Row where this epoch of the ranges began. */
  #since = 0;

  constructor(channels: number, settings: PrototypeSettings) {
    this.#settings = settings;
    this.#channels = channels;
    this.#ends = new Uint16Array(channels);
    this.#values = new Float32Array(settings.capacity);
    this.#seen = new Uint16Array(settings.capacity);
    this.#ranges = new Float64Array(channels * RANGE_NUMBERS);
    for (let c = 0; c < channels; c++) this.#startRange(c, Number.NaN);
  }

  get size(): number {
    return this.#ends[this.#channels - 1] ?? 0;
  }

  /**
   * Once a row, before the channels: forgets what was not seen in the last `memoryRows`, and lets the ranges forget what lies two epochs of that length back.
   * Rows count up from 0.
   */
  advance(row: number, memoryRows: number): void {
    if (row - this.#since >= memoryRows) {
      for (let c = 0; c < this.#channels; c++) this.#turnRange(c);
      this.#since = row;
    }
    if (row % BLOCK_ROWS !== 0) return;
    const block = row / BLOCK_ROWS;
    if (block - this.#base > BLOCKS_MAX) this.#rebase(block - (BLOCKS_MAX >> 1));
    this.#dropBefore((row - memoryRows) / BLOCK_ROWS - this.#base);
  }

  /** Distance of `value` to the nearest prototype of the channel, as a share of its range (1 if there is no range yet), and learns it. */
  novelty(channel: number, value: number, row: number): number {
    const at = channel * RANGE_NUMBERS;
    const ranges = this.#ranges;
    if (Number.isNaN(ranges[at] ?? 0)) ranges[at] = value;
    const x = value - (ranges[at] ?? 0);
    const low = Math.min(ranges[at + 1] ?? 0, ranges[at + 3] ?? 0);
    const high = Math.max(ranges[at + 2] ?? 0, ranges[at + 4] ?? 0);
    if (x < (ranges[at + 1] ?? 0)) ranges[at + 1] = x;
    if (x > (ranges[at + 2] ?? 0)) ranges[at + 2] = x;
    const from = channel === 0 ? 0 : (this.#ends[channel - 1] ?? 0);
    const end = this.#ends[channel] ?? 0;
    const block = Math.floor(row / BLOCK_ROWS) - this.#base;
    const values = this.#values;
    let left = from;
    let right = end;
    while (left < right) {
      const middle = (left + right) >> 1;
      if ((values[middle] ?? 0) < x) left = middle + 1;
      else right = middle;
    }
    if (from === end) {
      this.#insert(channel, left, x, block);
      return 0;
    }
    const below = left > from ? x - (values[left - 1] ?? 0) : Number.POSITIVE_INFINITY;
    const above = left < end ? (values[left] ?? 0) - x : Number.POSITIVE_INFINITY;
    const distance = Math.abs(Math.min(below, above));
    const novelty = high > low ? distance / (high - low) : distance > 0 ? 1 : 0;
    if (novelty > this.#settings.width) this.#insert(channel, left, x, block);
    else this.#seen[below <= above ? left - 1 : left] = block;
    return novelty;
  }

  pack(to: Packer): void {
    to.shorts(this.#ends);
    to.floats(this.#values.subarray(0, this.size));
    to.shorts(this.#seen.subarray(0, this.size));
    to.numbers(this.#ranges);
    to.number(this.#base);
    to.number(this.#since);
  }

  static unpack(channels: number, settings: PrototypeSettings, from: Unpacker): Prototypes {
    const prototypes = new Prototypes(channels, settings);
    from.shorts(prototypes.#ends);
    const values = from.floats(prototypes.#values);
    const seen = from.shorts(prototypes.#seen);
    const inOrder = prototypes.#ends.every((end, c) => c === 0 || end >= (prototypes.#ends[c - 1] ?? 0));
    if (values !== prototypes.size || seen !== values || !inOrder)
      throw new RangeError('prototypes that do not belong together');
    prototypes.#ranges.set(from.numbers(prototypes.#ranges.length));
    prototypes.#base = from.number();
    prototypes.#since = from.number();
    return prototypes;
  }

  #insert(channel: number, place: number, x: number, block: number): void {
    let at = place;
    if (this.size >= this.#settings.capacity) {
      const oldest = this.#oldest();
      this.#remove(oldest);
      if (oldest < at) at--;
    }
    this.#values.copyWithin(at + 1, at, this.size);
    this.#seen.copyWithin(at + 1, at, this.size);
    this.#values[at] = x;
    this.#seen[at] = block;
    for (let c = channel; c < this.#channels; c++) this.#ends[c] = (this.#ends[c] ?? 0) + 1;
  }

  #oldest(): number {
    let oldest = 0;
    for (let i = 1; i < this.size; i++) if ((this.#seen[i] ?? 0) < (this.#seen[oldest] ?? 0)) oldest = i;
    return oldest;
  }

  #remove(place: number): void {
    this.#values.copyWithin(place, place + 1, this.size);
    this.#seen.copyWithin(place, place + 1, this.size);
    for (let c = 0; c < this.#channels; c++) if ((this.#ends[c] ?? 0) > place) this.#ends[c] = (this.#ends[c] ?? 0) - 1;
  }

  #dropBefore(block: number): void {
    let kept = 0;
    let from = 0;
    for (let c = 0; c < this.#channels; c++) {
      const end = this.#ends[c] ?? 0;
      for (let i = from; i < end; i++) {
        if ((this.#seen[i] ?? 0) < block) continue;
        this.#values[kept] = this.#values[i] ?? 0;
        this.#seen[kept] = this.#seen[i] ?? 0;
        kept++;
      }
      this.#ends[c] = kept;
      from = end;
    }
  }

  #rebase(base: number): void {
    for (let i = 0; i < this.size; i++) this.#seen[i] = Math.max(0, (this.#seen[i] ?? 0) + this.#base - base);
    this.#base = base;
  }

  #startRange(channel: number, origin: number): void {
    const at = channel * RANGE_NUMBERS;
    this.#ranges[at] = origin;
    for (const lowest of [1, 3]) {
      this.#ranges[at + lowest] = Number.POSITIVE_INFINITY;
      this.#ranges[at + lowest + 1] = Number.NEGATIVE_INFINITY;
    }
  }

  #turnRange(channel: number): void {
    const at = channel * RANGE_NUMBERS;
    this.#ranges[at + 3] = this.#ranges[at + 1] ?? 0;
    this.#ranges[at + 4] = this.#ranges[at + 2] ?? 0;
    this.#ranges[at + 1] = Number.POSITIVE_INFINITY;
    this.#ranges[at + 2] = Number.NEGATIVE_INFINITY;
  }
}
