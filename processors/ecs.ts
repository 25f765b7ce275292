import type { ParseFailure } from './event.ts';
import { bounded } from './parse/http-request.ts';
import { ecsOf, type ParsedEvent } from './parse/index.ts';
import type { EcsFields } from './parse/parser.ts';
import { isoTime } from './profile/iso-time.ts';
import type { Redaction } from './redact.ts';

/** Characters of a record that `event.original` keeps. */
const ORIGINAL_MAX = 32 * 1024;
const ECS = { version: '9.4.0' };

/** What a document says about where its record was read. */
export interface EcsSource {
  readonly fingerprint: string;
  readonly name: string;
}

/** Id of an event: the place where its record was first written. `offset` in bytes. */
export const eventId = (fingerprint: string, offset: number): string => `${fingerprint}-${offset.toString(36)}`;

/**
 * The ECS 9.4 document of one event: what every event has, merged with the format's own fields, secrets replaced. Pure: the same event
 * gives the same document. Fields without a value are undefined, so that JSON leaves them out; no key comes from the input.
 * `zoneName`: zone of stamps that carry none, as `event.timezone` will say.
 */
export function toEcs(
  event: ParsedEvent,
  source: EcsSource,
  redaction: Redaction,
  zoneName: string,
): Record<string, unknown> {
  const { line, stamp } = event;
  const original = redaction.redact(bounded(line.raw, ORIGINAL_MAX));
  // A record without secrets has none in its fields either; in one with secrets a field may repeat them (the reason, a query).
  const fields = ecsOf(event);
  const own = original === line.raw ? fields : redactedFields(fields, redaction);
  const failed = event.dataset === 'unparsed';
  return {
    '@timestamp': isoTime(stamp.at),
    ecs: ECS,
    ...own,
    event: {
      id: eventId(source.fingerprint, line.offset),
      kind: failed ? 'pipeline_error' : 'event',
      dataset: event.dataset,
      action: event.action,
      original,
      timezone: stamp.zoned ? undefined : zoneName,
      ...objectOf(own.event),
    },
    host: line.host === undefined ? own.host : { name: line.host, ...objectOf(own.host) },
    log: {
      file: { path: source.name },
      offset: line.offset,
      syslog: syslogOf(line.program, line.pid),
      ...objectOf(own.log),
    },
    process: line.pid === undefined ? own.process : { pid: line.pid, ...objectOf(own.process) },
    related: relatedOf(own, line.host),
    tags: tagsOf(event, line.raw.length > ORIGINAL_MAX, own.tags),
    error: failed ? { code: event.code, message: failureSentence(event.code, event.field) } : own.error,
  };
}

function syslogOf(program: string | undefined, pid: number | undefined): EcsFields | undefined {
  if (program === undefined) return undefined;
  return { appname: program, procid: pid === undefined ? undefined : String(pid) };
}

/** Whom and what the document is about, for searching: the addresses, users and hosts of the format's own fields, each once. */
function relatedOf(own: EcsFields, host: string | undefined): EcsFields | undefined {
  const { source, client, server, destination, related } = own;
  const user = textOf(own.user, 'name');
  const ip = unique([
    textOf(source, 'ip'),
    textOf(client, 'ip'),
    textOf(objectOf(client)?.nat, 'ip'),
    textOf(server, 'ip'),
    textOf(destination, 'ip'),
    ...textsOf(related, 'ip'),
  ]);
  const users = unique([user, ...textsOf(related, 'user')]);
  const hosts = unique([
    host,
    textOf(source, 'domain'),
    textOf(client, 'domain'),
    textOf(server, 'domain'),
    textOf(destination, 'domain'),
    textOf(own.url, 'domain'),
    ...textsOf(related, 'hosts'),
  ]);
  if (ip === undefined && users === undefined && hosts === undefined) return undefined;
  return { ip, user: users, hosts };
}

function unique(texts: readonly (string | undefined)[]): readonly string[] | undefined {
  const found: string[] = [];
  for (const text of texts) if (text !== undefined && text !== '' && !found.includes(text)) found.push(text);
  return found.length > 0 ? found : undefined;
}

function tagsOf(event: ParsedEvent, cut: boolean, own: unknown): readonly string[] | undefined {
  const tags: string[] = Array.isArray(own) ? own.filter((tag) => typeof tag === 'string') : [];
  if (event.dataset === 'unparsed') tags.push('_parse_failure');
  if (event.line.flaw !== undefined) tags.push(`_${event.line.flaw}`);
  if (cut) tags.push('_original_cut');
  return tags.length > 0 ? tags : undefined;
}

const SENTENCES: Readonly<Record<ParseFailure, string>> = {
  unknown_format: 'No format that we know takes this record.',
  unknown_message: 'The program is known, this message of it is not.',
  bad_time: 'The time cannot be read.',
  bad_number: 'A number cannot be read.',
  bad_address: 'An address cannot be read.',
  bad_json: 'The JSON is damaged.',
  missing_field: 'A field that the format always has is missing.',
  truncated: 'The record ends too early.',
  binary: 'The record holds bytes that no log writes.',
  too_long: 'The record was too long and was cut.',
};

const failureSentence = (code: ParseFailure, field: string): string => `${SENTENCES[code]} Looked at: ${field}.`;

function objectOf(value: unknown): EcsFields | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === 'string' ? field : undefined;
}

function textsOf(value: unknown, name: string): readonly string[] {
  const field = fieldOf(value, name);
  return Array.isArray(field) ? field.filter((text) => typeof text === 'string') : [];
}

/** The fields with the secrets in their texts replaced. */
function redactedFields(fields: EcsFields, redaction: Redaction): EcsFields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, redactedValue(value, redaction)]));
}

function redactedValue(value: unknown, redaction: Redaction): unknown {
  if (typeof value === 'string') return redaction.redact(value);
  if (Array.isArray(value)) return value.map((item) => redactedValue(item, redaction));
  return typeof value === 'object' && value !== null ? redactedFields({ ...value }, redaction) : value;
}
