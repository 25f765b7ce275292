import { countBetween } from './known-clients.ts';

/** Logins of those whom a rule hit, in two spans of equal length: before its first block, and from then on. */
export interface LoginsAround {
  readonly rule_came: string; // ISO 8601 UTC, its first block
  readonly span_minutes: number;
  readonly logins_before: number;
  readonly logins_after: number;
}

/** A rule that is simply wrong: it stopped the normal use of whoever came by. */
export interface WrongForEveryone extends LoginsAround {
  readonly users: number;
  readonly networks: number;
}

export interface Reach {
  /** Times of the blocked requests, UTC ms, any order. */
  readonly times: readonly number[];
  /** For each address that logged in at some time: when, in order. */
  readonly logins: readonly (readonly number[])[];
  readonly users: number;
  readonly networks: number;
  /** Share of the requests that come from these addresses. */
  readonly legitimateShare: number;
  readonly attackShare: number; // of the values
}

const SPAN_MIN_MS = 2 * 60_000;
const SPAN_MAX_MS = 24 * 3_600_000;
const QUIET_MS = 10 * 60_000;
const USERS_MIN = 5;
const NETWORKS_MIN = 2;
const LEGITIMATE_MIN = 0.9;
const ATTACK_MAX = 0.1;
/** Chance of as few logins afterwards if nothing had changed. */
const CHANCE_MAX = 0.01;

/** Undefined if it stopped few, one network, strangers, or if their logins went on. */
export function wrongForEveryone(reach: Reach): WrongForEveryone | undefined {
  if (reach.users < USERS_MIN || reach.networks < NETWORKS_MIN) return undefined;
  if (reach.legitimateShare < LEGITIMATE_MIN || reach.attackShare > ATTACK_MAX) return undefined;
  const around = loginsAround(reach);
  const { logins_before: before, logins_after: after } = around;
  if (after * 2 > before || chanceOfAtMost(after, before + after) > CHANCE_MAX) return undefined;
  return { ...around, users: reach.users, networks: reach.networks };
}

export function loginsAround({ times, logins }: Pick<Reach, 'times' | 'logins'>): LoginsAround {
  const sorted = [...times].sort((a, b) => a - b);
  const from = sorted[0] ?? 0;
  const span = Math.min(SPAN_MAX_MS, Math.max(SPAN_MIN_MS, firstSpell(sorted) - from));
  let before = 0;
  let after = 0;
  for (const own of logins) {
    before += countBetween(own, from - span, from);
    after += countBetween(own, from, from + span);
  }
  return {
    rule_came: new Date(from).toISOString(),
    span_minutes: Math.round(span / 6000) / 10,
    logins_before: before,
    logins_after: after,
  };
}

/** When the blocks paused for the first time: a rule may be switched off and on. */
function firstSpell(sorted: readonly number[]): number {
  let last = sorted[0] ?? 0;
  for (const at of sorted) {
    if (at - last > QUIET_MS) return last;
    last = at;
  }
  return last;
}

/** P(X <= k) for X binomial (n, 1/2): two spans of equal length share n logins evenly if nothing changed. */
function chanceOfAtMost(k: number, n: number): number {
  if (n === 0) return 1;
  let term = -n * Math.LN2; // ln C(n, 0) / 2^n
  let sum = Math.exp(term);
  for (let i = 1; i <= k; i++) {
    term += Math.log((n - i + 1) / i);
    sum += Math.exp(term);
  }
  return Math.min(1, sum);
}
