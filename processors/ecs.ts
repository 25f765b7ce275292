import { FORMATS, type ParsedEvent } from './parse/index.ts';
import { isoTime } from './profile/iso-time.ts';
import type { Redaction } from './redact.ts';
export const eventId = (fingerprint: string, offset: number): string => `${fingerprint}-${offset.toString(36)}`;
export function toEcs(event: ParsedEvent, source: { readonly fingerprint: string; readonly name: string }, redaction: Redaction, zoneName: string): Record<string, unknown> {
  let own: Readonly<Record<string, unknown>> = {};
  for (const f of FORMATS) { const e = f.ecs(event); if (e) { own = e; break; } }
  const ownEvent = typeof own.event === 'object' ? own.event : {};
  return { '@timestamp': isoTime(event.stamp.at), ecs: { version: '9.4.0' }, ...own, event: { id: eventId(source.fingerprint, event.line.offset), dataset: event.dataset, action: event.action, original: redaction.redact(event.line.raw), ...(event.stamp.zoned ? {} : { timezone: zoneName }), ...ownEvent }, log: { file: { path: source.name }, offset: event.line.offset } };
}
