import type { Envelope } from './envelope.ts';
import { jsonObject, own } from './json-object.ts';

/**
 * One entry of `journalctl -o json`. Time is `__REALTIME_TIMESTAMP` (µs since 1970), so the stamp is exact and zoned.
 * MESSAGE is a string, an array of bytes (when it is not UTF-8), or an array of strings (a repeated field: the last one counts).
 * Undefined if the text is no such entry; numbers that are none are left out.
 * Source: systemd, Journal JSON Format; systemd.journal-fields(7).
 */
export function journald(text: string): Envelope | undefined {
  if (text.charCodeAt(0) !== 123 || !text.includes('_REALTIME_TIMESTAMP"')) return undefined;
  const entry = jsonObject(text);
  if (entry === undefined) return undefined;
  const micros = Number(textOf(own(entry, '__REALTIME_TIMESTAMP')) ?? textOf(own(entry, '_SOURCE_REALTIME_TIMESTAMP')));
  const at = Math.floor(micros / 1000);
  if (!(at >= 0 && at <= EPOCH_MS_MAX)) return undefined;
  return {
    stamp: { at, precisionMs: 1, zoned: true },
    host: textOf(own(entry, '_HOSTNAME')),
    program: textOf(own(entry, 'SYSLOG_IDENTIFIER')) ?? textOf(own(entry, '_COMM')),
    pid: pidOf(own(entry, 'SYSLOG_PID')) ?? pidOf(own(entry, '_PID')),
    message: textOf(own(entry, 'MESSAGE')) ?? '',
    partial: false,
  };
}

/** The last day that a JavaScript date can name. */
const EPOCH_MS_MAX = 8_640_000_000_000_000;

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (!Array.isArray(value)) return undefined;
  const values: readonly unknown[] = value;
  if (values.length > 0 && values.every(isByte)) return Buffer.from(values).toString('utf8');
  const last = values.at(-1);
  return typeof last === 'string' ? last : Array.isArray(last) && last.every(isByte) ? bytesText(last) : undefined;
}

const bytesText = (bytes: readonly number[]): string => Buffer.from(bytes).toString('utf8');

function isByte(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 255 && Number.isInteger(value);
}

function pidOf(value: unknown): number | undefined {
  const text = textOf(value);
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
