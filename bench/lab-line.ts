/**
 * A recorded line cut once into fixed text and places that differ from copy to copy (times, addresses, users, session ids), so that
 * millions of lines can be written from a small sample. Deterministic: copy K of a line is always the same text.
 */
import { decodeSessionId } from '../processors/parse/dovecot-session-id.ts';

/** The day of the recording in samples/lab-a, the only sample this is made for. */
const RECORDED = Date.UTC(2026, 10, 24, 3, 24);
/** A recording lasts 45 minutes; the next copy begins after it. */
const COPY_SECONDS = 2760;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** The networks of clients and attackers in the sample, in the order of their number in a copy. Servers and the VPN pool stay. */
const NETWORKS = ['198.51.100', '203.0.113', '198.18.5', '100.64.10', '10.31.4', '172.20.8'];
const NETWORKS_A_COPY = 8;

/** Fixed text and, at odd positions, what each copy says in its own way. */
export type LabLine = readonly (string | Place)[];
type Place = (copy: number) => string;

/** One alternative for each kind of place, in the order of `placeOf`. */
const PLACES = new RegExp(
  [
    String.raw`^(Nov 24 \d\d:\d\d:\d\d)`, // RFC 3164
    String.raw`(24/Nov/2026:\d\d:\d\d:\d\d)`,
    String.raw`([A-Z][a-z]{2}, 24 Nov 2026 \d\d:\d\d:\d\d)`, // HTTP
    String.raw`(2026[-/]11[-/]24[ T]\d\d:\d\d:\d\d)`,
    String.raw`\b(179549\d{4})(?=\b|\d\d\.\d{6}\b)`, // epoch seconds, alone or in front of a ModSecurity id
    String.raw`\b((?:198\.51\.100|203\.0\.113|198\.18\.5|100\.64\.10|10\.31\.4|172\.20\.8)\.\d{1,3})\b`,
    String.raw`([a-z0-9._-]+)(?=@example\.org)`,
    String.raw`\b(laptop-\d\d)\b`,
    `(?<=<)([A-Za-z0-9+/]{16})(?=>)`, // Dovecot's session id
  ].join('|'),
  'g',
);

/** Cuts a line of the sample. */
export function labLine(text: string): LabLine {
  const parts: (string | Place)[] = [];
  let from = 0;
  for (const match of text.matchAll(PLACES)) {
    const kind = match.findIndex((group, i) => i > 0 && group !== undefined) - 1;
    const place = placeOf(kind, match[0]);
    if (!place) continue;
    parts.push(text.slice(from, match.index), place);
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

/** The line as copy number `copy` (0, 1, …) of the recording has it. */
export function renderLine(line: LabLine, copy: number): string {
  let text = '';
  for (const part of line) text += typeof part === 'string' ? part : part(copy);
  return text;
}

function placeOf(kind: number, text: string): Place | undefined {
  const at = RECORDED - (RECORDED % 86_400_000) + clockOf(text.slice(-8));
  switch (kind) {
    case 0:
      return remembered(text, (copy) => {
        const d = shifted(at, copy);
        return `${MONTHS[d.getUTCMonth()]} ${String(d.getUTCDate()).padStart(2)} ${clock(d)}`;
      });
    case 1:
      return remembered(text, (copy) => {
        const d = shifted(at, copy);
        return `${two(d.getUTCDate())}/${MONTHS[d.getUTCMonth()]}/${d.getUTCFullYear()}:${clock(d)}`;
      });
    case 2:
      return remembered(text, (copy) => {
        const d = shifted(at, copy);
        return `${DAYS[d.getUTCDay()]}, ${two(d.getUTCDate())} ${MONTHS[d.getUTCMonth()]} ${d.getUTCFullYear()} ${clock(d)}`;
      });
    case 3: {
      const between = text.charAt(4);
      const before = text.charAt(10);
      return remembered(text, (copy) => {
        const d = shifted(at, copy);
        return `${d.getUTCFullYear()}${between}${two(d.getUTCMonth() + 1)}${between}${two(d.getUTCDate())}${before}${clock(d)}`;
      });
    }
    case 4:
      return (copy) => String(Number(text) + copy * COPY_SECONDS);
    case 5:
      return remembered(text, (copy) => addressOf(text, copy));
    case 6:
      return remembered(text, (copy) => `${text}.${copy.toString(36)}`);
    case 7:
      return remembered(text, (copy) => `${text}-${copy.toString(36)}`);
    default:
      return sessionPlace(text);
  }
}

/** Stamps, users and addresses repeat within a copy: the last answer is kept for each text. One entry a text, so memory stays constant. */
const memory = new Map<string, Place>();

function remembered(text: string, make: Place): Place {
  const known = memory.get(text);
  if (known) return known;
  let of = -1;
  let last = '';
  const place = (copy: number): string => {
    if (of !== copy) {
      of = copy;
      last = make(copy);
    }
    return last;
  };
  memory.set(text, place);
  return place;
}

/** Made again with the copy's time and address and the same port, as `client_get_session_id()` of Dovecot does. */
function sessionPlace(id: string): Place | undefined {
  const decoded = decodeSessionId(id, RECORDED);
  if (!decoded || Math.abs(decoded.at - RECORDED) > 86_400_000) return undefined;
  const micros = BigInt(Math.round(decoded.at * 1000));
  return (copy) => {
    const bytes = Buffer.alloc(12);
    bytes.writeBigUInt64LE(BigInt.asUintN(48, micros + BigInt(copy * COPY_SECONDS) * 1_000_000n));
    bytes.writeUInt16LE(decoded.port, 6);
    bytes.set(addressOf(decoded.ip, copy).split('.').map(Number), 8);
    return bytes.toString('base64');
  };
}

/**
 * Networks of one copy stay /24s of their own: 100.64.0.0/10 for the public ones, 10.64.0.0/10 and 172.16.0.0/12 for the private ones.
 * Other addresses (servers, VPN pool) are the site's own and stay.
 */
function addressOf(ip: string, copy: number): string {
  const dot = ip.lastIndexOf('.');
  const network = NETWORKS.indexOf(ip.slice(0, dot));
  if (network < 0) return ip;
  const host = ip.slice(dot);
  const number = copy * NETWORKS_A_COPY + network;
  if (network === 5) return `172.${16 + ((copy >> 8) & 15)}.${copy & 255}${host}`;
  return `${network === 4 ? 10 : 100}.${64 + ((number >> 8) & 63)}.${number & 255}${host}`;
}

function clockOf(text: string): number {
  return (Number(text.slice(0, 2)) * 3600 + Number(text.slice(3, 5)) * 60 + Number(text.slice(6, 8))) * 1000;
}

function shifted(at: number, copy: number): Date {
  return new Date(at + copy * COPY_SECONDS * 1000);
}

function clock(d: Date): string {
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}
