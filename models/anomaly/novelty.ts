import type { Packer, Unpacker } from '../math/packing.ts';
import { Prototypes } from '../math/prototypes.ts';
import { WeekProfile } from '../math/week-profile.ts';
import type { DetectorSettings } from './settings.ts';

/** What is looked at, with its weight: the value on a logarithmic scale, its distance to recent levels, the levels themselves, how restless it is. */
const CHANNELS = [
  { name: 'value', weight: 1 },
  { name: 'off-level', weight: 0.5 },
  { name: 'level', weight: 1 },
  { name: 'jump', weight: 0.25 },
  { name: 'restless', weight: 0.75 },
  { name: 'off-week', weight: 0.5 },
] as const;

export type NoveltyChannel = (typeof CHANNELS)[number]['name'];

/** Spans of the moving means, in rows. */
const FAST = 5;
const SHORT = 20;
const LEVEL = 60;
const LONG = 200;
const RESTLESS = 400;
const OFF_WEEK = 12;

/**
 * How unlike everything that a series has shown a value is: the distance to the nearest value seen before, in parts of the range seen, the largest over
 * six views of the series. For series of which nothing is known: no season is needed, though one is used if there is one. Bounded memory.
 */
export class Novelty {
  readonly #settings: DetectorSettings;
  readonly #prototypes: Prototypes;
  readonly #week: WeekProfile;
  #fast = 0;
  #short = 0;
  #level = 0;
  #long = 0;
  #shortSpread = 0;
  #longSpread = 0;
  #offWeek = 0;
  #row = 0;
  #channel: NoveltyChannel = 'value';

  /** `packed`: what `pack` wrote. */
  constructor(settings: DetectorSettings, packed?: Unpacker) {
    const channels = CHANNELS.length;
    this.#settings = settings;
    this.#prototypes = packed
      ? Prototypes.unpack(channels, settings.prototypes, packed)
      : new Prototypes(channels, settings.prototypes);
    this.#week = packed ? WeekProfile.unpack(settings.profile, packed) : new WeekProfile(settings.profile);
    if (!packed) return;
    this.#fast = packed.number();
    this.#short = packed.number();
    this.#level = packed.number();
    this.#long = packed.number();
    this.#shortSpread = packed.number();
    this.#longSpread = packed.number();
    this.#offWeek = packed.number();
    this.#row = packed.number();
  }

  pack(to: Packer): void {
    this.#prototypes.pack(to);
    this.#week.pack(to);
    to.number(this.#fast);
    to.number(this.#short);
    to.number(this.#level);
    to.number(this.#long);
    to.number(this.#shortSpread);
    to.number(this.#longSpread);
    to.number(this.#offWeek);
    to.number(this.#row);
  }

  /** The channel that the last novelty came from. */
  get channel(): NoveltyChannel {
    return this.#channel;
  }

  /** What was usual for the last value's hour, or its level where no hour is known yet. */
  get level(): number {
    return this.#level;
  }

  /** How many rows the series is taken to need to show itself. */
  get spanRows(): number {
    return spanOf(this.#row, this.#settings);
  }

  forgetAfter(pauseMs: number): void {
    this.#week.forgetAfter(pauseMs);
  }

  /** Novelty of a value in parts of the range, weighted; learns it. 0 while too little was seen. */
  observe(at: number, value: number, hours: number): number {
    const row = this.#row++;
    const span = spanOf(row, this.#settings);
    if (row === 0) this.#start(value);
    const jump = value - this.#fast;
    const fromShort = Math.abs(value - this.#short);
    const fromLong = Math.abs(value - this.#long);
    this.#fast += (jump * 2) / (FAST + 1);
    this.#short += ((value - this.#short) * 2) / (SHORT + 1);
    this.#level += ((value - this.#level) * 2) / (LEVEL + 1);
    this.#long += ((value - this.#long) * 2) / (LONG + 1);
    this.#shortSpread += ((fromShort - this.#shortSpread) * 2) / (SHORT + 1);
    this.#longSpread += ((fromLong - this.#longSpread) * 2) / (RESTLESS + 1);
    const usual = this.#week.predict(at, Number.POSITIVE_INFINITY);
    this.#offWeek += (((Number.isNaN(usual) ? 0 : value - usual) - this.#offWeek) * 2) / (OFF_WEEK + 1);
    this.#week.learn(at, value, hours, 1, Number.POSITIVE_INFINITY);

    this.#prototypes.advance(row, this.#settings.memorySpans * span);
    let most = 0;
    most = this.#look(0, logarithm(value), row, most);
    most = this.#look(1, value - this.#long, row, most);
    most = this.#look(2, this.#level, row, most);
    most = this.#look(3, jump, row, most);
    most = this.#look(4, this.#longSpread > 0 ? this.#shortSpread / this.#longSpread : 0, row, most);
    most = this.#look(5, this.#offWeek, row, most);
    return row < this.#settings.noveltyRestSpans * span ? 0 : most;
  }

  #start(value: number): void {
    this.#fast = value;
    this.#short = value;
    this.#level = value;
    this.#long = value;
  }

  #look(index: number, value: number, row: number, most: number): number {
    const channel = CHANNELS[index] ?? CHANNELS[0];
    const novelty = channel.weight * this.#prototypes.novelty(index, value, row);
    if (novelty <= most) return most;
    this.#channel = channel.name;
    return novelty;
  }
}

function spanOf(row: number, { spanRowsMin, spanRowsMax }: DetectorSettings): number {
  return Math.min(spanRowsMax, Math.max(spanRowsMin, row / 2));
}

const logarithm = (x: number): number => (x < 0 ? -Math.log1p(-x) : Math.log1p(x));
