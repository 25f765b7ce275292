import { type HttpMessage, headerOf, withHeader } from './http-message.ts';

/**
 * The request with a value in one part of it: `ARGS:body`, `REQUEST_COOKIES:sid`, `REQUEST_HEADERS:User-Agent`, `QUERY_STRING`. A parameter is put where the
 * request already has it, else into its form or query. Undefined where nothing can be planted without leaving the place (a path, the name of a
 * parameter, a file) or where the value cannot stand there.
 */
export function plant(m: HttpMessage, target: string, value: string): HttpMessage | undefined {
  const colon = target.indexOf(':');
  const collection = colon < 0 ? target : target.slice(0, colon);
  const name = colon < 0 ? '' : target.slice(colon + 1);
  switch (collection) {
    case 'ARGS':
    case 'ARGS_GET':
    case 'ARGS_POST':
      return name === '' ? undefined : plantParameter(m, collection, name, value);
    case 'REQUEST_HEADERS':
      return name === '' || /[\0\r\n]/.test(value) || value.trim() !== value ? undefined : withHeader(m, name, value);
    case 'REQUEST_COOKIES':
      return /[\0\r\n;]/.test(value)
        ? undefined
        : withHeader(m, 'Cookie', cookies(headerOf(m, 'Cookie') ?? '', name, value));
    case 'QUERY_STRING':
    case 'REQUEST_URI':
    case 'REQUEST_URI_RAW':
    case 'REQUEST_LINE':
      return { ...m, uri: `${pathOf(m.uri)}?${rawQuery(value)}` };
    case 'REQUEST_BODY':
      return form({ ...m, body: value });
    case 'XML':
      return withHeader(
        { ...body(m), body: `<?xml version="1.0"?><x>${xmlText(value)}</x>` },
        'Content-Type',
        'text/xml',
      );
    default:
      return undefined;
  }
}

function plantParameter(m: HttpMessage, collection: string, name: string, value: string): HttpMessage | undefined {
  const type = headerOf(m, 'Content-Type') ?? '';
  if (/\bjson\b/i.test(type) && name.startsWith('json.')) return plantJson(m, name.slice(5), value);
  const query = queryOf(m.uri);
  const hasBody = m.body !== '' || (m.method !== 'GET' && m.method !== 'HEAD');
  const inQuery = collection === 'ARGS_GET' || (collection === 'ARGS' && (hasParameter(query, name) || !hasBody));
  if (inQuery) return { ...m, uri: `${pathOf(m.uri)}?${withParameter(query, name, value)}` };
  const isForm = type === '' || /x-www-form-urlencoded/i.test(type);
  return form({ ...m, body: withParameter(isForm ? m.body : '', name, value) });
}

/** Sent as a form, by a method that has a body. */
const form = (m: HttpMessage): HttpMessage => withHeader(body(m), 'Content-Type', 'application/x-www-form-urlencoded');
const body = (m: HttpMessage): HttpMessage =>
  m.method === 'GET' || m.method === 'HEAD' ? { ...m, method: 'POST' } : m;

export const pathOf = (uri: string): string => uri.split('?', 1)[0] ?? uri;

function queryOf(uri: string): string {
  const question = uri.indexOf('?');
  return question < 0 ? '' : uri.slice(question + 1);
}

const nameOf = (pair: string): string => decoded(pair.split('=', 1)[0] ?? '');
const hasParameter = (pairs: string, name: string): boolean => pairs.split('&').some((p) => nameOf(p) === name);

function withParameter(pairs: string, name: string, value: string): string {
  const kept = pairs.split('&').filter((p) => p !== '' && nameOf(p) !== name);
  return [...kept, `${encoded(name)}=${encoded(value)}`].join('&');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

const encoded = (text: string): string => encodeURIComponent(text.toWellFormed());
/** What a URI cannot hold is escaped; the rest stays as an attacker writes it. */
const rawQuery = (text: string): string =>
  text.toWellFormed().replace(/[^\x21\x24-\x7e]|"/gu, (c) => encodeURIComponent(c));
const xmlText = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function cookies(header: string, name: string, value: string): string {
  const kept = header
    .split(';')
    .map((c) => c.trim())
    .filter((c) => c !== '' && c.split('=', 1)[0] !== name);
  return [...kept, `${name}=${value}`].join('; ');
}

/** `auth.token` in a JSON body; a list's members are named `array_0` by ModSecurity and are not made. */
function plantJson(m: HttpMessage, path: string, value: string): HttpMessage | undefined {
  const names = path.split('.');
  if (names.length > 16 || names.some((n) => n === '' || n.startsWith('array_'))) return undefined;
  const nested = names.reduceRight<string>((inner, n) => `{${JSON.stringify(n)}:${inner}}`, JSON.stringify(value));
  return { ...body(m), body: nested };
}
