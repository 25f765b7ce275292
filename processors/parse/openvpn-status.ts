import type { Line, Stamp } from '../event.ts';
import { type CivilZone, UTC } from '../time.ts';
import { ctimeStamp, isoStamp } from './log-time.ts';
import type { OpenvpnStatusEvent } from './openvpn.ts';
import { parseEndpoint, tunnelAddress } from './openvpn-address.ts';
import { tunnelEcs } from './openvpn-ecs.ts';
import {
  type EcsFields,
  failed,
  type ParseOutcome,
  type Parser,
  parsed,
  type RecordContext,
  skipped,
} from './parser.ts';
import type { SourceMemory } from './source-memory.ts';

/**
 * Columns where a file has no header for them: the tables of version 1, and the client list of 2.3 (8 columns) and of later releases.
 * The names are those of the headers.
 */
const CLIENT_COLUMNS_V1 = ['Common Name', 'Real Address', 'Bytes Received', 'Bytes Sent', 'Connected Since'];
const ROUTE_COLUMNS_V1 = ['Virtual Address', 'Common Name', 'Real Address', 'Last Ref'];
const ROUTE_COLUMNS = [...ROUTE_COLUMNS_V1, 'Last Ref (time_t)'];
const CLIENT_COLUMNS_2_3 = [
  ...['Common Name', 'Real Address', 'Virtual Address', 'Bytes Received', 'Bytes Sent'],
  ...['Connected Since', 'Connected Since (time_t)', 'Username'],
];
const CLIENT_COLUMNS = [
  ...CLIENT_COLUMNS_2_3.toSpliced(3, 0, 'Virtual IPv6 Address'),
  'Client ID',
  'Peer ID',
  'Data Channel Cipher',
];

const COLUMNS_MAX = 64;
const ROW_MAX = 8192;

/** Lines of version 1, of version 2 and 3 (before the separator), and of a client's statistics file. */
const WHOLE_LINES: ReadonlySet<string> = new Set([
  'OpenVPN CLIENT LIST',
  'OpenVPN STATISTICS',
  'ROUTING TABLE',
  'GLOBAL STATS',
  'END',
]);
const WHOLE_LENGTH_MAX = 'OpenVPN CLIENT LIST'.length;
const TAGS: ReadonlySet<string> = new Set([
  'TITLE',
  'TIME',
  'HEADER',
  'CLIENT_LIST',
  'ROUTING_TABLE',
  'GLOBAL_STATS',
  'ERRORS',
]);
const TOTALS: ReadonlySet<string> = new Set([
  ...[
    'Max bcast/mcast queue length',
    'TUN/TAP read bytes',
    'TUN/TAP write bytes',
    'TCP/UDP read bytes',
    'TCP/UDP write bytes',
  ],
  ...['Auth read bytes', 'pre-compress bytes', 'post-compress bytes', 'pre-decompress bytes', 'post-decompress bytes'],
  ...['TUN read truncations', 'TUN write truncations', 'Pre-encrypt truncations', 'Post-decrypt truncations'],
  'TAP-WIN32 driver status',
]);

export const openvpnStatus: Parser<OpenvpnStatusEvent> = {
  format: 'openvpn-status',
  programs: [],
  accepts(line) {
    if (line.program !== undefined) return false;
    const text = line.message;
    if (text.length <= WHOLE_LENGTH_MAX && WHOLE_LINES.has(text)) return true;
    const head = headOf(text);
    if (head === undefined) return false;
    // A row of flows begins with a digit, and no word of ours does: there are many, and to search a set for a new text is slow.
    const isDigit = head.charCodeAt(0) <= 57;
    return (!isDigit && (TAGS.has(head) || TOTALS.has(head) || head === 'Updated')) || isV1Line(text);
  },
  parse,
  ecs,
};

/**
 * Parses one line of a status file, of any version, of snapshots that follow one another in one file too.
 * Titles and column headers give no event; the time line, totals and the end line are `snapshot`; rows carry the snapshot's time.
 * The time is exact in version 2 and 3 (time_t); in version 1 it has no zone, as have its `Connected Since` and `Last Ref`.
 * Source: multi_print_status in multi.c, print_status in sig.c (2.3 to 2.7); variants in docs/formats/openvpn-status.md.
 */
function parse(line: Line, context: RecordContext): ParseOutcome<OpenvpnStatusEvent> {
  const text = line.message;
  const memory = context.memory;
  if (text === 'OpenVPN CLIENT LIST' || text === 'OpenVPN STATISTICS') return begin(memory, 1);
  if (text === 'ROUTING TABLE' || text === 'GLOBAL STATS') {
    memory.statusTable = text === 'ROUTING TABLE' ? 'route' : undefined;
    return skipped;
  }
  if (text === 'END') {
    memory.statusTable = undefined;
    return snapshot(line, memory);
  }
  if (text.length > ROW_MAX) return failed('too_long', 'row');
  const head = headOf(text);
  if (head === undefined) return failed('unknown_message', 'row');
  const separator = text.charAt(head.length);
  const cells = text.split(separator);
  if (cells.length > COLUMNS_MAX) return failed('too_long', 'columns');
  // In version 1 a client may be called `TIME` or `Updated`.
  if (memory.statusVersion === 1 && memory.statusTable !== undefined && looksLikeV1Row(cells)) {
    return untaggedRow(line, context, cells);
  }
  switch (head) {
    case 'TITLE':
      return begin(memory, separator === '\t' ? 3 : 2);
    case 'TIME':
      memory.statusTime = epochSeconds(cells[2]) ?? localStamp(cells[1], context.zone);
      return memory.statusTime === undefined ? failed('bad_time', 'TIME') : snapshot(line, memory);
    case 'Updated':
      memory.statusTime = localStamp(cells[1], context.zone);
      return memory.statusTime === undefined ? failed('bad_time', 'Updated') : snapshot(line, memory);
    case 'HEADER':
      return rememberColumns(memory, cells[1], cells.slice(2));
    case 'CLIENT_LIST': {
      const row = cells.slice(1);
      const columns =
        memory.statusClientColumns ?? (row.length <= CLIENT_COLUMNS_2_3.length ? CLIENT_COLUMNS_2_3 : CLIENT_COLUMNS);
      return clientRow(line, context, row, columns);
    }
    case 'ROUTING_TABLE':
      return routeRow(line, context, cells.slice(1), memory.statusRouteColumns ?? ROUTE_COLUMNS);
    case 'GLOBAL_STATS':
    case 'ERRORS':
      return snapshot(line, memory);
  }
  if (TOTALS.has(head)) return snapshot(line, memory);
  return untaggedRow(line, context, cells);
}

/** Version 1: a header opens its table; a row belongs to the table that was opened last, else its look decides. */
function untaggedRow(line: Line, context: RecordContext, cells: readonly string[]): ParseOutcome<OpenvpnStatusEvent> {
  const memory = context.memory;
  if (cells[0] === 'Common Name' && cells[1] === 'Real Address') return rememberColumns(memory, 'CLIENT_LIST', cells);
  if (cells[0] === 'Virtual Address' && cells[1] === 'Common Name')
    return rememberColumns(memory, 'ROUTING_TABLE', cells);
  const table = memory.statusTable ?? (looksLikeV1Client(cells) ? 'client' : 'route');
  return table === 'client'
    ? clientRow(line, context, cells, memory.statusClientColumns ?? CLIENT_COLUMNS_V1)
    : routeRow(line, context, cells, memory.statusRouteColumns ?? ROUTE_COLUMNS_V1);
}

/** A new snapshot: nothing of the one before it holds any more. */
function begin(memory: SourceMemory, version: 1 | 2 | 3): typeof skipped {
  memory.statusVersion = version;
  memory.statusTime = undefined;
  memory.statusTable = undefined;
  memory.statusClientColumns = undefined;
  memory.statusRouteColumns = undefined;
  return skipped;
}

function rememberColumns(memory: SourceMemory, table: string | undefined, columns: readonly string[]): typeof skipped {
  if (table === 'CLIENT_LIST') {
    memory.statusTable = 'client';
    memory.statusClientColumns = columns;
  } else if (table === 'ROUTING_TABLE') {
    memory.statusTable = 'route';
    memory.statusRouteColumns = columns;
  }
  return skipped;
}

function snapshot(line: Line, memory: SourceMemory): ParseOutcome<OpenvpnStatusEvent> {
  const stamp = memory.statusTime ?? line.stamp;
  if (stamp === undefined) return failed('bad_time', 'TIME');
  return parsed({
    line,
    stamp,
    dataset: 'openvpn.status',
    action: 'snapshot',
    commonName: undefined,
    realIp: undefined,
    realPort: undefined,
    leaseIp: undefined,
    bytesReceived: undefined,
    bytesSent: undefined,
    connectedAt: undefined,
    lastRefAt: undefined,
    user: undefined,
  });
}

function clientRow(
  line: Line,
  context: RecordContext,
  row: readonly string[],
  columns: readonly string[],
): ParseOutcome<OpenvpnStatusEvent> {
  const stamp = context.memory.statusTime ?? line.stamp;
  if (stamp === undefined) return failed('bad_time', 'TIME');
  const cells = withWholeName(row, columns);
  const real = parseEndpoint(cell(cells, columns, 'Real Address') ?? '');
  if (real === undefined) return failed('bad_address', 'Real Address');
  const received = count(cell(cells, columns, 'Bytes Received'));
  const sent = count(cell(cells, columns, 'Bytes Sent'));
  if (received === undefined || sent === undefined) return failed('bad_number', 'Bytes');
  return parsed({
    line,
    stamp,
    dataset: 'openvpn.status',
    action: 'client',
    commonName: defined(cell(cells, columns, 'Common Name')),
    realIp: real.ip,
    realPort: real.port,
    leaseIp:
      tunnelAddress(cell(cells, columns, 'Virtual Address') ?? '') ??
      tunnelAddress(cell(cells, columns, 'Virtual IPv6 Address') ?? ''),
    bytesReceived: received,
    bytesSent: sent,
    connectedAt: timeIn(cells, columns, 'Connected Since', context.zone),
    lastRefAt: undefined,
    user: defined(cell(cells, columns, 'Username')),
  });
}

function routeRow(
  line: Line,
  context: RecordContext,
  row: readonly string[],
  columns: readonly string[],
): ParseOutcome<OpenvpnStatusEvent> {
  const stamp = context.memory.statusTime ?? line.stamp;
  if (stamp === undefined) return failed('bad_time', 'TIME');
  const cells = withWholeName(row, columns);
  const real = parseEndpoint(cell(cells, columns, 'Real Address') ?? '');
  if (real === undefined) return failed('bad_address', 'Real Address');
  return parsed({
    line,
    stamp,
    dataset: 'openvpn.status',
    action: 'route',
    commonName: defined(cell(cells, columns, 'Common Name')),
    realIp: real.ip,
    realPort: real.port,
    leaseIp: routeAddress(cell(cells, columns, 'Virtual Address') ?? ''),
    bytesReceived: undefined,
    bytesSent: undefined,
    connectedAt: undefined,
    lastRefAt: timeIn(cells, columns, 'Last Ref', context.zone),
    user: undefined,
  });
}

/** Nothing is quoted in a status file, so commas too many are taken as part of the common name. */
function withWholeName(row: readonly string[], columns: readonly string[]): readonly string[] {
  const surplus = row.length - columns.length;
  const at = columns.indexOf('Common Name');
  if (surplus <= 0 || at < 0) return row;
  return [...row.slice(0, at), row.slice(at, at + surplus + 1).join(','), ...row.slice(at + surplus + 1)];
}

function cell(cells: readonly string[], columns: readonly string[], column: string): string | undefined {
  const at = columns.indexOf(column);
  return at < 0 ? undefined : cells[at];
}

/** A host's route. `C` behind the address marks a learned one; networks behind a client and MAC addresses are no lease. */
function routeAddress(text: string): string | undefined {
  return tunnelAddress(text.endsWith('C') ? text.slice(0, -1) : text);
}

/** `UNDEF` and nothing mean that the value is not known. */
const defined = (text: string | undefined): string | undefined => (text === '' || text === 'UNDEF' ? undefined : text);

/** Epoch ms of the column with time_t where there is one, else of the printed local time. */
function timeIn(
  cells: readonly string[],
  columns: readonly string[],
  column: string,
  zone: CivilZone,
): number | undefined {
  return (epochSeconds(cell(cells, columns, `${column} (time_t)`)) ?? localStamp(cell(cells, columns, column), zone))
    ?.at;
}

function epochSeconds(text: string | undefined): Stamp | undefined {
  const seconds = count(text);
  return seconds === undefined || seconds > 253_402_300_799
    ? undefined
    : { at: seconds * 1000, precisionMs: 1000, zoned: true };
}

/** `2026-11-24 03:24:16` (2.5 on) or `Tue Nov 24 03:24:16 2026`. */
function localStamp(text: string | undefined, zone: CivilZone): Stamp | undefined {
  if (text === undefined || text.length > 32) return undefined;
  return text[4] === '-' ? isoStamp(text, zone) : ctimeStamp(text, zone);
}

function count(text: string | undefined): number | undefined {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** What stands before the first comma or tab; undefined if there is neither. */
function headOf(text: string): string | undefined {
  const comma = text.indexOf(',');
  const tab = text.indexOf('\t');
  const end = comma < 0 ? tab : tab < 0 ? comma : Math.min(comma, tab);
  return end < 0 ? undefined : text.slice(0, end);
}

function isV1Line(text: string): boolean {
  if (text.length > ROW_MAX) return false;
  if (text.startsWith('Common Name,Real Address') || text.startsWith('Virtual Address,Common Name')) return true;
  if (!endsLikeV1Row(text)) return false;
  const cells = text.split(',');
  return cells.length <= COLUMNS_MAX && looksLikeV1Row(cells);
}

/** The part of `looksLikeV1Row` that needs the last cells only: every row of a CSV log of another program is asked, and few get further. */
function endsLikeV1Row(text: string): boolean {
  const last = text.lastIndexOf(',');
  const before = commaBefore(text, last);
  const cell = text.slice(before + 1, Math.max(last, 0));
  if (count(cell) === undefined) return parseEndpoint(cell) !== undefined;
  return count(text.slice(commaBefore(text, before) + 1, Math.max(before, 0))) !== undefined;
}

const commaBefore = (text: string, at: number): number => (at <= 0 ? -1 : text.lastIndexOf(',', at - 1));

const looksLikeV1Row = (cells: readonly string[]): boolean => looksLikeV1Client(cells) || looksLikeV1Route(cells);

/** Counted from the end, because a common name may hold commas. */
function looksLikeV1Client(cells: readonly string[]): boolean {
  return (
    count(cells.at(-2)) !== undefined &&
    count(cells.at(-3)) !== undefined &&
    parseEndpoint(cells.at(-4) ?? '') !== undefined
  );
}

function looksLikeV1Route(cells: readonly string[]): boolean {
  return parseEndpoint(cells.at(-2) ?? '') !== undefined && localStamp(cells.at(-1), UTC) !== undefined;
}

function ecs(event: OpenvpnStatusEvent): EcsFields {
  return {
    event: { category: ['network', 'session'], type: ['info'], action: event.action },
    source:
      event.realIp === undefined ? undefined : { ip: event.realIp, port: event.realPort, bytes: event.bytesReceived },
    destination: event.bytesSent === undefined ? undefined : { bytes: event.bytesSent },
    ...tunnelEcs(event),
    tls:
      event.commonName === undefined
        ? undefined
        : { client: { x509: { subject: { common_name: [event.commonName] } } } },
    imapwhy: {
      openvpn: {
        connected_at: event.connectedAt === undefined ? undefined : new Date(event.connectedAt).toISOString(),
        last_ref_at: event.lastRefAt === undefined ? undefined : new Date(event.lastRefAt).toISOString(),
      },
    },
  };
}
