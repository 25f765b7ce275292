import type { CauseLabel, Outcome } from '../../processors/profile/profile.ts';
import { localPart } from '../../processors/resolve/network.ts';

/** One stored session, as far as the review needs it. */
export interface Visit {
  readonly session: string;
  readonly start: number; // UTC epoch ms
  readonly end: number;
  readonly user: string | null;
  readonly outcome: Outcome;
  readonly cause: CauseLabel; // a person's answer where there is one
  readonly probability: number;
}

/** What the review asks of the store. */
export interface Known {
  /** Sessions of a client address in the order of their start; at most some thousands. */
  visitsOf(client: string): readonly Visit[];
  session(id: string): Visit | undefined;
  /** Whether anybody logged in from a network (/24, /64). */
  anyLoginFrom(network: string): boolean;
  /** Whether the store knows of any login at all: without mail logs, "never logged in" says nothing. */
  readonly anyLogin: boolean;
}

/** What is known of one client address. */
export interface ClientStanding {
  readonly logins: readonly number[]; // start of sessions that logged in and went well, UTC ms, in order
  readonly users: readonly string[]; // of these sessions
  readonly attacks: number; // sessions judged to be attacks
}

export function standingOf(visits: readonly Visit[]): ClientStanding {
  const good = visits.filter(isLogin);
  return {
    logins: good.map((v) => v.start),
    users: [...new Set(good.flatMap((v) => (v.user === null ? [] : [v.user])))],
    attacks: visits.filter((v) => v.cause === 'security.attack').length,
  };
}

/** A session of a named user that ended well. */
export const isLogin = (v: Visit): boolean => v.user !== null && v.outcome === 'ok' && v.cause !== 'security.attack';

export const isLost = (v: Visit): boolean => v.cause === 'security.waf_false_positive' && v.outcome !== 'ok';

/** The name under which a user logged in from this address, if what a request claims is that user. */
export function confirmedUser(standing: ClientStanding, claimed: string): string | undefined {
  const local = localPart(claimed);
  return standing.users.find((u) => localPart(u) === local);
}

/** How many of the sorted times lie in [from, until). */
export function countBetween(times: readonly number[], from: number, until: number): number {
  return lowerBound(times, until) - lowerBound(times, from);
}

function lowerBound(times: readonly number[], at: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
