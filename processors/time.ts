import { IANAZone } from 'luxon';

/** Milliseconds since 1970 of a civil (wall clock) date-time, as if it were UTC. Months are 1 to 12. NaN if a field is out of range. */
export function civilMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  if (!(month >= 1 && month <= 12 && day >= 1 && hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59))
    return Number.NaN;
  if (!(second >= 0 && second <= 60) || day > daysInMonth(year, month)) return Number.NaN;
  return daysFromCivil(year, month, day) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000;
}

/** Days since 1970-01-01 of a Gregorian date. Source: Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

export function isLeapYear(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** A zone for stamps that carry none. */
export interface CivilZone {
  /** IANA name or `+02:00`; what `event.timezone` records. */
  readonly name: string;
  /**
   * UTC epoch ms of a wall-clock time given as if it were UTC. In a DST gap the offset from before it holds; of the two instants of an overlap
   * it is the earlier, unless that lies more than BACKWARD_MAX_MS before `reached`.
   */
  toUtc(civil: number, reached?: number): number;
}

/** Lines of a log go forward in time, but for those that were late or tell of a beginning. */
const BACKWARD_MAX_MS = 600_000;

/** The zone of one log: of a wall-clock time that comes twice it is the second if the log has left the first behind. */
export class LogZone implements CivilZone {
  readonly name: string;
  readonly zone: CivilZone;
  /** UTC ms of the latest line; set by whoever reads the log. */
  reached = Number.NEGATIVE_INFINITY;

  constructor(zone: CivilZone) {
    this.zone = zone;
    this.name = zone.name;
  }

  toUtc(civil: number): number {
    return this.zone.toUtc(civil, this.reached);
  }
}

export function fixedZone(offsetMinutes: number): CivilZone {
  const shift = offsetMinutes * 60_000;
  return { name: offsetName(offsetMinutes), toUtc: (civil) => civil - shift };
}

export const UTC: CivilZone = { name: 'UTC', toUtc: (civil) => civil };

export function offsetName(offsetMinutes: number): string {
  const a = Math.abs(offsetMinutes);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(a / 60))}:${two(a % 60)}`;
}

/** An IANA zone with its offset cached by the quarter hour, because asking luxon for each line costs 15 us. Undefined if unknown. */
function ianaZone(name: string): CivilZone | undefined {
  if (!IANAZone.isValidZone(name)) return undefined;
  const zone = IANAZone.create(name);
  let cachedQuarter = Number.NaN;
  let cachedShift = 0;
  let cachedEarlier = 0;
  return {
    name,
    toUtc(civil, reached = Number.NEGATIVE_INFINITY) {
      if (!Number.isFinite(civil)) return Number.NaN;
      const quarter = Math.floor(civil / 900_000);
      if (quarter !== cachedQuarter) {
        const start = quarter * 900_000;
        const guess = start - zone.offset(start) * 60_000;
        cachedShift = zone.offset(guess) * 60_000;
        // An hour before the offset may have been larger: then this quarter comes twice, first with that one.
        const earlier = zone.offset(start - cachedShift - 3_600_000) * 60_000;
        cachedEarlier =
          earlier > cachedShift && zone.offset(start - earlier) * 60_000 === earlier ? earlier : cachedShift;
        // What `guess` found may be the first of the two as well.
        const later = zone.offset(start - cachedEarlier + 3_600_000) * 60_000;
        if (later < cachedEarlier && zone.offset(start - later) * 60_000 === later) cachedShift = later;
        cachedQuarter = quarter;
      }
      const first = civil - cachedEarlier;
      return first < reached - BACKWARD_MAX_MS ? civil - cachedShift : first;
    },
  };
}

/** `UTC`, `Europe/Warsaw`, `+02:00`, `-0530`. Undefined if it is none of these. */
export function parseZone(text: string): CivilZone | undefined {
  if (text === 'UTC' || text === 'Z') return UTC;
  const m = /^([+-])(\d{2}):?(\d{2})$/.exec(text);
  if (m) {
    const minutes = Number(m[2]) * 60 + Number(m[3]);
    return minutes > 14 * 60 || Number(m[3]) > 59 ? undefined : fixedZone(m[1] === '-' ? -minutes : minutes);
  }
  return ianaZone(text);
}

/**
 * The year of a stamp that has none: the one that puts it nearest to `near` (UTC ms), so that New Year rolls over and back.
 * 29 February takes the nearest leap year.
 */
export function yearNear(month: number, day: number, near: number): number {
  const here = new Date(Number.isFinite(near) ? near : 0).getUTCFullYear();
  let best = here;
  let distance = Number.POSITIVE_INFINITY;
  const reach = month === 2 && day === 29 ? 4 : 1;
  for (let year = here - reach; year <= here + reach; year++) {
    if (day > daysInMonth(year, month)) continue;
    const d = Math.abs(daysFromCivil(year, month, day) * 86_400_000 + 43_200_000 - near);
    if (d < distance) {
      distance = d;
      best = year;
    }
  }
  return best;
}

const HALF_YEAR_MS = 182.5 * 86_400_000;
/** A zone can be this far ahead, and clocks and copies differ a little. */
const AHEAD_MS = 86_400_000;

/**
 * Near which the stamps without a year of a log lie that was last written at `writtenAt` (UTC ms): half a year before, so that each gets
 * the last year in which it is not later than that. Without this, January in a file of November would be the next year's.
 */
export function nearOfWritten(writtenAt: number): number {
  return writtenAt + AHEAD_MS - HALF_YEAR_MS;
}
