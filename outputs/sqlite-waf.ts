/** What the WAF review reads and keeps in the store: blocks, who came from which address, decisions and proofs. Decisions are only ever added. */
import type { DatabaseSync } from 'node:sqlite';
import type { WafDecision } from '../models/waf/decision.ts';
import type { Visit } from '../models/waf/known-clients.ts';
import type { WafProof } from '../models/waf/proof.ts';
import type { Statement } from '../processors/profile/feedback.ts';
import { CAUSE_LABELS, type CauseLabel, type Outcome } from '../processors/profile/profile.ts';
import type { EventDocument } from './output.ts';

/** Version 7 of the store. */
export const WAF_SCHEMA = `
  CREATE TABLE waf_decisions (
    n INTEGER NOT NULL PRIMARY KEY, rule TEXT NOT NULL, path TEXT NOT NULL, target TEXT NOT NULL, decision TEXT NOT NULL, document TEXT NOT NULL);
  CREATE TABLE waf_proofs (n INTEGER NOT NULL PRIMARY KEY, made_at TEXT NOT NULL, passed INTEGER NOT NULL, document TEXT NOT NULL);`;

/** Found by the queue in the order of time. Partial, so that it costs nothing for the other events. */
export const WAF_INDEX = `
  CREATE INDEX IF NOT EXISTS events_waf ON events(at_ms) WHERE dataset IN ('modsecurity.audit', 'modsecurity.error');`;

const SINCE_VERSION = 7;
const VISITS_MAX = 5000;

/** What the WAF review asks of the store, and keeps there. */
export interface WafReader {
  /** Events of WAFs in the order of time, UTC ms; `since` inclusive, `until` exclusive. Do not write while iterating. */
  events(range?: { readonly since?: number; readonly until?: number }): IterableIterator<EventDocument>;
  event(id: string): EventDocument | undefined;
  /** Sessions of a client address in the order of their start: the latest 5000. */
  visitsOf(clientIp: string): readonly Visit[];
  visit(session: string): Visit | undefined;
  /** Whether any session of a named user ended well. */
  anyLogin(): boolean;
  /** … from a network: `198.51.100.0/24`, `2001:db8:0:1::/64`. */
  anyLoginFrom(network: string): boolean;
  /** In the order in which they were made. */
  decisions(): readonly WafDecision[];
  /** The latest. */
  latestProof(): WafProof | undefined;
}

export interface WafStore extends WafReader {
  decide(decision: WafDecision): void;
  recordProof(proof: WafProof): void;
}

const VISIT = 'SELECT id, start_ms, end_ms, user, outcome, cause, probability FROM profiles';

/** `latest` is what a person said of a session. `ready` runs before the first read: a store in its bulk load gets its indexes by it. */
export function wafTables(
  db: DatabaseSync,
  latest: (session: string) => Statement | undefined,
  ready: () => void,
): WafStore {
  let present = false;
  const isPresent = (): boolean => {
    present ||= Number(db.prepare('PRAGMA user_version').get()?.user_version) >= SINCE_VERSION;
    return present;
  };
  const visit = (row: Readonly<Record<string, unknown>>): Visit => {
    const session = String(row.id);
    const said = latest(session)?.label ?? null;
    return {
      session,
      start: Number(row.start_ms),
      end: Number(row.end_ms),
      user: row.user === null ? null : String(row.user),
      outcome: outcomeOf(row.outcome),
      cause: said ?? causeOf(row.cause),
      probability: said === null ? Number(row.probability) : 1,
    };
  };
  return {
    *events(range = {}) {
      ready();
      const rows = db
        .prepare(
          `SELECT id, session, document FROM events
           WHERE dataset IN ('modsecurity.audit', 'modsecurity.error') AND at_ms >= ? AND at_ms < ? ORDER BY at_ms, id`,
        )
        .iterate(range.since ?? Number.MIN_SAFE_INTEGER, range.until ?? Number.MAX_SAFE_INTEGER);
      for (const row of rows) yield eventOf(row);
    },
    event(id) {
      ready();
      const row = db.prepare('SELECT id, session, document FROM events WHERE id = ? LIMIT 1').get(id);
      return row && eventOf(row);
    },
    visitsOf(clientIp) {
      ready();
      const rows = db
        .prepare(`${VISIT} WHERE client_ip = ? ORDER BY start_ms DESC, id LIMIT ?`)
        .all(clientIp, VISITS_MAX);
      return rows.map(visit).reverse();
    },
    visit(session) {
      ready();
      const row = db.prepare(`${VISIT} WHERE id = ? ORDER BY revision DESC LIMIT 1`).get(session);
      return row && visit(row);
    },
    anyLogin() {
      ready();
      return db.prepare("SELECT 1 FROM profiles WHERE user IS NOT NULL AND outcome = 'ok' LIMIT 1").get() !== undefined;
    },
    anyLoginFrom(network) {
      const prefix = prefixOf(network);
      if (prefix === undefined) return false;
      ready();
      // Addresses sort as text: those of a network lie side by side in the index.
      const sql =
        "SELECT 1 FROM profiles WHERE client_ip >= ? AND client_ip < ? AND user IS NOT NULL AND outcome = 'ok' LIMIT 1";
      return db.prepare(sql).get(prefix, `${prefix}\u{10ffff}`) !== undefined;
    },
    decisions() {
      if (!isPresent()) return [];
      return db
        .prepare('SELECT document FROM waf_decisions ORDER BY n')
        .all()
        .map((row) => parseDecision(String(row.document)));
    },
    latestProof() {
      if (!isPresent()) return undefined;
      const row = db.prepare('SELECT document FROM waf_proofs ORDER BY n DESC LIMIT 1').get();
      return row && parseProof(String(row.document));
    },
    decide(d) {
      db.prepare('INSERT INTO waf_decisions (rule, path, target, decision, document) VALUES (?, ?, ?, ?, ?)').run(
        d.rule,
        d.path,
        d.target,
        d.decision,
        JSON.stringify(d),
      );
    },
    recordProof(p) {
      db.prepare('INSERT INTO waf_proofs (made_at, passed, document) VALUES (?, ?, ?)').run(
        p.made_at,
        p.passed ? 1 : 0,
        JSON.stringify(p),
      );
    },
  };
}

/** What the addresses of a network begin with. A /64 is written with its four groups; addresses that shorten zeros inside them are missed. */
function prefixOf(network: string): string | undefined {
  if (network.endsWith('.0/24')) return network.slice(0, -4);
  return network.endsWith('::/64') ? network.slice(0, -4) : undefined;
}

const eventOf = (row: Readonly<Record<string, unknown>>): EventDocument => ({
  id: String(row.id),
  session: row.session === null ? undefined : String(row.session),
  document: parseRecord(String(row.document)),
});

// JSON.parse answers `any`; what we wrote ourselves is taken by its word here and nowhere else.
const parseDecision = (text: string): WafDecision => JSON.parse(text);
const parseProof = (text: string): WafProof => JSON.parse(text);
const parseRecord = (text: string): Readonly<Record<string, unknown>> => JSON.parse(text);

const OUTCOMES: readonly Outcome[] = [
  'ok',
  'timeout',
  'refused',
  'auth_failed',
  'tls_failed',
  'reset',
  'blocked',
  'unknown',
];
const outcomeOf = (value: unknown): Outcome => OUTCOMES.find((o) => o === value) ?? 'unknown';
const causeOf = (value: unknown): CauseLabel => CAUSE_LABELS.find((l) => l === value) ?? 'none';
