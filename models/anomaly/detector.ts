import { P2Quantile } from '../math/p2-quantile.ts';
import { Packer, Unpacker } from '../math/packing.ts';
import { RecentPeak } from '../math/recent-peak.ts';
import { WeekProfile } from '../math/week-profile.ts';
import { KINDS, type Kind } from './kind.ts';
import { Novelty, type NoveltyChannel } from './novelty.ts';
import { type Deviation, Residual, type Shape } from './residual.ts';
import { type DetectorSettings, SHIPPED_SETTINGS } from './settings.ts';

/** Why a row has its score. */
export type Finding =
  | { readonly by: 'residual'; readonly deviation: Deviation }
  | {
      readonly by: 'novelty';
      readonly channel: NoveltyChannel;
      readonly novelty: number;
      readonly value: number;
      readonly level: number;
    }
  | { readonly by: 'silence'; readonly expected: number };

/** No state of a series is longer. */
export const STATE_BYTES_MAX = 4096;
const STATE_VERSION = 1;
const SHAPES: readonly Shape[] = ['count', 'share', 'logarithm', 'plain'];

const HOUR_MS = 3_600_000;
/** Before a step is known, rows are taken to be five minutes apart. */
const FIRST_STEP_HOURS = 1 / 12;
const HOURS_MAX = 2;
/** Load wanders, so that fewer events than usual are no surprise by themselves: of those missing this share counts. */
const SURELY_MISSING = 0.6;
/** A deviation that goes on keeps a score below any alarm. */
const ONGOING_SCORE = 0.3;
/** Rows further apart than so many usual steps have a gap between them. */
const GAP_STEPS = 1.5;

/**
 * One detector for one series of numbers, streaming: each row is judged by what came before and then learned. Bounded state, written as bytes.
 * `value`: any number, judged by novelty. `count`, `ratio` (0 to 1), `duration`: judged by the deviation from the hour of the week, and by silence.
 */
export class Detector {
  readonly #kind: Kind;
  readonly #settings: DetectorSettings;
  #step = new P2Quantile(0.5);
  /** n that is usual; counts and values have none. */
  #size: WeekProfile | undefined;
  #peak = new RecentPeak();
  #shape: Shape | undefined;
  #residual: Residual | undefined;
  #novelty: Novelty | undefined;
  #lastAt = Number.NaN;
  /** Events that should have come since the last one came. */
  #missing = 0;
  #rows = 0;
  #found: Finding['by'] | undefined;
  #novel = 0;
  #silentFor = 0;
  #value = 0;
  #levelBefore = 0;

  constructor(kind: Kind, settings: DetectorSettings = SHIPPED_SETTINGS) {
    this.#kind = kind;
    this.#settings = settings;
    if (hasSize(kind)) this.#size = new WeekProfile(settings.profile);
  }

  /** The whole state as bytes, at most STATE_BYTES_MAX: a detector made of them goes on as this one would. */
  toBytes(): Uint8Array {
    const to = new Packer(STATE_BYTES_MAX);
    to.number(STATE_VERSION);
    to.number(KINDS.indexOf(this.#kind));
    to.number(this.#shape === undefined ? -1 : SHAPES.indexOf(this.#shape));
    to.number(this.#novelty ? 1 : 0);
    to.number(this.#lastAt);
    to.number(this.#missing);
    to.number(this.#rows);
    this.#step.pack(to);
    this.#peak.pack(to);
    this.#size?.pack(to);
    this.#residual?.pack(to);
    this.#novelty?.pack(to);
    return to.bytes();
  }

  /** Undefined if the bytes are not those of a detector of this version and these settings. */
  static fromBytes(bytes: Uint8Array, settings: DetectorSettings = SHIPPED_SETTINGS): Detector | undefined {
    try {
      const from = new Unpacker(bytes);
      if (from.number() !== STATE_VERSION) return undefined;
      const kind = KINDS[from.number()];
      if (kind === undefined) return undefined;
      const detector = new Detector(kind, settings);
      detector.#take(from);
      return from.rest === 0 ? detector : undefined;
    } catch (error) {
      if (error instanceof RangeError) return undefined; // too short, or an array that is too long
      throw error;
    }
  }

  /** Why the last row scored as it did; undefined if nothing was found. */
  get finding(): Finding | undefined {
    if (this.#found === 'residual' && this.#residual) {
      const { deviations, windowRows, observed, expected, complement } = this.#residual;
      return { by: 'residual', deviation: { deviations, windowRows, observed, expected, complement } };
    }
    if (this.#found === 'novelty' && this.#novelty) {
      const { channel } = this.#novelty;
      return { by: 'novelty', channel, novelty: this.#novel, value: this.#value, level: this.#levelBefore };
    }
    return this.#found === 'silence' ? { by: 'silence', expected: this.#silentFor } : undefined;
  }

  /**
   * Score of one row, 0 to 1; 0.5 and above is an alarm. `at`: UTC ms; a row that is not later than the one before is judged as if it came at the same
   * time. `value`: NaN if nothing was reported; then, and if `n` is 0, a count, ratio or duration is silent. `n`: events behind the value, NaN if not known.
   */
  observe(at: number, value: number, n: number = Number.NaN): number {
    const pauseMs = Number.isNaN(this.#lastAt) ? 0 : Math.max(0, at - this.#lastAt);
    const first = Number.isNaN(this.#lastAt);
    const now = first ? at : this.#lastAt + pauseMs;
    if (pauseMs > 0) this.#step.add(pauseMs);
    const stepHours = this.#step.value / HOUR_MS;
    const hours = first || Number.isNaN(stepHours) ? FIRST_STEP_HOURS : Math.min(pauseMs / HOUR_MS, HOURS_MAX);
    this.#lastAt = now;
    this.#found = undefined;
    this.#rows++;
    return this.#kind === 'value'
      ? this.#observeValue(now, value, hours, pauseMs)
      : this.#observeEvents(now, value, n, hours, pauseMs);
  }

  /** Whether enough was seen to judge a count, ratio or duration. */
  get isLearned(): boolean {
    return this.#rows > this.#settings.residualStartRows;
  }

  /**
   * How unusual a row of a count, ratio or duration would be that is not complete yet; learns nothing. In alarms: 1 is one, signed by the direction of the
   * value (a count or duration above, a ratio above); 0 while too little is known.
   */
  preview(at: number, value: number, n: number = Number.NaN): number {
    if (!this.#residual || Number.isNaN(value) || (n === 0 && hasSize(this.#kind))) return 0;
    const counts = this.#kind === 'count';
    const size = counts || Number.isNaN(n) ? 1 : n;
    const usual = counts ? 1 : this.#usualSize(at);
    const step = this.#step.value / HOUR_MS;
    const deviations = this.#residual.preview(
      at,
      value,
      size,
      Number.isNaN(usual) ? size : usual,
      step || FIRST_STEP_HOURS,
    );
    return (this.#residual.complement ? -deviations : deviations) / this.#settings.alarmDeviations;
  }

  #take(from: Unpacker): void {
    this.#shape = SHAPES[from.number()];
    const novel = from.number() === 1;
    this.#lastAt = from.number();
    this.#missing = from.number();
    this.#rows = from.number();
    this.#step = P2Quantile.unpack(0.5, from);
    this.#peak = RecentPeak.unpack(from);
    if (this.#size) this.#size = WeekProfile.unpack(this.#settings.profile, from);
    if (this.#shape) this.#residual = new Residual(this.#shape, this.#settings, from);
    if (novel) this.#novelty = new Novelty(this.#settings, from);
  }

  #observeValue(at: number, value: number, hours: number, pauseMs: number): number {
    if (Number.isNaN(value)) return 0;
    this.#novelty ??= new Novelty(this.#settings);
    const own = this.#novelty;
    own.forgetAfter(pauseMs);
    this.#value = value;
    this.#levelBefore = own.level;
    const novelty = own.observe(at, value, hours);
    this.#novel = novelty;
    const strength = novelty / this.#settings.alarmNovelty;
    const rest = this.#settings.noveltyRestSpans * own.spanRows;
    const score = once(this.#peak, this.#rows, rest, strength);
    if (score > 0) this.#found = 'novelty';
    return score;
  }

  #observeEvents(at: number, value: number, n: number, hours: number, pauseMs: number): number {
    const silent = Number.isNaN(value) || (n === 0 && hasSize(this.#kind));
    this.#forgetAfter(pauseMs);
    const usualSize = this.#usualSize(at);
    if (!Number.isNaN(usualSize)) this.#countMissing(silent, usualSize, hours, pauseMs);
    const silence = this.#judgedRows() ? Math.sqrt(2 * this.#missing) / this.#settings.alarmDeviations : 0;
    let strength = silence;
    if (strength > 0) this.#found = 'silence';
    this.#silentFor = this.#missing / SURELY_MISSING;
    if (!silent) this.#missing = 0;
    const size = silent ? 0 : Number.isNaN(n) ? 1 : n;
    if (silent || !Number.isNaN(n)) this.#size?.learn(at, size, hours, 1, sizeLimit(usualSize));
    if (!silent) {
      const residual = this.#residualOf(n);
      const counts = this.#kind === 'count';
      const usual = Number.isNaN(usualSize) ? size : usualSize;
      const off = Math.abs(residual.observe(at, value, counts ? 1 : size, counts ? 1 : usual, hours));
      if (off > strength * this.#settings.alarmDeviations) {
        strength = off / this.#settings.alarmDeviations;
        this.#found = 'residual';
      }
    }
    return once(this.#peak, this.#rows, this.#settings.residualRestRows, strength);
  }

  /** Events a row that are usual at that hour, as far as they are known. */
  #usualSize(at: number): number {
    if (this.#kind === 'count') return this.#residual?.usual(at) ?? Number.NaN;
    return this.#size ? Math.max(0, this.#size.predict(at, Number.POSITIVE_INFINITY)) : Number.NaN;
  }

  #countMissing(silent: boolean, usualSize: number, hours: number, pauseMs: number): void {
    const step = this.#step.value;
    if (pauseMs > GAP_STEPS * step) this.#missing += (pauseMs / step - 1) * usualSize * SURELY_MISSING;
    if (silent && hours > 0) this.#missing += usualSize * SURELY_MISSING;
  }

  #judgedRows(): boolean {
    return this.#rows > this.#settings.residualStartRows;
  }

  #residualOf(n: number): Residual {
    if (this.#residual) return this.#residual;
    this.#shape = shapeOf(this.#kind, n);
    this.#residual = new Residual(this.#shape, this.#settings);
    return this.#residual;
  }

  #forgetAfter(pauseMs: number): void {
    this.#size?.forgetAfter(pauseMs);
    this.#residual?.forgetAfter(pauseMs);
  }
}

/** What goes on is told once: a strength scores fully if nothing as strong came in the last `restRows`. */
function once(peak: RecentPeak, row: number, restRows: number, strength: number): number {
  const score = scoreOf(strength);
  if (strength < WEAKEST) return score;
  const fresh = strength > peak.since(row - restRows);
  peak.add(row, strength);
  return fresh ? score : Math.min(score, ONGOING_SCORE);
}

/** A size beyond this is learned as this: twice what is usual and three standard deviations of Poisson's. */
function sizeLimit(usual: number): number {
  return Number.isNaN(usual) ? Number.POSITIVE_INFINITY : usual + 3 + 3 * Math.sqrt(usual);
}

/** Weaker ones neither score much nor are remembered. */
const WEAKEST = 0.4;

/** 0.5 at strength 1, towards 1 without ever reaching it. */
export function scoreOf(strength: number): number {
  const square = strength * strength;
  return Number.isFinite(square) ? square / (1 + square) : 1;
}

const hasSize = (kind: Kind): boolean => kind === 'ratio' || kind === 'duration';

function shapeOf(kind: Kind, n: number): Shape {
  if (kind === 'count') return 'count';
  if (kind === 'ratio') return Number.isNaN(n) ? 'plain' : 'share';
  return 'logarithm';
}
