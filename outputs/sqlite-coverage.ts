/** In which hours which source wrote, in the store: so that a report can tell silence of a log from silence of the users. */
import type { DatabaseSync } from 'node:sqlite';
import type { SourceHour } from './output.ts';

/** Version 6 of the store. A source is the file that it was first written to, whatever it is called now. */
export const COVERAGE_SCHEMA = `
  CREATE TABLE source_hours (
    origin TEXT NOT NULL, hour_ms INTEGER NOT NULL, source TEXT NOT NULL, format TEXT NOT NULL,
    lines INTEGER NOT NULL, unparsed INTEGER NOT NULL, last_ms INTEGER NOT NULL, PRIMARY KEY (origin, hour_ms)) WITHOUT ROWID;
  CREATE INDEX source_hours_hour ON source_hours(hour_ms);`;

const SINCE_VERSION = 6;

/** A file that has grown is read again: the larger count of an hour holds all of the smaller one. */
const UPSERT = `INSERT INTO source_hours (origin, hour_ms, source, format, lines, unparsed, last_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (origin, hour_ms) DO UPDATE SET source = excluded.source, format = excluded.format, lines = excluded.lines,
    unparsed = excluded.unparsed, last_ms = excluded.last_ms WHERE excluded.lines > source_hours.lines`;

export interface CoverageTable {
  add(rows: readonly SourceHour[]): void;
  between(since: number, until: number): IterableIterator<SourceHour>;
}

/** A store that is read and of an older version knows nothing of it. */
export function coverageTable(db: DatabaseSync): CoverageTable {
  return {
    add(rows) {
      const upsert = db.prepare(UPSERT);
      for (const r of rows) upsert.run(r.origin, r.hourMs, r.source, r.format, r.lines, r.unparsed, r.lastMs);
    },
    *between(since, until) {
      if (Number(db.prepare('PRAGMA user_version').get()?.user_version) < SINCE_VERSION) return;
      const sql = 'SELECT * FROM source_hours WHERE hour_ms >= ? AND hour_ms < ? ORDER BY hour_ms, origin';
      for (const row of db.prepare(sql).iterate(since, until))
        yield {
          origin: String(row.origin),
          source: String(row.source),
          format: String(row.format),
          hourMs: Number(row.hour_ms),
          lines: Number(row.lines),
          unparsed: Number(row.unparsed),
          lastMs: Number(row.last_ms),
        };
    },
  };
}
