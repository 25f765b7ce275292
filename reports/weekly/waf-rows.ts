import { compareText } from '../counting/top-counter.ts';
import type { Names } from './names.ts';
import type { RootCauses } from './root-causes.ts';
import type { WafFalsePositives, WafRow } from './weekly-report.ts';

const SHOWN = 10;

/** Rows of the review, with real names. */
export type WafReview = readonly WafRow[];

/** The review's queue of this week: decided and open. */
export function wafFromReview(review: WafReview, names: Names): WafFalsePositives {
  return split('review', review, names);
}

/** Without a review: the sessions that a rule cost, by rule and path. Nothing is decided. */
export function wafFromProfiles(causes: RootCauses, names: Names): WafFalsePositives {
  const rows: WafRow[] = [];
  for (const group of causes.groups().values()) {
    if (group.label !== 'security.waf_false_positive') continue;
    const [rule = '', ...path] = (group.scope ?? 'rule:unknown').slice('rule:'.length).split(' ');
    rows.push({
      rule,
      path: path.length === 0 ? null : path.join(' '),
      variable: null,
      blocked: null,
      sessions: group.failed,
      users: group.users.distinct().count,
      probability: group.probability / group.failed,
      decision: null,
    });
  }
  return split('profiles', rows, names);
}

function split(basis: WafFalsePositives['basis'], rows: readonly WafRow[], names: Names): WafFalsePositives {
  const sorted = rows
    .map((row) => hidden(row, names))
    .sort((a, b) => b.sessions - a.sessions || compareText(a.rule, b.rule) || compareText(a.path ?? '', b.path ?? ''));
  const open = sorted.filter((row) => row.decision === null);
  const decided = sorted.filter((row) => row.decision !== null);
  return {
    basis,
    open: open.slice(0, SHOWN),
    decided: decided.slice(0, SHOWN),
    open_total: open.length,
    decided_total: decided.length,
  };
}

function hidden(row: WafRow, names: Names): WafRow {
  const { decision } = row;
  return {
    ...row,
    path: row.path === null ? null : names.text(row.path, []),
    decision: decision && { ...decision, by: names.areHidden ? names.user(decision.by) : decision.by },
  };
}
