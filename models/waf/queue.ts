import { networkOf } from '../../processors/resolve/network.ts';
import { ClientHistory } from './client-history.ts';
import { countedMatches, isOfCrs } from './counted-matches.ts';
import { latestDecisions, statusOf, type WafDecision, type WafStatus } from './decision.ts';
import { type WrongForEveryone, wrongForEveryone } from './everyone.ts';
import { judgePlace, type WafEvidence } from './evidence.ts';
import type { BlockExample } from './example.ts';
import { confirmedUser, countBetween, isLost, type Known } from './known-clients.ts';
import { type Place, placeId, placeKey } from './place.ts';
import { PlaceTally } from './place-tally.ts';
import type { WafMatch, WafRequest } from './request.ts';

/** One row of the review: a rule, a path, and the part of the request that it looked at. */
export interface WafRow {
  readonly id: string;
  readonly rule: {
    readonly id: string;
    readonly message: string;
    readonly file: string | null;
    readonly severity: string | null;
    readonly pattern: string | null; // operator and parameter, where the log says them
    readonly of_crs: boolean;
  };
  readonly path: string;
  readonly target: string;
  /** The name in it: `refresh_token` of `ARGS:refresh_token`; null for a part without one. */
  readonly parameter: string | null;
  readonly methods: readonly string[];
  readonly requests_blocked: number;
  readonly requests_blocked_alone: number; // by this rule at this place and nothing else
  readonly requests_let_through: number; // it matched, and the request passed all the same
  readonly clients: number;
  readonly legitimate_users: number;
  readonly users: readonly string[]; // at most 20 of them
  readonly networks: number;
  readonly sessions_lost: number;
  readonly lost_sessions: readonly LostSession[]; // at most 20
  readonly first_seen: string;
  readonly last_seen: string;
  readonly probability: number; // that the blocks are false positives
  readonly log_odds: number;
  readonly evidence: readonly WafEvidence[];
  readonly wrong_for_everyone: WrongForEveryone | null;
  readonly examples: readonly BlockExample[];
  readonly proposed: boolean;
  readonly status: WafStatus;
  readonly decision: WafDecision | null;
}

export interface LostSession {
  readonly session: string;
  readonly at: string;
  readonly user: string | null;
  readonly probability: number;
}

export interface WafQueue {
  readonly requests: {
    readonly judged: number;
    readonly blocked: number;
    /** Blocked without a word about which rule matched: the audit log or the error log of level info is missing. */
    readonly unexplained: number;
  };
  readonly first_seen: string | null;
  readonly last_seen: string | null;
  readonly sessions_lost: number;
  /** False positives that cost most first. */
  readonly rows: readonly WafRow[];
}

export interface QueueOptions {
  readonly decisions: readonly WafDecision[];
  /** UTC epoch ms: which decisions have expired. */
  readonly now: number;
}

export const placeOfRow = (row: WafRow): Place => ({ rule: row.rule.id, path: row.path, target: row.target });

/** From this probability on an exclusion is proposed. */
export const PROPOSED_FROM = 0.9;
const ROWS_MAX = 5000;
const LISTED_MAX = 20;
const TOKENS_MAX = 100_000;

/** Builds the review from blocked requests and what is known of their clients. Pure; the same input gives the same rows in the same order. */
export function buildQueue(requests: Iterable<WafRequest>, known: Known, options: QueueOptions): WafQueue {
  const tallies = new Map<string, PlaceTally>();
  const clients = new ClientHistory(known);
  const accepted = new Map<string, number>();
  let judged = 0;
  let blocked = 0;
  let unexplained = 0;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const request of requests) {
    judged++;
    const counted = countedMatches(request);
    if (!request.blocked) {
      for (const s of request.secrets)
        if (accepted.size < TOKENS_MAX) accepted.set(s, Math.max(request.at, accepted.get(s) ?? 0));
    } else {
      blocked++;
      first = Math.min(first, request.at);
      last = Math.max(last, request.at);
      if (counted.length === 0) unexplained++;
      clients.add(request);
    }
    for (const match of counted) {
      const tally = tallyOf(tallies, request, match);
      if (tally === undefined) continue;
      if (request.blocked) tally.add(request, match, counted);
      else tally.letThrough++;
    }
  }
  const decisions = latestDecisions(options.decisions);
  const rows = [...tallies.values()]
    .filter((t) => t.blocked > 0)
    .map((t) => rowOf(t, { known, clients, accepted, decision: decisions.get(placeKey(t.place)), now: options.now }));
  const lost = new Set(rows.flatMap((r) => r.allLost));
  return {
    requests: { judged, blocked, unexplained },
    first_seen: blocked === 0 ? null : iso(first),
    last_seen: blocked === 0 ? null : iso(last),
    sessions_lost: lost.size,
    rows: rows.map((r) => r.row).sort(byCost),
  };
}

function tallyOf(tallies: Map<string, PlaceTally>, request: WafRequest, match: WafMatch): PlaceTally | undefined {
  const place = { rule: match.rule, path: request.path ?? '', target: match.target ?? '' };
  const key = placeKey(place);
  const known = tallies.get(key);
  if (known !== undefined || tallies.size >= ROWS_MAX) return known;
  const made = new PlaceTally(place, match);
  tallies.set(key, made);
  return made;
}

interface RowContext {
  readonly known: Known;
  readonly clients: ClientHistory;
  readonly accepted: ReadonlyMap<string, number>;
  readonly decision: WafDecision | undefined;
  readonly now: number;
}

interface RowAndLost {
  readonly row: WafRow;
  readonly allLost: readonly string[];
}

function rowOf(t: PlaceTally, c: RowContext): RowAndLost {
  const lost = lostSessions(t, c.known);
  const people = peopleOf(t, c, lost.sessions);
  const attackShare = t.looked === 0 ? 0 : t.attack / t.looked;
  const everyone = wrongForEveryone({
    times: t.times,
    logins: people.logins,
    users: people.legitimate,
    networks: people.networks.size,
    legitimateShare: people.legitimateRequests / t.blocked,
    attackShare,
  });
  const ofValues = (n: number): number => (t.looked === 0 ? 0 : n / t.looked);
  const judgement = judgePlace({
    blocked: t.blocked,
    loggedInBefore: people.before / t.blocked,
    loggedInAfter: people.after / t.blocked,
    neverLoggedIn: c.known.anyLogin ? people.never / t.blocked : 0,
    networkKnown: people.networkKnown / t.blocked,
    probing: people.probing / t.blocked,
    costSession: Math.min(1, lost.requests / t.blocked),
    judgedAttack: Math.min(1, lost.attackRequests / t.blocked),
    tokensAccepted:
      t.secrets.size === 0 ? 0 : [...t.secrets.keys()].filter((s) => c.accepted.has(s)).length / t.secrets.size,
    legitimateUsers: people.legitimate,
    legitimateNetworks: people.networks.size,
    credential: ofValues(t.credential),
    prose: ofValues(t.prose),
    attack: attackShare,
    otherFamilies: t.otherFamilies / t.blocked,
    everyone: everyone !== undefined,
  });
  const status = statusOf(c.decision, c.now);
  const row: WafRow = {
    id: placeId(t.place),
    rule: {
      id: t.place.rule,
      message: t.match.message,
      file: t.match.file,
      severity: t.match.severity,
      pattern: t.match.pattern,
      of_crs: isOfCrs(t.match),
    },
    path: t.place.path,
    target: t.place.target,
    parameter: t.place.target.includes(':') ? t.place.target.slice(t.place.target.indexOf(':') + 1) : null,
    methods: [...t.methods].sort(),
    requests_blocked: t.blocked,
    requests_blocked_alone: t.alone,
    requests_let_through: t.letThrough,
    clients: t.clients.size,
    legitimate_users: people.legitimate,
    users: [...people.users].sort().slice(0, LISTED_MAX),
    networks: new Set([...t.clients.keys()].map(networkOf)).size,
    sessions_lost: lost.sessions.length,
    lost_sessions: lost.sessions.slice(0, LISTED_MAX),
    first_seen: iso(t.first),
    last_seen: iso(t.last),
    ...judgement,
    wrong_for_everyone: everyone ?? null,
    examples: t.examples(),
    proposed: judgement.probability >= PROPOSED_FROM && (status === 'open' || status === 'accepted'),
    status,
    decision: c.decision ?? null,
  };
  return { row, allLost: lost.sessions.map((s) => s.session) };
}

interface Lost {
  readonly sessions: readonly LostSession[];
  readonly requests: number;
  readonly attackRequests: number;
}

function lostSessions(t: PlaceTally, known: Known): Lost {
  const sessions: LostSession[] = [];
  let requests = 0;
  let attackRequests = 0;
  for (const [id, n] of t.sessions) {
    const visit = known.session(id);
    if (visit === undefined) continue;
    if (visit.cause === 'security.attack') attackRequests += n;
    if (!isLost(visit)) continue;
    requests += n;
    sessions.push({ session: id, at: iso(visit.start), user: visit.user, probability: visit.probability });
  }
  sessions.sort((a, b) => a.at.localeCompare(b.at) || a.session.localeCompare(b.session));
  return { sessions, requests, attackRequests };
}

interface People {
  readonly before: number; // requests
  readonly after: number;
  readonly never: number;
  readonly networkKnown: number; // of `never`
  readonly probing: number;
  readonly legitimateRequests: number;
  readonly legitimate: number; // users, and addresses of which no user is known
  readonly users: ReadonlySet<string>;
  readonly networks: ReadonlySet<string>;
  readonly logins: readonly (readonly number[])[];
}

function peopleOf(t: PlaceTally, c: RowContext, lost: readonly LostSession[]): People {
  const users = new Set(lost.flatMap((s) => (s.user === null ? [] : [s.user])));
  const networks = new Set<string>();
  const logins: (readonly number[])[] = [];
  let nameless = 0;
  let [before, after, never, networkKnown, probing, legitimateRequests] = [0, 0, t.otherClients, 0, 0, 0];
  for (const [client, own] of t.clients) {
    const standing = c.clients.standingOf(client);
    const isProbing = c.clients.isProbing(client);
    if (isProbing) probing += own.requests;
    if (standing.logins.length === 0) {
      never += own.requests;
      if (!isProbing && c.clients.isNetworkKnown(client)) networkKnown += own.requests;
      continue;
    }
    if (countBetween(standing.logins, Number.NEGATIVE_INFINITY, own.first) > 0) before += own.requests;
    if (countBetween(standing.logins, own.first, Number.POSITIVE_INFINITY) > 0) after += own.requests;
    if (isProbing) continue;
    legitimateRequests += own.requests;
    networks.add(networkOf(client));
    logins.push(standing.logins);
    const named = [...own.users].flatMap((u) => confirmedUser(standing, u) ?? []);
    const only = standing.users.length === 1 ? standing.users : [];
    const certain = named.length > 0 ? named : only;
    for (const u of certain) users.add(u);
    if (certain.length === 0) nameless++; // several people share the address, and the request does not say who it was
  }
  return {
    before,
    after,
    never,
    networkKnown,
    probing,
    legitimateRequests,
    legitimate: users.size + nameless,
    users,
    networks,
    logins,
  };
}

/** Expected cost: sessions lost and requests blocked that are likely wrong; then by id, so that the order is the same on every run. */
function byCost(a: WafRow, b: WafRow): number {
  const cost = (r: WafRow): number => r.probability * (r.requests_blocked + 10 * r.sessions_lost);
  return cost(b) - cost(a) || (a.id < b.id ? -1 : 1);
}

const iso = (at: number): string => new Date(at).toISOString();
