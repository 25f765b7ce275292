import { civilMs, UTC } from '../processors/time.ts';

/** Which column holds what; -1: there is none. */
export interface MetricColumns {
  readonly timestamp: number;
  readonly value: number;
  readonly n: number;
  readonly separator: string;
}

/** One row as it stands; times and numbers are NaN where the text is none. */
export interface MetricRow {
  readonly timestamp: string;
  readonly value: string;
  readonly n: string;
}

const SEPARATORS = [',', ';', '\t'] as const;
const TIME_NAMES = new Set(['timestamp', '@timestamp', 'time', 'date', 'datetime']);
const STAMP =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?$/;
/** Epoch numbers from here on are milliseconds: 1973 in ms, 5138 in s. */
const MILLISECONDS_FROM = 1e11;

/**
 * Finds the columns from the first line: a header that names `timestamp` and `value` (and `n`), or a row of a time and numbers in this order.
 * Undefined if it is neither.
 */
export function metricColumns(line: string): { readonly columns: MetricColumns; readonly header: boolean } | undefined {
  for (const separator of SEPARATORS) {
    const cells = cellsOf(line, separator).map((cell) => cell.toLowerCase());
    const timestamp = cells.findIndex((cell) => TIME_NAMES.has(cell));
    const value = cells.indexOf('value');
    if (timestamp >= 0 && value >= 0)
      return { columns: { timestamp, value, n: cells.indexOf('n'), separator }, header: true };
  }
  for (const separator of SEPARATORS) {
    const [time = '', value = ''] = cellsOf(line, separator);
    if (!Number.isNaN(parseTime(time)) && (value === '' || NUMBER.test(value)))
      return { columns: { timestamp: 0, value: 1, n: 2, separator }, header: false };
  }
  return undefined;
}

export function metricRow(line: string, columns: MetricColumns): MetricRow {
  const cells = cellsOf(line, columns.separator);
  return {
    timestamp: cells[columns.timestamp] ?? '',
    value: cells[columns.value] ?? '',
    n: columns.n < 0 ? '' : (cells[columns.n] ?? ''),
  };
}

/** `2026-03-17 09:13[:20[.5]]`, with `T`, `Z` or an offset, a date alone, or seconds or milliseconds since 1970. UTC ms; without a zone UTC holds. NaN: no time. */
export function parseTime(text: string): number {
  const m = STAMP.exec(text);
  if (m) {
    const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = m;
    const at = civilMs(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second));
    const ms = fraction === '' ? 0 : Math.floor(Number(`0.${fraction}`) * 1000);
    return UTC.toUtc(at) + ms - offsetMs(zone);
  }
  if (!NUMBER.test(text)) return Number.NaN;
  const number = Number(text);
  if (Math.abs(number) > MS_MAX) return Number.NaN;
  return Math.abs(number) >= MILLISECONDS_FROM ? number : number * 1000;
}

/** NaN for an empty cell and for what is no number; Infinity is none. */
export function parseNumber(text: string): number {
  if (!NUMBER.test(text)) return Number.NaN;
  const number = Number(text);
  return Number.isFinite(number) ? number : Number.NaN;
}

/** The largest time that a Date can hold. */
const MS_MAX = 8.64e15;

/** `Z`, `+02:00` or `+0200`. */
function offsetMs(zone: string): number {
  if (zone === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

/** Cells without the spaces and quotes around them. Quotes inside quotes and separators inside quotes do not occur in times and numbers. */
function cellsOf(line: string, separator: string): readonly string[] {
  const text = line.charCodeAt(0) === 0xfeff ? line.slice(1) : line;
  return text.split(separator).map((cell) => {
    const trimmed = cell.trim();
    return trimmed.length > 1 && trimmed.startsWith('"') && trimmed.endsWith('"') ? trimmed.slice(1, -1) : trimmed;
  });
}

/** A cell of text that came from outside: quoted where CSV needs it, and never a formula for a spreadsheet. */
export function csvCell(text: string): string {
  if (text === '' || NUMBER.test(text)) return text;
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",;\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
