import type { Profile } from '../processors/profile/profile.ts';

/** What a person can ask for by name. Each is a column of the store and a field of the Elasticsearch index. */
export const SEARCH_FIELDS = [
  'user',
  'client',
  'source',
  'server',
  'cause',
  'layer',
  'owner',
  'outcome',
  'phase',
  'dovecot',
  'id',
] as const;
export type SearchField = (typeof SEARCH_FIELDS)[number];

/** One thing that must hold, or with `negated` must not. */
export type Condition =
  | {
      readonly kind: 'field';
      readonly field: SearchField;
      readonly value: string;
      /** The value is only the beginning: `network.*`, `198.51.100.*`. */
      readonly isPrefix: boolean;
      readonly negated: boolean;
    }
  /** Words in this order in one log line of the session, as far as the store keeps its lines. */
  | { readonly kind: 'text'; readonly value: string; readonly negated: boolean };

/** All conditions hold. */
export interface SearchQuery {
  readonly conditions: readonly Condition[];
  /** UTC epoch ms of the start of the session: inclusive. */
  readonly since?: number;
  /** Exclusive. */
  readonly until?: number;
}

/** Where a page ends, so that the next one begins there even if sessions were added meanwhile. */
export interface SearchPosition {
  readonly startMs: number;
  readonly id: string;
}

export const FACETS = ['outcome', 'cause', 'owner', 'phase', 'user', 'client', 'server'] as const;
export type FacetName = (typeof FACETS)[number];

export interface Facet {
  readonly field: FacetName;
  /** The most frequent first, at most 8. */
  readonly values: readonly { readonly value: string; readonly sessions: number }[];
}

export interface HistogramBucket {
  readonly startMs: number;
  readonly sessions: number;
  readonly failed: number; // of them, those with an outcome other than ok
}

/** Counts are of the newest sessions that match, at most `COUNTED_MAX`: who searches looks at what is new, and a page must not wait for all. */
export interface SearchCounts {
  readonly sessions: number;
  /** False: there are more than were counted. */
  readonly isComplete: boolean;
  readonly facets: readonly Facet[];
  readonly bucketMs: number;
  /** Without gaps, at most 60; empty if nothing matches. */
  readonly histogram: readonly HistogramBucket[];
}

export interface SearchPage {
  /** The newest first. */
  readonly profiles: readonly Profile[];
  readonly next: SearchPosition | undefined;
}

/** First to last start of a session, UTC epoch ms; undefined for an empty store. */
export interface StoredPeriod {
  readonly first: number;
  readonly last: number;
}

/** How the web page searches: the same questions to the embedded store, which answers at once, and to a cluster. */
export interface ProfileSearch {
  /** `limit`: 1 to 10,000. */
  page(query: SearchQuery, limit: number, after?: SearchPosition): SearchPage | Promise<SearchPage>;
  counts(query: SearchQuery): SearchCounts | Promise<SearchCounts>;
  period(): StoredPeriod | undefined | Promise<StoredPeriod | undefined>;
}

export interface LocalSearch extends ProfileSearch {
  page(query: SearchQuery, limit: number, after?: SearchPosition): SearchPage;
  counts(query: SearchQuery): SearchCounts;
  period(): StoredPeriod | undefined;
}

export const COUNTED_MAX = 100_000;
export const FACET_VALUES_MAX = 8;
export const BUCKETS_MAX = 60;

/** Buckets from the first moment to the last one without gaps; `of` says what is in the n-th. */
export function filledBuckets(
  first: number,
  last: number,
  bucketMs: number,
  of: (startMs: number) => { readonly sessions: number; readonly failed: number } | undefined,
): readonly HistogramBucket[] {
  const buckets: HistogramBucket[] = [];
  for (let startMs = Math.floor(first / bucketMs) * bucketMs; startMs <= last; startMs += bucketMs) {
    const { sessions, failed } = of(startMs) ?? { sessions: 0, failed: 0 };
    buckets.push({ startMs, sessions, failed });
  }
  return buckets;
}

export const NO_COUNTS: SearchCounts = { sessions: 0, isComplete: true, facets: [], bucketMs: 1000, histogram: [] };

/** The shortest round step that cuts the span into at most `BUCKETS_MAX` pieces, in ms. */
export function bucketOf(spanMs: number): number {
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800];
  const step = seconds.find((s) => spanMs <= s * 1000 * (BUCKETS_MAX - 1));
  return step === undefined ? Math.ceil(spanMs / (BUCKETS_MAX - 1) / 86_400_000) * 86_400_000 : step * 1000;
}
