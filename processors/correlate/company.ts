/**
 * The company a session keeps: counts of what happened to other sessions of the same network, server and tunnel, in buckets of event time.
 * Bounded: what is older than RETENTION_MS is neither told nor, after a while, held.
 */

export const BUCKET_MS = 5000;
/** A session without an end is judged two hours after its last line, by the three quarters of an hour before that line. */
const RETENTION_MS = 3 * 3_600_000;
const FORGET_EVERY_MS = 300_000;

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
const WIDTH = COUNTS.length;
const PLACE: ReadonlyMap<Count, number> = new Map(COUNTS.map((name, i) => [name, i]));
/** Room for the places of a bucket in a key: a power of two, because a remainder of large numbers is slow. */
const KEYS_A_BUCKET = 32;
const PLACE_BITS = KEYS_A_BUCKET - 1;
const ACTIVITY = 0;
/** Scratch of `between`, which is asked ten times for each session that went wrong. */
const sums = new Float64Array(WIDTH);

export type Counts = Readonly<Record<Count, number>>;

/** A silence of a scope: nothing at all for `ms`, where `expected` lines were usual. */
export interface Silence {
  readonly from: number;
  readonly until: number;
  readonly expected: number;
}

/**
 * The counts of one scope: (key, amount) in turn, sorted by key, which is bucket * KEYS_A_BUCKET + place. Only what was counted takes room:
 * most networks say little in any five seconds.
 */
export class Series {
  readonly entries: number[];

  constructor(entries: number[] = []) {
    this.entries = entries;
  }

  add(what: Count, at: number, n = 1): void {
    const key = Math.floor(at / BUCKET_MS) * KEYS_A_BUCKET + (PLACE.get(what) ?? 0);
    const { entries } = this;
    const i = this.firstAtLeast(key);
    if (entries[i] === key) entries[i + 1] = (entries[i + 1] ?? 0) + n;
    else if (i === entries.length) entries.push(key, n);
    else entries.splice(i, 0, key, n);
  }

  /** Position of the first entry of this bucket or a later one. */
  from(bucket: number): number {
    return this.firstAtLeast(bucket * KEYS_A_BUCKET);
  }

  /** Searches from the end in growing steps, because most questions are about the last seconds, then by halves. */
  private firstAtLeast(key: number): number {
    const { entries } = this;
    let high = entries.length >> 1;
    let low = high;
    for (let step = 1; low > 0 && (entries[2 * low - 2] ?? 0) >= key; step *= 2) {
      high = low - 1;
      low = Math.max(0, low - step);
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((entries[2 * middle] ?? 0) < key) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}

export interface CompanyState {
  readonly series: readonly (readonly [string, readonly number[]])[];
  readonly now: number | null;
  readonly forgottenAt: number | null;
}

export class Company {
  private readonly series = new Map<string, Series>();
  private now = Number.NEGATIVE_INFINITY;
  private forgottenAt = Number.NEGATIVE_INFINITY;

  /** Where the counts of a scope are kept, for whoever counts often. Valid until `forget` says that it dropped something. */
  scope(name: string): Series {
    let series = this.series.get(name);
    if (!series) {
      series = new Series();
      this.series.set(name, series);
    }
    return series;
  }

  count(scope: string, what: Count, at: number, n = 1): void {
    this.scope(scope).add(what, at, n);
  }

  /** Sums over [from, to]. */
  between(scope: string, from: number, to: number): Counts {
    sums.fill(0);
    const series = this.series.get(scope);
    if (series) {
      const { entries } = series;
      const end = (Math.floor(to / BUCKET_MS) + 1) * KEYS_A_BUCKET;
      for (let i = series.from(this.firstBucket(from)); i < entries.length; i += 2) {
        const key = entries[i] ?? 0;
        if (key >= end) break;
        const place = key & PLACE_BITS;
        sums[place] = (sums[place] ?? 0) + (entries[i + 1] ?? 0);
      }
    }
    return toCounts(sums);
  }

  /**
   * The longest silence of a scope that touches [from, to], against its own usual rate in the `around` ms beside it.
   * Buckets are BUCKET_MS long, so shorter silences are not seen.
   */
  silence(scope: string, from: number, to: number, around: number): Silence | undefined {
    const series = this.series.get(scope);
    if (!series) return undefined;
    const first = this.firstBucket(from - around);
    const last = Math.floor((to + around) / BUCKET_MS);
    const startBucket = Math.floor(from / BUCKET_MS);
    const endBucket = Math.floor(to / BUCKET_MS);
    let lines = 0;
    let live = 0;
    let best: { start: number; length: number } | undefined;
    let silentFrom = first;
    const endSilence = (bucket: number): void => {
      const length = bucket - silentFrom;
      if (length > 0 && silentFrom <= endBucket && bucket - 1 >= startBucket && (!best || length > best.length))
        best = { start: silentFrom, length };
      silentFrom = bucket + 1;
    };
    const { entries } = series;
    const end = (last + 1) * KEYS_A_BUCKET;
    for (let i = series.from(first); i < entries.length; i += 2) {
      const key = entries[i] ?? 0;
      if (key >= end) break;
      if ((key & PLACE_BITS) !== ACTIVITY) continue;
      endSilence(key / KEYS_A_BUCKET);
      lines += entries[i + 1] ?? 0;
      live++;
    }
    endSilence(last + 1);
    if (!best || live === 0) return undefined;
    const others = Math.max(1, last - first + 1 - best.length);
    return {
      from: best.start * BUCKET_MS,
      until: (best.start + best.length) * BUCKET_MS,
      expected: (lines / others) * best.length,
    };
  }

  /**
   * Event time is `now`: what is older than the retention is told no more from here on. It is dropped later, when that is worth the walk;
   * true if so, and then every `Series` that was handed out is void.
   */
  forget(now: number): boolean {
    this.now = now;
    if (now - this.forgottenAt < FORGET_EVERY_MS) return false;
    this.forgottenAt = now;
    const oldest = this.firstBucket(Number.NEGATIVE_INFINITY);
    for (const [scope, series] of this.series) {
      const old = series.from(oldest);
      if (old === series.entries.length) this.series.delete(scope);
      else if (old > 0) series.entries.splice(0, old);
    }
    return true;
  }

  toData(): CompanyState {
    return {
      series: [...this.series].map(([scope, { entries }]) => [scope, [...entries]]),
      now: finiteOrNull(this.now),
      forgottenAt: finiteOrNull(this.forgottenAt),
    };
  }

  static fromData(data: CompanyState): Company {
    const company = new Company();
    for (const [scope, entries] of data.series) company.series.set(scope, new Series([...entries]));
    company.now = data.now ?? Number.NEGATIVE_INFINITY;
    company.forgottenAt = data.forgottenAt ?? Number.NEGATIVE_INFINITY;
    return company;
  }

  /** The bucket of a time, but none that is forgotten: answers must not depend on when the walk was made. */
  private firstBucket(at: number): number {
    return Math.max(Math.floor(at / BUCKET_MS), Math.floor((this.now - RETENTION_MS) / BUCKET_MS));
  }
}

function finiteOrNull(at: number): number | null {
  return Number.isFinite(at) ? at : null;
}

/** One literal in the order of COUNTS: filled in by name it took most of the time of `between`. */
function toCounts(n: Float64Array): Counts {
  return {
    activity: n[0] ?? 0,
    starts: n[1] ?? 0,
    loggedIn: n[2] ?? 0,
    fastSetup: n[3] ?? 0,
    slowSetup: n[4] ?? 0,
    endedWell: n[5] ?? 0,
    handshakeClosed: n[6] ?? 0,
    tlsAlert: n[7] ?? 0,
    gaveUp: n[8] ?? 0,
    undelivered: n[9] ?? 0,
    queueFull: n[10] ?? 0,
    authWait: n[11] ?? 0,
    authFailed: n[12] ?? 0,
    unanswered: n[13] ?? 0,
    limited: n[14] ?? 0,
    blocked: n[15] ?? 0,
    lockWait: n[16] ?? 0,
    vanished: n[17] ?? 0,
    interrupted: n[18] ?? 0,
    bulkKilobytes: n[19] ?? 0,
    tunnelTrouble: n[20] ?? 0,
  };
}
