import type { RecordFlaw } from '../ingest/record.ts';

/**
 * A point in time as the log states it.
 * `at`: UTC epoch milliseconds. `precisionMs`: 1 for stamps with (sub-)milliseconds, 1000 for whole seconds.
 * `zoned`: true when the stamp itself says its zone (or is an epoch); false when the source's assumed zone was used.
 */
export interface Stamp {
  readonly at: number;
  readonly precisionMs: number;
  readonly zoned: boolean;
}

/** One record after its envelope (syslog, journald, container JSON) was peeled off, before any format looks at it. */
export interface Line {
  /** Index of the source, and the byte offset of the record in it: its position and, with the fingerprint, its id. */
  readonly source: number;
  readonly offset: number;
  /** The record as read. Not redacted: only `processors/ecs.ts` may let it out. */
  readonly raw: string;
  readonly flaw: RecordFlaw | undefined;
  /** The envelope's stamp; undefined when the record has no envelope and the format carries its own. */
  readonly stamp: Stamp | undefined;
  readonly host: string | undefined;
  /** Syslog program without pid: `dovecot`, `postfix/submission/smtpd`, `haproxy`, `charon`. */
  readonly program: string | undefined;
  readonly pid: number | undefined;
  /** What the format's parser reads. */
  readonly message: string;
}

/** What every event has. `dataset` is the discriminant. */
export interface EventBase {
  readonly line: Line;
  readonly stamp: Stamp;
}

/** A record that no parser took: kept, counted, searchable. */
export interface UnparsedEvent extends EventBase {
  readonly dataset: 'unparsed';
  readonly action: 'parse-failure';
  readonly code: ParseFailure;
  readonly field: string;
}

/** Why a record gave no event; also a metric label, so the list is short and fixed. */
export type ParseFailure =
  | 'unknown_format'
  | 'unknown_message'
  | 'bad_time'
  | 'bad_number'
  | 'bad_address'
  | 'bad_json'
  | 'missing_field'
  | 'truncated'
  | 'binary'
  | 'too_long';
