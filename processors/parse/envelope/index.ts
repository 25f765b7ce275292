import type { SourceRecord } from '../../../ingest/record.ts';
import type { Line } from '../../event.ts';
import type { RecordContext } from '../parser.ts';
import { dovecotFile } from './dovecot-file.ts';
import type { Envelope } from './envelope.ts';
import { isoSyslog } from './iso-syslog.ts';
import { criLine, jsonLine } from './json-lines.ts';
import { rfc3164 } from './rfc3164.ts';
import { rfc5424 } from './rfc5424.ts';

/** Peels off the envelope, and a second one inside it (a syslog line in a container's JSON). What has none is all message. */
export function peel(record: SourceRecord, source: number, context: RecordContext): Line {
  const outer = open(record.text, context);
  if (!outer) return line(record, source, NONE, record.text);
  if (outer.program !== undefined) return line(record, source, outer, outer.message);
  const inner = open(outer.message, context);
  if (!inner) return line(record, source, outer, outer.message);
  return line(
    record,
    source,
    {
      stamp: outer.stamp ?? inner.stamp,
      host: inner.host ?? outer.host,
      program: inner.program,
      pid: inner.pid,
      message: inner.message,
    },
    inner.message,
  );
}

const NONE: Envelope = { stamp: undefined, host: undefined, program: undefined, pid: undefined, message: '' };

const line = (record: SourceRecord, source: number, e: Envelope, message: string): Line => ({
  source,
  offset: record.offset,
  raw: record.text,
  flaw: record.flaw,
  stamp: e.stamp,
  host: e.host,
  program: e.program,
  pid: e.pid,
  message,
});

/** Which envelope it is shows in the first character: a letter (month), a digit (year), `<` (PRI) or `{` (JSON). */
function open(text: string, context: RecordContext): Envelope | undefined {
  const c = text.charCodeAt(0);
  if (c >= 65 && c <= 83) return dovecotFile(text, context) ?? rfc3164(text, context);
  if (c >= 48 && c <= 57) return criLine(text, context) ?? dovecotFile(text, context) ?? isoSyslog(text, context);
  if (c === 60) return rfc5424(text, context) ?? isoSyslog(text, context) ?? rfc3164(text, context);
  if (c === 123) return jsonLine(text, context);
  return undefined;
}
