/** Search over the store. Only fixed texts go into the SQL; whatever a person typed is a parameter. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Profile } from '../processors/profile/profile.ts';
import {
  bucketOf,
  COUNTED_MAX,
  type Condition,
  FACET_VALUES_MAX,
  FACETS,
  type Facet,
  type FacetName,
  filledBuckets,
  type LocalSearch,
  NO_COUNTS,
  type SearchCounts,
  type SearchField,
  type SearchPosition,
  type SearchQuery,
  type StoredPeriod,
} from './search.ts';
import { localPart } from './user-name.ts';

/** Version 4 of the store: what is searched and counted by, and the words of log lines. */
export const SEARCH_SCHEMA = `
  ALTER TABLE profiles ADD COLUMN stalled TEXT;
  UPDATE profiles SET stalled = json_extract(document, '$.imapwhy.stalled_in') WHERE outcome <> 'ok';
  DROP INDEX IF EXISTS profiles_start;
  CREATE VIRTUAL TABLE lines_text USING fts5(original, content='', columnsize=0);
  CREATE TABLE lines_indexed (upto INTEGER NOT NULL);
  INSERT INTO lines_indexed VALUES (0);`;

/** Holds all columns that are counted, so that a count never reads the documents; it begins with the time, so that the newest come first. */
export const SEARCH_INDEX =
  'CREATE INDEX IF NOT EXISTS profiles_search ON profiles(start_ms, end_ms, outcome, cause, layer, owner, stalled, user_local, client_ip, server, id)';

const COLUMNS: Readonly<Record<Exclude<SearchField, 'user' | 'dovecot'>, string>> = {
  client: 'client_ip',
  source: 'source_ip',
  server: 'server',
  cause: 'cause',
  layer: 'layer',
  owner: 'owner',
  outcome: 'outcome',
  phase: 'stalled',
  id: 'id',
};
const FACET_COLUMNS: Readonly<Record<FacetName, string>> = {
  outcome: 'outcome',
  cause: 'cause',
  owner: 'owner',
  phase: 'stalled',
  user: 'user_local',
  client: 'client_ip',
  server: 'server',
};

/** `parse` makes a stored document a profile, with what people said about it. */
export function sqliteSearch(
  statement: (sql: string) => StatementSync,
  parse: (document: string) => Profile,
): LocalSearch {
  const period = (): StoredPeriod | undefined => {
    const row = statement('SELECT min(start_ms) AS first, max(start_ms) AS last FROM profiles').get();
    return typeof row?.first === 'number' && typeof row.last === 'number'
      ? { first: row.first, last: row.last }
      : undefined;
  };
  return {
    period,
    page(query, limit, after) {
      const wanted = Math.min(10_000, Math.max(1, Math.trunc(limit)));
      const { where, values } = whereOf(query, after);
      // Ids first: the documents of rows that are passed over are never read.
      const rows = statement(
        `SELECT id, start_ms, document FROM profiles WHERE rowid IN (
           SELECT rowid FROM profiles ${where} ORDER BY start_ms DESC, id LIMIT ?) ORDER BY start_ms DESC, id`,
      ).all(...values, wanted + 1);
      const shown = rows.slice(0, wanted);
      const last = shown.at(-1);
      return {
        profiles: shown.map((row) => parse(String(row.document))),
        next: rows.length > wanted && last ? { startMs: Number(last.start_ms), id: String(last.id) } : undefined,
      };
    },
    counts(query) {
      const all = period();
      if (!all) return NO_COUNTS;
      const from = Math.max(all.first, query.since ?? Number.NEGATIVE_INFINITY);
      const to = Math.min(all.last, (query.until ?? Number.POSITIVE_INFINITY) - 1);
      if (to < from) return NO_COUNTS;
      const bucketMs = bucketOf(to - from);
      const first = Math.floor(from / bucketMs) * bucketMs;
      const { where, values } = whereOf(query);
      const groups = FACETS.map(
        (f) => `SELECT * FROM (
          SELECT '${f}' AS kind, CAST(${FACET_COLUMNS[f]} AS TEXT) AS value, count(*) AS n, 0 AS failed FROM found
          WHERE ${FACET_COLUMNS[f]} IS NOT NULL GROUP BY 2 ORDER BY n DESC, value LIMIT ${FACET_VALUES_MAX})`,
      );
      const rows = statement(
        `WITH found AS MATERIALIZED (
           SELECT start_ms, ${[...new Set(Object.values(FACET_COLUMNS))].join(', ')} FROM profiles ${where}
           ORDER BY start_ms DESC LIMIT ${COUNTED_MAX + 1})
         ${groups.join('\nUNION ALL ')}
         UNION ALL SELECT 'time', CAST((start_ms - ?) / ? AS INTEGER), count(*), sum(outcome <> 'ok') FROM found GROUP BY 2`,
      ).all(...values, first, bucketMs);
      return countsOf(rows, first, to, bucketMs);
    },
  };
}

/** Puts the words of log lines that are not searchable yet into the index, at most `linesMax`. Returns how many there were; 0: all are. */
export function indexLines(db: DatabaseSync, linesMax: number): number {
  const upto = Number(db.prepare('SELECT upto FROM lines_indexed').get()?.upto ?? 0);
  const last = db
    .prepare(
      'SELECT max(rowid) AS last, count(*) AS n FROM (SELECT rowid FROM events WHERE rowid > ? ORDER BY rowid LIMIT ?)',
    )
    .get(upto, linesMax);
  if (!last || Number(last.n) === 0) return 0;
  db.prepare(
    `INSERT INTO lines_text (rowid, original)
     SELECT rowid, json_extract(document, '$.event.original') FROM events WHERE rowid > ? AND rowid <= ?`,
  ).run(upto, Number(last.last));
  db.prepare('UPDATE lines_indexed SET upto = ?').run(Number(last.last));
  return Number(last.n);
}

/** How many log lines are not searchable yet. */
export function linesToIndex(db: DatabaseSync): number {
  const sql = 'SELECT count(*) AS n FROM events WHERE rowid > (SELECT upto FROM lines_indexed)';
  return Number(db.prepare(sql).get()?.n ?? 0);
}

function countsOf(
  rows: readonly Readonly<Record<string, unknown>>[],
  first: number,
  to: number,
  bucketMs: number,
): SearchCounts {
  const values = new Map<string, { value: string; sessions: number }[]>();
  const buckets = new Map<number, { sessions: number; failed: number }>();
  for (const row of rows) {
    const sessions = Number(row.n);
    if (row.kind === 'time') buckets.set(Number(row.value), { sessions, failed: Number(row.failed) });
    else {
      const facet = String(row.kind);
      values.set(facet, [...(values.get(facet) ?? []), { value: String(row.value), sessions }]);
    }
  }
  let sessions = 0;
  for (const b of buckets.values()) sessions += b.sessions;
  return {
    sessions: Math.min(sessions, COUNTED_MAX),
    isComplete: sessions <= COUNTED_MAX,
    facets: FACETS.map((field): Facet => ({ field, values: values.get(field) ?? [] })),
    bucketMs,
    histogram:
      sessions === 0 ? [] : filledBuckets(first, to, bucketMs, (startMs) => buckets.get((startMs - first) / bucketMs)),
  };
}

interface Where {
  readonly where: string;
  readonly values: readonly SQLInputValue[];
}

function whereOf(query: SearchQuery, after?: SearchPosition): Where {
  const parts = query.conditions.map(conditionOf);
  if (query.since !== undefined) parts.push({ where: 'start_ms >= ?', values: [query.since] });
  if (query.until !== undefined) parts.push({ where: 'start_ms < ?', values: [query.until] });
  if (after) {
    const { startMs, id } = after;
    parts.push({ where: 'start_ms <= ? AND (start_ms < ? OR id > ?)', values: [startMs, startMs, id] });
  }
  return {
    where: parts.length === 0 ? '' : `WHERE ${parts.map((p) => p.where).join(' AND ')}`,
    values: parts.flatMap((p) => p.values),
  };
}

function conditionOf(condition: Condition): Where {
  const { where, values } = condition.kind === 'text' ? textCondition(condition.value) : fieldCondition(condition);
  return condition.negated ? { where: `(${where}) IS NOT TRUE`, values } : { where: `(${where})`, values };
}

/** A phrase of FTS5: inside double quotes only the quote itself has a meaning, and doubled it has none. */
function textCondition(text: string): Where {
  return {
    where: 'id IN (SELECT session FROM events WHERE rowid IN (SELECT rowid FROM lines_text WHERE lines_text MATCH ?))',
    values: [`"${text.replaceAll('\0', ' ').replaceAll('"', '""')}"`],
  };
}

function fieldCondition({ field, value, isPrefix }: Extract<Condition, { kind: 'field' }>): Where {
  if (field === 'user') return userCondition(value.toLowerCase(), isPrefix);
  if (field === 'dovecot') return compare('dovecot_id', value.replace(/^<|>$/g, ''), isPrefix);
  return compare(COLUMNS[field], value, isPrefix);
}

/** With or without domain, in any case; with one, also whom the server calls by the name alone. */
function userCondition(user: string, isPrefix: boolean): Where {
  const local = localPart(user);
  if (isPrefix || local === user) return compare('user_local', local, isPrefix);
  return { where: 'user_local = ? AND user IN (?, ?)', values: [local, user, local] };
}

function compare(column: string, value: string, isPrefix: boolean): Where {
  if (!isPrefix) return { where: `${column} = ?`, values: [value] };
  if (value === '') return { where: `${column} IS NOT NULL`, values: [] };
  return { where: `${column} >= ? AND ${column} < ?`, values: [value, `${value}\u{10ffff}`] };
}
