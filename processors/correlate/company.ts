/**
 * The company a session keeps: counts of what happened to other sessions of the same network, server, tunnel, rule, client and user, in
 * buckets of event time. Everything is bounded: buckets older than RETENTION_MS are dropped, memberships are small capped lists.
 */

export const BUCKET_MS = 5000;
const RETENTION_MS = 3_600_000;
const MEMBERS_MAX = 32;
const GENERATION_MAX = 300_000;

/** What is counted per scope and bucket. The order is the storage order. */
export const COUNTS = [
  'activity', // any line about a session of this scope
  'starts', // connections begun
  'loggedIn',
  'fastSetup', // set up without delay
  'slowSetup', // set up with delay, but it came about
  'endedWell',
  'handshakeClosed', // client closed within seconds in the TLS handshake, without a word
  'tlsAlert', // certificate alerts of clients
  'gaveUp', // client closed after waiting
  'undelivered', // data or FIN still being sent after the server had ended
  'queueFull',
  'authWait', // authentication unanswered or temporarily failing
  'authFailed',
  'unanswered', // connection attempts without an answer
  'limited', // dropped or refused by a limit
  'blocked', // denied by the WAF
  'lockWait',
  'vanished', // ended without a FIN or RST from the client
  'interrupted', // client ended it abnormally in the middle of work
  'bulkKilobytes', // other traffic beside it
  'tunnelTrouble',
] as const;
export type Count = (typeof COUNTS)[number];
const INDEX: ReadonlyMap<Count, number> = new Map(COUNTS.map((name, i) => [name, i]));
const WIDTH = COUNTS.length;

export type Counts = Readonly<Record<Count, number>>;

/** A silence of a scope: nothing at all for `ms`, where `expected` lines were usual. */
export interface Silence {
  readonly from: number;
  readonly until: number;
  readonly expected: number;
}

export class Company {
  private readonly series = new Map<string, Map<number, Float32Array>>();
  private prunedAt = 0;

  count(scope: string, what: Count, at: number, n = 1): void {
    const bucket = Math.floor(at / BUCKET_MS);
    let buckets = this.series.get(scope);
    if (!buckets) {
      buckets = new Map();
      this.series.set(scope, buckets);
    }
    let row = buckets.get(bucket);
    if (!row) {
      row = new Float32Array(WIDTH);
      buckets.set(bucket, row);
    }
    const i = INDEX.get(what) ?? 0;
    row[i] = (row[i] ?? 0) + n;
  }

  /** Sums over [from, to]. */
  between(scope: string, from: number, to: number): Counts {
    const sums = new Float64Array(WIDTH);
    const buckets = this.series.get(scope);
    if (buckets) {
      const last = Math.floor(to / BUCKET_MS);
      for (let b = Math.floor(from / BUCKET_MS); b <= last; b++) {
        const row = buckets.get(b);
        if (row) for (let i = 0; i < WIDTH; i++) sums[i] = (sums[i] ?? 0) + (row[i] ?? 0);
      }
    }
    return toCounts(sums);
  }

  /**
   * The longest silence of a scope that touches [from, to], against its own usual rate in the `around` ms beside it.
   * Buckets are BUCKET_MS long, so shorter silences are not seen.
   */
  silence(scope: string, from: number, to: number, around: number): Silence | undefined {
    const buckets = this.series.get(scope);
    if (!buckets) return undefined;
    const first = Math.floor((from - around) / BUCKET_MS);
    const last = Math.floor((to + around) / BUCKET_MS);
    const startBucket = Math.floor(from / BUCKET_MS);
    const endBucket = Math.floor(to / BUCKET_MS);
    let lines = 0;
    let live = 0;
    let run = 0;
    let best: { start: number; length: number } | undefined;
    for (let b = first; b <= last + 1; b++) {
      const n = b > last ? 1 : (buckets.get(b)?.[0] ?? 0);
      if (n === 0) {
        run++;
        continue;
      }
      const runStart = b - run;
      if (run > 0 && runStart <= endBucket && b - 1 >= startBucket && (!best || run > best.length))
        best = { start: runStart, length: run };
      if (b <= last) {
        lines += n;
        live++;
      }
      run = 0;
    }
    if (!best || live === 0) return undefined;
    const others = Math.max(1, last - first + 1 - best.length);
    return {
      from: best.start * BUCKET_MS,
      until: (best.start + best.length) * BUCKET_MS,
      expected: (lines / others) * best.length,
    };
  }

  /** Drops what is older than the retention. Called with event time; cheap unless a minute has passed. */
  forget(now: number): void {
    if (now - this.prunedAt < 60_000) return;
    this.prunedAt = now;
    const oldest = Math.floor((now - RETENTION_MS) / BUCKET_MS);
    for (const [scope, buckets] of this.series) {
      for (const bucket of buckets.keys()) if (bucket < oldest) buckets.delete(bucket);
      if (buckets.size === 0) this.series.delete(scope);
    }
  }
}

function toCounts(sums: Float64Array): Counts {
  const counts: Record<string, number> = {};
  for (let i = 0; i < WIDTH; i++) counts[COUNTS[i] ?? ''] = sums[i] ?? 0;
  return counts as Counts; // brand: every name of COUNTS was just written
}

/** What is remembered about one client address, one user or one WAF rule and path. */
export interface Reputation {
  firstAt: number;
  lastAt: number;
  logins: number;
  lastLoginAt: number;
  passwordFailures: number;
  tokenFailures: number;
  scans: number; // requests or handshakes that no mail client makes
  blockedRequests: number;
  quickCloses: number; // connections closed at once without login
  lastQuickCloseAt: number;
  rhythmMs: number; // mean interval of quick closes
  rhythmJitterMs: number; // mean deviation of that interval
  readonly okMembers: string[]; // users that logged in (client), clients (user), legitimate clients (rule)
  readonly failedMembers: string[]; // users that failed (client), clients (user, rule)
  readonly recentLogins: number[]; // times, at most 8
  readonly recentStarts: number[]; // connection starts, at most 16
  readonly recentTokens: number[]; // tokens granted, at most 8
}

function newReputation(at: number): Reputation {
  return {
    firstAt: at,
    lastAt: at,
    logins: 0,
    lastLoginAt: Number.NEGATIVE_INFINITY,
    passwordFailures: 0,
    tokenFailures: 0,
    scans: 0,
    blockedRequests: 0,
    quickCloses: 0,
    lastQuickCloseAt: Number.NEGATIVE_INFINITY,
    rhythmMs: 0,
    rhythmJitterMs: 0,
    okMembers: [],
    failedMembers: [],
    recentLogins: [],
    recentStarts: [],
    recentTokens: [],
  };
}

/** Two generations of memories: what was not touched for one to two GENERATION_MS is forgotten, and the size is bounded. */
export class Reputations {
  private young = new Map<string, Reputation>();
  private old = new Map<string, Reputation>();
  private turnedAt = Number.NEGATIVE_INFINITY;
  private readonly generationMs: number;

  constructor(generationMs = 4 * 3_600_000) {
    this.generationMs = generationMs;
  }

  of(key: string, at: number): Reputation {
    let r = this.young.get(key);
    if (!r) {
      r = this.old.get(key);
      if (r) this.old.delete(key);
      else r = newReputation(at);
      this.young.set(key, r);
      if (this.turnedAt === Number.NEGATIVE_INFINITY) this.turnedAt = at;
      if (at - this.turnedAt > this.generationMs || this.young.size > GENERATION_MAX) this.turn(at);
    }
    if (at > r.lastAt) r.lastAt = at;
    return r;
  }

  find(key: string): Reputation | undefined {
    return this.young.get(key) ?? this.old.get(key);
  }

  private turn(at: number): void {
    this.old = this.young;
    this.young = new Map();
    this.turnedAt = at;
  }
}

export function addMember(list: string[], member: string): void {
  if (list.length < MEMBERS_MAX && !list.includes(member)) list.push(member);
}

export function addRecent(list: number[], at: number, max: number): void {
  list.push(at);
  if (list.length > max) list.shift();
}
