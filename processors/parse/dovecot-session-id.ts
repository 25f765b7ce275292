/** What Dovecot packs into the id it prints as `session=<…>`. */
export interface DecodedSessionId {
  /** When the connection was accepted: UTC epoch ms, with the microseconds as fraction. */
  readonly at: number;
  /** The peer's TCP port: the client's, or a proxy's that does not speak the PROXY protocol. */
  readonly port: number;
  /** The peer's address; IPv4-mapped IPv6 as IPv4, IPv6 in its short form (RFC 5952). */
  readonly ip: string;
}

const WRAP_US = 2 ** 48; // 8.9 years
const PLAUSIBLE_MS = 400 * 86_400_000;

/**
 * Stands in for an unknown `near`: the one wrap of the counter that holds the years around this point (mid 2021 to mid 2030) is
 * taken. A constant and not the clock, so that the same line gives the same answer on every day.
 */
const NEAR_UNKNOWN = Date.UTC(2026, 0, 1);

const SIX_BITS = new Uint8Array(128).fill(255);
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
for (let i = 0; i < 64; i++) SIX_BITS[ALPHABET.charCodeAt(i)] = i;

/** Called for each login line: one scratch buffer for all calls, no allocation but the result. */
const bytes = new Uint8Array(24);

/**
 * Decodes a Dovecot session id: base64 without padding of 48 bits microseconds, port (both little endian) and address (network order).
 * `near` (epoch ms) chooses between the wraps of the 48-bit counter; an id further than 400 days from it is not believed. Undefined for
 * ids of another form (forwarded from a proxy, made by another program). Time is the server's own clock in UTC, whatever zone the log has.
 * Source: dovecot/core src/login-common/client-common.c, client_get_session_id(), 2.1.8 to 2.4.4.
 */
export function decodeSessionId(id: string, near: number): DecodedSessionId | undefined {
  const at = timeOf(id, near);
  return at === undefined ? undefined : { at, port: portOf(), ip: id.length === 16 ? ipv4(8) : ipv6() };
}

/** The port of `decodeSessionId`, if its address is `ip`. Most are IPv4 and compared by their digits, which makes no text. */
export function portOfPeer(id: string, near: number, ip: string): number | undefined {
  if (timeOf(id, near) === undefined) return undefined;
  const same = id.length === 16 ? isIpv4(ip, 8) : ipv6() === ip;
  return same ? portOf() : undefined;
}

/** Unpacks the id into `bytes`; undefined if it is none that can be believed. */
function timeOf(id: string, near: number): number | undefined {
  const length = id.length;
  if (length !== 16 && length !== 32) return undefined;
  for (let from = 0, to = 0; from < length; from += 4) {
    const a = sixBits(id.charCodeAt(from));
    const b = sixBits(id.charCodeAt(from + 1));
    const c = sixBits(id.charCodeAt(from + 2));
    const d = sixBits(id.charCodeAt(from + 3));
    if ((a | b | c | d) > 63) return undefined;
    bytes[to++] = (a << 2) | (b >> 4);
    bytes[to++] = ((b << 4) | (c >> 2)) & 255;
    bytes[to++] = ((c << 6) | d) & 255;
  }
  const low = byte(0) | (byte(1) << 8) | (byte(2) << 16);
  const high = byte(3) | (byte(4) << 8) | (byte(5) << 16);
  const micros = high * 16_777_216 + low;
  const known = Number.isFinite(near);
  const reference = known ? near : NEAR_UNKNOWN;
  const at = (micros + Math.round((reference * 1000 - micros) / WRAP_US) * WRAP_US) / 1000;
  return known && Math.abs(at - near) > PLAUSIBLE_MS ? undefined : at;
}

const portOf = (): number => byte(6) | (byte(7) << 8);

/** Whether `ip` is what `ipv4(from)` would write. */
function isIpv4(ip: string, from: number): boolean {
  let at = 0;
  for (let i = from; i < from + 4; i++) {
    if (i > from && ip.charCodeAt(at++) !== 46) return false;
    const value = byte(i);
    if (value > 99 && ip.charCodeAt(at++) !== 48 + Math.floor(value / 100)) return false;
    if (value > 9 && ip.charCodeAt(at++) !== 48 + (Math.floor(value / 10) % 10)) return false;
    if (ip.charCodeAt(at++) !== 48 + (value % 10)) return false;
  }
  return at === ip.length;
}

function sixBits(code: number): number {
  return code < 128 ? (SIX_BITS[code] ?? 255) : 255;
}

function byte(i: number): number {
  return bytes[i] ?? 0;
}

function ipv4(from: number): string {
  return `${byte(from)}.${byte(from + 1)}.${byte(from + 2)}.${byte(from + 3)}`;
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) as `::`. */
function ipv6(): string {
  let zeros = 0;
  while (zeros < 10 && byte(8 + zeros) === 0) zeros++;
  if (zeros === 10 && byte(18) === 255 && byte(19) === 255) return ipv4(20);
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; ) {
    let run = 0;
    while (i + run < 8 && group(i + run) === 0) run++;
    if (run > bestLength) {
      best = i;
      bestLength = run;
    }
    i += run + 1;
  }
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      text += '::';
      i += bestLength - 1;
    } else {
      text += (text === '' || text.endsWith(':') ? '' : ':') + group(i).toString(16);
    }
  }
  return text;
}

function group(i: number): number {
  return (byte(8 + 2 * i) << 8) | byte(9 + 2 * i);
}
