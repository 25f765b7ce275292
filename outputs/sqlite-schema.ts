/** The tables of the store, how an older one is brought up, and when it gets its indexes. */
import type { DatabaseSync } from 'node:sqlite';
import { OutputError } from './output-error.ts';
import { keepCopy } from './sqlite-copy.ts';
import { COVERAGE_SCHEMA } from './sqlite-coverage.ts';
import { DESK_SCHEMA } from './sqlite-desk.ts';
import { primaryCode, SQLITE_CONSTRAINT } from './sqlite-error.ts';
import { FEEDBACK_SCHEMA } from './sqlite-feedback.ts';
import { SEARCH_INDEX, SEARCH_SCHEMA } from './sqlite-search.ts';
import { WAF_INDEX, WAF_SCHEMA } from './sqlite-waf.ts';

const APPLICATION_ID = 0x696d7779; // "imwy": says that a SQLite file is ours
const SCHEMA_VERSION = 7;

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

export function configure(db: DatabaseSync): void {
  db.exec('PRAGMA cache_size = -65536; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF');
}

/** Makes or migrates the tables; a store of an older version is copied first. True if this call made them. */
export function prepareSchema(db: DatabaseSync, file: string): boolean {
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
export function checkVersion(db: DatabaseSync, file: string, empty?: 'may-be-empty'): number {
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
export function seal(db: DatabaseSync): void {
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

export function transaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK'); // SQLite has rolled back by itself after some errors
    throw error;
  }
}
