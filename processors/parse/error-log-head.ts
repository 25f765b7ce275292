import type { Line, Stamp } from '../event.ts';
import { looksLikeAddress, plainAddress } from '../ip.ts';
import type { CivilZone } from '../time.ts';
import { ctimeStamp, slashStamp } from './log-time.ts';

/** What stands before the message of an error log line. */
export interface ErrorHead {
  readonly server: 'nginx' | 'apache' | 'other';
  /** Undefined if the line states no time of its own. */
  readonly stamp: Stamp | undefined;
  readonly level: string;
  /** Of nginx only after `[client …]`, which it writes for ModSecurity's denials. */
  readonly clientIp: string | undefined;
  readonly clientPort: number | undefined;
  readonly message: string;
}

/** Cheap look: does the line begin like an error log line of nginx or Apache, or like Coraza's? */
export function looksLikeErrorLog(line: Line): boolean {
  const text = line.message;
  const c = text.charCodeAt(0);
  if (c >= 48 && c <= 57) {
    if (text[4] !== '/' || text[7] !== '/' || text[10] !== ' ') return false;
    return (text[19] === ' ' && text[20] === '[') || text.includes(' Coraza: ');
  }
  if (c === 123) return text.includes('Coraza: ') && !text.includes('"transaction"');
  if (c !== 91) return text.startsWith('ModSecurity: ') || text.startsWith('Coraza: ');
  return (
    (text[4] === ' ' && text[8] === ' ' && text[14] === ':') ||
    text.includes('] ModSecurity: ') ||
    text.includes('] Coraza: ')
  );
}

/** `2026/11/24 03:24:12 [error] 12#12: *3 MESSAGE`. Undefined if it is not nginx's. */
export function readNginxHead(text: string, zone: CivilZone): ErrorHead | undefined {
  if (text[19] !== ' ' || text[20] !== '[') return undefined;
  const levelEnd = text.indexOf('] ', 21);
  if (levelEnd < 0 || levelEnd > 32) return undefined;
  const stamp = slashStamp(text, 0, zone);
  if (stamp === undefined) return undefined;
  const level = text.slice(21, levelEnd);
  let at = levelEnd + 2;
  const process = text.indexOf(': ', at);
  if (process > at && process < at + 24 && text.slice(at, process).includes('#')) at = process + 2;
  if (text.charCodeAt(at) === 42) {
    const space = text.indexOf(' ', at);
    at = space < 0 ? text.length : space + 1;
  }
  if (!text.startsWith('[client ', at)) {
    return { server: 'nginx', stamp, level, clientIp: undefined, clientPort: undefined, message: text.slice(at) };
  }
  const client = readGroups(text, at, zone);
  return {
    server: 'nginx',
    stamp,
    level,
    clientIp: client.ip,
    clientPort: client.port,
    message: text.slice(client.end),
  };
}

/**
 * Apache 2.2 `[date] [error] [client IP] MESSAGE`, 2.4 `[date.usec] [module:level] [pid P:tid T] [client IP:PORT] MESSAGE` (ModSecurity
 * adds the client a second time), the same without the date behind syslog, and Coraza's `[client "IP"] MESSAGE`, with Go's date or none.
 */
export function readBracketHead(text: string, zone: CivilZone): ErrorHead {
  const slash = slashStamp(text, 0, zone);
  const from = slash === undefined ? 0 : text.indexOf(' ', 19) + 1;
  const groups = readGroups(text, from, zone);
  return {
    server: groups.stamp === undefined && groups.level === '' ? 'other' : 'apache',
    stamp: groups.stamp ?? slash,
    level: groups.level === '' ? 'error' : groups.level,
    clientIp: groups.ip,
    clientPort: groups.port,
    message: text.slice(groups.end),
  };
}

interface Groups {
  readonly stamp: Stamp | undefined;
  readonly level: string;
  readonly ip: string | undefined;
  readonly port: number | undefined;
  readonly end: number;
}

const GROUPS_MAX = 8;

/** The run of `[…] ` at `from`. */
function readGroups(text: string, from: number, zone: CivilZone): Groups {
  let stamp: Stamp | undefined;
  let level = '';
  let withPort = false;
  const clients: string[] = [];
  let at = from;
  for (let count = 0; count < GROUPS_MAX && text.charCodeAt(at) === 91; count++) {
    const end = text.indexOf('] ', at);
    if (end < 0 || end > at + 128) break;
    const group = text.slice(at + 1, end);
    if (group.startsWith('client ') || group.startsWith('remote ')) clients.push(unquoted(group.slice(7)));
    else if (group.startsWith('pid ')) withPort = true;
    else if (count === 0 && group.length >= 24) stamp = ctimeStamp(group, zone);
    else if (level === '') {
      level = group.slice(group.lastIndexOf(':') + 1);
      withPort ||= group.includes(':');
    }
    at = end + 2;
  }
  const client = resolveClient(clients, withPort);
  return { stamp, level, ip: client.ip, port: client.port, end: at };
}

const unquoted = (text: string): string => (text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text);

interface Endpoint {
  readonly ip: string | undefined;
  readonly port: number | undefined;
}

const NO_ENDPOINT: Endpoint = { ip: undefined, port: undefined };

/**
 * Apache 2.4 writes `IP:PORT`, for IPv6 without brackets, which is ambiguous; the second `[client IP]` of ModSecurity settles it, else
 * the style of the line.
 */
function resolveClient(clients: readonly string[], withPort: boolean): Endpoint {
  const last = clients.at(-1);
  if (last === undefined) return NO_ENDPOINT;
  const first = clients[0] ?? last;
  if (clients.length > 1 && first.startsWith(`${last}:`)) return endpoint(last, first.slice(last.length + 1));
  const colon = last.lastIndexOf(':');
  const single = colon > 0 && last.indexOf(':') === colon;
  if (single || last.startsWith('[') || (withPort && colon > 0 && clients.length === 1)) {
    const split = endpoint(last.slice(0, colon), last.slice(colon + 1));
    if (split.ip !== undefined) return split;
  }
  return endpoint(last, '');
}

function endpoint(address: string, port: string): Endpoint {
  const ip = plainAddress(address);
  if (!looksLikeAddress(ip)) return NO_ENDPOINT;
  return { ip, port: /^\d{1,5}$/.test(port) && Number(port) < 65_536 ? Number(port) : undefined };
}
