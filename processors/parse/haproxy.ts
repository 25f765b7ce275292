import type { EventBase, Line, Stamp } from '../event.ts';
import { readHaproxyClf } from './haproxy-clf.ts';
import {
  type Endpoint,
  fieldEnd,
  NO_ENDPOINT,
  NOT_A_NUMBER,
  nameOf,
  reached,
  readConnections,
  readCount,
  readEndpoint,
  readHttp,
  readQueues,
  readTermination,
  readTimer,
} from './haproxy-fields.ts';
import { bounded, redactText } from './http-request.ts';
import { clfStamp } from './log-time.ts';
import { type EcsFields, failed, type ParseOutcome, type Parser, parsed, type RecordContext } from './parser.ts';

/** `option tcplog` / `option httplog` / error lines. `stamp` is the accept (or request) time, `endedAt` = stamp + total timer. */
export interface HaproxyEvent extends EventBase {
  readonly dataset: 'haproxy.connection';
  readonly action: 'connection-ended' | 'connection-error' | 'server-state' | 'notice';
  readonly clientIp: string | undefined;
  readonly clientPort: number | undefined;
  readonly frontend: string | undefined; // without the trailing ~
  readonly tls: boolean; // frontend~
  readonly backend: string | undefined;
  readonly server: string | undefined; // <NOSRV> as undefined
  readonly queueMs: number | undefined; // -1 (not reached) as undefined
  readonly connectMs: number | undefined;
  readonly totalMs: number | undefined;
  readonly endedAt: number | undefined;
  readonly bytes: number | undefined;
  readonly termination: string | undefined; // two letters (TCP) or four (HTTP): '--', 'cD', 'sD', 'SC', 'PR' …
  readonly connections:
    | readonly [actconn: number, feconn: number, beconn: number, srvconn: number, retries: number]
    | undefined;
  readonly queues: readonly [server: number, backend: number] | undefined;
  readonly http:
    | { readonly status: number | undefined; readonly method: string | undefined; readonly path: string | undefined }
    | undefined;
  readonly reason: string | undefined; // error lines: "Timeout during SSL handshake" …; server-state: the sentence
}

/**
 * HAProxy log lines: `option tcplog`, `option httplog` (1.5 on), `option httpslog` (2.5 on), their `clf` forms, connection errors and
 * messages about servers and proxies. In: the message after the syslog envelope. Time: the accept or request date in the line, in
 * milliseconds and without a zone; messages have only the envelope's. Variants: docs/formats/haproxy.md.
 * Source: HAProxy `doc/configuration.txt` 8.2, `src/log.c`, `src/session.c`.
 */
export const haproxy: Parser<HaproxyEvent> = {
  format: 'haproxy',
  programs: ['haproxy'],
  accepts: ({ message }) => message.includes('[') && (dateAt(message) >= 0 || readHaproxyClf(message) !== undefined),
  parse: parseHaproxy,
  ecs: ecsOfHaproxy,
};

const DATE_LENGTH = '24/Nov/2026:03:24:10.272'.length;

/** Where `[24/Nov/2026:03:24:10.272] ` begins, after the bracket; -1 if nowhere. */
function dateAt(text: string): number {
  for (let open = text.indexOf(' ['); open >= 0 && open < 512; open = text.indexOf(' [', open + 2)) {
    const at = open + 2;
    if (text[at + 2] === '/' && text[at + 20] === '.' && text[at + DATE_LENGTH] === ']') return at;
  }
  return -1;
}

function parseHaproxy(line: Line, context: RecordContext): ParseOutcome<HaproxyEvent> {
  const text = line.message;
  const at = dateAt(text);
  if (at < 0) return parseWithoutDate(line, context);
  const stamp = clfStamp(text.slice(at, at + DATE_LENGTH), context.zone);
  if (stamp === undefined) return failed('bad_time', 'accept_date');
  const client = readEndpoint(text.slice(0, at - 2));
  const fields = text.slice(at + DATE_LENGTH + 2);
  const frontendEnd = fieldEnd(fields, 0);
  const frontend = fields.slice(0, frontendEnd);
  if (frontend.endsWith(':')) return parsed(errorEvent(line, stamp, client, frontend, fields.slice(frontendEnd + 1)));
  return parseConnection(line, stamp, client, frontend, fields, frontendEnd + 1);
}

const QUARTER_HOUR_MS = 900_000;
const ZONE_MAX_MS = 14 * 3_600_000;
const WRITTEN_WITHIN_MS = 60_000;

/**
 * The accept date carries no zone, but the line was written when the connection ended: where both differ by whole quarters of an hour, the
 * envelope's zone holds for both, also over the change from summer time.
 */
function inZoneOf(written: Stamp | undefined, shown: Stamp, totalMs: number): Stamp {
  if (written === undefined) return shown;
  const off = written.at - (shown.at + totalMs);
  if (off > -WRITTEN_WITHIN_MS && off < WRITTEN_WITHIN_MS) return shown;
  const zone = Math.round(off / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
  if (Math.abs(zone) > ZONE_MAX_MS || Math.abs(off - zone) > WRITTEN_WITHIN_MS) return shown;
  return { at: shown.at + zone, precisionMs: shown.precisionMs, zoned: written.zoned };
}

/** `FE BE/SRV TIMERS …`: three timers are TCP, five HTTP. What stands after the timers may be missing in a line that was cut;
 * a number that the cut may have shortened is not believed. */
function parseConnection(
  line: Line,
  shown: Stamp,
  client: Endpoint,
  frontend: string,
  fields: string,
  from: number,
): ParseOutcome<HaproxyEvent> {
  const routeEnd = fieldEnd(fields, from);
  const timersEnd = fieldEnd(fields, routeEnd + 1);
  const slash = fields.indexOf('/', from);
  if (slash < 0 || slash > routeEnd) return failed('missing_field', 'backend');
  if (timersEnd === fields.length) return failed('truncated', 'timers');
  const timers = fields.slice(routeEnd + 1, timersEnd).split('/', 6);
  if (timers.length !== 3 && timers.length !== 5) return failed('missing_field', 'timers');
  const isHttp = timers.length === 5;
  const totalMs = readTimer(timers[isHttp ? 4 : 2]);
  if (totalMs === NOT_A_NUMBER) return failed('bad_number', 'timers');
  const stamp = inZoneOf(line.stamp, shown, reached(totalMs) ?? 0);
  const rest = isHttp ? readHttpRest(fields, timersEnd + 1) : readTcpRest(fields, timersEnd + 1);
  return parsed({
    line,
    stamp,
    dataset: 'haproxy.connection',
    action: 'connection-ended',
    clientIp: client.ip,
    clientPort: client.port,
    frontend: frontend.endsWith('~') ? frontend.slice(0, -1) : frontend,
    tls: frontend.endsWith('~'),
    backend: nameOf(fields.slice(from, slash)),
    server: nameOf(fields.slice(slash + 1, routeEnd)),
    queueMs: reached(readTimer(timers[isHttp ? 1 : 0])),
    connectMs: reached(readTimer(timers[isHttp ? 2 : 1])),
    totalMs: reached(totalMs),
    endedAt: totalMs >= 0 ? stamp.at + totalMs : undefined,
    bytes: rest.bytes,
    termination: rest.termination,
    connections: rest.connections,
    queues: rest.queues,
    http: rest.http,
    reason: undefined,
  });
}

interface Rest {
  readonly bytes: number | undefined;
  readonly termination: string | undefined;
  readonly connections: HaproxyEvent['connections'];
  readonly queues: HaproxyEvent['queues'];
  readonly http: HaproxyEvent['http'];
}

/** `BYTES TS ac/fc/bc/sc/rc sq/bq`. */
function readTcpRest(fields: string, from: number): Rest {
  const bytesEnd = fieldEnd(fields, from);
  const stateEnd = fieldEnd(fields, bytesEnd + 1);
  const countsEnd = fieldEnd(fields, stateEnd + 1);
  return {
    bytes: bytesEnd < fields.length ? readCount(fields.slice(from, bytesEnd)) : undefined,
    termination: readTermination(fields.slice(bytesEnd + 1, stateEnd)),
    connections: readConnections(fields.slice(stateEnd + 1, countsEnd).split('/', 6)),
    queues: readQueues(fields.slice(countsEnd + 1, fieldEnd(fields, countsEnd + 1)).split('/', 3)),
    http: undefined,
  };
}

/** `ST BYTES CC CS TSC ac/fc/bc/sc/rc sq/bq {hr} {hs} "REQ"`. Captures cannot hold a quote, and the request may be cut. */
function readHttpRest(fields: string, from: number): Rest {
  const parts = fields.slice(from, from + 2048).split(' ', 7);
  const quote = fields.indexOf(' "', from);
  const end = quote < 0 ? -1 : fields.indexOf('"', quote + 2);
  return {
    bytes: parts.length > 2 ? readCount(parts[1]) : undefined,
    termination: readTermination(parts[4]),
    connections: readConnections((parts[5] ?? '').split('/', 6)),
    queues: readQueues((parts[6] ?? '').split('/', 3)),
    http: readHttp(parts[0], quote < 0 ? '' : fields.slice(quote + 2, end < 0 ? undefined : end)),
  };
}

/** `CI:CP [accept] FE/BIND: MESSAGE`: a connection that ended before it had a session, mostly in its TLS handshake. */
function errorEvent(line: Line, stamp: Stamp, client: Endpoint, place: string, message: string): HaproxyEvent {
  const slash = place.indexOf('/');
  const frontend = place.slice(0, slash < 0 ? place.length - 1 : slash);
  const tilde = frontend.endsWith('~');
  return {
    line,
    stamp,
    dataset: 'haproxy.connection',
    action: 'connection-error',
    clientIp: client.ip,
    clientPort: client.port,
    frontend: tilde ? frontend.slice(0, -1) : frontend,
    tls: tilde || message.includes('SSL') || message.includes('TLS'),
    backend: undefined,
    server: undefined,
    queueMs: undefined,
    connectMs: undefined,
    totalMs: undefined,
    endedAt: undefined,
    bytes: undefined,
    termination: undefined,
    connections: undefined,
    queues: undefined,
    http: undefined,
    reason: bounded(redactText(message), 1024),
  };
}

function parseWithoutDate(line: Line, context: RecordContext): ParseOutcome<HaproxyEvent> {
  const clf = readHaproxyClf(line.message);
  if (clf !== undefined) {
    const stamp = clfStamp(clf.date, context.zone);
    return stamp === undefined ? failed('bad_time', 'date') : parsed(clf.event(line, stamp));
  }
  if (line.stamp === undefined) return failed('unknown_message', 'accept_date');
  const message = withoutConsolePrefix(line.message).trim();
  return message === '' ? failed('missing_field', 'message') : parsed(messageEvent(line, line.stamp, message));
}

/** `[WARNING] 327/032410 (152) : Server …` and `[NOTICE]   (152) : …`: HAProxy's own output, which a supervisor logs. */
function withoutConsolePrefix(text: string): string {
  if (text.charCodeAt(0) !== 91) return text;
  const colon = text.indexOf(') : ');
  return colon > 0 && colon < 64 ? text.slice(colon + 4) : text;
}

/** Server and proxy states, `Connect from … to …` (what is logged without any log option), and every other message. */
function messageEvent(line: Line, stamp: Stamp, message: string): HaproxyEvent {
  const place = readPlace(message);
  const client = message.startsWith('Connect from ')
    ? readEndpoint(message.slice(13, fieldEnd(message, 13)))
    : NO_ENDPOINT;
  const open = client.ip === undefined ? -1 : message.lastIndexOf(' (');
  return {
    line,
    stamp,
    dataset: 'haproxy.connection',
    action: place.isState ? 'server-state' : 'notice',
    clientIp: client.ip,
    clientPort: client.port,
    frontend: open < 0 ? undefined : message.slice(open + 2).split(/[/)]/, 1)[0],
    tls: false,
    backend: place.backend,
    server: place.server,
    queueMs: undefined,
    connectMs: undefined,
    totalMs: undefined,
    endedAt: undefined,
    bytes: undefined,
    termination: undefined,
    connections: undefined,
    queues: undefined,
    http: undefined,
    reason: bounded(redactText(message), 1024),
  };
}

interface Place {
  readonly isState: boolean;
  readonly backend: string | undefined;
  readonly server: string | undefined;
}

/** The words before the name, from `src/server.c`, `src/check.c` and `src/proxy.c`. */
const STATE_WORDS: readonly string[] = [
  ...[
    'Server ',
    'Backup Server ',
    'Health check for server ',
    'Health check for backup server ',
    'Agent check for server ',
  ],
  ...['backend ', 'Backend ', 'Proxy ', 'Stopping proxy ', 'Stopping backend ', 'Stopping frontend ', 'Pausing proxy '],
];

/** `mx/mx1` after the words of a state message, or the proxy's name. */
function readPlace(message: string): Place {
  const words = STATE_WORDS.find((known) => message.startsWith(known));
  if (words === undefined) return { isState: false, backend: undefined, server: undefined };
  const name = message.slice(words.length, fieldEnd(message, words.length)).replace(/[:,.]$/, '');
  const slash = name.indexOf('/');
  if (slash < 0) return { isState: true, backend: bounded(name, 256), server: undefined };
  return { isState: true, backend: bounded(name.slice(0, slash), 256), server: bounded(name.slice(slash + 1), 256) };
}

/** Who ended it (first letter) and in which phase (second), `doc/configuration.txt` 8.5. */
const ENDED_BY: ReadonlyMap<string, string> = new Map([
  ['C', 'the client aborted'],
  ['S', 'the server aborted or refused'],
  ['P', 'the proxy blocked it'],
  ['L', 'the proxy answered itself'],
  ['R', 'a resource of the proxy ran out'],
  ['I', 'internal error of the proxy'],
  ['D', 'the server was marked down'],
  ['U', 'the primary server came back'],
  ['K', 'an administrator ended it'],
  ['c', 'the client was silent until its timeout'],
  ['s', 'the server was silent until its timeout'],
]);
const ENDED_IN: ReadonlyMap<string, string> = new Map([
  ['R', 'waiting for the request'],
  ['Q', 'in the queue'],
  ['C', 'connecting to the server'],
  ['H', 'waiting for response headers'],
  ['D', 'transferring'],
  ['L', 'sending the last bytes'],
  ['T', 'in the tarpit'],
]);

/** `cD` in words; undefined for a regular end. */
function terminationText(termination: string | undefined): string | undefined {
  const by = termination === undefined ? undefined : ENDED_BY.get(termination[0] ?? '');
  if (by === undefined) return undefined;
  const phase = ENDED_IN.get(termination?.[1] ?? '');
  return phase === undefined ? `${termination}: ${by}` : `${termination}: ${by}, ${phase}`;
}

function ecsOfHaproxy(event: HaproxyEvent): EcsFields {
  return {
    event: {
      category: event.http === undefined ? ['network'] : ['network', 'web'],
      type: typesOf(event.action),
      action: event.action,
      outcome: outcomeOf(event),
      reason: event.reason ?? terminationText(event.termination),
      duration: event.totalMs === undefined ? undefined : event.totalMs * 1_000_000,
    },
    source: event.clientIp === undefined ? undefined : { ip: event.clientIp, port: event.clientPort },
    network: event.clientIp === undefined ? undefined : { transport: 'tcp' },
    tls: event.tls && event.action === 'connection-ended' ? { established: true } : undefined,
    url: event.http?.path === undefined ? undefined : { path: event.http.path },
    http: httpOf(event.http),
    haproxy: {
      frontend_name: event.frontend,
      backend_name: event.backend,
      server_name: event.server,
      bytes_read: event.bytes,
      time_queue_ms: event.queueMs,
      time_connect_ms: event.connectMs,
      time_total_ms: event.totalMs,
      termination_state: event.termination,
      connections: connectionsOf(event),
      queue: event.queues === undefined ? undefined : { server: event.queues[0], backend: event.queues[1] },
    },
  };
}

function httpOf(http: HaproxyEvent['http']): EcsFields | undefined {
  if (http === undefined) return undefined;
  return {
    request: http.method === undefined ? undefined : { method: http.method },
    response: http.status === undefined ? undefined : { status_code: http.status },
  };
}

function connectionsOf(event: HaproxyEvent): EcsFields | undefined {
  if (event.connections === undefined) return undefined;
  const [active, frontend, backend, server, retries] = event.connections;
  return { active, frontend, backend, server, retries };
}

function typesOf(action: HaproxyEvent['action']): readonly string[] {
  if (action === 'connection-ended') return ['connection', 'end'];
  if (action === 'connection-error') return ['connection', 'error'];
  return action === 'server-state' ? ['change'] : ['info'];
}

/** `CD` in TCP is how many clients close, so it is neither; a local answer (`L`) is HAProxy's own but regular. */
function outcomeOf(event: HaproxyEvent): 'success' | 'failure' | 'unknown' {
  if (event.action === 'connection-error') return 'failure';
  if (event.action === 'server-state')
    return /\bDOWN\b|failed|no server available/.test(event.reason ?? '') ? 'failure' : 'unknown';
  const end = event.termination;
  if (end === undefined) return 'unknown';
  if (end.startsWith('--') || end.startsWith('L')) return (event.http?.status ?? 0) >= 500 ? 'failure' : 'success';
  return end === 'CD' ? 'unknown' : 'failure';
}
