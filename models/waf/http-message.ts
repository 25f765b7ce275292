import { parseBrokenJson } from '../../processors/parse/json-repair.ts';
import { isSerial, readParts } from '../../processors/parse/modsecurity-serial.ts';

/** A request as it goes over the wire. */
export interface HttpMessage {
  readonly method: string;
  readonly uri: string; // path and query, as sent
  readonly headers: readonly Header[];
  readonly body: string; // sent as UTF-8
}

export type Header = readonly [name: string, value: string];

/** What an error log knows of a request besides its line. */
export interface RequestLine {
  readonly method: string | null;
  readonly path: string | null;
  readonly query: string | null;
}

const BODY_MAX = 128 * 1024;
/** Of the connection, not of the request: written anew when it is sent. */
const OF_CONNECTION = new Set([
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
  'te',
  'upgrade',
  'expect',
  'proxy-connection',
]);
const USUAL_HEADERS: readonly Header[] = [
  ['Host', 'localhost'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0'],
  ['Accept', '*/*'],
];

/** The request that a record tells of, as far as it does: all of it in a serial or JSON audit log, its line elsewhere. Undefined without method and path. */
export function messageOf(record: string, line: RequestLine): HttpMessage | undefined {
  const told = isSerial(record) ? ofSerial(record) : record.startsWith('{') ? ofJson(record) : undefined;
  if (told !== undefined) return withUsualHeaders(told);
  const { method, path, query } = line;
  if (method === null || path === null) return undefined;
  return withUsualHeaders({ method, uri: query === null ? path : `${path}?${query}`, headers: [], body: '' });
}

/** The request of parts B and C. */
function ofSerial(record: string): HttpMessage | undefined {
  const parts = readParts(record);
  const lines = (parts?.get('B') ?? '').split('\n').map((l) => l.trimEnd());
  const at = lines.findIndex((l) => l !== '');
  const first = /^([A-Z][A-Z_-]{0,31}) (\S.*?)(?: HTTP\/[\d.]{1,5})?$/.exec(lines[at] ?? '');
  if (first === null) return undefined;
  const headers = lines.slice(at + 1).flatMap((l): readonly Header[] => {
    const colon = l.indexOf(':');
    return colon < 1 ? [] : [[l.slice(0, colon), l.slice(colon + 1).trim()]];
  });
  return {
    method: first[1] ?? '',
    uri: first[2] ?? '',
    headers,
    body: bodyOf(parts?.get('C') ?? parts?.get('I') ?? ''),
  };
}

/** A part begins behind its boundary, with the rest of that line, and ends with a line feed (in v3 an empty line) of the log's own. */
const bodyOf = (part: string): string =>
  part
    .replace(/^\r?\n/, '')
    .replace(/\n{1,2}$/, '')
    .slice(0, BODY_MAX);

function ofJson(record: string): HttpMessage | undefined {
  const outer = fieldsOf(parseBrokenJson(record.trim()));
  const transaction = fieldsOf(outer.transaction);
  const request = fieldsOf(outer.request ?? transaction.request);
  const line = typeof request.request_line === 'string' ? request.request_line.split(' ') : [];
  const method = textOf(request.method) ?? line[0];
  const uri = textOf(request.uri) ?? line[1];
  if (method === undefined || uri === undefined || !/^[A-Z][A-Z_-]{0,31}$/.test(method)) return undefined;
  const body = Array.isArray(request.body) ? request.body.join('') : textOf(request.body);
  const headers = Object.entries(fieldsOf(request.headers)).flatMap(([name, value]): readonly Header[] => {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.flatMap((v) => (typeof v === 'string' ? [[name, v] as const] : []));
  });
  return { method, uri, headers, body: (body ?? '').slice(0, BODY_MAX) };
}

function withUsualHeaders(m: HttpMessage): HttpMessage {
  const own = m.headers.filter(([name]) => !OF_CONNECTION.has(name.toLowerCase()));
  const missing = USUAL_HEADERS.filter(([name]) => headerOf(m, name) === undefined);
  return { ...m, headers: [...missing, ...own] };
}

export function headerOf(m: HttpMessage, name: string): string | undefined {
  return m.headers.find(([n]) => n.toLowerCase() === name.toLowerCase())?.[1];
}

export function withHeader(m: HttpMessage, name: string, value: string): HttpMessage {
  return { ...m, headers: [...m.headers.filter(([n]) => n.toLowerCase() !== name.toLowerCase()), [name, value]] };
}

/** A request with no more than it needs: what attacks are planted into where no request could be proven. */
export function plainMessage(method: string, path: string): HttpMessage {
  return withUsualHeaders({ method, uri: path, headers: [], body: '' });
}

/**
 * The bytes of a request, on a connection of its own. Undefined if its line or a header would break out of its place (line breaks, NUL, blanks in the
 * URI): no client can send that in one request.
 */
export function wireText(m: HttpMessage): string | undefined {
  if (/[\0-\x20\x7f]/.test(m.uri) || !/^[A-Z][A-Z_-]{0,31}$/.test(m.method)) return undefined;
  if (m.headers.some(([n, v]) => !/^[!-9;-~]+$/.test(n) || /[\0\r\n]/.test(v))) return undefined;
  const length = new TextEncoder().encode(m.body).length;
  const own = m.headers.filter(([name]) => !OF_CONNECTION.has(name.toLowerCase()));
  const needsLength = length > 0 || m.method === 'POST' || m.method === 'PUT' || m.method === 'PATCH';
  const lines = [
    `${m.method} ${m.uri} HTTP/1.1`,
    ...own.map(([n, v]) => `${n}: ${v}`),
    ...(needsLength ? [`Content-Length: ${length}`] : []),
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${m.body}`;
}

type Fields = Readonly<Record<string, unknown>>;
const NOTHING: Fields = {};
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : NOTHING);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
