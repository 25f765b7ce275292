/** One framed piece of input. Text is decoded once; `offset` is the byte offset of its first byte in the uncompressed source. */
export interface SourceRecord {
  readonly text: string;
  readonly offset: number;
  /** Set when framing had to cut or repair the record: it is kept, marked, and the rest of the input goes on. */
  readonly flaw?: RecordFlaw;
}

export type RecordFlaw = 'truncated' | 'invalid_utf8' | 'binary' | 'incomplete';

/** How a source's bytes are cut into records. */
export type Framing = 'line' | 'modsecurity-audit' | 'json-array';

/** Where records come from. A position is two numbers: `index` and an offset. */
export interface LogSource {
  /** Of two sources the one with the lower index comes first where their lines have the same time: see `sourceNumber`. */
  readonly index: number;
  /** Path as the user gave it, or `-`. */
  readonly name: string;
  /** Fingerprint of the file's beginning (uncompressed): survives rotation, renaming and compression. */
  readonly fingerprint: string;
  /** Last modification, epoch ms; the last resort for the year of stamps without one. */
  readonly modifiedAt: number | undefined;
}

/** A number of 48 bits that every process gives this source: the order of sources must not depend on who reads them, or in which order. */
export function sourceNumber(fingerprint: string): number {
  const bytes = Buffer.from(fingerprint, 'base64url');
  return bytes.length >= 6 ? bytes.readUIntBE(0, 6) : 0;
}
