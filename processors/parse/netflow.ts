import type { EventBase, Line, Stamp } from '../event.ts';
import { looksLikeAddress } from '../ip.ts';
import type { CivilZone } from '../time.ts';
import { compressedAddress } from './compressed-address.ts';
import { epochStamp, isoStamp } from './log-time.ts';
import { portAt } from './number-at.ts';
import {
  type EcsFields,
  failed,
  type ParseOutcome,
  type Parser,
  parsed,
  type RecordContext,
  skipped,
} from './parser.ts';
import type { NetflowColumns, NetflowField } from './source-memory.ts';
import { transportName } from './transport.ts';

/** One unidirectional flow record: nfdump CSV (any column order, by header) or `nfdump -o json`. `stamp` is the flow's start. */
export interface NetflowEvent extends EventBase {
  readonly dataset: 'netflow.flow';
  readonly action: 'flow';
  readonly endedAt: number;
  readonly sourceIp: string;
  readonly sourcePort: number; // 0 where the protocol has none
  readonly destinationIp: string;
  readonly destinationPort: number;
  readonly transport: string; // tcp, udp, …
  readonly flags: string; // letters that were seen, in the order of "CEUAPRSF" (nfdump prints dots between)
  readonly packets: number;
  readonly bytes: number;
}

/**
 * Spellings of each value. First the columns of `nfdump -o csv` up to 1.6, of 1.7, then the keys of its JSON (1.6, 1.7), then plain
 * words of hand-made exports. Output counters (`opkt`, `out_bytes`) belong to the other direction and are not read.
 */
const SPELLINGS: Readonly<Record<NetflowField, readonly string[]>> = {
  start: ['ts', 'firstSeen', 't_first', 'first', 'start', 'start_time'],
  end: ['te', 'lastSeen', 't_last', 'last', 'end', 'end_time'],
  duration: ['td', 'duration', 'duration_s'],
  transport: ['pr', 'proto', 'protocol'],
  sourceIp: ['sa', 'srcAddr', 'src4_addr', 'src6_addr', 'src', 'src_ip', 'src_addr'],
  sourcePort: ['sp', 'srcPort', 'src_port', 'sport'],
  destinationIp: ['da', 'dstAddr', 'dst4_addr', 'dst6_addr', 'dst', 'dst_ip', 'dst_addr'],
  destinationPort: ['dp', 'dstPort', 'dst_port', 'dport'],
  flags: ['flg', 'flags', 'tcp_flags'],
  packets: ['ipkt', 'inPackets', 'in_packets', 'packets', 'pkt'],
  bytes: ['ibyt', 'inBytes', 'in_bytes', 'bytes', 'byt'],
};

/**
 * What nfdump prints under `-q`, where the header is left out: 1.6 (always 48 columns, the rest is not read), 1.7, and 1.7 `csv-fast`.
 * The number of columns tells them apart.
 */
const HEADERLESS: ReadonlyMap<number, NetflowColumns | undefined> = new Map(
  [
    `ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt${',-'.repeat(35)}`,
    'firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows',
    'cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,packets,bytes',
  ]
    .map((header) => header.split(','))
    .map((cells) => [cells.length, columnsOf(cells)]),
);

const FLAG_ORDER = 'CEUAPRSF';
/** The last millisecond of the year 9999; what lies beyond cannot be written as a date. */
const EPOCH_MS_MAX = 253_402_300_799_999;
/** Fewer columns than this cannot hold a flow. */
const COMMAS_MIN = 7;
/** More than nfdump has elements; longer rows are not split. */
const COMMAS_MAX = 255;

export const netflow: Parser<NetflowEvent> = {
  format: 'netflow',
  programs: [],
  accepts: (line) => line.program === undefined && looksLikeFlow(line.message),
  parse,
  ecs,
};

function looksLikeFlow(text: string): boolean {
  if (text.startsWith('{')) return text.includes('_addr"') && text.includes('"proto"');
  if (isSummary(text) || isTotals(text)) return true;
  // A row of an OpenVPN status file can hold two addresses as well.
  if (text.startsWith('CLIENT_LIST,')) return false;
  const count = commas(text, COMMAS_MAX + 1);
  if (count < COMMAS_MIN || count > COMMAS_MAX || text.includes('"')) return false;
  // Without cutting the cells out: this is asked of each row, and nearly all are flows.
  let addresses = 0;
  for (let from = 0; from < text.length; ) {
    const comma = text.indexOf(',', from);
    const to = comma < 0 ? text.length : comma;
    if (isAddressCell(text, from, to) && ++addresses === 2) return true;
    from = to + 1;
  }
  return columnsOf(text.split(',')) !== undefined;
}

/**
 * Parses one CSV row by the last header of its source, or one JSON object. A header gives no event, and so do nfdump's totals.
 * Times: epochs and ISO stamps with an offset say their zone; all others are in `context.zone`.
 * Without a header only the fixed layouts of `nfdump -q` are understood.
 * Source: nfdump 1.6 bin/output_csv.c, 1.7 src/output/output_csv.c, output_json.c; variants in docs/formats/netflow.md.
 */
function parse(line: Line, context: RecordContext): ParseOutcome<NetflowEvent> {
  const text = line.message;
  if (text.startsWith('{')) return parseJson(line, context.zone);
  const memory = context.memory;
  if (isSummary(text)) {
    memory.netflowColumns = 'summary';
    return skipped;
  }
  if (commas(text, COMMAS_MAX + 1) > COMMAS_MAX) return failed('too_long', 'columns');
  const cells = text.split(',');
  const first = text.charCodeAt(0) | 32;
  if (first >= 97 && first <= 122) {
    const header = columnsOf(cells);
    if (header !== undefined) {
      memory.netflowColumns = header;
      return skipped;
    }
  }
  if (memory.netflowColumns === 'summary') return skipped;
  const columns = memory.netflowColumns ?? HEADERLESS.get(cells.length);
  if (columns === undefined) return failed('missing_field', 'header');
  return flowOf(line, context.zone, textsOfRow(cells, columns));
}

/** nfdump ends a CSV with the word `Summary` and a small table of totals. */
const isSummary = (text: string): boolean => text.startsWith('Summary') || text.startsWith('flows,bytes,packets,');

/** The row of that table: six whole numbers. */
function isTotals(text: string): boolean {
  return text.length < 128 && text.charCodeAt(0) < 58 && commas(text, 6) === 5 && /^[0-9,]+$/.test(text);
}

/** The columns of a header; undefined if these cells are none or name too little to make a flow. */
function columnsOf(cells: readonly string[]): NetflowColumns | undefined {
  const named = cells.map((cell) => cell.trim().toLowerCase());
  const column = (field: NetflowField): number => named.findIndex((name) => spells(field, name));
  const columns: NetflowColumns = {
    start: column('start'),
    end: column('end'),
    duration: column('duration'),
    transport: column('transport'),
    sourceIp: column('sourceIp'),
    sourcePort: column('sourcePort'),
    destinationIp: column('destinationIp'),
    destinationPort: column('destinationPort'),
    flags: column('flags'),
    packets: column('packets'),
    bytes: column('bytes'),
  };
  const timed = columns.start >= 0 && (columns.end >= 0 || columns.duration >= 0);
  const addressed = columns.sourceIp >= 0 && columns.destinationIp >= 0 && columns.transport >= 0;
  return timed && addressed && columns.packets >= 0 && columns.bytes >= 0 ? columns : undefined;
}

function spells(field: NetflowField, name: string): boolean {
  return SPELLINGS[field].some((spelling) => spelling.toLowerCase() === name);
}

type FlowTexts = Readonly<Record<NetflowField, string | undefined>>;

function textsOfRow(cells: readonly string[], columns: NetflowColumns): FlowTexts {
  return {
    start: cells[columns.start],
    end: cells[columns.end],
    duration: cells[columns.duration],
    transport: cells[columns.transport],
    sourceIp: cells[columns.sourceIp],
    sourcePort: cells[columns.sourcePort],
    destinationIp: cells[columns.destinationIp],
    destinationPort: cells[columns.destinationPort],
    flags: cells[columns.flags],
    packets: cells[columns.packets],
    bytes: cells[columns.bytes],
  };
}

function parseJson(line: Line, zone: CivilZone): ParseOutcome<NetflowEvent> {
  const record = jsonObject(line.message);
  if (record === undefined) return failed('bad_json', 'record');
  return flowOf(line, zone, {
    start: textIn(record, 'start'),
    end: textIn(record, 'end'),
    duration: textIn(record, 'duration'),
    transport: textIn(record, 'transport'),
    sourceIp: textIn(record, 'sourceIp'),
    sourcePort: textIn(record, 'sourcePort'),
    destinationIp: textIn(record, 'destinationIp'),
    destinationPort: textIn(record, 'destinationPort'),
    flags: textIn(record, 'flags'),
    packets: textIn(record, 'packets'),
    bytes: textIn(record, 'bytes'),
  });
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value under the first spelling that is there, numbers as text. */
function textIn(record: Readonly<Record<string, unknown>>, field: NetflowField): string | undefined {
  for (const spelling of SPELLINGS[field]) {
    const value = record[spelling];
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}

function flowOf(line: Line, zone: CivilZone, texts: FlowTexts): ParseOutcome<NetflowEvent> {
  if (texts.start === undefined) return failed('missing_field', 'start');
  const stamp = stampOf(texts.start, zone);
  if (stamp === undefined) return failed('bad_time', 'start');
  const endedAt = endOf(stamp.at, texts, zone);
  if (endedAt === undefined) return failed('bad_time', 'end');
  const sourceIp = texts.sourceIp?.trim();
  const destinationIp = texts.destinationIp?.trim();
  const transport = texts.transport?.trim();
  if (!sourceIp || !looksLikeAddress(sourceIp)) return failed('bad_address', 'source');
  if (!destinationIp || !looksLikeAddress(destinationIp)) return failed('bad_address', 'destination');
  if (!transport || transport.length > 24) return failed('missing_field', 'protocol');
  const sourcePort = portOf(texts.sourcePort);
  const destinationPort = portOf(texts.destinationPort);
  const packets = countOf(texts.packets);
  const bytes = countOf(texts.bytes);
  if (sourcePort === undefined || destinationPort === undefined) return failed('bad_number', 'port');
  if (packets === undefined || bytes === undefined)
    return failed('bad_number', packets === undefined ? 'packets' : 'bytes');
  return parsed({
    line,
    stamp,
    dataset: 'netflow.flow',
    action: 'flow',
    endedAt,
    sourceIp: compressedAddress(sourceIp),
    sourcePort,
    destinationIp: compressedAddress(destinationIp),
    destinationPort,
    transport: transportName(transport),
    flags: flagsOf(texts.flags),
    packets,
    bytes,
  });
}

/** `2026-11-24 03:28:44.719`, the same with `T` or an offset, or an epoch in (fractions of) seconds or milliseconds. */
function stampOf(text: string, zone: CivilZone): Stamp | undefined {
  const stamp = text[4] === '-' ? isoStamp(text, zone) : epochStamp(Number(text));
  return stamp !== undefined && stamp.at <= EPOCH_MS_MAX ? stamp : undefined;
}

/** The end, from its own stamp or from the duration, and never before the start. */
function endOf(startedAt: number, texts: FlowTexts, zone: CivilZone): number | undefined {
  const end = texts.end === undefined ? undefined : stampOf(texts.end, zone)?.at;
  if (end !== undefined) return Math.max(startedAt, end);
  const duration = texts.duration === undefined ? undefined : durationMs(texts.duration);
  return duration === undefined || startedAt + duration > EPOCH_MS_MAX ? undefined : startedAt + duration;
}

/** `6.390` seconds, or `00:00:06.390` as 1.7 can print it. */
function durationMs(text: string): number | undefined {
  let seconds = 0;
  for (const part of text.trim().slice(0, 24).split(':')) {
    const value = part === '' ? Number.NaN : Number(part);
    if (!(value >= 0)) return undefined;
    seconds = seconds * 60 + value;
  }
  return Math.round(seconds * 1000);
}

/** An absent port is 0, and so is the `8.0` (type and code) that stands in its place for ICMP. */
function portOf(text: string | undefined): number | undefined {
  return text === undefined || text === '' || text.includes('.') ? 0 : portAt(text.trim(), 0);
}

function countOf(text: string | undefined): number | undefined {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** `...AP.SF`, `0x1b` or `27` as `APSF`. */
function flagsOf(text: string | undefined): string {
  if (text === undefined || text.length > 16) return '';
  const bits = Number(text);
  let seen = '';
  for (let i = 0; i < FLAG_ORDER.length; i++) {
    const letter = FLAG_ORDER.charAt(i);
    if (Number.isInteger(bits) ? (bits >> (7 - i)) & 1 : text.includes(letter)) seen += letter;
  }
  return seen;
}

/** Whether the cell from `from` to `to` looks like an address with all of its parts: `8.0` is none. */
function isAddressCell(text: string, from: number, to: number): boolean {
  if (to - from < 2 || to - from > 45) return false;
  let dots = 0;
  let colons = 0;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c === 46) dots++;
    else if (c === 58) colons++;
    else if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70))) return false;
  }
  if (colons === 0) return dots === 3;
  return colons > 2 || (colons === 2 && text.slice(from, to).includes('::'));
}

/** How many commas the text has; stops counting at `most`. */
function commas(text: string, most: number): number {
  let count = 0;
  for (let at = text.indexOf(','); at >= 0 && count < most; at = text.indexOf(',', at + 1)) count++;
  return count;
}

function ecs(event: NetflowEvent): EcsFields {
  return {
    event: {
      category: ['network'],
      type: ['connection', 'end'],
      action: event.action,
      start: new Date(event.stamp.at).toISOString(),
      end: new Date(event.endedAt).toISOString(),
      duration: (event.endedAt - event.stamp.at) * 1_000_000,
    },
    source: { ip: event.sourceIp, port: event.sourcePort, bytes: event.bytes, packets: event.packets },
    destination: { ip: event.destinationIp, port: event.destinationPort },
    network: {
      transport: event.transport,
      type: event.sourceIp.includes(':') ? 'ipv6' : 'ipv4',
      bytes: event.bytes,
      packets: event.packets,
    },
    related: { ip: [event.sourceIp, event.destinationIp] },
    imapwhy: { netflow: { flags: event.flags } },
  };
}
