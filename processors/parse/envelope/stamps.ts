/**
 * Time stamps of envelopes, read from character codes.
 *
 * Hot: every syslog line passes here. Lines of one second carry the same text, so the last result is kept and compared first. Each memo is
 * keyed by all that its result depends on: it changes the speed and never the answer.
 */
import type { Stamp } from '../../event.ts';
import { type CivilZone, civilMs, yearNear } from '../../time.ts';
import type { EnvelopeContext } from './envelope.ts';

export interface StampAt {
  readonly stamp: Stamp;
  /** Where the text goes on. */
  readonly end: number;
}

const DAY_MS = 86_400_000;
/** Below half a year from `near` (with a day to spare) no other year can be nearer. */
const SURELY_NEAREST_MS = 180 * DAY_MS;

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';

interface SyslogMemo {
  /** The stamp's own text, a copy that keeps no log alive. */
  text: string;
  at: number;
  zone: CivilZone | undefined;
  found: StampAt | undefined;
  /** Whether the text itself says its year, so that `near` does not matter. */
  ownYear: boolean;
}

const syslogMemo: SyslogMemo = { text: '', at: -1, zone: undefined, found: undefined, ownYear: false };

/**
 * `Nov 24 03:24:10`, also `Nov  4 …`, `Nov 4 …`, with a year (`Nov 24 2026 03:24:10`) or a fraction (`….123`) as network devices write it.
 * The year is the one nearest to `context.near`, the zone `context.zone`. Undefined if it is no such stamp or no such day.
 */
export function syslogStampAt(text: string, at: number, context: EnvelopeContext): StampAt | undefined {
  const { found } = syslogMemo;
  if (found !== undefined && at === syslogMemo.at && context.zone === syslogMemo.zone && endsStamp(text, found.end)) {
    const distance = Math.abs(found.stamp.at - context.near);
    if ((distance < SURELY_NEAREST_MS || syslogMemo.ownYear) && text.startsWith(syslogMemo.text, at)) return found;
  }
  return readSyslogStamp(text, at, context);
}

function readSyslogStamp(text: string, at: number, context: EnvelopeContext): StampAt | undefined {
  const month = monthAt(text, at);
  if (month === 0 || text.charCodeAt(at + 3) !== 32) return undefined;
  let next = at + 4;
  if (text.charCodeAt(next) === 32) next++;
  const dayDigits = isDigit(text.charCodeAt(next + 1)) ? 2 : 1;
  const day = digitsAt(text, next, dayDigits);
  next += dayDigits;
  if (text.charCodeAt(next) !== 32) return undefined;
  next++;
  let year: number | undefined;
  if (text.charCodeAt(next + 4) === 32) {
    year = digitsAt(text, next, 4);
    next += 5;
  }
  if (text.charCodeAt(next + 2) !== 58 || text.charCodeAt(next + 5) !== 58) return undefined;
  const civil = civilMs(
    year ?? yearNear(month, day, context.near),
    month,
    day,
    digitsAt(text, next, 2),
    digitsAt(text, next + 3, 2),
    digitsAt(text, next + 6, 2),
  );
  const fraction = fractionAt(text, next + 8);
  if (!endsStamp(text, fraction.end)) return undefined;
  const utc = context.zone.toUtc(civil) + fraction.ms;
  if (!Number.isFinite(utc)) return undefined;
  const precisionMs = fraction.end > next + 8 ? 1 : 1000;
  const found = { stamp: { at: utc, precisionMs, zoned: false }, end: fraction.end };
  syslogMemo.text = copyOf(text.slice(at, fraction.end));
  syslogMemo.at = at;
  syslogMemo.zone = context.zone;
  syslogMemo.found = found;
  syslogMemo.ownYear = year !== undefined;
  return found;
}

/** A stamp is followed by a space, a colon (network devices) or nothing. */
function endsStamp(text: string, end: number): boolean {
  const c = text.charCodeAt(end);
  return c === 32 || c === 58 || end === text.length;
}

/** The civil time of the last ISO stamp down to the second. */
const isoMemo = { text: '', civil: Number.NaN };

/**
 * `2026-11-24T03:24:10`, with `T`, `t` or a space, a fraction of any length (`.` or `,`), and `Z`, `+01:00`, `+0100`, `+01` or no zone;
 * an offset may stand behind a space. `zone` counts only where the text has none. Undefined if it is no such stamp.
 */
export function isoStampAt(text: string, at: number, zone: CivilZone): StampAt | undefined {
  let civil: number;
  if (isoMemo.text !== '' && text.startsWith(isoMemo.text, at)) civil = isoMemo.civil;
  else {
    civil = isoCivilAt(text, at);
    if (!Number.isFinite(civil)) return undefined;
    isoMemo.text = copyOf(text.slice(at, at + 19));
    isoMemo.civil = civil;
  }
  const fraction = fractionAt(text, at + 19);
  const precisionMs = fraction.end > at + 19 ? 1 : 1000;
  const offset = offsetAt(text, fraction.end);
  if (offset !== undefined) {
    const utc = civil + fraction.ms - offset.minutes * 60_000;
    return { stamp: { at: utc, precisionMs, zoned: true }, end: offset.end };
  }
  const utc = zone.toUtc(civil) + fraction.ms;
  if (!Number.isFinite(utc)) return undefined;
  return { stamp: { at: utc, precisionMs, zoned: false }, end: fraction.end };
}

function isoCivilAt(text: string, at: number): number {
  const separator = text.charCodeAt(at + 10);
  if (separator !== 84 && separator !== 32 && separator !== 116) return Number.NaN;
  if (text.charCodeAt(at + 4) !== 45 || text.charCodeAt(at + 7) !== 45) return Number.NaN;
  if (text.charCodeAt(at + 13) !== 58 || text.charCodeAt(at + 16) !== 58) return Number.NaN;
  return civilMs(
    digitsAt(text, at, 4),
    digitsAt(text, at + 5, 2),
    digitsAt(text, at + 8, 2),
    digitsAt(text, at + 11, 2),
    digitsAt(text, at + 14, 2),
    digitsAt(text, at + 17, 2),
  );
}

interface Fraction {
  readonly ms: number;
  readonly end: number;
}

const FRACTION_DIGITS_MAX = 12;

/** `.` or `,` and its digits in whole milliseconds, and where they end; `at` itself if there are none. */
function fractionAt(text: string, at: number): Fraction {
  const point = text.charCodeAt(at);
  if ((point !== 46 && point !== 44) || !isDigit(text.charCodeAt(at + 1))) return { ms: 0, end: at };
  let ms = 0;
  let end = at + 1;
  for (let scale = 100; end <= at + FRACTION_DIGITS_MAX; end++) {
    const c = text.charCodeAt(end);
    if (!isDigit(c)) break;
    ms += (c - 48) * scale;
    scale = scale > 1 ? scale / 10 : 0;
  }
  return { ms, end };
}

/** Minutes east of UTC, and where the text goes on. Undefined if no offset stands there. */
function offsetAt(text: string, from: number): { readonly minutes: number; readonly end: number } | undefined {
  const c = text.charCodeAt(from);
  if (c === 90 || c === 122) return { minutes: 0, end: from + 1 };
  const at = c === 32 ? from + 1 : from;
  const sign = text.charCodeAt(at);
  if (sign !== 43 && sign !== 45) return undefined;
  const hours = digitsAt(text, at + 1, 2);
  if (!(hours <= 15)) return undefined;
  const colon = text.charCodeAt(at + 3) === 58 ? 1 : 0;
  const minutes = digitsAt(text, at + 3 + colon, 2);
  const whole = minutes <= 59;
  if (!whole && (colon === 1 || at > from)) return undefined;
  const total = hours * 60 + (whole ? minutes : 0);
  return { minutes: sign === 45 ? -total : total, end: whole ? at + 5 + colon : at + 3 };
}

/** `length` decimal digits as a number; NaN if anything else stands there. */
export function digitsAt(text: string, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

export const isDigit = (c: number): boolean => c >= 48 && c <= 57;

/** 1 to 12; 0 if the three letters at `at` are no English month. */
export function monthAt(text: string, at: number): number {
  const found = MONTHS.indexOf(text.slice(at, at + 3));
  return found >= 0 && found % 3 === 0 && text.length >= at + 3 ? found / 3 + 1 : 0;
}

/** A slice shares memory with the chunk of log that it was cut from; a memo must not keep that alive. */
function copyOf(text: string): string {
  const copy = ` ${text}`;
  return copy.charCodeAt(0) === 32 ? copy.slice(1) : text;
}
