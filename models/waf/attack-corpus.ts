import { type Header, type HttpMessage, headerOf } from './http-message.ts';

/** One test of the CRS project's regression tests: a request that a rule has to find, and the values in it that may be the attack. */
export interface AttackTest {
  readonly id: string; // 942100-3
  readonly rule: string;
  readonly message: HttpMessage;
  readonly payloads: readonly string[];
}

const PAYLOAD_MAX = 4096;
const PAYLOADS_MAX = 8;

/**
 * Reads one file of regression tests (go-ftw's format, as parsed YAML). Tests that expect no match are no attacks; tests that send raw bytes are left out,
 * because they break the protocol rather than carry a payload. Never throws; what is not understood is no test.
 */
export function readAttackTests(document: unknown): readonly AttackTest[] {
  const file = fieldsOf(document);
  const rule = scalarOf(file.rule_id) ?? /^\d+/.exec(scalarOf(fieldsOf(file.meta).name) ?? '')?.[0] ?? '';
  return listOf(file.tests).flatMap((test): readonly AttackTest[] => {
    const id = scalarOf(test.test_title) ?? `${rule}-${scalarOf(test.test_id) ?? '?'}`;
    const stages = listOf(test.stages).map((s) => (s.stage === undefined ? s : fieldsOf(s.stage)));
    return stages.filter(expectsMatch).flatMap((stage) => {
      const message = messageOfInput(fieldsOf(stage.input));
      return message === undefined ? [] : [{ id, rule, message, payloads: payloadsOf(message) }];
    });
  });
}

function expectsMatch(stage: Fields): boolean {
  const log = fieldsOf(fieldsOf(stage.output).log);
  if (Array.isArray(log.expect_ids)) return log.expect_ids.length > 0;
  return typeof fieldsOf(stage.output).log_contains === 'string'; // the older form
}

function messageOfInput(input: Fields): HttpMessage | undefined {
  if (input.encoded_request !== undefined) return undefined;
  const method = scalarOf(input.method) ?? 'GET';
  const headers: Header[] = Object.entries(fieldsOf(input.headers)).flatMap(([name, value]): readonly Header[] => {
    const text = scalarOf(value);
    return text === undefined ? [] : [[name, text]];
  });
  const body = Array.isArray(input.data) ? input.data.join('\r\n') : (scalarOf(input.data) ?? '');
  const message = { method, uri: sendable(scalarOf(input.uri) ?? '/'), headers, body };
  const needsType = body !== '' && headerOf(message, 'Content-Type') === undefined;
  return needsType
    ? { ...message, headers: [...headers, ['Content-Type', 'application/x-www-form-urlencoded']] }
    : message;
}

/** Some tests write blanks into the URI; a client escapes them. */
const sendable = (uri: string): string => uri.replace(/[\0-\x20\x7f]/g, (c) => encodeURIComponent(c));

/** Headers that every test has, and whose usual value is no attack. */
const USUAL = new Set([
  'host',
  'accept',
  'accept-encoding',
  'accept-language',
  'accept-charset',
  'connection',
  'content-type',
  'content-length',
  'cache-control',
  'keep-alive',
]);

/** Values of parameters, of a body that is no form, of cookies and of headers that are not usual. */
function payloadsOf(m: HttpMessage): readonly string[] {
  const question = m.uri.indexOf('?');
  const values = question < 0 ? [] : parameterValues(m.uri.slice(question + 1));
  const isForm = /x-www-form-urlencoded/i.test(headerOf(m, 'Content-Type') ?? '');
  if (m.body !== '') values.push(...(isForm ? parameterValues(m.body) : [m.body]));
  for (const [name, value] of m.headers) {
    if (USUAL.has(name.toLowerCase()) || value.includes('OWASP CRS') || value.includes('ModSecurity CRS')) continue;
    if (name.toLowerCase() === 'cookie')
      values.push(...value.split(';').map((c) => c.slice(c.indexOf('=') + 1).trim()));
    else values.push(value);
  }
  return [...new Set(values)].filter((v) => v !== '' && v.length <= PAYLOAD_MAX).slice(0, PAYLOADS_MAX);
}

/** Values, and names where they are longer than names are: some attacks are one. */
function parameterValues(pairs: string): string[] {
  return pairs.split('&').flatMap((pair) => {
    const equals = pair.indexOf('=');
    const value = decoded(equals < 0 ? pair : pair.slice(equals + 1));
    const name = equals < 0 ? '' : decoded(pair.slice(0, equals));
    return name.length > 16 ? [value, name] : [value];
  });
}

function decoded(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

type Fields = Readonly<Record<string, unknown>>;
const NOTHING: Fields = {};
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : NOTHING);
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);
const scalarOf = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : undefined;
