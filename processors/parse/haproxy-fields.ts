import { looksLikeAddress, plainAddress } from '../ip.ts';
import type { HaproxyEvent } from './haproxy.ts';
import { readRequestLine } from './http-request.ts';

/** The single fields that all layouts of HAProxy share. */

export interface Endpoint {
  readonly ip: string | undefined;
  readonly port: number | undefined;
}

export const NO_ENDPOINT: Endpoint = { ip: undefined, port: undefined };

/** `203.0.113.28:51389`, `2001:db8::28:51389`, `[2001:db8::28]:51389`; a Unix socket is no address. */
export function readEndpoint(text: string): Endpoint {
  const start = text.lastIndexOf(' ') + 1; // a custom format may put words before
  const colon = text.lastIndexOf(':');
  if (colon <= start) return NO_ENDPOINT;
  const ip = plainAddress(text.slice(start, colon));
  if (!looksLikeAddress(ip)) return NO_ENDPOINT;
  return { ip, port: readCount(text.slice(colon + 1)) };
}

/** Where the field that begins at `from` ends: the next space, or the end. */
export function fieldEnd(text: string, from: number): number {
  const space = text.indexOf(' ', from);
  return space < 0 ? text.length : space;
}

/** `<NOSRV>`, and what older versions and cut lines leave empty, are undefined; `<STATS>` is a name. */
export function nameOf(text: string): string | undefined {
  return text === '' || text === '<NOSRV>' || text === '-' ? undefined : text;
}

/** What `readTimer` gives for a field that is no number. */
export const NOT_A_NUMBER = -2;

/** A timer in milliseconds, -1 if that phase was not reached, -2 if it is no number. A leading `+` (option logasap) is dropped. */
export function readTimer(text: string | undefined): number {
  if (text === '-1') return -1;
  return readCount(text) ?? NOT_A_NUMBER;
}

export const reached = (timer: number): number | undefined => (timer >= 0 ? timer : undefined);

/** Digits after an optional `+`, else undefined. */
export function readCount(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  let value = 0;
  const from = text.charCodeAt(0) === 43 ? 1 : 0;
  if (text.length === from || text.length > 16) return undefined;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

export function readTermination(text: string | undefined): string | undefined {
  return text !== undefined && /^[A-Za-z-]{2}(?:[A-Za-z-]{2})?$/.test(text) ? text : undefined;
}

export function readConnections(parts: readonly string[]): HaproxyEvent['connections'] {
  if (parts.length !== 5) return undefined;
  const [ac, fc, bc, sc, rc] = parts.map(readCount);
  if (ac === undefined || fc === undefined || bc === undefined || sc === undefined || rc === undefined)
    return undefined;
  return [ac, fc, bc, sc, rc];
}

export function readQueues(parts: readonly string[]): HaproxyEvent['queues'] {
  const server = readCount(parts[0]);
  const backend = readCount(parts[1]);
  return server === undefined || backend === undefined ? undefined : [server, backend];
}

/** `<BADREQ>` and anything else that is no request line gives a status only. */
export function readHttp(status: string | undefined, requestLine: string): HaproxyEvent['http'] {
  const request = readRequestLine(requestLine);
  return {
    status: status !== undefined && /^[1-9]\d{2}$/.test(status) ? Number(status) : undefined,
    method: request.method,
    path: request.path,
  };
}
