/** What an answer to a bulk request means, document by document. No I/O: a table of cases. */
import type { RefusalCode } from '../output.ts';

/** What came back, or what kept it from coming back. */
export type BulkAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: unknown;
      readonly retryAfter: string | undefined;
    }
  | { readonly kind: 'failure'; readonly trouble: 'unreachable' | 'timeout' | 'unreadable'; readonly message: string };

/** Why a request will be repeated; also a metric label. */
export type Trouble =
  | 'unreachable' // no connection, or it broke
  | 'timeout' // no answer in time
  | 'unreadable' // an answer that is cut off, no JSON, or not about our documents
  | 'overloaded' // 429, 503: come back later
  | 'failing' // the server failed by itself
  | 'denied' // wrong password, missing right, blocked index: somebody has to act
  | 'missing'; // no such index, and none may be made: somebody has to act

export type Verdict =
  | { readonly kind: 'written'; readonly index: string }
  | { readonly kind: 'present' }
  | { readonly kind: 'again'; readonly trouble: Trouble; readonly reason: string }
  /** The server failed in a way that one document may cause: again, but not for ever. */
  | { readonly kind: 'doubtful'; readonly reason: string }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly reason: string };

export type Meaning =
  | { readonly kind: 'items'; readonly verdicts: readonly Verdict[] }
  /** Nothing is known about any document: all of them again. */
  | {
      readonly kind: 'again';
      readonly trouble: Trouble;
      readonly reason: string;
      readonly retryAfter: string | undefined;
    }
  /** One of the documents, or their sum, is not taken: in halves, until it is found. */
  | { readonly kind: 'halve'; readonly code: RefusalCode; readonly reason: string };

const REASON_MAX = 1000;

/** `ids`: of the documents that were sent, in their order; the answer has to speak of the same ones. */
export function meaningOf(answer: BulkAnswer, ids: readonly string[]): Meaning {
  if (answer.kind === 'failure') return again(answer.trouble, answer.message);
  const { status, body, retryAfter } = answer;
  if (status >= 200 && status < 300) return itemsMeaning(body, ids);
  const error = errorOf(fieldOf(body, 'error'));
  const reason = `${status} ${reasonOf(error, body)}`.slice(0, REASON_MAX);
  if (status === 413) return { kind: 'halve', code: 'too_large', reason };
  // Only Elasticsearch itself may condemn a document; a proxy's 400 page may not.
  if (status === 400 && error !== undefined) return { kind: 'halve', code: 'bad_document', reason };
  return again(wholeTrouble(status), reason, retryAfter);
}

/** Why a request as a whole was turned down. */
export function wholeTrouble(status: number): Trouble {
  if (status === 429 || status === 503) return 'overloaded';
  if (status === 401 || status === 403) return 'denied';
  if (status === 404 || status === 405) return 'missing';
  if (status >= 500) return 'failing';
  return 'unreadable';
}

function itemsMeaning(body: unknown, ids: readonly string[]): Meaning {
  const items = fieldOf(body, 'items');
  if (!Array.isArray(items)) return again('unreadable', 'the answer has no items');
  if (items.length !== ids.length) return again('unreadable', `${items.length} items answer ${ids.length} documents`);
  const verdicts: Verdict[] = [];
  for (let i = 0; i < ids.length; i++) {
    const entry: unknown = items[i];
    const item = fieldOf(entry, 'create') ?? fieldOf(entry, 'index');
    const status = fieldOf(item, 'status');
    if (typeof status !== 'number' || fieldOf(item, '_id') !== ids[i])
      return again('unreadable', `item ${i} of the answer is not about document ${i}`);
    verdicts.push(verdictOf(status, item));
  }
  return { kind: 'items', verdicts };
}

function verdictOf(status: number, item: unknown): Verdict {
  if (status === 200 || status === 201) {
    const index = fieldOf(item, '_index');
    return { kind: 'written', index: typeof index === 'string' ? index : '' };
  }
  if (status === 409) return PRESENT;
  const error = errorOf(fieldOf(item, 'error'));
  const reason = `${status} ${reasonOf(error, undefined)}`.slice(0, REASON_MAX);
  if (status === 429 || status === 503) return { kind: 'again', trouble: 'overloaded', reason };
  if (status === 401 || status === 403) return { kind: 'again', trouble: 'denied', reason };
  if (status === 404) return { kind: 'again', trouble: 'missing', reason };
  if (status >= 500) return failureVerdict(error?.type ?? '', reason);
  if (status === 413) return { kind: 'refused', code: 'too_large', reason };
  return { kind: 'refused', code: /\bid\b.* too long/.test(reason) ? 'bad_id' : 'bad_document', reason };
}

const PRESENT: Verdict = { kind: 'present' };

/** Failures that are the disk's, the node's or the cluster's, whatever the document. */
const OUTSIDE =
  /^(i_o_exception|already_closed_exception|no_such_file_exception|file_system_exception|shard_not_found_exception|node_.*|.*_transport_exception|.*timeout.*|.*circuit_breaking.*|engine_closed_exception|flush_failed_engine_exception|index_shard_closed_exception|no_.*_available_exception|unavailable_shards_exception|process_cluster_event_timeout_exception|translog_.*|corrupt_index_exception)$/;

function failureVerdict(type: string, reason: string): Verdict {
  return OUTSIDE.test(type) ? { kind: 'again', trouble: 'failing', reason } : { kind: 'doubtful', reason };
}

function again(trouble: Trouble, reason: string, retryAfter?: string): Meaning {
  return { kind: 'again', trouble, reason: reason.slice(0, REASON_MAX), retryAfter };
}

interface ServerError {
  readonly type: string;
  readonly reason: string;
}

/** `{type, reason, caused_by}`, with the innermost cause, which names the field. */
function errorOf(error: unknown): ServerError | undefined {
  const type = fieldOf(error, 'type');
  if (typeof type !== 'string') return undefined;
  const reasons: string[] = [];
  let at: unknown = error;
  for (let depth = 0; depth < 5 && at !== undefined; depth++) {
    const reason = fieldOf(at, 'reason');
    if (typeof reason === 'string') reasons.push(reason);
    at = fieldOf(at, 'caused_by');
  }
  return { type, reason: reasons.join(': ') };
}

function reasonOf(error: ServerError | undefined, body: unknown): string {
  if (error !== undefined) return `${error.type}: ${error.reason}`;
  return typeof body === 'string' ? body.slice(0, 200) : 'no reason given';
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name);
}
