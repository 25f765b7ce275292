import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import type { LikelyDocument } from '../models/prediction/likely-document.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { Profile } from '../processors/profile/profile.ts';
import type { TextOf } from './document-text.ts';

/** An event as it is written: the ECS document (redacted) and its id. */
export interface EventDocument {
  readonly id: string;
  readonly session: string | undefined; // session id it belongs to, where known
  readonly document: Readonly<Record<string, unknown>>;
  /** Where the caller read it (`imapwhy.events/3/1042`), so that a refusal can say so. */
  readonly origin?: string | undefined;
}

/** An hour in which a source wrote, of event time. */
export interface SourceHour {
  /** What the source is whatever it is called: the fingerprint of its beginning. */
  readonly origin: string;
  readonly source: string; // its name when it was read
  readonly format: string; // that of most of its lines; empty if none was understood
  readonly hourMs: number; // beginning of the UTC hour, epoch ms
  readonly lines: number;
  readonly unparsed: number; // of them
  readonly lastMs: number; // stamp of the last
}

export interface OutputBatch {
  readonly events: readonly EventDocument[];
  readonly profiles: readonly Profile[];
  readonly incidents: readonly Incident[];
  readonly findings?: readonly AnomalyFinding[];
  readonly likely?: readonly LikelyDocument[];
}

/**
 * Where documents go. `write` must be idempotent by id: the same batch twice changes nothing, and a profile or incident is replaced
 * only by a higher revision. It resolves when the batch is durable; it rejects with an error that has `code` and `cause`. `textOf` is for several
 * outputs that write JSON of the same batch (`sharedTexts`).
 */
export interface Output {
  write(batch: OutputBatch, textOf?: TextOf): Promise<void>;
  close(): Promise<void>;
}

export type DocumentKind = 'event' | 'profile' | 'incident' | 'anomaly' | 'likely' | 'feedback' | 'pipeline';

/** Why an output will never take a document; also a metric label. */
export type RefusalCode =
  | 'bad_document' // a field does not fit the mapping, too many fields, no object …
  | 'bad_id' // too long
  | 'too_large' // the server takes no document of this size
  | 'failing'; // the server fails on this document again and again, and not on its neighbours

/** A text or bytes hold it as JSON in one line, to be written as it is. */
export type WrittenDocument = object | Buffer | string;

/** A document that will never be taken: for a dead letter, with all that is needed to repair and send it again. */
export interface Refusal {
  readonly kind: DocumentKind;
  readonly id: string;
  readonly target: string; // data stream or index
  readonly code: RefusalCode;
  readonly reason: string; // in the words of the server
  /** As it was handed over: an object, or JSON as bytes. */
  readonly document: WrittenDocument;
  readonly origin: string | undefined;
}

/** What became of documents. All of them are accounted for: written, already there, or refused. */
export interface Delivery {
  readonly written: number;
  readonly present: number; // the same document, or a newer revision of it, was there
  readonly refused: readonly Refusal[];
}

/**
 * An output that may be slow or away. `deliver` resolves when each document has its answer, however long that takes; it may be called
 * again before, and waits by itself while too much is waiting. Who can stop reading its source asks `saturated` and goes on after `ready`.
 */
export interface DeliveringOutput extends Output {
  deliver(batch: OutputBatch): Promise<Delivery>;
  readonly saturated: boolean;
  ready(): Promise<void>;
}
