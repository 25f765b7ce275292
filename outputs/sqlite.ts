/**
 * The embedded store: profiles, incidents, events and runs in one SQLite file (node:sqlite, WAL), made for one writer and many readers.
 * Measured with bench/store.ts: what costs is not the rows but the indexes, because ids, users and addresses arrive in no order and every
 * batch would rewrite nearly every index page. So a store that is new gets its indexes when it is first read or closed ("bulk"). Until then it
 * has a rollback journal: that keeps only the pages that a batch overwrites, hardly any in a load, where the WAL writes every page twice.
 */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { Profile } from '../processors/profile/profile.ts';
import { type TextOf, textOf } from './document-text.ts';
import type { EventDocument, OutputBatch } from './output.ts';
import { OutputError } from './output-error.ts';
import { coverageTable } from './sqlite-coverage.ts';
import { sqliteDesk } from './sqlite-desk.ts';
import { guard, guarded, primaryCode, SQLITE_CANTOPEN, SQLITE_CONSTRAINT, SQLITE_READONLY } from './sqlite-error.ts';
import { feedbackTable } from './sqlite-feedback.ts';
import { createReader } from './sqlite-reader.ts';
import { checkVersion, configure, prepareSchema, seal, transaction } from './sqlite-schema.ts';
import { indexLines, linesToIndex } from './sqlite-search.ts';
import { wafTables } from './sqlite-waf.ts';
import type { ReadStore, Store } from './store.ts';
import { localPart } from './user-name.ts';

export type { ProfileQuery, ReadStore, Run, Store, StoreReader } from './store.ts';

const BUSY_MS = 10_000;

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
  refuseFolder(file);
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
  refuseFolder(file);
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

/** What SQLite says of a folder is "disk I/O error". */
function refuseFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new OutputError(
      'STORE_FOREIGN',
      `${path} is a folder. Name the file in it: --store ${join(path, 'imapwhy.db')}`,
    );
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

  function writeBatch(batch: OutputBatch, text: TextOf): void {
    try {
      transaction(db, () => insertBatch(statements, batch, text));
    } catch (error) {
      // Another process has sealed the store that this one was loading: from now on by its rules.
      if (!bulk || primaryCode(error) !== SQLITE_CONSTRAINT) throw error;
      endBulk();
      transaction(db, () => insertBatch(statements, batch, text));
    }
  }

  return {
    ...createReader(db, file, endBulk),
    async write(batch, text = textOf) {
      guard(file, () => writeBatch(batch, text));
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

function insertBatch(to: Writers, batch: OutputBatch, text: TextOf): void {
  for (const p of batch.profiles) insertProfile(to.profile, p, text(p));
  for (const e of batch.events) insertEvent(to.event, e, text(e.document));
  for (const i of batch.incidents) insertIncident(to.incident, i, text(i));
  for (const f of batch.findings ?? []) insertAnomaly(to.anomaly, f, text(f));
}

function insertProfile(statement: StatementSync, p: Profile, text: string): void {
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
    text,
  );
}

function insertEvent(statement: StatementSync, e: EventDocument, text: string): void {
  const at = e.document['@timestamp'];
  const atMs = typeof at === 'string' ? epochMs(at) : 0;
  statement.run(e.id, e.session ?? null, atMs, datasetOf(e.document), text);
}

/** 0 for a text that is no time: the document is kept all the same. */
function epochMs(iso: string): number {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? 0 : ms;
}

function insertIncident(statement: StatementSync, i: Incident, text: string): void {
  const { id, cause, scope, owner } = i.imapwhy.incident;
  const start = epochMs(i.event.start);
  const end = epochMs(i.event.end);
  statement.run(id, i.imapwhy.revision, start, end, cause, scope, owner, text);
}

function insertAnomaly(statement: StatementSync, f: AnomalyFinding, text: string): void {
  const { id, level, scope } = f.imapwhy.anomaly;
  const start = epochMs(f.event.start);
  const end = epochMs(f.event.end);
  statement.run(id, f.imapwhy.revision, start, end, level, scope, text);
}

function datasetOf(document: EventDocument['document']): string | null {
  const event = document.event;
  if (typeof event === 'object' && event !== null && 'dataset' in event && typeof event.dataset === 'string') {
    return event.dataset;
  }
  return null;
}
