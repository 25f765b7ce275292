import type { LogSource, SourceRecord } from '../../../ingest/record.ts';
import type { Line, Stamp } from '../../event.ts';
import { container } from './container.ts';
import { dovecotFile } from './dovecot-file.ts';
import type { Envelope, EnvelopeContext } from './envelope.ts';
import { isoSyslog } from './iso-syslog.ts';
import { journald } from './journald.ts';
import { rfc3164 } from './rfc3164.ts';
import { rfc5424 } from './rfc5424.ts';
import { tai64n } from './tai64n.ts';

export type { Envelope, EnvelopeContext } from './envelope.ts';

/**
 * Takes the envelope off a record: syslog, journal, container or Dovecot's own file, and one more inside it (a container that prints syslog
 * lines, a relay that puts its own stamp in front). A record without one keeps its whole text as the message. Total, pure, linear.
 */
export function peel(record: SourceRecord, source: Pick<LogSource, 'index'>, context: EnvelopeContext): Line {
  const { text } = record;
  const outer = envelopeOf(text, context);
  const found = outer !== undefined && outer.program === undefined ? nested(outer, context) : outer;
  return {
    source: source.index,
    offset: record.offset,
    raw: text,
    flaw: record.flaw ?? (found?.partial === true ? 'incomplete' : undefined),
    stamp: found?.stamp,
    host: found?.host,
    program: found?.program,
    pid: found?.pid,
    message: found === undefined ? text : found.message,
  };
}

/** The first character says which envelopes it can be; each of them looks at the rest itself. */
function envelopeOf(text: string, context: EnvelopeContext): Envelope | undefined {
  const c = text.charCodeAt(0);
  if (c >= 65 && c <= 90) return dovecotFile(text, context) ?? rfc3164(text, context) ?? fullIso(text, context);
  if (c >= 48 && c <= 57) {
    if (text.charCodeAt(4) === 45) return container(text) ?? dovecotFile(text, context) ?? isoSyslog(text, context);
    return text.charCodeAt(1) === 32 ? rfc5424(text, context) : undefined;
  }
  switch (c) {
    case 60:
      return rfc5424(text, context) ?? isoSyslog(text, context) ?? rfc3164(text, context);
    case 123:
      return journald(text) ?? container(text);
    case 64:
      return tai64n(text);
    case 100:
      return dovecotFile(text, context);
    default:
      return undefined;
  }
}

/** `Tue 2026-11-24 …`: every other text that begins with a capital is no ISO stamp. */
function fullIso(text: string, context: EnvelopeContext): Envelope | undefined {
  return text.charCodeAt(3) === 32 && text.charCodeAt(8) === 45 ? isoSyslog(text, context) : undefined;
}

/** An envelope without a program may hold another one. What the inner one does not say, the outer one does. */
function nested(outer: Envelope, context: EnvelopeContext): Envelope {
  const inner = envelopeOf(outer.message, context);
  if (inner === undefined) return outer;
  return {
    stamp: better(outer.stamp, inner.stamp),
    host: inner.host ?? outer.host,
    program: inner.program,
    pid: inner.pid,
    message: inner.message,
    partial: outer.partial || inner.partial,
  };
}

/** The inner stamp is nearer to what happened, but one that knows its zone beats one that does not. */
function better(outer: Stamp | undefined, inner: Stamp | undefined): Stamp | undefined {
  if (inner === undefined || outer === undefined) return inner ?? outer;
  return outer.zoned && !inner.zoned ? outer : inner;
}
