/** What people write at their desks, in the store: notes, saved searches, and the trail of who changed what. Nothing of it is ever changed by reading logs. */
import type { DatabaseSync } from 'node:sqlite';

/** Version 5 of the store. */
export const DESK_SCHEMA = `
  CREATE TABLE notes (n INTEGER NOT NULL PRIMARY KEY, subject TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL, text TEXT NOT NULL);
  CREATE INDEX notes_subject ON notes(subject, n);
  CREATE TABLE saved_searches (name TEXT NOT NULL PRIMARY KEY, query TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL);
  CREATE TABLE audit (n INTEGER NOT NULL PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL);`;

/** Said by a person about an incident. Notes are only ever added. */
export interface Note {
  readonly subject: string; // id of the incident
  readonly by: string;
  readonly at: string; // ISO 8601 UTC
  readonly text: string;
}

export interface SavedSearch {
  readonly name: string;
  readonly query: string; // as typed
  readonly by: string;
  readonly at: string;
}

export interface AuditEntry {
  readonly at: string;
  readonly by: string;
  readonly action: string; // `feedback`, `note`, `search saved`, `search removed`, `signed in` …
  readonly subject: string;
}

export interface Desk {
  notes(subject: string): readonly Note[];
  addNote(note: Note): void;
  /** By name. */
  savedSearches(): readonly SavedSearch[];
  /** Replaces one of the same name. */
  saveSearch(search: SavedSearch): void;
  removeSearch(name: string): void;
  /** Latest first. */
  auditTrail(limit: number): readonly AuditEntry[];
  recordAudit(entry: AuditEntry): void;
}

export function sqliteDesk(db: DatabaseSync): Desk {
  return {
    notes: (subject) =>
      db
        .prepare('SELECT subject, by, at, text FROM notes WHERE subject = ? ORDER BY n')
        .all(subject)
        .map((r) => ({ subject: String(r.subject), by: String(r.by), at: String(r.at), text: String(r.text) })),
    addNote({ subject, by, at, text }) {
      db.prepare('INSERT INTO notes (subject, by, at, text) VALUES (?, ?, ?, ?)').run(subject, by, at, text);
    },
    savedSearches: () =>
      db
        .prepare('SELECT name, query, by, at FROM saved_searches ORDER BY name LIMIT 200')
        .all()
        .map((r) => ({ name: String(r.name), query: String(r.query), by: String(r.by), at: String(r.at) })),
    saveSearch({ name, query, by, at }) {
      db.prepare(
        `INSERT INTO saved_searches (name, query, by, at) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET query = excluded.query, by = excluded.by, at = excluded.at`,
      ).run(name, query, by, at);
    },
    removeSearch(name) {
      db.prepare('DELETE FROM saved_searches WHERE name = ?').run(name);
    },
    auditTrail: (limit) =>
      db
        .prepare('SELECT at, by, action, subject FROM audit ORDER BY n DESC LIMIT ?')
        .all(limit)
        .map((r) => ({ at: String(r.at), by: String(r.by), action: String(r.action), subject: String(r.subject) })),
    recordAudit({ at, by, action, subject }) {
      db.prepare('INSERT INTO audit (at, by, action, subject) VALUES (?, ?, ?, ?)').run(at, by, action, subject);
    },
  };
}
