/** What people said about causes, in the store: every statement is kept, the latest of a session counts. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Statement } from '../processors/profile/feedback.ts';
import type { CauseLabel } from '../processors/profile/profile.ts';

/** Version 3 of the store. `feedback_now` has one row for each session of which a person's answer counts. */
export const FEEDBACK_SCHEMA = `
  CREATE TABLE feedback (n INTEGER NOT NULL PRIMARY KEY, session TEXT NOT NULL, label TEXT, document TEXT NOT NULL);
  CREATE INDEX feedback_session ON feedback(session, n);
  CREATE VIEW feedback_now AS SELECT n, session, label, document FROM feedback AS said
    WHERE label IS NOT NULL AND n = (SELECT max(n) FROM feedback WHERE session = said.session);`;

const SINCE_VERSION = 3;

export interface FeedbackTable {
  add(statement: Statement): void;
  /** The latest about a session, even if it takes back what was said before. */
  latest(session: string): Statement | undefined;
  /** All, of one session or of all, in the order in which they were said. */
  all(session?: string): readonly Statement[];
  /** A condition on `profiles` for the answer that counts, with its values. */
  causeIs(label: CauseLabel): { readonly condition: string; readonly values: readonly SQLInputValue[] };
}

/** Needs no index of the big tables, so a bulk load need not end for it. A store that is read and of an older version has no statements. */
export function feedbackTable(db: DatabaseSync): FeedbackTable {
  let present = false;
  const isPresent = (): boolean => {
    present ||= Number(db.prepare('PRAGMA user_version').get()?.user_version) >= SINCE_VERSION;
    return present;
  };
  const prepare = () => db.prepare('SELECT document FROM feedback WHERE session = ? ORDER BY n DESC LIMIT 1');
  let latest: ReturnType<typeof prepare> | undefined;
  return {
    add(statement) {
      db.prepare('INSERT INTO feedback (session, label, document) VALUES (?, ?, ?)').run(
        statement.session,
        statement.label,
        JSON.stringify(statement),
      );
    },
    latest(session) {
      if (!isPresent()) return undefined;
      latest ??= prepare();
      const row = latest.get(session);
      return row && parseStatement(String(row.document));
    },
    all(session) {
      if (!isPresent()) return [];
      const rows =
        session === undefined
          ? db.prepare('SELECT document FROM feedback ORDER BY n').all()
          : db.prepare('SELECT document FROM feedback WHERE session = ? ORDER BY n').all(session);
      return rows.map((row) => parseStatement(String(row.document)));
    },
    causeIs(label) {
      const byModel = label === 'none' ? 'cause = ?' : "cause <> 'none' AND cause = ?"; // the index is of the causes alone
      if (!isPresent()) return { condition: byModel, values: [label] };
      const condition = `(${byModel} AND id NOT IN (SELECT session FROM feedback_now) OR id IN (SELECT session FROM feedback_now WHERE label = ?))`;
      return { condition, values: [label, label] };
    },
  };
}

const parseStatement = (text: string): Statement => JSON.parse(text);
