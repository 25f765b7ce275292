import type { Stamp } from '../event.ts';
import type { CivilZone } from '../time.ts';
import { ctimeStamp, epochStamp, isoStamp } from './log-time.ts';
import { numberAt } from './number-at.ts';
import { type Endpoint, parseEndpoint } from './openvpn-address.ts';

/** What stands before the message, `STAMP [us=N] [CN/]IP:PORT `, and whether it and what follows are OpenVPN's. */

/** OpenVPN cuts its client prefix at 256 bytes (MULTI_PREFIX_MAX_LENGTH). */
const PREFIX_MAX = 256;

/** Where the text goes on after a stamp of OpenVPN's own (and ` us=N`); 0 if it has none. Looks at separators only. */
export function ownStampEnd(text: string): number {
  let end = 0;
  if (
    text[4] === '-' &&
    text[7] === '-' &&
    text[10] === ' ' &&
    text[13] === ':' &&
    text[16] === ':' &&
    text[19] === ' '
  )
    end = 20;
  else if (
    text[3] === ' ' &&
    text[7] === ' ' &&
    text[13] === ':' &&
    text[16] === ':' &&
    text[19] === ' ' &&
    text[24] === ' '
  )
    end = 25;
  else if (text[10] === '.' && text[17] === ' ') return machineStampEnd(text);
  if (end === 0 || !text.startsWith('us=', end)) return end;
  const space = text.indexOf(' ', end);
  return space < 0 ? text.length : space + 1;
}

/** `1795490646.123456 1 `: epoch and message flags in hexadecimal. */
function machineStampEnd(text: string): number {
  const space = text.indexOf(' ', 18);
  if (space < 19 || space > 26 || numberAt(text, 0) === undefined) return 0;
  for (let i = 18; i < space; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return 0;
  }
  return space + 1;
}

export function ownStamp(text: string, bodyAt: number, zone: CivilZone): Stamp | undefined {
  if (text[10] === '.') return epochStamp(Number(text.slice(0, 17)));
  const length = text[4] === '-' ? 19 : 24;
  const stamp = length === 19 ? isoStamp(text.slice(0, 19), zone) : ctimeStamp(text.slice(0, 24), zone);
  const micros = bodyAt > length + 1 ? numberAt(text, length + 4) : undefined;
  if (stamp === undefined || micros === undefined || !(micros < 1e6)) return stamp;
  return { at: stamp.at + Math.floor(micros / 1000), precisionMs: 1, zoned: stamp.zoned };
}

export interface Prefix {
  readonly commonName: string | undefined;
  readonly peer: Endpoint | undefined;
  /** Where the message begins. */
  readonly end: number;
  /** Only servers write prefixes. */
  readonly fromServer: boolean;
}

const ATTEMPT = 'Connection Attempt ';

/** Cuts `IP:PORT `, `CN/IP:PORT `, `CN/IP:PORT rx-peer-id=3 ` or `Connection Attempt `. A common name may hold spaces and slashes. */
export function readPrefix(text: string, at: number): Prefix {
  if (text.startsWith(ATTEMPT, at))
    return { commonName: undefined, peer: undefined, end: at + ATTEMPT.length, fromServer: true };
  const space = text.indexOf(' ', at);
  if (space < 0) return { commonName: undefined, peer: undefined, end: at, fromServer: false };
  const word = text.slice(at, Math.min(space, at + PREFIX_MAX));
  const slash = word.lastIndexOf('/');
  const peer = parseEndpoint(word.slice(slash + 1));
  // Up to 2.6 IPv6 clients have no port. A word that begins with a slash is a program's path.
  if (peer !== undefined && slash !== 0 && (peer.port !== undefined || peer.ip.includes(':'))) {
    return {
      commonName: slash < 0 ? undefined : word.slice(0, slash),
      peer,
      end: afterPeerId(text, space + 1),
      fromServer: true,
    };
  }
  return readSpacedPrefix(text, at) ?? { commonName: undefined, peer: undefined, end: at, fromServer: false };
}

/** `John Doe/192.0.2.1:1194 MESSAGE`: what stands before the address must not look like a message itself. */
function readSpacedPrefix(text: string, at: number): Prefix | undefined {
  const head = text.slice(at, at + PREFIX_MAX);
  for (let slash = head.indexOf('/'); slash >= 0; slash = head.indexOf('/', slash + 1)) {
    const space = head.indexOf(' ', slash);
    if (space < 0) return undefined;
    const peer = parseEndpoint(head.slice(slash + 1, space));
    if (peer?.port === undefined) continue;
    const commonName = head.slice(0, slash);
    if (commonName === '' || commonName.includes(': ') || looksOpenvpn(head, 0)) return undefined;
    return { commonName, peer, end: afterPeerId(text, at + space + 1), fromServer: true };
  }
  return undefined;
}

function afterPeerId(text: string, at: number): number {
  if (!text.startsWith('rx-peer-id=', at)) return at;
  const space = text.indexOf(' ', at);
  return space < 0 ? at : space + 1;
}

/** The name in `[CN] Peer Connection Initiated …` and `[CN] Inactivity timeout …`. */
export function readName(body: string): string | undefined {
  if (body.charCodeAt(0) !== 91) return undefined;
  for (const message of ['] Peer Connection Initiated ', '] Inactivity timeout ']) {
    const close = body.indexOf(message);
    if (close > 0 && close <= PREFIX_MAX) return body.slice(1, close);
  }
  return undefined;
}

const KNOWN_OPENINGS = [
  ...[
    'TLS Error: ',
    'TLS Auth Error: ',
    'TLS: ',
    'VERIFY ',
    'MULTI: ',
    'MULTI_sva: ',
    'OPTIONS IMPORT: ',
    'PUSH: Received control',
  ],
  ...[
    'SENT CONTROL [',
    'AUTH: Received control message',
    'Peer Connection Initiated with ',
    'Initialization Sequence Completed',
  ],
  ...[
    'Inactivity timeout (--',
    'Data Channel: cipher ',
    'Control Channel: TLS',
    'TUN/TAP device ',
    'OpenVPN 2.',
    'UDPv4 link ',
    'UDPv6 link ',
  ],
  ...[
    'TCPv4_',
    'TCPv6_',
    'TCP/UDP: Preserving',
    'Outgoing Data Channel: ',
    'Incoming Data Channel: ',
    'net_addr_',
    'net_route_',
    'net_iface_',
  ],
  ...[
    'read UDP',
    'write UDP',
    'SIGUSR1[',
    'SIGTERM[',
    'SIGHUP[',
    'SIGINT[',
    'Connection Attempt ',
    'peer info: IV_',
    'Restart pause, ',
  ],
];

/** Words that OpenVPN begins lines with; needed only where neither program nor stamp tells. */
export function looksOpenvpn(text: string, at: number): boolean {
  if (KNOWN_OPENINGS.some((opening) => text.startsWith(opening, at))) return true;
  const space = text.indexOf(' ', at);
  if (space < 0 || space - at > PREFIX_MAX) return false;
  const word = text.slice(at, space);
  const slash = word.lastIndexOf('/');
  const bare = parseEndpoint(word.slice(slash + 1));
  return bare?.port !== undefined && slash > 0;
}

/** Levels and zones that other programs write between the same stamp and their text. */
const FOREIGN_WORDS: ReadonlySet<string> = new Set([
  ...['TRACE', 'DEBUG', 'INFO', 'NOTICE', 'WARN', 'WARNING', 'ERROR', 'FATAL', 'CRITICAL', 'SEVERE'],
  ...['UTC', 'GMT', 'CET', 'CEST', ':', '-', '|'],
]);

/** Dovecot's levels, which follow its service's name. */
const DOVECOT_LEVELS = ['Info: ', 'Warning: ', 'Error: ', 'Debug: ', 'Fatal: ', 'Panic: '];

/** The stamp alone is that of many programs. Dovecot, Exim, PostgreSQL and application logs go on in ways that OpenVPN does not. */
export function looksForeign(text: string, bodyAt: number): boolean {
  const space = text.indexOf(' ', bodyAt);
  const word = space < 0 ? text.slice(bodyAt) : text.slice(bodyAt, space);
  if (FOREIGN_WORDS.has(word)) return true;
  if (word.endsWith(':') && DOVECOT_LEVELS.some((level) => text.startsWith(level, space + 1))) return true;
  if (word.startsWith('[')) return readName(text.slice(bodyAt)) === undefined;
  return isEximWord(word) || isNumber(word) || isDpkgLine(text, bodyAt);
}

/** dpkg.log: `status installed NAME:ARCH VERSION`, `upgrade NAME:ARCH OLD NEW`, `startup archives unpack`. Source: dpkg(1), --log. */
function isDpkgLine(text: string, bodyAt: number): boolean {
  const body = text.slice(bodyAt, bodyAt + 200);
  return (
    /^(?:status [a-z-]+|install|upgrade|trigproc|configure|remove|purge|disappear) [a-z0-9][a-z0-9+.-]*:[a-z0-9-]+ /.test(
      body,
    ) || /^(?:startup [a-z]+ [a-z]+$|conffile )/.test(body)
  );
}

/** Exim's message id (`1abcde-000000-0A`, longer from 4.97 on) or a field (`H=host`). */
function isEximWord(word: string): boolean {
  return /^[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}$/.test(word) || /^[A-Z]=/.test(word);
}

const isNumber = (word: string): boolean => /^[0-9.+-]{1,32}$/.test(word) && !Number.isNaN(Number(word));
