import type { Envelope } from './envelope.ts';

const LABEL_LENGTH = 24;
/** Labels count from 2^62 and, without a table of leap seconds, ten seconds ahead of UTC. */
const OFFSET_SECONDS = 10;

/**
 * `@4000000067433a0a0d3c2b14 TEXT`: what multilog, svlogd and s6-log put before each line. Undefined if it is no such label.
 * Source: cr.yp.to, libtai/tai64.html; daemontools tai64nlocal.
 */
export function tai64n(text: string): Envelope | undefined {
  if (text.charCodeAt(0) !== 64 || text.charCodeAt(LABEL_LENGTH + 1) !== 32) return undefined;
  // The upper half of the seconds is 2^62 for every date until 2106.
  if (!text.startsWith('40000000', 1)) return undefined;
  const seconds = hexAt(text, 9, 8);
  const nanoseconds = hexAt(text, 17, 8);
  const at = (seconds - OFFSET_SECONDS) * 1000 + Math.floor(nanoseconds / 1e6);
  if (!(at >= 0 && nanoseconds < 1e9)) return undefined;
  return {
    stamp: { at, precisionMs: 1, zoned: true },
    host: undefined,
    program: undefined,
    pid: undefined,
    message: text.slice(LABEL_LENGTH + 2),
    partial: false,
  };
}

function hexAt(text: string, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const c = text.charCodeAt(i);
    const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}
