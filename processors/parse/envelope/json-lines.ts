import type { RecordContext } from '../parser.ts';
import type { Envelope } from './envelope.ts';
import { isoStamp } from './syslog-time.ts';

/**
 * journald (`journalctl -o json`: `__REALTIME_TIMESTAMP` in microseconds) and Docker's json-file (`{"log":…,"stream":…,"time":…}`).
 * Any other JSON is not an envelope but a record of its own.
 */
export function jsonLine(text: string, context: RecordContext): Envelope | undefined {
  if (!text.includes('"__REALTIME_TIMESTAMP"') && !text.includes('"log"')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // not JSON after all: the caller goes on with the text
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = new Map(Object.entries(value));
  const micros = Number(fields.get('__REALTIME_TIMESTAMP'));
  if (Number.isFinite(micros) && fields.has('MESSAGE')) {
    const pid = Number(fields.get('_PID') ?? fields.get('SYSLOG_PID'));
    return {
      stamp: { at: Math.floor(micros / 1000), precisionMs: 1, zoned: true },
      host: asText(fields.get('_HOSTNAME')),
      program: asText(fields.get('SYSLOG_IDENTIFIER')) ?? asText(fields.get('_COMM')),
      pid: Number.isSafeInteger(pid) ? pid : undefined,
      message: asText(fields.get('MESSAGE')) ?? '',
    };
  }
  const log = fields.get('log');
  const time = fields.get('time');
  if (typeof log !== 'string' || typeof time !== 'string') return undefined;
  return {
    stamp: isoStamp(time, 0, context)?.stamp,
    host: undefined,
    program: undefined,
    pid: undefined,
    message: log.endsWith('\n') ? log.slice(0, -1) : log,
  };
}

/** Kubernetes CRI: `2026-11-24T03:24:28.123456789Z stdout F text`. */
export function criLine(text: string, context: RecordContext): Envelope | undefined {
  const time = isoStamp(text, 0, context);
  if (!time || text.charCodeAt(time.end) !== 32) return undefined;
  const at = time.end + 1;
  const stream = text.startsWith('stdout ', at) || text.startsWith('stderr ', at);
  if (!stream || (text.charCodeAt(at + 7) !== 70 && text.charCodeAt(at + 7) !== 80) || text.charCodeAt(at + 8) !== 32)
    return undefined;
  return { stamp: time.stamp, host: undefined, program: undefined, pid: undefined, message: text.slice(at + 9) };
}

/** Journald gives bytes that are no UTF-8 as an array of numbers. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Array.isArray(value) && value.every((n) => typeof n === 'number')
    ? Buffer.from(value).toString('utf8')
    : undefined;
}
