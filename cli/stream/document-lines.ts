/**
 * Events on their way to the index: for each one a line with what the index worker must know of it (id, time, family), and the document as the index will take it. Nobody
 * reads the document on the way: its bytes are made once, and copied.
 */
import { chunks } from './chunks.ts';
import type { ParsedDocument } from './parse-partition.ts';

export interface DocumentLines {
  readonly id: string;
  /** Event time as it stands in the document. */
  readonly at: string;
  readonly family: string;
  /** JSON. */
  readonly document: Buffer;
}

/** Values of records. */
export function writeDocuments(documents: readonly Omit<ParsedDocument, 'offset'>[]): readonly Buffer[] {
  const entries = documents.map(({ id, at, family, document }) => `${id} ${at} ${family}\n${document}`);
  return chunks(entries).map((piece) => Buffer.from(`${piece.join('\n')}\n`));
}

/** The same of one that was read. */
export const writtenAgain = ({ id, at, family, document }: DocumentLines): Buffer =>
  Buffer.concat([Buffer.from(`${id} ${at} ${family}\n`), document, Buffer.from('\n')]);

const KEY = /^([!-~]{1,512}) ([0-9TZ:.+-]{0,40}) ([a-z][a-z0-9_]{0,40})$/;
const NEWLINE = 0x0a;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

/** Undefined if one of them is none. Whether a document is sound JSON, the index says. */
export function readDocuments(value: Buffer): readonly DocumentLines[] | undefined {
  const out: DocumentLines[] = [];
  for (let at = 0; at < value.length; ) {
    const keyEnd = value.indexOf(NEWLINE, at);
    const end = value.indexOf(NEWLINE, keyEnd + 1);
    if (keyEnd < 0 || end < 0) return undefined;
    const [, id, time, family] = KEY.exec(value.toString('latin1', at, keyEnd)) ?? [];
    const document = value.subarray(keyEnd + 1, end);
    if (id === undefined || time === undefined || family === undefined) return undefined;
    if (document[0] !== BRACE || document.at(-1) !== BRACE_END) return undefined;
    out.push({ id, at: time, family, document });
    at = end + 1;
  }
  return out;
}
