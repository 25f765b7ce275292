/**
 * The embedded store: profiles, incidents, events and runs in one SQLite file (node:sqlite, WAL), made for one writer and many readers.
 * Measured with bench/store.ts: what costs is not the rows but the indexes, because ids, users and addresses arrive in no order and every
 * batch would rewrite nearly every index page. So a store that is new gets its indexes when it is first read or closed ("bulk"). Until then it
 * has a rollback journal: that keeps only the pages that a batch overwrites, hardly any in a load, where the WAL writes every page twice.
 */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import { type Statement, withFeedback } from '../processors/profile/feedback.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { CauseLabel, Outcome, Profile } from '../processors/profile/profile.ts';
import { documentText } from './document-text.ts';
import type { EventDocument, Output, OutputBatch, SourceHour } from './output.ts';
import { messageOf, OutputError } from './output-error.ts';
import type { ProfileSearch } from './search.ts';
import { keepCopy } from './sqlite-copy.ts';
import { COVERAGE_SCHEMA, coverageTable } from './sqlite-coverage.ts';
import { DESK_SCHEMA, type Desk, sqliteDesk } from './sqlite-desk.ts';
import { FEEDBACK_SCHEMA, type FeedbackTable, feedbackTable } from './sqlite-feedback.ts';
import { indexLines, linesToIndex, SEARCH_INDEX, SEARCH_SCHEMA, sqliteSearch } from './sqlite-search.ts';
import { WAF_INDEX, WAF_SCHEMA, type WafReader, type WafStore, wafTables } from './sqlite-waf.ts';
import { localPart } from './user-name.ts';

/** What findProfiles looks for; what is left out does not matter. */
export interface ProfileQuery {
  /** With or without domain (`anna`, `anna@example.org`, `CORP\anna`), in any case. */
  readonly user?: string;
  /** UTC epoch ms. The nearest sessions come first; without it, the latest. */
  readonly at?: number;
  /** How long the moment `at` lasts: 60,000 if a person said 09:13. Default 0. */
  readonly atSpanMs?: number;
  /**
   * Only sessions that touch the moment widened by this much on both sides; those that went well must begin or end in it, see NEAREST.
   * Default: any.
   */
  readonly windowMs?: number;
  readonly clientIp?: string;
  readonly cause?: CauseLabel;
  readonly outcome?: Outcome;
  /** The id that Dovecot wrote: `session=<…>`, with or without the brackets. */
  readonly dovecotId?: string;
  /** At most this many, 1 to 10,000. Default 10. */
  readonly limit?: number;
}

/** One call of the program that wrote to the store. */
export interface Run {
  readonly startedAt: string; // ISO 8601 UTC, from the caller's clock
  readonly inputs: readonly string[]; // paths as given
  readonly zone: string | null; // of stamps that carry none; what a person means by 09:13
  readonly engine: string; // release of parsers and weights
}

/** Profiles come with what people said about their causes (processors/profile/feedback.ts); the model's answer stays in the table. */
export interface StoreReader {
  profile(id: string): Profile | undefined;
  findProfiles(query: ProfileQuery): readonly Profile[];
  /** Ids that begin with the text, in order; for a person who typed the first characters. */
  idsLike(beginning: string, limit: number): readonly string[];
  /** Events of a session in event time: those that name it and those that its profile names. At most 10,000. */
  eventsOf(sessionId: string): readonly EventDocument[];
  /** All profiles by start of session; `since` inclusive, `until` exclusive, UTC epoch ms. Do not write while iterating. */
  profiles(range?: { readonly since?: number; readonly until?: number }): IterableIterator<Profile>;
  incidents(): IterableIterator<Incident>;
  anomalies(): IterableIterator<AnomalyFinding>;
  /** What people said, of one session or of all, in the order in which it was said. */
  statements(session?: string): readonly Statement[];
  /** Latest first, at most 100. */
  runs(): readonly Run[];
  /** In which hours which source wrote, by hour; `since` inclusive, `until` exclusive, UTC epoch ms. A store before version 6 does not know. */
  coverage(range: { readonly since: number; readonly until: number }): IterableIterator<SourceHour>;
  readonly search: ProfileSearch;
  readonly waf: WafReader;
}

export interface Store extends Output, StoreReader {
  /** Idempotent by `startedAt`. */
  recordRun(run: Run): void;
  recordStatement(statement: Statement): void;
  /** Idempotent by origin and hour: the larger count stays. */
  recordCoverage(rows: readonly SourceHour[]): void;
  /** Makes the text of stored log lines searchable, at most so many at once. Returns how many; 0: all of them are. */
  indexLines(linesMax: number): number;
  /** How many stored log lines are not searchable yet. */
  linesToIndex(): number;
  readonly desk: Desk;
  readonly waf: WafStore;
}

/** A store that is only read. Close it all the same. */
export interface ReadStore extends StoreReader {
  close(): void;
}

const APPLICATION_ID = 0x696d7779; // "imwy": says that a SQLite file is ours
const SCHEMA_VERSION = 7;
const EVENTS_OF_MAX = 10_000;
const BUSY_MS = 10_000;

/** Each brings the schema from version N to N + 1 and is never changed once released. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE profiles (
     id TEXT NOT NULL, revision INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
     user TEXT, user_local TEXT, client_ip TEXT, source_ip TEXT, server TEXT, dovecot_id TEXT, outcome TEXT NOT NULL,
     cause TEXT NOT NULL, layer TEXT, owner TEXT, probability REAL NOT NULL, document TEXT NOT NULL);
   CREATE TABLE events (id TEXT NOT NULL, session TEXT, at_ms INTEGER NOT NULL, dataset TEXT, document TEXT NOT NULL);
   CREATE TABLE incidents (
     id TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
     cause TEXT NOT NULL, scope TEXT NOT NULL, owner TEXT NOT NULL, document TEXT NOT NULL);
   CREATE TABLE runs (started_at TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL);`,
  `CREATE TABLE anomalies (
     id TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
     level TEXT NOT NULL, scope TEXT NOT NULL, document TEXT NOT NULL);`,
  FEEDBACK_SCHEMA,
  SEARCH_SCHEMA,
  DESK_SCHEMA,
  COVERAGE_SCHEMA,
  WAF_SCHEMA,
];

/** The unique indexes also carry the promise that an id is there once; `seal` makes them. */
const INDEXES = `
  CREATE UNIQUE INDEX IF NOT EXISTS profiles_id ON profiles(id);
  ${SEARCH_INDEX};
  CREATE INDEX IF NOT EXISTS profiles_user ON profiles(user_local, start_ms, end_ms) WHERE user_local IS NOT NULL;
  CREATE INDEX IF NOT EXISTS profiles_client ON profiles(client_ip, start_ms) WHERE client_ip IS NOT NULL;
  CREATE INDEX IF NOT EXISTS profiles_dovecot ON profiles(dovecot_id) WHERE dovecot_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS profiles_cause ON profiles(cause, start_ms) WHERE cause <> 'none';
  CREATE UNIQUE INDEX IF NOT EXISTS events_id ON events(id);
  CREATE INDEX IF NOT EXISTS events_session ON events(session, at_ms) WHERE session IS NOT NULL;${WAF_INDEX}`;

/** Before the indexes of a bulk load: of rows with the same id the highest revision stays, of equal ones the first. */
const DEDUPLICATE = `
  DELETE FROM profiles WHERE rowid NOT IN (
    SELECT first_value(rowid) OVER (PARTITION BY id ORDER BY revision DESC, rowid) FROM profiles);
  DELETE FROM events WHERE rowid NOT IN (
    SELECT first_value(rowid) OVER (PARTITION BY id ORDER BY session IS NULL, rowid) FROM events);`;

const PROFILE_COLUMNS =
  'id, revision, start_ms, end_ms, user, user_local, client_ip, source_ip, server, dovecot_id, outcome, cause, layer, owner, probability, stalled, document';
const PROFILE_INSERT = `INSERT INTO profiles (${PROFILE_COLUMNS}) VALUES (${parameters(17)})`;
const PROFILE_UPSERT = `${PROFILE_INSERT} ON CONFLICT (id) DO UPDATE SET ${replaceAll(PROFILE_COLUMNS)} WHERE excluded.revision > profiles.revision`;
const EVENT_INSERT = 'INSERT INTO events (id, session, at_ms, dataset, document) VALUES (?, ?, ?, ?, ?)';
const EVENT_UPSERT = `${EVENT_INSERT} ON CONFLICT (id) DO UPDATE SET session = excluded.session
  WHERE events.session IS NULL AND excluded.session IS NOT NULL`;
const INCIDENT_COLUMNS = 'id, revision, start_ms, end_ms, cause, scope, owner, document';
const INCIDENT_UPSERT = `INSERT INTO incidents (${INCIDENT_COLUMNS}) VALUES (${parameters(8)})
  ON CONFLICT (id) DO UPDATE SET ${replaceAll(INCIDENT_COLUMNS)} WHERE excluded.revision > incidents.revision`;

const ANOMALY_COLUMNS = 'id, revision, start_ms, end_ms, level, scope, document';
const ANOMALY_UPSERT = `INSERT INTO anomalies (${ANOMALY_COLUMNS}) VALUES (${parameters(7)})
  ON CONFLICT (id) DO UPDATE SET ${replaceAll(ANOMALY_COLUMNS)} WHERE excluded.revision > anomalies.revision`;

function parameters(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}

function replaceAll(columns: string): string {
  return columns
    .split(', ')
    .map((c) => `${c} = excluded.${c}`)
    .join(', ');
}

/**
 * Opens the store for writing, and makes it if there is none.
 * `bulk` (default true): a store that this call makes gets its indexes when it is first read or closed, which more than halves the cost of
 * a first load. A service that runs for days passes false, because readers in other processes want the indexes meanwhile.
 * Throws OutputError: STORE_NEWER, STORE_FOREIGN, STORE_CORRUPT, STORE_READ_ONLY, STORE_BUSY, STORE_FULL, STORE_FAILED.
 */
export function openStore(file: string, options: { readonly bulk?: boolean } = {}): Store {
  const db = guard(file, () => new DatabaseSync(file, { timeout: BUSY_MS }));
  try {
    return guard(file, () => {
      const bulk = prepareSchema(db, file) && options.bulk !== false;
      if (!bulk) seal(db);
      return createStore(db, file, bulk);
    });
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens an existing store for reading; changes nothing, so a folder without write permission will do. Throws OutputError, also STORE_MISSING. */
export function readStore(file: string): ReadStore {
  if (!existsSync(file)) {
    throw new OutputError(
      'STORE_MISSING',
      `${file}: no such store. Run \`imapwhy analyze\` first, or name the store with --store FILE.`,
    );
  }
  const db = openForReading(file);
  try {
    guard(file, () => {
      configure(db);
      checkVersion(db, file);
    });
  } catch (error) {
    db.close();
    throw error;
  }
  return { ...createReader(db, file), close: () => db.close() };
}

function openForReading(file: string): DatabaseSync {
  const open = (location: string | URL): DatabaseSync => {
    const db = new DatabaseSync(location, { readOnly: true, timeout: BUSY_MS });
    try {
      db.prepare('PRAGMA schema_version').get(); // the file is only opened when it is first read
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  };
  return guard(file, () => {
    try {
      return open(file);
    } catch (error) {
      // WAL needs a file beside the store even to read. Where none can be made and none is left, nobody writes: read it as it stands.
      const code = primaryCode(error);
      if ((code !== SQLITE_CANTOPEN && code !== SQLITE_READONLY) || hasContent(`${file}-wal`)) throw error;
      const url = pathToFileURL(resolve(file));
      url.searchParams.set('immutable', '1');
      return open(url);
    }
  });
}

function hasContent(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function createStore(db: DatabaseSync, file: string, bulkAtFirst: boolean): Store {
  let bulk = bulkAtFirst;
  let closed = false;
  let statements = prepareWriters(db, bulk);
  const endBulk = (): void => {
    if (!bulk) return;
    seal(db);
    bulk = false;
    statements = prepareWriters(db, false);
  };

  function writeBatch(batch: OutputBatch): void {
    try {
      transaction(db, () => insertBatch(statements, batch));
    } catch (error) {
      // Another process has sealed the store that this one was loading: from now on by its rules.
      if (!bulk || primaryCode(error) !== SQLITE_CONSTRAINT) throw error;
      endBulk();
      transaction(db, () => insertBatch(statements, batch));
    }
  }

  return {
    ...createReader(db, file, endBulk),
    async write(batch) {
      guard(file, () => writeBatch(batch));
    },
    recordRun(run) {
      guard(file, () => statements.run.run(run.startedAt, JSON.stringify(run)));
    },
    recordStatement(statement) {
      guard(file, () => feedbackTable(db).add(statement));
    },
    recordCoverage(rows) {
      guard(file, () => transaction(db, () => coverageTable(db).add(rows)));
    },
    indexLines(linesMax) {
      return guard(file, () => {
        endBulk();
        let n = 0;
        transaction(db, () => {
          n = indexLines(db, linesMax);
        });
        return n;
      });
    },
    linesToIndex: () => guard(file, () => linesToIndex(db)),
    desk: guarded(file, sqliteDesk(db)),
    waf: guarded(file, wafTables(db, feedbackTable(db).latest, endBulk)),
    async close() {
      if (closed) return;
      closed = true;
      guard(file, () => {
        try {
          endBulk();
          db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        } finally {
          db.close();
        }
      });
    },
  };
}

interface Writers {
  readonly profile: StatementSync;
  readonly event: StatementSync;
  readonly incident: StatementSync;
  readonly anomaly: StatementSync;
  readonly run: StatementSync;
}

function prepareWriters(db: DatabaseSync, bulk: boolean): Writers {
  return {
    profile: db.prepare(bulk ? PROFILE_INSERT : PROFILE_UPSERT),
    event: db.prepare(bulk ? EVENT_INSERT : EVENT_UPSERT),
    incident: db.prepare(INCIDENT_UPSERT),
    anomaly: db.prepare(ANOMALY_UPSERT),
    run: db.prepare('INSERT INTO runs (started_at, document) VALUES (?, ?) ON CONFLICT (started_at) DO NOTHING'),
  };
}

function insertBatch(to: Writers, batch: OutputBatch): void {
  for (const p of batch.profiles) insertProfile(to.profile, p);
  for (const e of batch.events) insertEvent(to.event, e);
  for (const i of batch.incidents) insertIncident(to.incident, i);
  for (const f of batch.findings ?? []) insertAnomaly(to.anomaly, f);
}

function insertProfile(statement: StatementSync, p: Profile): void {
  const own = p.imapwhy;
  const user = p.user.name === null ? null : p.user.name.toLowerCase();
  statement.run(
    own.session.id,
    own.revision,
    epochMs(p.event.start),
    epochMs(p.event.end),
    user,
    user === null ? null : localPart(user),
    p.client.ip,
    p.source.ip,
    p.host.name ?? p.server.ip,
    own.session.dovecot_id,
    own.outcome,
    own.cause.label,
    own.cause.layer,
    own.cause.owner,
    own.cause.probability,
    own.stalled_in,
    documentText(p),
  );
}

function insertEvent(statement: StatementSync, e: EventDocument): void {
  const at = e.document['@timestamp'];
  const atMs = typeof at === 'string' ? epochMs(at) : 0;
  statement.run(e.id, e.session ?? null, atMs, datasetOf(e.document), documentText(e.document));
}

/** 0 for a text that is no time: the document is kept all the same. */
function epochMs(iso: string): number {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? 0 : ms;
}

function insertIncident(statement: StatementSync, i: Incident): void {
  const { id, cause, scope, owner } = i.imapwhy.incident;
  const start = epochMs(i.event.start);
  const end = epochMs(i.event.end);
  statement.run(id, i.imapwhy.revision, start, end, cause, scope, owner, documentText(i));
}

function insertAnomaly(statement: StatementSync, f: AnomalyFinding): void {
  const { id, level, scope } = f.imapwhy.anomaly;
  const start = epochMs(f.event.start);
  const end = epochMs(f.event.end);
  statement.run(id, f.imapwhy.revision, start, end, level, scope, documentText(f));
}

function datasetOf(document: EventDocument['document']): string | null {
  const event = document.event;
  if (typeof event === 'object' && event !== null && 'dataset' in event && typeof event.dataset === 'string') {
    return event.dataset;
  }
  return null;
}

/** `beforeRead` runs before each call: a store in its bulk load is sealed by it. */
function createReader(db: DatabaseSync, file: string, beforeRead: () => void = () => undefined): StoreReader {
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

/** The same functions, each of which tells what SQLite says as an OutputError. */
function guarded<T extends object>(file: string, functions: T): T {
  return new Proxy(functions, {
    get(target, name) {
      const one: unknown = Reflect.get(target, name);
      return typeof one === 'function' ? (...given: readonly unknown[]) => guard(file, () => one(...given)) : one;
    },
  });
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

function configure(db: DatabaseSync): void {
  db.exec('PRAGMA cache_size = -65536; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF');
}

/** Makes or migrates the tables; a store of an older version is copied first. True if this call made them. */
function prepareSchema(db: DatabaseSync, file: string): boolean {
  configure(db);
  db.exec('PRAGMA page_size = 16384'); // holds for a new file only: about seven profiles a page
  db.exec('PRAGMA synchronous = FULL'); // a batch that was acknowledged survives a power cut
  const found = checkVersion(db, file, 'may-be-empty');
  if (found > 0 && found < SCHEMA_VERSION) keepCopy(db, file, found);
  let isNew = false;
  transaction(db, () => {
    let version = checkVersion(db, file, 'may-be-empty');
    isNew = version === 0;
    for (; version < SCHEMA_VERSION; version++) db.exec(MIGRATIONS[version] ?? '');
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; PRAGMA application_id = ${APPLICATION_ID}`);
  });
  return isNew;
}

/** The schema version of the file; 0 for an empty file, which only a writer accepts. */
function checkVersion(db: DatabaseSync, file: string, empty?: 'may-be-empty'): number {
  const version = pragmaNumber(db, 'user_version');
  const isOurs = pragmaNumber(db, 'application_id') === APPLICATION_ID;
  const tables = Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n ?? 0);
  if (!isOurs && (tables > 0 || version !== 0 || empty === undefined)) {
    throw new OutputError('STORE_FOREIGN', `${file} is not a store of imapwhy. Choose another file with --store.`);
  }
  if (version > SCHEMA_VERSION) {
    throw new OutputError(
      'STORE_NEWER',
      `${file} was made by a newer imapwhy (store version ${version}, this one knows ${SCHEMA_VERSION}). Update imapwhy, or choose another file with --store.`,
    );
  }
  return version;
}

function pragmaNumber(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
}

/** Makes the indexes that are missing, then lets readers and the writer work side by side. If a bulk load wrote an id twice, the lesser rows go first. */
function seal(db: DatabaseSync): void {
  index(db);
  db.exec('PRAGMA journal_mode = WAL');
}

function index(db: DatabaseSync): void {
  try {
    transaction(db, () => db.exec(INDEXES));
  } catch (error) {
    if (primaryCode(error) !== SQLITE_CONSTRAINT) throw error;
    transaction(db, () => {
      db.exec(DEDUPLICATE);
      db.exec(INDEXES);
    });
  }
}

function transaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK'); // SQLite has rolled back by itself after some errors
    throw error;
  }
}

const SQLITE_CONSTRAINT = 19;
const SQLITE_READONLY = 8;
const SQLITE_CANTOPEN = 14;
const SQLITE_IOERR_SHMSIZE = 4874; // no space for the WAL's index

/** The primary result code of SQLite, or -1 for an error that is not SQLite's. Source: https://sqlite.org/rescode.html */
function primaryCode(error: unknown): number {
  const code = resultCode(error);
  return code < 0 ? -1 : code & 0xff;
}

function resultCode(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return -1;
  return typeof error.errcode === 'number' ? error.errcode : -1;
}

/** Runs the work; an error of SQLite becomes an OutputError that says what to do. */
function guard<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof OutputError) throw error;
    throw describe(error, file);
  }
}

/** The same for rows that are read one after the other: a damaged page shows itself only when it is reached. */
function* guardedRows<T>(file: string, open: () => Iterator<T>): Generator<T> {
  const rows = guard(file, open);
  try {
    for (let next = guard(file, () => rows.next()); !next.done; next = guard(file, () => rows.next())) yield next.value;
  } finally {
    rows.return?.();
  }
}

function describe(error: unknown, file: string): OutputError {
  if (resultCode(error) === SQLITE_IOERR_SHMSIZE) return describeFull(error, file);
  switch (primaryCode(error)) {
    case 13:
      return describeFull(error, file);
    case 5:
    case 6:
      return new OutputError(
        'STORE_BUSY',
        `${file}: another process is writing to it. Wait until it has ended.`,
        error,
      );
    case SQLITE_READONLY:
      return new OutputError(
        'STORE_READ_ONLY',
        `${file}: no permission to write to it. Change its owner or mode, or choose another file with --store.`,
        error,
      );
    case 11:
      return new OutputError(
        'STORE_CORRUPT',
        `${file} is damaged. Move it away and run \`imapwhy analyze\` on the logs again.`,
        error,
      );
    case 26:
      return new OutputError(
        'STORE_FOREIGN',
        `${file} is not a store of imapwhy. Choose another file with --store.`,
        error,
      );
    case SQLITE_CANTOPEN:
      return new OutputError(
        'STORE_FAILED',
        `${file}: cannot be opened. Check that its folder exists and that you may use it.`,
        error,
      );
    default:
      return new OutputError('STORE_FAILED', `${file}: ${messageOf(error)}`, error);
  }
}

function describeFull(error: unknown, file: string): OutputError {
  const message = `${file}: the disk is full. What was written before is kept; free some space and run it again, or choose another file with --store.`;
  return new OutputError('STORE_FULL', message, error);
}
