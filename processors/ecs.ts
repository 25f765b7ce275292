import type { ParseFailure, UnparsedEvent } from './event.ts';
import { bounded } from './parse/http-request.ts';
import { ecsOf, type ParsedEvent } from './parse/index.ts';
import type { EcsFields } from './parse/parser.ts';
import { isoTime } from './profile/iso-time.ts';
import type { Redacted, Redaction } from './redact.ts';

/** Characters of a record that `event.original` keeps. */
export const ORIGINAL_MAX = 32 * 1024;
export const ECS_VERSION = '9.4.0';

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
  const { original, own } = redactedParts(event, redaction);
  return {
    '@timestamp': isoTime(stamp.at),
    ecs: { version: ECS_VERSION },
    ...own,
    event: {
      id: eventId(source.fingerprint, line.offset),
      kind: event.dataset === 'unparsed' ? 'pipeline_error' : 'event',
      dataset: event.dataset,
      action: event.action,
      original,
      timezone: stamp.zoned ? undefined : zoneName,
      ...fieldsOf(own.event),
    },
    host: hostOf(line.host, own.host),
    log: {
      file: { path: source.name },
      offset: line.offset,
      syslog: syslogOf(line.program, line.pid),
      ...fieldsOf(own.log),
    },
    process: processOf(line.pid, own.process),
    related: relatedOf(own, line.host),
    tags: tagsOf(event, own.tags),
    error: errorOf(event, own.error),
  };
}

interface Parts {
  readonly original: string;
  readonly own: EcsFields;
}

/** A record without secrets has none in its fields either; in one with secrets a field may repeat them (the reason, a query). */
function redactedParts(event: ParsedEvent, redaction: Redaction): Parts {
  const { raw } = event.line;
  const own = ecsOf(event);
  const found = redaction.inspect(raw);
  if (found === undefined) return { original: raw.length > ORIGINAL_MAX ? bounded(raw, ORIGINAL_MAX) : raw, own };
  return { original: bounded(found.text, ORIGINAL_MAX), own: redactedFields(own, redaction, copiesOf(found)) };
}

const NO_FIELDS: EcsFields = {};

/** Shorter secrets are not searched in fields: they occur by chance. */
const COPY_LENGTH_MIN = 6;

/** The secrets that occur in the record only where they were replaced: a copy of one in a field comes from there. */
function copiesOf(found: Redacted): readonly (readonly [string, string])[] {
  return [...found.secrets].filter(([secret]) => secret.length >= COPY_LENGTH_MIN && !found.text.includes(secret));
}

function hostOf(name: string | undefined, own: unknown): unknown {
  if (name === undefined) return own;
  return own === undefined ? { name } : { name, ...fieldsOf(own) };
}

function processOf(pid: number | undefined, own: unknown): unknown {
  if (pid === undefined) return own;
  return own === undefined ? { pid } : { pid, ...fieldsOf(own) };
}

function syslogOf(program: string | undefined, pid: number | undefined): EcsFields | undefined {
  if (program === undefined) return undefined;
  return { appname: program, procid: pid === undefined ? undefined : String(pid) };
}

/** Whom and what the document is about, for searching: the addresses, users and hosts of the format's own fields, each once. */
function relatedOf(own: EcsFields, host: string | undefined): EcsFields | undefined {
  const source = fieldsOf(own.source);
  const client = fieldsOf(own.client);
  const server = fieldsOf(own.server);
  const destination = fieldsOf(own.destination);
  const related = fieldsOf(own.related);
  const ip: string[] = [];
  addText(ip, source.ip);
  addText(ip, client.ip);
  addText(ip, fieldsOf(client.nat).ip);
  addText(ip, server.ip);
  addText(ip, destination.ip);
  addTexts(ip, related.ip);
  const user: string[] = [];
  addText(user, fieldsOf(own.user).name);
  addTexts(user, related.user);
  const hosts: string[] = [];
  addText(hosts, host);
  addText(hosts, source.domain);
  addText(hosts, client.domain);
  addText(hosts, server.domain);
  addText(hosts, destination.domain);
  addText(hosts, fieldsOf(own.url).domain);
  addTexts(hosts, related.hosts);
  if (ip.length + user.length + hosts.length === 0) return undefined;
  return { ip: unlessEmpty(ip), user: unlessEmpty(user), hosts: unlessEmpty(hosts) };
}

function addText(texts: string[], text: unknown): void {
  if (typeof text === 'string' && text !== '' && !texts.includes(text)) texts.push(text);
}

function addTexts(texts: string[], more: unknown): void {
  if (Array.isArray(more)) for (const text of more) addText(texts, text);
}

const unlessEmpty = (texts: readonly string[]): readonly string[] | undefined => (texts.length > 0 ? texts : undefined);

function tagsOf(event: ParsedEvent, own: unknown): readonly string[] | undefined {
  const { flaw, raw } = event.line;
  const failed = event.dataset === 'unparsed';
  if (own === undefined && flaw === undefined && !failed && raw.length <= ORIGINAL_MAX) return undefined;
  const tags: string[] = [];
  addTexts(tags, own);
  if (failed) tags.push('_parse_failure');
  if (flaw !== undefined) tags.push(`_${flaw}`);
  if (raw.length > ORIGINAL_MAX) tags.push('_original_cut');
  return unlessEmpty(tags);
}

function errorOf(event: ParsedEvent, own: unknown): unknown {
  return event.dataset === 'unparsed' ? failureOf(event) : own;
}

const failureOf = (event: UnparsedEvent): EcsFields => ({
  code: event.code,
  message: `${SENTENCES[event.code]} Looked at: ${event.field}.`,
});

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

/** The fields of a value that is an object; none of anything else. */
function fieldsOf(value: unknown): EcsFields {
  return isFields(value) ? value : NO_FIELDS;
}

const isFields = (value: unknown): value is EcsFields => typeof value === 'object' && value !== null;

type Copies = readonly (readonly [string, string])[];

/** The fields with the secrets in their texts replaced, those that only the record as a whole shows too. */
function redactedFields(fields: EcsFields, redaction: Redaction, copies: Copies): EcsFields {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) out[name] = redactedValue(value, redaction, copies);
  return out;
}

function redactedValue(value: unknown, redaction: Redaction, copies: Copies): unknown {
  if (typeof value === 'string') {
    let text = value;
    for (const [secret, mark] of copies) if (text.includes(secret)) text = text.replaceAll(secret, () => mark);
    return redaction.redact(text);
  }
  if (Array.isArray(value)) return value.map((item) => redactedValue(item, redaction, copies));
  return isFields(value) ? redactedFields(value, redaction, copies) : value;
}
