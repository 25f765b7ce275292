import type { Stamp } from '../event.ts';
import { type CivilZone, civilMs } from '../time.ts';

/**
 * Time stamps as web servers and proxies write them. All functions return undefined for anything that is not such a stamp,
 * cost no regular expression, and give the stamp's own zone the last word; `zone` is used only where it has none.
 */

/** `24/Nov/2026:03:24:10`, then optionally `.272` or `.067990`, then optionally ` +0000`: access logs, HAProxy, ModSecurity. */
export function clfStamp(text: string, zone: CivilZone): Stamp | undefined {
  if (text.length < 20 || text[2] !== '/' || text[6] !== '/' || text[11] !== ':' || text[14] !== ':') return undefined;
  if (text[17] !== ':') return undefined;
  const fraction = fractionMs(text, 20);
  const civil =
    civilMs(
      digits(text, 7, 4),
      monthAt(text, 3),
      digits(text, 0, 2),
      digits(text, 12, 2),
      digits(text, 15, 2),
      digits(text, 18, 2),
    ) + fraction.ms;
  const precisionMs = fraction.end > 20 ? 1 : 1000;
  if (fraction.end === text.length) return assumed(civil, precisionMs, zone);
  if (text[fraction.end] !== ' ') return undefined;
  const offsetMinutes = offsetAt(text, fraction.end + 1);
  return known(civil - offsetMinutes * 60_000, precisionMs);
}

/** `2026/11/24 03:24:10`, optionally with a fraction, at `at`: nginx error log, Go loggers. No zone. */
export function slashStamp(text: string, at: number, zone: CivilZone): Stamp | undefined {
  if (text[at + 4] !== '/' || text[at + 7] !== '/' || text[at + 10] !== ' ') return undefined;
  return isoLike(text, at, zone);
}

/** `2026-11-24T03:24:10.067Z`, `2026-11-24 03:24:10+01:00`, `2026/11/24 03:24:10`: the whole text is the stamp. */
export function isoStamp(text: string, zone: CivilZone): Stamp | undefined {
  const fraction = fractionMs(text, 19);
  const end = fraction.end;
  if (end === text.length) return isoLike(text, 0, zone);
  const minutes = text[end] === 'Z' && end + 1 === text.length ? 0 : offsetAt(text, text[end] === ' ' ? end + 1 : end);
  const civil = isoCivil(text, 0) + fraction.ms;
  return known(civil - minutes * 60_000, end > 19 ? 1 : 1000);
}

/** `Tue Nov 24 03:24:12 2026`, `Tue Nov  4 03:24:12.067990 2026`: C's ctime, in Apache's error log and libmodsecurity's JSON. No zone. */
export function ctimeStamp(text: string, zone: CivilZone): Stamp | undefined {
  if (text.length < 24 || text[3] !== ' ' || text[7] !== ' ' || text[10] !== ' ' || text[13] !== ':') return undefined;
  const fraction = fractionMs(text, 19);
  if (text[fraction.end] !== ' ' || text.length !== fraction.end + 5) return undefined;
  const day = text[8] === ' ' ? digits(text, 9, 1) : digits(text, 8, 2);
  const year = digits(text, fraction.end + 1, 4);
  const civil = civilMs(year, monthAt(text, 4), day, digits(text, 11, 2), digits(text, 14, 2), digits(text, 17, 2));
  return assumed(civil + fraction.ms, fraction.end > 19 ? 1 : 1000, zone);
}

/** An epoch in seconds, milliseconds, microseconds or nanoseconds, told apart by its size (unambiguous from 1973 to 5138). */
export function epochStamp(value: number): Stamp | undefined {
  if (!(value > 1e8)) return undefined;
  if (value < 1e11) return known(Math.round(value * 1000), Number.isInteger(value) ? 1000 : 1);
  return known(Math.floor(value < 1e14 ? value : value < 1e17 ? value / 1e3 : value / 1e6), 1);
}

function isoLike(text: string, at: number, zone: CivilZone): Stamp | undefined {
  const fraction = fractionMs(text, at + 19);
  return assumed(isoCivil(text, at) + fraction.ms, fraction.end > at + 19 ? 1 : 1000, zone);
}

function isoCivil(text: string, at: number): number {
  if (text[at + 13] !== ':' || text[at + 16] !== ':') return Number.NaN;
  return civilMs(
    digits(text, at, 4),
    digits(text, at + 5, 2),
    digits(text, at + 8, 2),
    digits(text, at + 11, 2),
    digits(text, at + 14, 2),
    digits(text, at + 17, 2),
  );
}

function assumed(civil: number, precisionMs: number, zone: CivilZone): Stamp | undefined {
  const at = zone.toUtc(civil);
  return Number.isFinite(at) ? { at, precisionMs, zoned: false } : undefined;
}

function known(at: number, precisionMs: number): Stamp | undefined {
  return Number.isFinite(at) ? { at, precisionMs, zoned: true } : undefined;
}

/** `.` and its digits at `at`, in whole milliseconds, and where they end (`at` itself if there are none). */
function fractionMs(text: string, at: number): { readonly ms: number; readonly end: number } {
  if (text[at] !== '.' && text[at] !== ',') return { ms: 0, end: at };
  let ms = 0;
  let scale = 100;
  let end = at + 1;
  for (; end < text.length && end < at + 10; end++) {
    const digit = text.charCodeAt(end) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    if (scale >= 1) ms += digit * scale;
    scale = scale === 1 ? 0 : scale / 10;
  }
  return end === at + 1 ? { ms: 0, end: at } : { ms, end };
}

/** `+0200`, `-05:30`: minutes east. NaN if it is not an offset or if anything follows it. */
function offsetAt(text: string, at: number): number {
  const sign = text[at] === '+' ? 1 : text[at] === '-' ? -1 : Number.NaN;
  const colon = text[at + 3] === ':' ? 1 : 0;
  if (text.length !== at + 5 + colon) return Number.NaN;
  const hours = digits(text, at + 1, 2);
  const minutes = digits(text, at + 3 + colon, 2);
  return hours <= 14 && minutes <= 59 ? sign * (hours * 60 + minutes) : Number.NaN;
}

/** `length` decimal digits at `at` as a number, else NaN. */
function digits(text: string, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

/** 1 to 12, NaN if the three letters at `at` are no English month. */
function monthAt(text: string, at: number): number {
  const found = MONTHS.indexOf(text.slice(at, at + 3));
  return found >= 0 && found % 3 === 0 && text.length >= at + 3 ? found / 3 + 1 : Number.NaN;
}
