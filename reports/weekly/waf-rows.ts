import type { WafRow as QueueRow, WafQueue } from '../../models/waf/queue.ts';
import { compareText } from '../counting/top-counter.ts';
import type { Names } from './names.ts';
import type { RootCauses } from './root-causes.ts';
import type { WafFalsePositives, WafRow } from './weekly-report.ts';

const SHOWN = 10;
/** Below this the rule was probably right, and nobody has to look. */
const LIKELY = 0.5;

/** The review of this week: places that were decided, and those that probably stop the wrong requests and wait for a decision. */
export function wafFromReview(queue: WafQueue, names: Names): WafFalsePositives {
  const rows = queue.rows.filter((row) => row.decision !== null || row.probability >= LIKELY);
  const isDecided = (row: QueueRow): boolean => row.status === 'accepted' || row.status === 'attack';
  return listed(
    'review',
    rows.filter((row) => !isDecided(row)).map((row) => reviewed(row, names)),
    rows.filter(isDecided).map((row) => reviewed(row, names)),
  );
}

function reviewed(row: QueueRow, names: Names): WafRow {
  const { decision } = row;
  return {
    rule: row.rule.id,
    path: row.path === '' ? null : names.text(row.path, row.users),
    variable: row.target === '' ? null : names.text(row.target, row.users),
    blocked: row.requests_blocked,
    sessions: row.sessions_lost,
    users: row.legitimate_users,
    probability: row.probability,
    wrong_for_everyone: row.wrong_for_everyone && {
      logins_before: row.wrong_for_everyone.logins_before,
      logins_after: row.wrong_for_everyone.logins_after,
    },
    decision: decision && {
      verdict: decision.decision === 'accept' ? 'false_positive' : decision.decision,
      by: names.areHidden ? names.user(decision.by) : decision.by,
      at: decision.at,
      expires: decision.expires,
      expired: row.status === 'expired',
    },
  };
}

/** Without a log of the WAF in the store: the sessions that a rule cost, by rule and path. Nothing is decided. */
export function wafFromProfiles(causes: RootCauses, names: Names): WafFalsePositives {
  const rows: WafRow[] = [];
  for (const group of causes.groups().values()) {
    if (group.label !== 'security.waf_false_positive') continue;
    const [rule = '', ...path] = (group.scope ?? 'rule:unknown').slice('rule:'.length).split(' ');
    rows.push({
      rule,
      path: path.length === 0 ? null : names.text(path.join(' '), []),
      variable: null,
      blocked: null,
      sessions: group.failed,
      users: group.users.distinct().count,
      probability: group.probability / group.failed,
      wrong_for_everyone: null,
      decision: null,
    });
  }
  return listed('profiles', rows, []);
}

function listed(
  basis: WafFalsePositives['basis'],
  open: readonly WafRow[],
  decided: readonly WafRow[],
): WafFalsePositives {
  const first = (rows: readonly WafRow[]): readonly WafRow[] => rows.toSorted(byCost).slice(0, SHOWN);
  return { basis, open: first(open), decided: first(decided), open_total: open.length, decided_total: decided.length };
}

const byCost = (a: WafRow, b: WafRow): number =>
  b.sessions - a.sessions ||
  (b.blocked ?? 0) - (a.blocked ?? 0) ||
  compareText(`${a.rule} ${a.path ?? ''} ${a.variable ?? ''}`, `${b.rule} ${b.path ?? ''} ${b.variable ?? ''}`);
