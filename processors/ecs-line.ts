/**
 * `JSON.stringify(toEcs(…))`, byte for byte, in a third of its time for the lines that are most of a log: see shaped-documents.ts. Whatever does
 * not fit goes the long way. That both say the same is tested for every golden line (test/processors/ecs-line.test.ts).
 */
import { type EcsSource, ORIGINAL_MAX, toEcs } from './ecs.ts';
import { HINTED, ODD } from './glance.ts';
import type { ParsedEvent } from './parse/index.ts';
import { NO_SECRETS, type Redaction } from './redact.ts';
import { isShaped, ShapedDocuments } from './shaped-documents.ts';

export type EcsLineWriter = (event: ParsedEvent, seen: number, take: (line: string, isAscii: boolean) => void) => void;

/**
 * Writes the document of an event as one line of NDJSON, without its end. `zoneName` as for `toEcs`. `seen`: what a glance at the line's
 * bytes said (see glance.ts).
 * The line goes to `take`, with whether it is known to be ASCII.
 */
export function ecsLineWriter(source: EcsSource, redaction: Redaction, zoneName: string): EcsLineWriter {
  const shaped = new ShapedDocuments(source, zoneName);
  const isAscii = NOT_ASCII.exec(source.name + source.fingerprint + zoneName) === null;
  return (event, seen, take) => {
    if (isShaped(event)) {
      const { flaw, raw } = event.line;
      const isShort = flaw === undefined && raw.length <= ORIGINAL_MAX;
      if (isShort && ((seen & HINTED) === 0 || redaction.inspect(raw) === undefined)) {
        const plain = (seen & ODD) === 0;
        const text = shaped.write(event, plain);
        if (text !== undefined) return take(text, plain && isAscii);
      }
    }
    const needed = (seen & HINTED) === 0 ? NO_SECRETS : redaction;
    take(JSON.stringify(toEcs(event, source, needed, zoneName)), false);
  };
}

const NOT_ASCII = /[^\x00-\x7f]/;
