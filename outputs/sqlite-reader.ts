/** What is asked of the store. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import { withFeedback } from '../processors/profile/feedback.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { Profile } from '../processors/profile/profile.ts';
import { coverageTable } from './sqlite-coverage.ts';
import { guard, guarded, guardedRows } from './sqlite-error.ts';
import { type FeedbackTable, feedbackTable } from './sqlite-feedback.ts';
import { sqliteSearch } from './sqlite-search.ts';
import { wafTables } from './sqlite-waf.ts';
import type { ProfileQuery, Run, StoreReader } from './store.ts';
import { localPart } from './user-name.ts';

const EVENTS_OF_MAX = 10_000;

/** `beforeRead` runs before each call: a store in its bulk load is sealed by it. */
export function createReader(db: DatabaseSync, file: string, beforeRead: () => void = () => undefined): StoreReader {
  const prepared = new Map<string, StatementSync>(); // few texts: they differ only in which conditions are asked for
  const statement = (sql: string): StatementSync => {
    beforeRead();
    const known = prepared.get(sql);
    if (known) return known;
    const made = db.prepare(sql);
    prepared.set(sql, made);
    return made;
  };
  const documents = (sql: string, ...values: readonly SQLInputValue[]): string[] =>
    guard(file, () =>
      statement(sql)
        .all(...values)
        .map((row) => String(row.document)),
    );
  // An iterator has a statement of its own: two walks at once must not disturb each other.
  function* walk(sql: string, ...values: readonly SQLInputValue[]): Generator<string> {
    const rows = guardedRows(file, () => {
      beforeRead();
      return db.prepare(sql).iterate(...values);
    });
    for (const row of rows) yield String(row.document);
  }

  const feedback = feedbackTable(db);
  const readProfile = (text: string): Profile => {
    const p = parseProfile(text);
    return guard(file, () => withFeedback(p, feedback.latest(p.imapwhy.session.id)));
  };

  return {
    search: guarded(file, sqliteSearch(statement, readProfile)),
    waf: guarded(file, wafTables(db, feedback.latest, beforeRead)),
    statements: (session) => guard(file, () => feedback.all(session)),
    profile(id) {
      const [text] = documents('SELECT document FROM profiles WHERE id = ? ORDER BY revision DESC LIMIT 1', id);
      return text === undefined ? undefined : readProfile(text);
    },
    findProfiles(query) {
      const { sql, values } = guard(file, () => profileSearch(query, feedback));
      return documents(sql, ...values).map(readProfile);
    },
    idsLike(beginning, limit) {
      const sql = 'SELECT DISTINCT id AS document FROM profiles WHERE id >= ? AND id < ? ORDER BY id LIMIT ?';
      return documents(sql, beginning, `${beginning}\u{10ffff}`, boundedLimit(limit));
    },
    eventsOf(sessionId) {
      return guard(file, () =>
        statement(EVENTS_OF)
          .all(sessionId, sessionId, EVENTS_OF_MAX)
          .map((row) => ({
            id: String(row.id),
            session: row.session === null ? undefined : String(row.session),
            document: parseRecord(String(row.document)),
          })),
      );
    },
    *profiles(range = {}) {
      const sql = 'SELECT document FROM profiles WHERE start_ms >= ? AND start_ms < ? ORDER BY start_ms, id';
      const since = range.since ?? Number.MIN_SAFE_INTEGER;
      const until = range.until ?? Number.MAX_SAFE_INTEGER;
      for (const text of walk(sql, since, until)) yield readProfile(text);
    },
    *incidents() {
      for (const text of walk('SELECT document FROM incidents ORDER BY start_ms, id')) yield parseIncident(text);
    },
    *anomalies() {
      for (const text of walk('SELECT document FROM anomalies ORDER BY start_ms, id')) yield parseAnomaly(text);
    },
    coverage: ({ since, until }) => guardedRows(file, () => coverageTable(db).between(since, until)),
    runs() {
      return documents('SELECT document FROM runs ORDER BY started_at DESC LIMIT 100').map(parseRun);
    },
  };
}

// An event can be part of a session whose name was not known when it was written; then only the profile names it.
const EVENTS_OF = `
  SELECT id, session, at_ms, document FROM events WHERE session = ?
  UNION
  SELECT id, session, at_ms, document FROM events WHERE id IN (
    SELECT json_extract(line.value, '$.id') FROM profiles, json_each(profiles.document, '$.imapwhy.events') AS line
    WHERE profiles.id = ?)
  ORDER BY at_ms, id LIMIT ?`;

// JSON.parse answers `any`; what we wrote ourselves is taken by its word here and nowhere else.
const parseProfile = (text: string): Profile => JSON.parse(text);
const parseIncident = (text: string): Incident => JSON.parse(text);
const parseAnomaly = (text: string): AnomalyFinding => JSON.parse(text);
const parseRun = (text: string): Run => JSON.parse(text);
const parseRecord = (text: string): Readonly<Record<string, unknown>> => JSON.parse(text);

/** Only fixed texts go into the SQL; whatever a person or a log said is a parameter. */
function profileSearch(query: ProfileQuery, feedback: FeedbackTable): { sql: string; values: SQLInputValue[] } {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const where = (condition: string, ...more: readonly SQLInputValue[]): void => {
    conditions.push(condition);
    values.push(...more);
  };
  if (query.user !== undefined) {
    const user = query.user.toLowerCase();
    const local = localPart(user);
    where('user_local = ?', local);
    if (local !== user) where('user IN (?, ?)', user, local); // anna@example.org is also who the server calls anna
  }
  if (query.clientIp !== undefined) where('client_ip = ?', query.clientIp);
  if (query.dovecotId !== undefined) where('dovecot_id = ?', query.dovecotId.replace(/^<|>$/g, ''));
  if (query.cause !== undefined) {
    const { condition, values: wanted } = feedback.causeIs(query.cause);
    where(condition, ...wanted);
  }
  if (query.outcome !== undefined) where('outcome = ?', query.outcome);

  const from = query.at;
  if (from === undefined) return searchText(conditions, 'start_ms DESC, id', values, query.limit);
  const until = from + (query.atSpanMs ?? 0);
  if (query.windowMs !== undefined) {
    const [low, high] = [from - query.windowMs, until + query.windowMs];
    where("start_ms <= ? AND end_ms >= ? AND (outcome <> 'ok' OR start_ms >= ? OR end_ms <= ?)", high, low, low, high);
  }
  const moment = [from, until, from, until, from, until, from]; // the order stands before the conditions in the text
  return searchText(conditions, NEAREST, [...moment, ...values], query.limit);
}

/**
 * A session that went wrong is near a moment if it lasted then. One that went well shows itself only at its beginning and its end: else
 * the phone's connection of the whole day would hide the one that failed.
 */
const NEAREST = `
  CASE WHEN outcome = 'ok' THEN min(max(0, ? - start_ms, start_ms - ?), max(0, ? - end_ms, end_ms - ?))
       ELSE max(0, ? - end_ms, start_ms - ?) END,
  outcome = 'ok', abs(start_ms - ?), id`;

function searchText(
  conditions: readonly string[],
  order: string,
  values: readonly SQLInputValue[],
  limit: number | undefined,
): { sql: string; values: SQLInputValue[] } {
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  // Sorted as numbers first, so that documents are read only for the rows that are wanted.
  const chosen = `SELECT rowid AS chosen, row_number() OVER (ORDER BY ${order}) AS place FROM profiles ${where} ORDER BY place LIMIT ?`;
  const sql = `SELECT document FROM (${chosen}) JOIN profiles ON profiles.rowid = chosen ORDER BY place`;
  return { sql, values: [...values, boundedLimit(limit ?? 10)] };
}

function boundedLimit(limit: number): number {
  return Number.isFinite(limit) ? Math.min(10_000, Math.max(1, Math.trunc(limit))) : 10_000;
}
