import type { Line, Stamp } from '../event.ts';
import { looksLikeAddress, plainAddress } from '../ip.ts';
import type { HaproxyEvent } from './haproxy.ts';
import {
  nameOf,
  reached,
  readConnections,
  readCount,
  readHttp,
  readQueues,
  readTermination,
  readTimer,
} from './haproxy-fields.ts';
import { quoteEnd } from './http-request.ts';

/**
 * `option httplog clf` and `option tcplog clf`: they look like a web server's access log up to the status, and then hold two empty
 * strings, the client's port, the milliseconds of the date, and quoted names:
 * `IP - - [24/Nov/2026:03:24:10 +0000] "REQ" ST BYTES "" "" PORT MS "FE" "BE" "SRV" T T T T T TS ac fc bc sc rc sq bq …`.
 */
export interface HaproxyClf {
  /** The date with its milliseconds, for `clfStamp`. */
  readonly date: string;
  event(line: Line, stamp: Stamp): HaproxyEvent;
}

const DATE_LENGTH = '24/Nov/2026:03:24:10 +0000'.length;

/** The line's fields, undefined if it is not in this layout. */
export function readHaproxyClf(text: string): HaproxyClf | undefined {
  const open = text.indexOf(' - - [');
  if (open < 2 || open > 64) return undefined;
  const dateAt = open + 6;
  const requestAt = dateAt + DATE_LENGTH + 3;
  if (!text.startsWith('] "', requestAt - 3)) return undefined;
  const requestEnd = quoteEnd(text, requestAt);
  if (requestEnd < 0) return undefined;
  const empties = text.indexOf(' "" "" ', requestEnd);
  if (empties < 0 || empties > requestEnd + 40) return undefined;
  const fields = text.slice(requestEnd + 2, requestEnd + 2050).split(' ');
  const [status, bytes, empty1, empty2, port, ms, frontend, backend, server] = fields;
  if (empty1 !== '""' || empty2 !== '""' || readCount(ms) === undefined || frontend?.charCodeAt(0) !== 34)
    return undefined;
  const date = `${text.slice(dateAt, dateAt + 20)}.${(ms ?? '').padStart(3, '0')}${text.slice(dateAt + 20, dateAt + DATE_LENGTH)}`;
  const isTcp = text.slice(requestAt, requestEnd) === 'TCP ';
  const timers = fields.slice(9, 14).map((field) => readTimer(unquoted(field)));
  const totalMs = timers[isTcp ? 3 : 4] ?? -1;
  const ip = plainAddress(text.slice(0, open));
  const name = unquoted(frontend);
  return {
    date,
    event: (line, stamp) => ({
      line,
      stamp,
      dataset: 'haproxy.connection',
      action: 'connection-ended',
      clientIp: looksLikeAddress(ip) ? ip : undefined,
      clientPort: readCount(port),
      frontend: name.endsWith('~') ? name.slice(0, -1) : name,
      tls: name.endsWith('~'),
      backend: nameOf(unquoted(backend)),
      server: nameOf(unquoted(server)),
      queueMs: reached(timers[1] ?? -1),
      connectMs: reached(timers[2] ?? -1),
      totalMs: reached(totalMs),
      endedAt: totalMs >= 0 ? stamp.at + totalMs : undefined,
      bytes: readCount(unquoted(bytes)),
      termination: tcpOrHttp(readTermination(unquoted(fields[14])), isTcp),
      connections: readConnections(fields.slice(15, 20).map(unquoted)),
      queues: readQueues(fields.slice(20, 22).map(unquoted)),
      http: isTcp ? undefined : readHttp(unquoted(status), text.slice(requestAt, requestEnd)),
      reason: undefined,
    }),
  };
}

/** The TCP layout pads its two letters with `--`. */
function tcpOrHttp(termination: string | undefined, isTcp: boolean): string | undefined {
  return isTcp ? termination?.slice(0, 2) : termination;
}

function unquoted(field: string | undefined): string {
  if (field === undefined) return '';
  return field.length >= 2 && field.startsWith('"') && field.endsWith('"') ? field.slice(1, -1) : field;
}
