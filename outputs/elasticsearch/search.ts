/** Search over the profiles of a cluster: the questions of `outputs/search.ts` in the query language of Elasticsearch. */
import * as v from 'valibot';
import {
  bucketOf,
  type Condition,
  FACET_VALUES_MAX,
  FACETS,
  type FacetName,
  filledBuckets,
  NO_COUNTS,
  type ProfileSearch,
  type SearchField,
  type SearchPosition,
  type SearchQuery,
} from '../search.ts';
import { localPart } from '../user-name.ts';
import { addressRange } from './address-range.ts';
import { profileIndices } from './bulk-document.ts';
import type { Request } from './connection.ts';
import { profileSchema } from './feedback.ts';
import { linesWith } from './lines.ts';
import { searchIn } from './search-in.ts';

const KEYWORDS: Readonly<Record<Exclude<SearchField, 'user' | 'client' | 'source' | 'server'>, string>> = {
  cause: 'imapwhy.cause.label',
  layer: 'imapwhy.cause.layer',
  owner: 'imapwhy.cause.owner',
  outcome: 'imapwhy.outcome',
  phase: 'imapwhy.stalled_in',
  dovecot: 'imapwhy.session.dovecot_id',
  id: 'imapwhy.session.id',
};
const FACET_FIELDS: Readonly<Record<FacetName, string>> = {
  outcome: KEYWORDS.outcome,
  cause: KEYWORDS.cause,
  owner: KEYWORDS.owner,
  phase: KEYWORDS.phase,
  user: 'user.name',
  client: 'client.ip',
  server: 'host.name',
};
/** So many log lines with the words of a query are looked up; more common words than that find sessions only in part. */
const LINES_MAX = 10_000;

const pageSchema = v.object({
  hits: v.object({ hits: v.array(v.object({ _source: profileSchema, sort: v.tuple([v.number(), v.string()]) })) }),
});
const bounds = v.object({ value: v.nullable(v.number()) });
const periodSchema = v.object({ aggregations: v.optional(v.object({ first: bounds, last: bounds })) });
const terms = v.object({ buckets: v.array(v.object({ key: v.string(), doc_count: v.number() })) });
const countsSchema = v.object({
  hits: v.object({ total: v.object({ value: v.number() }) }),
  aggregations: v.object({
    ...v.entriesFromList(FACETS, terms),
    time: v.object({
      buckets: v.array(
        v.object({ key: v.number(), doc_count: v.number(), failed: v.object({ doc_count: v.number() }) }),
      ),
    }),
  }),
});

export function clusterSearch(request: Request, namespace: string): ProfileSearch {
  const indices = profileIndices(namespace);
  const period = async () => {
    const field = { field: 'event.start' };
    const body = { size: 0, aggs: { first: { min: field }, last: { max: field } } };
    const { aggregations } = await searchIn(request, indices, periodSchema, body);
    const [first, last] = [aggregations?.first.value, aggregations?.last.value];
    return typeof first === 'number' && typeof last === 'number' ? { first, last } : undefined;
  };
  return {
    period,
    async page(query, limit, after) {
      const wanted = Math.min(10_000, Math.max(1, Math.trunc(limit)));
      const { hits } = await searchIn(request, indices, pageSchema, {
        size: wanted + 1,
        track_total_hits: false,
        query: await queryOf(request, namespace, query),
        sort: [{ 'event.start': 'desc' }, { 'imapwhy.session.id': 'asc' }],
        ...(after && { search_after: positionOf(after) }),
      });
      const shown = hits.hits.slice(0, wanted);
      const last = shown.at(-1);
      return {
        profiles: shown.map((h) => h._source),
        next: hits.hits.length > wanted && last ? { startMs: last.sort[0], id: last.sort[1] } : undefined,
      };
    },
    async counts(query) {
      const all = await period();
      if (!all) return NO_COUNTS;
      const from = Math.max(all.first, query.since ?? Number.NEGATIVE_INFINITY);
      const to = Math.min(all.last, (query.until ?? Number.POSITIVE_INFINITY) - 1);
      if (to < from) return NO_COUNTS;
      const bucketMs = bucketOf(to - from);
      const facets = FACETS.map((f) => [f, { terms: { field: FACET_FIELDS[f], size: FACET_VALUES_MAX } }]);
      const { hits, aggregations } = await searchIn(request, indices, countsSchema, {
        size: 0,
        track_total_hits: true,
        query: await queryOf(request, namespace, query),
        aggs: {
          ...Object.fromEntries(facets),
          time: {
            date_histogram: { field: 'event.start', fixed_interval: `${bucketMs}ms`, min_doc_count: 1 },
            aggs: { failed: { filter: { bool: { must_not: { term: { [KEYWORDS.outcome]: 'ok' } } } } } },
          },
        },
      });
      const buckets = new Map(
        aggregations.time.buckets.map((b) => [b.key, { sessions: b.doc_count, failed: b.failed.doc_count }]),
      );
      return {
        sessions: hits.total.value,
        isComplete: true,
        facets: FACETS.map((field) => ({
          field,
          values: aggregations[field].buckets.map((b) => ({ value: b.key, sessions: b.doc_count })),
        })),
        bucketMs,
        histogram: hits.total.value === 0 ? [] : filledBuckets(from, to, bucketMs, (at) => buckets.get(at)),
      };
    },
  };
}

const positionOf = ({ startMs, id }: SearchPosition): readonly unknown[] => [startMs, id];

async function queryOf(request: Request, namespace: string, query: SearchQuery): Promise<object> {
  const filter: object[] = [];
  const must_not: object[] = [];
  for (const condition of query.conditions) {
    const clause =
      condition.kind === 'text'
        ? { terms: { 'imapwhy.events.id': await linesWith(request, namespace, condition.value, LINES_MAX) } }
        : clauseOf(condition);
    (condition.negated ? must_not : filter).push(clause);
  }
  const { since, until } = query;
  if (since !== undefined || until !== undefined)
    filter.push({
      range: {
        'event.start': {
          format: 'epoch_millis',
          ...(since !== undefined && { gte: since }),
          ...(until !== undefined && { lt: until }),
        },
      },
    });
  return { bool: { filter, must_not } };
}

function clauseOf({ field, value, isPrefix }: Extract<Condition, { kind: 'field' }>): object {
  switch (field) {
    case 'user':
      return userClause(value, isPrefix);
    case 'client':
      return addressClause('client.ip', value, isPrefix);
    case 'source':
      return addressClause('source.ip', value, isPrefix);
    case 'server':
      return either(keyword('host.name', value, isPrefix), addressClause('server.ip', value, isPrefix));
    case 'dovecot':
      return keyword(KEYWORDS.dovecot, value.replace(/^<|>$/g, ''), isPrefix);
    default:
      return keyword(KEYWORDS[field], value, isPrefix);
  }
}

const either = (...should: readonly object[]): object => ({ bool: { should, minimum_should_match: 1 } });
const NOTHING = { match_none: {} };

function keyword(field: string, value: string, isPrefix: boolean, case_insensitive = false): object {
  if (isPrefix && value === '') return { exists: { field } };
  return isPrefix
    ? { prefix: { [field]: { value, case_insensitive } } }
    : { term: { [field]: { value, case_insensitive } } };
}

/** With or without domain, in any case; with one, also whom the server calls by the name alone. */
function userClause(user: string, isPrefix: boolean): object {
  const field = 'user.name';
  const local = localPart(user);
  if (isPrefix) return keyword(field, user, true, true);
  if (local !== user) return either(keyword(field, user, false, true), keyword(field, local, false, true));
  return either(keyword(field, user, false, true), keyword(field, `${user}@`, true, true));
}

function addressClause(field: string, value: string, isPrefix: boolean): object {
  if (isPrefix && value === '') return { exists: { field } };
  const range = addressRange(value, isPrefix);
  return range === undefined ? NOTHING : { term: { [field]: range } };
}
