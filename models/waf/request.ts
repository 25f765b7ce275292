import { networkOf } from '../../processors/resolve/network.ts';
import { requestPart } from './target.ts';

/** The part of a stored event that is read here; outputs/output.ts calls it EventDocument. */
export interface WafDocument {
  readonly id: string;
  readonly session: string | undefined;
  readonly document: Readonly<Record<string, unknown>>;
}

/** One rule that matched, where it looked, and what it saw (redacted). */
export interface WafMatch {
  readonly rule: string;
  readonly message: string;
  /** `ARGS:body`, `QUERY_STRING`; null where the log does not say. */
  readonly target: string | null;
  readonly severity: string | null;
  readonly tags: readonly string[];
  readonly file: string | null;
  /** Operator and parameter: `Rx ^action=login$`. */
  readonly pattern: string | null;
  readonly matched: string | null;
  readonly value: string | null;
  readonly valueLength: number | null;
  /** It denied by itself. */
  readonly denies: boolean;
}

/** One HTTP request that a WAF judged, put together from all events that tell of it. */
export interface WafRequest {
  /** The WAF's id of the transaction, else the id of the event. */
  readonly id: string;
  readonly at: number; // UTC epoch ms
  readonly client: string | null;
  readonly network: string | null; // /24 or /64
  readonly user: string | null; // as the request says, not checked
  readonly method: string | null;
  readonly path: string | null; // as sent, percent-encoded, without query
  readonly query: string | null; // redacted
  readonly userAgent: string | null;
  readonly blocked: boolean;
  readonly matches: readonly WafMatch[];
  readonly events: readonly string[];
  readonly sessions: readonly string[]; // of profiles that these events belong to
  readonly secrets: readonly string[]; // fingerprints of the secrets in it, see docs/redaction.md
}

const OPEN_MAX = 20_000;
const EVENTS_MAX = 64;
const SECRETS_MAX = 16;

/**
 * Puts requests together: an audit log tells a transaction in one event, an error log in one for each rule, and both carry the transaction's id.
 * Documents come in the order of time. At most `openMax` requests wait for further events, then the oldest is given out.
 */
export function* requestsOf(documents: Iterable<WafDocument>, openMax = OPEN_MAX): Generator<WafRequest> {
  const open = new Map<string, Draft>();
  for (const document of documents) {
    const read = readDocument(document);
    if (read === undefined) continue;
    const key = `${read.id}\u0000${read.client ?? ''}`;
    const known = open.get(key);
    if (known !== undefined) join(known, read);
    else open.set(key, read);
    if (open.size <= openMax) continue;
    for (const [oldest, draft] of open) {
      open.delete(oldest);
      yield draft;
      break;
    }
  }
  yield* open.values();
}

type Draft = { -readonly [K in keyof WafRequest]: WafRequest[K] };

function join(into: Draft, more: WafRequest): void {
  into.at = Math.min(into.at, more.at);
  into.user ??= more.user;
  into.method ??= more.method;
  into.path ??= more.path;
  into.query ??= more.query;
  into.userAgent ??= more.userAgent;
  into.blocked ||= more.blocked;
  into.matches = joinMatches(into.matches, more.matches);
  into.events = union(into.events, more.events, EVENTS_MAX);
  into.sessions = union(into.sessions, more.sessions, EVENTS_MAX);
  into.secrets = union(into.secrets, more.secrets, SECRETS_MAX);
}

const MATCHES_MAX = 200;

/** Each match once, though two logs tell it; what one of them leaves out comes from the other. */
function joinMatches(a: readonly WafMatch[], b: readonly WafMatch[]): readonly WafMatch[] {
  const byPlace = new Map<string, WafMatch>();
  for (const m of [...a, ...b]) {
    const key = `${m.rule}\u0000${m.target ?? ''}`;
    const known = byPlace.get(key);
    if (known === undefined && byPlace.size >= MATCHES_MAX) continue;
    byPlace.set(
      key,
      known === undefined ? m : { ...known, denies: known.denies || m.denies, value: known.value ?? m.value },
    );
  }
  return [...byPlace.values()];
}

function union(a: readonly string[], b: readonly string[], max: number): readonly string[] {
  return [...new Set([...a, ...b])].slice(0, max);
}

function readDocument({ id, session, document }: WafDocument): Draft | undefined {
  const event = fieldsOf(document.event);
  if (typeof event.dataset !== 'string' || !event.dataset.startsWith('modsecurity.')) return undefined;
  const source = fieldsOf(document.source);
  const url = fieldsOf(document.url);
  const request = fieldsOf(fieldsOf(document.http).request);
  const at = Date.parse(textOf(document['@timestamp']) ?? '');
  const client = textOf(source.ip) ?? null;
  return {
    id: textOf(request.id) ?? id,
    at: Number.isNaN(at) ? 0 : at,
    client,
    network: client === null ? null : (networkOf(client) ?? null),
    user: textOf(fieldsOf(document.user).name) ?? null,
    method: textOf(request.method) ?? null,
    path: textOf(url.path) ?? null,
    query: textOf(url.query) ?? null,
    userAgent: textOf(fieldsOf(document.user_agent).original) ?? null,
    blocked: event.action === 'blocked',
    matches: listOf(fieldsOf(document.modsecurity).rules).map(readMatch),
    events: [id],
    sessions: session === undefined ? [] : [session],
    secrets: secretsIn(textOf(event.original) ?? ''),
  };
}

function readMatch(rule: Fields): WafMatch {
  return {
    rule: textOf(rule.id) ?? '',
    message: textOf(rule.message) ?? '',
    target: targetOf(rule.variable),
    severity: textOf(rule.severity) ?? null,
    tags: Array.isArray(rule.tags) ? rule.tags.filter((t) => typeof t === 'string') : [],
    file: textOf(rule.file) ?? null,
    pattern: textOf(rule.pattern) ?? null,
    matched: textOf(rule.matched) ?? null,
    value: textOf(rule.value) ?? null,
    valueLength: typeof rule.value_length === 'number' ? rule.value_length : null,
    denies: rule.blocking === true,
  };
}

function targetOf(variable: unknown): string | null {
  const text = textOf(variable);
  return text === undefined ? null : requestPart(text);
}

/** Fingerprints that redaction left: the same secret has the same one wherever it is seen. Those of short ones are left out: many people may share `1234`. */
function secretsIn(original: string): readonly string[] {
  if (!original.includes('[secret:')) return [];
  const found = original.match(/\[secret:(?:16-31|32-63|64-255|256\+):[\w-]{10}\]/g) ?? [];
  return [...new Set(found)].slice(0, SECRETS_MAX);
}

type Fields = Readonly<Record<string, unknown>>;
const NOTHING: Fields = {};

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : NOTHING;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
