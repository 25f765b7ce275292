import type { Packer, Unpacker } from './packing.ts';

/** How fast a week profile learns and how far it trusts what it has learned. */
export interface WeekProfileSettings {
  /** A bin of the day is the mean of its last visits, up to this many. */
  readonly dayVisitsMax: number;
  /** The same for what a bin of the week adds to that of its day. */
  readonly weekVisitsMax: number;
  /** So many visits make a bin of the week count half. */
  readonly weekVisitsHalf: number;
  /** So much information (1 / variance of what was learned, in log units) makes a bin of the day count half against the mean of all. */
  readonly informationHalf: number;
}

const HOUR_MS = 3_600_000;
const WEEK_HOURS = 168;
/** 1970-01-01 was a Thursday: days 2 and 3 of a week counted from it are Saturday and Sunday. */
const SATURDAY = 2;
const SUNDAY = 3;
/** After a pause of this length what was normal is forgotten. */
const FORGOTTEN_AFTER_MS = 4 * WEEK_HOURS * HOUR_MS;

/**
 * What is normal at an hour of the week: the hour of a working day or of a weekend day (48 bins), and what each of the 168 hours of the week adds to
 * that. Between the middles of two hours it is interpolated. An hour that was seen once already predicts, by its day; the hour of the week counts
 * more with each visit. How often a bin was visited follows from the calendar and is not stored. State: 216 numbers of 4 bytes and two of 8.
 *
 * Hours are UTC: where clocks are put forward, the profile is an hour off until it has learned again.
 */
export class WeekProfile {
  readonly #settings: WeekProfileSettings;
  readonly #day = new Float32Array(48).fill(Number.NaN);
  readonly #week = new Float32Array(WEEK_HOURS).fill(Number.NaN);
  /** When the first value came, in the middle of an hour; NaN before. */
  #since = Number.NaN;
  #mean = 0;
  /** The hour that the two bins below stand for: found again when the next begins. */
  #hour = Number.NaN;
  readonly #before = newBin();
  readonly #after = newBin();

  constructor(settings: WeekProfileSettings) {
    this.#settings = settings;
  }

  /** Mean of all that was learned, over about a week. */
  get mean(): number {
    return this.#mean;
  }

  /**
   * What is normal at `at` (UTC ms); NaN while nothing is known of that hour. `informationPerVisit`: 1 / variance of the mean of one hour, in log
   * units; an hour that holds little information is drawn towards the mean. Infinity: it is taken as it was seen.
   */
  predict(at: number, informationPerVisit: number): number {
    const share = this.#turnTo(at);
    const before = this.#levelOf(this.#before, leaving(share), informationPerVisit);
    const after = this.#levelOf(this.#after, entering(share), informationPerVisit);
    if (Number.isNaN(before)) return after;
    return Number.isNaN(after) ? before : before + (after - before) * share;
  }

  /**
   * Learns that `value` was seen at `at` for `hours`. `weight`: how much it tells beside what is usual at that time. A deviation beyond `limit` counts as
   * `limit`, so that an outage is not learned as normal; the first visit of an hour is taken as it is.
   */
  learn(at: number, value: number, hours: number, weight: number, limit: number): void {
    if (Number.isNaN(this.#since)) {
      this.#since = (Math.floor(at / HOUR_MS - 0.5) + 0.5) * HOUR_MS;
      this.#mean = value;
      this.#hour = Number.NaN;
    }
    const share = this.#turnTo(at);
    const span = Math.min((at - this.#since) / HOUR_MS + hours, WEEK_HOURS);
    if (span > 0) this.#mean += clip(value - this.#mean, 3 * limit) * Math.min(1, (weight * hours) / span);
    const counted = weight * Math.min(hours, 1);
    this.#learnBin(this.#before, leaving(share), value, counted * (1 - share), limit);
    this.#learnBin(this.#after, entering(share), value, counted * share, limit);
  }

  /** Forgets everything if `pauseMs` without values has gone by that is too long to remember what was normal. True if it did. */
  forgetAfter(pauseMs: number): boolean {
    if (pauseMs < FORGOTTEN_AFTER_MS) return false;
    this.#day.fill(Number.NaN);
    this.#week.fill(Number.NaN);
    this.#since = Number.NaN;
    this.#hour = Number.NaN;
    return true;
  }

  pack(to: Packer): void {
    to.number(this.#since);
    to.number(this.#mean);
    to.floats(this.#day);
    to.floats(this.#week);
  }

  static unpack(settings: WeekProfileSettings, from: Unpacker): WeekProfile {
    const profile = new WeekProfile(settings);
    profile.#since = from.number();
    profile.#mean = from.number();
    from.floats(profile.#day);
    from.floats(profile.#week);
    return profile;
  }

  /** Finds the two bins around `at`; how far it is from the middle of the first to that of the second, 0 to 1. */
  #turnTo(at: number): number {
    const position = at / HOUR_MS - 0.5;
    const hour = Math.floor(position);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#visit(this.#before, hour);
      this.#visit(this.#after, hour + 1);
    }
    return position - hour;
  }

  /** How often the bins of this hour were visited before: over all days of its kind (working days, or weekend days), and over weeks. */
  #visit(bin: Bin, hour: number): void {
    bin.day = dayBin(hour);
    bin.week = modulo(hour, WEEK_HOURS);
    const days = Math.max(0, Math.floor((hour - this.#since / HOUR_MS) / 24));
    const today = dayOf(hour);
    const weekend = isWeekend(today);
    bin.weekVisits = Math.floor(days / 7);
    bin.dayVisits = bin.weekVisits * (weekend ? 2 : 5);
    for (let back = 1; back <= days % 7; back++) if (isWeekend(modulo(today - back, 7)) === weekend) bin.dayVisits++;
  }

  #levelOf(bin: Bin, thisVisit: number, information: number): number {
    const day = this.#day[bin.day] ?? Number.NaN;
    if (Number.isNaN(day)) return Number.NaN;
    const { dayVisitsMax, weekVisitsMax, weekVisitsHalf, informationHalf } = this.#settings;
    const days = Math.min(bin.dayVisits + thisVisit, dayVisitsMax);
    const base = this.#mean + (day - this.#mean) * trust(days * information, informationHalf);
    const week = this.#week[bin.week] ?? Number.NaN;
    if (Number.isNaN(week)) return base;
    const weeks = Math.min(bin.weekVisits + thisVisit, weekVisitsMax);
    return base + week * (weeks / (weeks + weekVisitsHalf)) * trust(weeks * information, informationHalf);
  }

  #learnBin(bin: Bin, thisVisit: number, value: number, hours: number, limit: number): void {
    if (hours <= 0) return;
    const { dayVisitsMax, weekVisitsMax } = this.#settings;
    const day = this.#day[bin.day] ?? Number.NaN;
    const week = this.#week[bin.week] ?? Number.NaN;
    let learned = value;
    if (!Number.isNaN(day)) {
      const visits = bin.dayVisits + thisVisit;
      const bound = visits > 1 ? limit + Math.abs(Number.isNaN(week) ? 0 : week) : Number.POSITIVE_INFINITY;
      learned = day + clip(value - day, bound) * Math.min(1, hours / Math.min(visits + hours, dayVisitsMax));
    }
    this.#day[bin.day] = learned;
    const rest = value - learned;
    const weeks = Math.min(bin.weekVisits + thisVisit + hours, weekVisitsMax);
    this.#week[bin.week] = Number.isNaN(week)
      ? clip(rest, limit) / 2
      : week + clip(rest - week, limit) * Math.min(1, hours / weeks);
  }
}

/** Where an hour is kept, and how often it was visited before its present visit. */
interface Bin {
  day: number;
  week: number;
  dayVisits: number;
  weekVisits: number;
}

const newBin = (): Bin => ({ day: 0, week: 0, dayVisits: 0, weekVisits: 0 });

// A bin takes from one hour before its middle to one hour after it, most in the middle. The share of a visit that is over, where `share` is how far it
// is from the middle of one bin (`leaving`) to that of the next (`entering`).
const leaving = (share: number): number => 1 - (1 - share) ** 2 / 2;
const entering = (share: number): number => share ** 2 / 2;

const trust = (information: number, half: number): number =>
  information === Number.POSITIVE_INFINITY ? 1 : information / (information + half);
const modulo = (n: number, by: number): number => ((n % by) + by) % by;
const dayOf = (hour: number): number => Math.floor(modulo(hour, WEEK_HOURS) / 24);
const isWeekend = (day: number): boolean => day === SATURDAY || day === SUNDAY;
const dayBin = (hour: number): number => (isWeekend(dayOf(hour)) ? 24 : 0) + modulo(hour, 24);
const clip = (x: number, limit: number): number => Math.max(-limit, Math.min(limit, x));
