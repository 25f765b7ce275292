import { createHash } from 'node:crypto';
import { isoTime } from '../../processors/profile/iso-time.ts';
import type { CauseLabel } from '../../processors/profile/profile.ts';
import type { AnomalyFinding, UnusualSeries } from './finding.ts';
import type { Unusual } from './scope-series.ts';

/** A session that failed in the slot that is judged. */
export interface FailedSession {
  readonly id: string;
  readonly user: string | null;
  readonly network: string | null;
  readonly start: number;
  readonly end: number;
  readonly cause: CauseLabel;
  readonly causeScope: string | null;
  readonly scopes: readonly string[];
}

/** One scope of a slot with what was unusual in it. */
export interface UnusualScope {
  readonly scope: string;
  readonly attempts: number;
  readonly unusual: readonly Unusual[];
}

/** Without news for so many slots a finding is over. */
const QUIET_SLOTS = 5;
const MEMBERS_MAX = 10_000;
const SERIES_HELD = 200;
const SERIES_SHOWN = 12;
const EXAMPLES_MAX = 5;
/** What ended long after it began to hurt: the end is the moment that counts. */
const BEFORE_END_MS = 10 * 60_000;
/** The scope that a finding is named after holds at least this share of its sessions. */
const MOST = 0.7;

/** Plain data, but for its sets. */
interface Open {
  readonly key: string;
  readonly cause: CauseLabel;
  readonly causeScope: string | null;
  lastSlot: number;
  start: number;
  end: number;
  sessions: number;
  readonly series: Map<string, UnusualSeries>;
  readonly members: Set<string>;
  readonly users: Set<string>;
  readonly networks: Set<string>;
}

type Collections = 'series' | 'members' | 'users' | 'networks';

/** What survives JSON. */
export type FindingsData = readonly (Omit<Open, Collections> & {
  readonly series: readonly (readonly [string, UnusualSeries])[];
  readonly members: readonly string[];
  readonly users: readonly string[];
  readonly networks: readonly string[];
})[];

/**
 * Makes findings of unusual series. Those of one slot belong together if most of their failed sessions have the same cause in the same place, which the cause
 * model has told apart already; unusual series without failed sessions (a rate, a time) stand for their own scope. A finding goes on while it has news.
 */
export class Findings {
  readonly #open = new Map<string, Open>();

  constructor(data: FindingsData = []) {
    for (const d of data)
      this.#open.set(d.key, {
        ...d,
        series: new Map(d.series),
        members: new Set(d.members),
        users: new Set(d.users),
        networks: new Set(d.networks),
      });
  }

  toData(): FindingsData {
    return [...this.#open.values()].map((o) => ({
      ...o,
      series: [...o.series],
      members: [...o.members],
      users: [...o.users],
      networks: [...o.networks],
    }));
  }

  /** Takes one slot, and gives out what is over. `at`: when the slot began. */
  add(
    slot: number,
    at: number,
    slotMs: number,
    scopes: readonly UnusualScope[],
    failed: readonly FailedSession[],
  ): void {
    for (const scope of scopes) {
      const own = failed.filter((f) => f.scopes.includes(scope.scope));
      const shared = own.filter((f) => !isPersonal(f.causeScope));
      const main = mainCause(shared.length > 0 ? shared : own);
      const key = main ? `${main.cause} ${main.causeScope ?? ''}` : scope.scope;
      const explained = main ? own.filter((f) => f.cause === main.cause && f.causeScope === main.causeScope) : [];
      const open = this.#of(key, main, at, slotMs);
      open.lastSlot = slot;
      for (const session of explained) include(open, session);
      for (const u of scope.unusual) note(open.series, scope, u, explained.length);
    }
  }

  /** Those that are over at `slot`, the widest first; Infinity at the end. */
  take(slot: number, epoch: number): readonly AnomalyFinding[] {
    const over: AnomalyFinding[] = [];
    for (const [key, open] of this.#open) {
      if (slot - open.lastSlot <= QUIET_SLOTS) continue;
      this.#open.delete(key);
      over.push(build(open, epoch));
    }
    return over.sort(byBlastRadius);
  }

  #of(key: string, main: Pick<FailedSession, 'cause' | 'causeScope'> | undefined, at: number, slotMs: number): Open {
    const known = this.#open.get(key);
    if (known) {
      if (!main) known.end = at + slotMs;
      return known;
    }
    const open: Open = {
      key,
      cause: main?.cause ?? 'none',
      causeScope: main?.causeScope ?? null,
      lastSlot: 0,
      start: main ? Number.POSITIVE_INFINITY : at,
      end: main ? Number.NEGATIVE_INFINITY : at + slotMs,
      sessions: 0,
      series: new Map(),
      members: new Set(),
      users: new Set(),
      networks: new Set(),
    };
    this.#open.set(key, open);
    return open;
  }
}

/** The widest first: sessions, then users, then the worst score. */
export function byBlastRadius(a: AnomalyFinding, b: AnomalyFinding): number {
  const [x, y] = [a.imapwhy.anomaly, b.imapwhy.anomaly];
  return y.sessions - x.sessions || y.users - x.users || y.score - x.score || (x.id < y.id ? -1 : 1);
}

/** A cause of one user or client alone is no matter of a series. */
export function isPersonal(causeScope: string | null): boolean {
  return causeScope?.startsWith('user:') === true || causeScope?.startsWith('client:') === true;
}

/** The cause and place of most of them; ties go by name, so that their order does not matter. */
function mainCause(failed: readonly FailedSession[]): Pick<FailedSession, 'cause' | 'causeScope'> | undefined {
  const counts = new Map<string, { readonly of: FailedSession; n: number }>();
  for (const f of failed) {
    const key = `${f.cause} ${f.causeScope ?? ''}`;
    const known = counts.get(key);
    if (known) known.n++;
    else counts.set(key, { of: f, n: 1 });
  }
  return [...counts].sort(([a, x], [b, y]) => y.n - x.n || (a < b ? -1 : 1))[0]?.[1].of;
}

function include(open: Open, session: FailedSession): void {
  if (open.members.has(session.id)) return;
  add(open.members, session.id);
  open.sessions++;
  open.start = Math.min(open.start, Math.max(session.start, session.end - BEFORE_END_MS));
  open.end = Math.max(open.end, session.end);
  if (session.user !== null) add(open.users, session.user);
  if (session.network !== null) add(open.networks, session.network);
}

/** Keeps each series at its worst, with all of its sessions and attempts. */
function note(series: Map<string, UnusualSeries>, scope: UnusualScope, u: Unusual, sessions: number): void {
  const key = `${u.metric} ${scope.scope}`;
  const known = series.get(key);
  if (!known && series.size >= SERIES_HELD) return;
  const worst = known && known.score >= u.score ? known : { scope: scope.scope, ...u };
  series.set(key, {
    scope: scope.scope,
    metric: u.metric,
    level: worst.level,
    basis: worst.basis,
    score: worst.score,
    reason: worst.reason,
    sessions: (known?.sessions ?? 0) + sessions,
    attempts: (known?.attempts ?? 0) + scope.attempts,
  });
}

function add(set: Set<string>, member: string): void {
  if (set.size < MEMBERS_MAX) set.add(member);
}

function build(open: Open, epoch: number): AnomalyFinding {
  const most = Math.max(...[...open.series.values()].map((s) => s.sessions));
  // Named after the place of the cause, if it is unusual itself, else after the scope in which the largest part of all attempts failed, of those that hold most of the sessions.
  const narrow = (s: UnusualSeries): number => {
    if (s.scope === open.causeScope) return Number.POSITIVE_INFINITY;
    return s.sessions >= MOST * most ? s.sessions / Math.max(1, s.attempts) : -1;
  };
  const series = [...open.series.values()].sort(
    (a, b) => compare(narrow(b), narrow(a)) || b.score - a.score || (a.scope + a.metric < b.scope + b.metric ? -1 : 1),
  );
  const worst = series.reduce((w, s) => (s.score > w.score ? s : w), series[0] ?? NOTHING);
  const head = series[0] ?? NOTHING;
  const start = isoTime(open.start);
  return {
    '@timestamp': start,
    ecs: { version: '9.4.0' },
    event: {
      kind: 'alert',
      dataset: 'imapwhy.anomaly',
      start,
      end: isoTime(open.end),
      duration: Math.round(open.end - open.start) * 1_000_000,
    },
    imapwhy: {
      anomaly: {
        id: createHash('sha256').update(`${open.key} ${start}`).digest('base64url').slice(0, 20),
        level: worst.level,
        score: worst.score,
        scope: head.scope,
        reason: head.reason,
        series: series.slice(0, SERIES_SHOWN),
        incident:
          open.causeScope === null || open.cause === 'none' ? null : { cause: open.cause, scope: open.causeScope },
        sessions: open.sessions,
        users: open.users.size,
        networks: open.networks.size,
        example_sessions: [...open.members].slice(0, EXAMPLES_MAX),
      },
      revision: epoch * 1_000_000_000 + Math.min(open.sessions, 999_999_999),
    },
  };
}

/** Infinities too. */
const compare = (a: number, b: number): number => (a === b ? 0 : a - b);

const NOTHING: UnusualSeries = {
  scope: '',
  metric: 'attempts',
  level: 'watch',
  basis: 'limit',
  score: 0,
  reason: '',
  sessions: 0,
  attempts: 0,
};
