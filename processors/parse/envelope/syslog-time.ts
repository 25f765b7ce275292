import type { Stamp } from '../../event.ts';
import { civilMs, yearNear } from '../../time.ts';
import type { RecordContext } from '../parser.ts';

/** Digits at fixed places; NaN if there are none. */
export function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  if (tens === -16 && ones >= 0 && ones <= 9) return ones; // " 4": day padded with a blank
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

export function digits(text: string, at: number, length: number): number {
  let n = 0;
  for (let i = at; i < at + length; i++) {
    const d = text.charCodeAt(i) - 48;
    if (!(d >= 0 && d <= 9)) return Number.NaN;
    n = n * 10 + d;
  }
  return n;
}

/** `Jan` to `Dec` at a place as 1 to 12, by three character codes; 0 if it is no month. */
export function monthAt(text: string, at: number): number {
  const key = (text.charCodeAt(at) << 16) | (text.charCodeAt(at + 1) << 8) | text.charCodeAt(at + 2);
  return MONTHS.get(key) ?? 0;
}

const MONTHS: ReadonlyMap<number, number> = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((name, i) => [
    (name.charCodeAt(0) << 16) | (name.charCodeAt(1) << 8) | name.charCodeAt(2),
    i + 1,
  ]),
);

// The year depends on the day and on roughly when we are: lines of one day share the answer.
let yearKey = -1;
let yearNearMonth = Number.NaN;
let year = 0;

/** `Nov 24 03:24:28` (15 characters): no year, no zone. Undefined if it is no such stamp or no such day. */
export function rfc3164Stamp(text: string, at: number, context: RecordContext): Stamp | undefined {
  const month = monthAt(text, at);
  if (month === 0 || text.charCodeAt(at + 3) !== 32 || text.charCodeAt(at + 6) !== 32) return undefined;
  const day = twoDigits(text, at + 4);
  if (!(day >= 1 && day <= 31) || text.charCodeAt(at + 9) !== 58 || text.charCodeAt(at + 12) !== 58) return undefined;
  const key = month * 32 + day;
  const around = Math.floor(context.near / 2_592_000_000);
  if (key !== yearKey || around !== yearNearMonth) {
    year = yearNear(month, day, context.near);
    yearKey = key;
    yearNearMonth = around;
  }
  const civil = civilMs(year, month, day, twoDigits(text, at + 7), twoDigits(text, at + 10), twoDigits(text, at + 13));
  return Number.isNaN(civil) ? undefined : { at: context.zone.toUtc(civil), precisionMs: 1000, zoned: false };
}

export interface IsoStamp {
  readonly stamp: Stamp;
  /** Where the stamp ends in the text. */
  readonly end: number;
}

/** `2026-11-24T03:24:28[.123456][Z|+01:00|+0100]`, also with a blank instead of the T. Without a zone the context's holds. */
export function isoStamp(text: string, at: number, context: RecordContext): IsoStamp | undefined {
  if (text.charCodeAt(at + 4) !== 45 || text.charCodeAt(at + 7) !== 45) return undefined;
  const separator = text.charCodeAt(at + 10);
  if ((separator !== 84 && separator !== 32) || text.charCodeAt(at + 13) !== 58 || text.charCodeAt(at + 16) !== 58)
    return undefined;
  const civil = civilMs(
    digits(text, at, 4),
    digits(text, at + 5, 2),
    digits(text, at + 8, 2),
    digits(text, at + 11, 2),
    digits(text, at + 14, 2),
    digits(text, at + 17, 2),
  );
  if (Number.isNaN(civil)) return undefined;
  let end = at + 19;
  let fraction = 0;
  let precisionMs = 1000;
  const mark = text.charCodeAt(end);
  if (mark === 46 || mark === 44) {
    let scale = 100;
    let i = end + 1;
    for (; i < end + 10; i++) {
      const d = text.charCodeAt(i) - 48;
      if (!(d >= 0 && d <= 9)) break;
      fraction += d * scale;
      scale /= 10;
    }
    if (i > end + 1) {
      end = i;
      precisionMs = 1;
    }
  }
  const local = civil + Math.floor(fraction);
  const z = text.charCodeAt(end);
  if (z === 90) return { stamp: { at: local, precisionMs, zoned: true }, end: end + 1 };
  if (z === 43 || z === 45) {
    const hours = digits(text, end + 1, 2);
    const colon = text.charCodeAt(end + 3) === 58 ? 1 : 0;
    const minutes = digits(text, end + 3 + colon, 2);
    if (hours <= 14 && minutes <= 59) {
      const offset = (hours * 60 + minutes) * 60_000;
      return {
        stamp: { at: z === 45 ? local + offset : local - offset, precisionMs, zoned: true },
        end: end + 5 + colon,
      };
    }
  }
  return { stamp: { at: context.zone.toUtc(local), precisionMs, zoned: false }, end };
}
