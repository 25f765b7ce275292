import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

/** A lab corpus in memory, cut into records that carry their time, so that a variation can rewrite logs and truth alike. */
export interface LabCorpus {
  readonly files: readonly LogFile[];
  readonly truth: readonly TruthRow[];
}

/** What the lines of a file look like: which places hold times, addresses and ports. */
export type Kind = 'syslog' | 'nginx-error' | 'nginx-access' | 'audit' | 'flows' | 'openvpn' | 'openvpn-status';

export interface LogFile {
  readonly name: string;
  readonly kind: Kind;
  /** First line that is no record (the header of the flows). */
  readonly head: string;
  readonly records: readonly LogRecord[];
}

/** One record: usually a line; a whole transaction of the audit log; a whole snapshot of the VPN's status. */
export interface LogRecord {
  /** True time, UTC ms: what the stamp says before any variation of clocks. */
  readonly at: number;
  readonly text: string;
}

/** One line of truth.ndjson; what a variation does not touch is carried along. */
export interface TruthRow {
  readonly session: number;
  readonly start: string;
  readonly end: string;
  readonly user: string | null;
  readonly client_ip: string;
  readonly vpn_ip: string | null;
  readonly server_ip: string | null;
  readonly src_port: number | null;
  readonly dovecot_session: string | null;
  readonly via: string;
  readonly outcome: string;
  readonly cause: string;
  readonly http: readonly { readonly t: string; readonly src_port: number | null }[];
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function readLab(directory: string): LabCorpus {
  const logs = join(directory, 'logs');
  const files = readdirSync(logs, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(logs, name)).isFile())
    .sort()
    .map((name) => logFile(name.replace(/\.gz$/, ''), readText(join(logs, name))));
  const truth = readText(join(directory, 'truth.ndjson.gz'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TruthRow);
  return { files, truth };
}

const readText = (path: string): string =>
  (path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path)).toString('utf8');

function logFile(name: string, text: string): LogFile {
  const kind = kindOf(name);
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const head = kind === 'flows' ? (lines.shift() ?? '') : '';
  const texts =
    kind === 'audit'
      ? together(lines, (line) => line.endsWith('---A--'))
      : kind === 'openvpn-status'
        ? together(lines, (line) => line.startsWith('TITLE,'))
        : lines;
  let last = 0;
  const records = texts.map((record) => {
    last = timeOf(kind, record) ?? last;
    return { at: last, text: record };
  });
  return { name, kind, head, records };
}

function kindOf(name: string): Kind {
  if (name.startsWith('flows')) return 'flows';
  if (name.startsWith('nginx-error')) return 'nginx-error';
  if (name.startsWith('nginx-access')) return 'nginx-access';
  if (name.startsWith('modsec')) return 'audit';
  if (name.startsWith('openvpn-status')) return 'openvpn-status';
  return name.startsWith('openvpn') ? 'openvpn' : 'syslog';
}

function together(lines: readonly string[], begins: (line: string) => boolean): readonly string[] {
  const records: string[][] = [];
  for (const line of lines) {
    const last = records.at(-1);
    if (!last || begins(line)) records.push([line]);
    else last.push(line);
  }
  return records.map((record) => record.join('\n'));
}

/** The time in a record of the untouched sample: all of its stamps are UTC. */
function timeOf(kind: Kind, text: string): number | undefined {
  switch (kind) {
    case 'syslog': {
      const time = Date.parse(
        `2026-${two(MONTHS.indexOf(text.slice(0, 3)) + 1)}-${text.slice(4, 6).replace(' ', '0')}T${text.slice(7, 15)}Z`,
      );
      return Number.isNaN(time) ? undefined : time;
    }
    case 'nginx-error':
      return isoTime(text.slice(0, 19).replaceAll('/', '-'));
    case 'openvpn':
      return isoTime(text.slice(0, 19));
    case 'flows':
      return isoTime(text.slice(24, 47));
    case 'openvpn-status':
      return isoTime(/\nTIME,([^,]+)/.exec(text)?.[1] ?? '');
    case 'nginx-access':
    case 'audit': {
      const [, day, month = '', year, time] = /\[(\d\d)\/(\w{3})\/(\d{4}):([\d:]{8})/.exec(text) ?? [];
      return day === undefined ? undefined : isoTime(`${year}-${two(MONTHS.indexOf(month) + 1)}-${day} ${time}`);
    }
  }
}

function isoTime(text: string): number | undefined {
  const time = Date.parse(`${text.replace(' ', 'T')}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** What happened in [from, to): sessions that lie within it, and the lines of that time. The VPN's leases are older, so its log is kept from the start. */
export function slice(c: LabCorpus, from: number, to: number): LabCorpus {
  return {
    files: c.files.map((f) => ({
      ...f,
      records: f.records.filter((r) => (r.at >= from || f.kind === 'openvpn') && r.at < to),
    })),
    truth: c.truth.filter((t) => Date.parse(t.start) >= from && Date.parse(t.end) < to),
  };
}

export interface WriteOptions {
  /** Modification time of the files, UTC ms; logs normally end when they were last written. */
  readonly modifiedAt?: number;
  /** Each file in this many pieces, oldest first: NAME.2.gz, NAME.1, NAME. */
  readonly pieces?: number;
}

export function writeLogs(directory: string, files: readonly LogFile[], options: WriteOptions = {}): void {
  const last = Math.max(...files.flatMap((f) => f.records.slice(-1).map((r) => r.at)));
  const modified = new Date(options.modifiedAt ?? last + 1000);
  for (const f of files) {
    if (f.records.length === 0) continue;
    for (const piece of piecesOf(f, options.pieces ?? 1)) {
      const path = join(directory, 'logs', piece.name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, piece.name.endsWith('.gz') ? gzipSync(piece.text) : piece.text);
      utimesSync(path, modified, modified);
    }
  }
}

function piecesOf(f: LogFile, pieces: number): readonly { readonly name: string; readonly text: string }[] {
  const size = Math.ceil(f.records.length / pieces);
  return Array.from({ length: pieces }, (_, i) => {
    const age = pieces - 1 - i;
    const records = f.records.slice(i * size, (i + 1) * size);
    const head = f.head === '' ? '' : `${f.head}\n`;
    return {
      name: age === 0 ? f.name : age === 1 ? `${f.name}.1` : `${f.name}.${age}.gz`,
      text: `${head}${records.map((r) => `${r.text}\n`).join('')}`,
    };
  }).filter((piece) => piece.text !== '');
}

export const mapFiles = (c: LabCorpus, change: (f: LogFile) => LogFile): LabCorpus => ({
  files: c.files.map(change),
  truth: c.truth,
});

export const mapTexts = (f: LogFile, change: (text: string, r: LogRecord) => string): LogFile => ({
  ...f,
  records: f.records.map((r) => ({ at: r.at, text: change(r.text, r) })),
});

export const isNamed = (f: LogFile, name: string): boolean => relative('.', f.name).startsWith(name);

export const two = (n: number): string => String(n).padStart(2, '0');

export { MONTHS };
