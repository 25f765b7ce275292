import { isIP } from 'node:net';
import { plainAddress } from '../ip.ts';
import { portAt } from './number-at.ts';

/** Address and, where it is printed, port of one end of a tunnel. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number | undefined;
}

/** The longest spelling: `tcp6-server:[AF_INET6][` address with zone `]:65535`. */
const ENDPOINT_MAX = 96;

/**
 * Reads one address as OpenVPN prints it: `192.0.2.1:1194`, `[AF_INET]192.0.2.1:1194`, `[AF_INET6]2001:db8::1:1194`, `[2001:db8::1]:1194`,
 * `2001:db8::1` (up to 2.6 without port), `udp4:192.0.2.1:1194` (2.7). Undefined if the whole text is not one.
 * Source: mroute_addr_print_ex in mroute.c, print_sockaddr_ex in socket.c (2.3 to 2.7).
 */
export function parseEndpoint(text: string): Endpoint | undefined {
  if (text.length < 2 || text.length > ENDPOINT_MAX) return undefined;
  const familyEnd = text.startsWith('[AF_INET') ? text.indexOf(']') + 1 : 0;
  const at = familyEnd > 0 ? familyEnd : protocolEnd(text);
  if (text.charCodeAt(at) === 91) return bracketed(text, at);
  const lastColon = text.lastIndexOf(':');
  if (lastColon <= at) return addressOnly(text.slice(at));
  // A bare IPv6 address has no port, unless the family in brackets says that one follows.
  const whole = text.slice(at);
  if (familyEnd === 0 && isIP(whole) === 6) return { ip: plainAddress(whole), port: undefined };
  const ip = tunnelAddress(text.slice(at, lastColon));
  const port = wholePort(text, lastColon + 1);
  if (ip !== undefined && port !== undefined) return { ip, port };
  return addressOnly(whole);
}

function bracketed(text: string, at: number): Endpoint | undefined {
  const close = text.indexOf(']', at);
  if (close < 0) return undefined;
  const ip = tunnelAddress(text.slice(at + 1, close));
  if (ip === undefined) return undefined;
  if (close + 1 === text.length) return { ip, port: undefined };
  const port = text.charCodeAt(close + 1) === 58 ? wholePort(text, close + 2) : undefined;
  return port === undefined ? undefined : { ip, port };
}

function addressOnly(text: string): Endpoint | undefined {
  const ip = tunnelAddress(text);
  return ip === undefined ? undefined : { ip, port: undefined };
}

/** An IP address in plain form (no zone, IPv4-mapped as IPv4); undefined for anything else, MAC addresses and networks too. */
export function tunnelAddress(text: string): string | undefined {
  if (text.length > 64) return undefined;
  const plain = plainAddress(text);
  return isIP(plain) === 0 ? undefined : plain;
}

/** Behind `udp4:`, `tcp4-server:` and their like; 0 if the text begins otherwise. */
function protocolEnd(text: string): number {
  if (!text.startsWith('udp') && !text.startsWith('tcp')) return 0;
  return text.indexOf(':') + 1;
}

function wholePort(text: string, at: number): number | undefined {
  if (at >= text.length || text.length - at > 5) return undefined;
  for (let i = at; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!(c >= 48 && c <= 57)) return undefined;
  }
  return portAt(text, at);
}
