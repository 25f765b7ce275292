import type { Profile } from '../../processors/profile/profile.ts';
import { setupTime, tlsTime } from '../../processors/profile/set-up-times.ts';
import { isApart, isFailed, isLegitimate, standingOf } from '../../processors/profile/standing.ts';
import type { AnomalyFinding } from './finding.ts';
import { type FailedSession, Findings, type FindingsData, isPersonal, type UnusualScope } from './findings.ts';
import { ATTEMPTS_A_MINUTE_MAX, LEVEL_SCORES, SESSION_BYTES_MAX } from './limit.ts';
import { type Sample, ScopeSeries, type ScopeSeriesData } from './scope-series.ts';

/** Series are judged once a minute of event time. */
const SLOT_MS = 60_000;
/** A scope that was silent for an hour is judged again when it speaks. */
const AWAKE_SLOTS = 60;
const SCOPES_MAX = 2000;
const FAILED_MAX = 5000;
const ADDRESSES_MAX = 10_000;
const LARGE_MAX = 100;
const NAME_LENGTH_MAX = 80;
const SCORE_PARTS = 10_000;

interface Scope {
  readonly name: string;
  readonly series: ScopeSeries;
  sessions: number;
  lastSlot: number;
}

/** What survives JSON. */
export interface AnomalyWatchData {
  readonly slot: number | null;
  readonly scopes: readonly (Omit<Scope, 'series'> & { readonly series: ScopeSeriesData })[];
  readonly failed: readonly FailedSession[];
  readonly addresses: readonly (readonly [string, number])[];
  readonly large?: readonly UnusualScope[];
  readonly findings: FindingsData;
}

/**
 * Watches the stream of profiles: makes series of them (attempts, success rate, set-up and TLS time, WAF blocks; per server, network, tunnel, client
 * software and WAF rule), judges each minute of each by what is usual and by the fixed limits, scores the profiles, and makes findings of what is unusual
 * together. A profile counts in the minute in which its session was closed, which is the same however the input was cut. Bounded; pure.
 */
export class AnomalyWatch {
  readonly #scopes = new Map<string, Scope>();
  readonly #findings: Findings;
  readonly #addresses: Map<string, number>;
  #large: UnusualScope[];
  #failed: FailedSession[];
  #slot: number;

  constructor(data?: AnomalyWatchData) {
    this.#slot = data?.slot ?? Number.NaN;
    for (const s of data?.scopes ?? []) this.#scopes.set(s.name, { ...s, series: new ScopeSeries(s.series) });
    this.#failed = [...(data?.failed ?? [])];
    this.#addresses = new Map(data?.addresses);
    this.#large = [...(data?.large ?? [])];
    this.#findings = new Findings(data?.findings);
  }

  toData(): AnomalyWatchData {
    return {
      slot: Number.isNaN(this.#slot) ? null : this.#slot,
      scopes: [...this.#scopes.values()].map((s) => ({ ...s, series: s.series.toData() })),
      failed: this.#failed,
      addresses: [...this.#addresses],
      large: this.#large,
      findings: this.#findings.toData(),
    };
  }

  /**
   * Takes a profile in the order of closing and gives it back with its score, where one is known: what is usual has been learned, or a limit is passed.
   * `counted`: false for the revision of a profile that was counted before. `networkOf` groups addresses.
   */
  add(profile: Profile, closedAt: number, counted: boolean, networkOf: (address: string) => string): Profile {
    this.#moveTo(Math.floor(closedAt / SLOT_MS));
    const standing = standingOf(profile);
    if (isApart(standing) || profile.tags.includes('incomplete')) return profile;
    const { phases, cause } = profile.imapwhy;
    const failed = isFailed(standing);
    const sample: Sample = {
      succeeded: isLegitimate(standing) ? !failed : undefined,
      personal: isPersonal(cause.scope),
      blocked: cause.scope?.startsWith('rule:') === true,
      setupMs: setupTime(phases)?.ms,
      tlsMs: tlsTime(phases)?.ms,
    };
    const scopes = scopesOf(profile, networkOf).map((name) => this.#scope(name));
    if (counted) {
      for (const scope of scopes) {
        scope.series.add(sample);
        scope.sessions++;
        scope.lastSlot = this.#slot;
      }
      this.#countAddress(profile);
      if ((profile.network.bytes ?? 0) > SESSION_BYTES_MAX && this.#large.length < LARGE_MAX)
        this.#large.push(largeSession(profile));
      if (failed) this.#remember(profile, scopes, networkOf);
    }
    const score = scoreOfAll(scopes, failed, this.#slot * SLOT_MS);
    return score === undefined ? profile : { ...profile, imapwhy: { ...profile.imapwhy, anomaly: { score } } };
  }

  /** Findings that are over at event time `now`; Infinity at the end of input. */
  take(now: number, epoch: number): readonly AnomalyFinding[] {
    const slot = Math.floor(now / SLOT_MS);
    if (Number.isFinite(slot)) this.#moveTo(slot);
    else if (!Number.isNaN(this.#slot)) this.#moveTo(this.#slot + 1);
    return this.#findings.take(slot, epoch);
  }

  #moveTo(slot: number): void {
    if (Number.isNaN(this.#slot)) this.#slot = slot;
    // After an hour without anybody, nobody is awake.
    for (let closed = 0; this.#slot < slot && closed <= AWAKE_SLOTS + 1; closed++) {
      this.#closeSlot();
      this.#slot++;
    }
    this.#slot = Math.max(this.#slot, slot);
  }

  #closeSlot(): void {
    const at = this.#slot * SLOT_MS;
    const unusual: UnusualScope[] = [];
    for (const scope of this.#scopes.values()) {
      if (this.#slot - scope.lastSlot > AWAKE_SLOTS) continue;
      const { attempts } = scope.series;
      const found = scope.series.close(at);
      if (found.length > 0) unusual.push({ scope: scope.name, attempts, unusual: found });
    }
    for (const [address, attempts] of this.#addresses) {
      if (attempts <= ATTEMPTS_A_MINUTE_MAX) continue;
      const reason = `${attempts} attempts a minute from one address, above ${ATTEMPTS_A_MINUTE_MAX}`;
      const score = LEVEL_SCORES.alarm;
      unusual.push({
        scope: `address:${address}`,
        attempts,
        unusual: [{ metric: 'attempts', level: 'alarm', basis: 'limit', score, reason }],
      });
    }
    unusual.push(...this.#large);
    this.#large = [];
    unusual.sort((a, b) => (a.scope < b.scope ? -1 : 1));
    this.#findings.add(this.#slot, at, SLOT_MS, unusual, this.#failed);
    this.#failed = [];
    this.#addresses.clear();
  }

  #scope(name: string): Scope {
    const known = this.#scopes.get(name);
    if (known) return known;
    if (this.#scopes.size >= SCOPES_MAX) this.#forgetSmallest();
    const scope: Scope = { name, series: new ScopeSeries(), sessions: 0, lastSlot: this.#slot };
    this.#scopes.set(name, scope);
    return scope;
  }

  /** Made-up names come by the thousand and have few sessions each. */
  #forgetSmallest(): void {
    let smallest: Scope | undefined;
    for (const s of this.#scopes.values())
      if (
        !smallest ||
        s.sessions < smallest.sessions ||
        (s.sessions === smallest.sessions && s.lastSlot < smallest.lastSlot)
      )
        smallest = s;
    if (smallest) this.#scopes.delete(smallest.name);
  }

  #countAddress(profile: Profile): void {
    const address = profile.client.ip ?? profile.source.ip;
    if (address === null) return;
    const known = this.#addresses.get(address);
    if (known !== undefined || this.#addresses.size < ADDRESSES_MAX) this.#addresses.set(address, (known ?? 0) + 1);
  }

  #remember(profile: Profile, scopes: readonly Scope[], networkOf: (address: string) => string): void {
    if (this.#failed.length >= FAILED_MAX) return;
    const address = profile.client.ip ?? profile.source.ip;
    const { session, cause } = profile.imapwhy;
    this.#failed.push({
      id: session.id,
      user: profile.user.name,
      network: address === null ? null : networkOf(address),
      start: Date.parse(profile.event.start),
      end: Date.parse(profile.event.end),
      cause: cause.label,
      causeScope: cause.scope,
      scopes: [...scopes.map((s) => s.name), ...(address === null ? [] : [`address:${address}`])],
    });
  }
}

/** One session by itself that moved so much that a person should look at it. */
function largeSession({ network, user, client, imapwhy }: Profile): UnusualScope {
  const gigabytes = Math.round((network.bytes ?? 0) / 1e8) / 10;
  const reason = `${gigabytes} GB in one session of ${user.name ?? client.ip ?? 'somebody unknown'}: more than 1 GB, to be looked at by a person`;
  const score = LEVEL_SCORES.watch;
  return {
    scope: `session:${imapwhy.session.id}`,
    attempts: 1,
    unusual: [{ metric: 'session size', level: 'watch', basis: 'limit', score, reason }],
  };
}

/** Where a profile belongs: every scope that it names. */
function scopesOf(profile: Profile, networkOf: (address: string) => string): readonly string[] {
  const { path, cause } = profile.imapwhy;
  const address = profile.client.ip ?? profile.source.ip;
  const server = profile.host.name ?? profile.server.ip;
  const software = profile.user_agent.name?.split(/[/(]/, 1)[0]?.trim();
  const scopes: string[] = [];
  if (server !== null) scopes.push(`server:${server}`);
  if (address !== null) scopes.push(`network:${networkOf(address)}`);
  if (path.vpn !== null) scopes.push(`tunnel:${path.vpn.name}`);
  if (software !== undefined && software !== '') scopes.push(`client:${software}`);
  if (cause.scope?.startsWith('rule:') === true) scopes.push(cause.scope);
  return scopes.map((scope) => scope.slice(0, NAME_LENGTH_MAX));
}

/** The worst of its scopes. A healthy session among few that are known gets none: what a limit says is about those that failed. */
function scoreOfAll(scopes: readonly Scope[], failed: boolean, at: number): number | undefined {
  let score: number | undefined;
  for (const { series } of scopes) {
    if (series.isLearned) score = Math.max(score ?? 0, series.scoreSoFar(at));
    const byLimit = failed ? series.limitScore : 0;
    if (byLimit > 0) score = Math.max(score ?? 0, byLimit);
  }
  return score === undefined ? undefined : Math.round(score * SCORE_PARTS) / SCORE_PARTS;
}
