import type { WafMatch, WafRequest } from './request.ts';

/** A piece of a value; `matched` is what the rule's pattern found. */
export interface Piece {
  readonly text: string;
  readonly matched: boolean;
}

/** One blocked request of a place, for a person to look at. */
export interface BlockExample {
  readonly at: string; // ISO 8601 UTC
  readonly event: string; // id of the event
  readonly request: string; // id that the WAF gave it
  readonly session: string | null; // of the profile that it belongs to
  readonly client: string | null;
  readonly user: string | null; // as the request says
  readonly method: string | null;
  readonly path: string | null;
  readonly query: string | null;
  readonly user_agent: string | null;
  /** The value that the rule looked at, in pieces; empty where the log or redaction left nothing of it. */
  readonly value: readonly Piece[];
  readonly value_length: number | null;
}

export function exampleOf(request: WafRequest, match: WafMatch): BlockExample {
  return {
    at: new Date(request.at).toISOString(),
    event: request.events[0] ?? '',
    request: request.id,
    session: request.sessions[0] ?? null,
    client: request.client,
    user: request.user,
    method: request.method,
    path: request.path,
    query: request.query,
    user_agent: request.userAgent,
    value: markedPieces(match.value, match.matched),
    value_length: match.valueLength,
  };
}

/**
 * The value with the first place of the matched bytes marked. A rule that says nothing of its match looked at the whole value; a fingerprint of
 * libinjection (`s&1c`) or what was cut away is not found in the value and stands before it.
 */
export function markedPieces(value: string | null, matched: string | null): readonly Piece[] {
  if (value === null) return matched === null ? [] : [{ text: matched, matched: true }];
  if (matched === null) return [{ text: value, matched: true }];
  const at = value.indexOf(matched);
  if (at < 0) return [{ text: value, matched: true }];
  return [
    { text: value.slice(0, at), matched: false },
    { text: matched, matched: true },
    { text: value.slice(at + matched.length), matched: false },
  ].filter((p) => p.text !== '');
}
