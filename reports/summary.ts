import type { AnomalyFinding } from '../models/anomaly/finding.ts';
import type { Incident } from '../processors/profile/incident.ts';
import { SETUP_LIMITS_MS, TLS_LIMITS_MS } from '../processors/profile/limits.ts';
import { CAUSE_LABELS, type Outcome, type PhaseName, type Profile } from '../processors/profile/profile.ts';
import { type MeasuredTime, setupTime, tlsTime } from '../processors/profile/set-up-times.ts';
import { isApart, isFailed, isLegitimate, type Standing, standingOf } from '../processors/profile/standing.ts';
import { type KnownAddresses, NOTHING_KNOWN } from '../processors/resolve/known-addresses.ts';
import { BestExamples } from './best-examples.ts';
import { CauseTally, REST_LABELS, type RowContext } from './cause-tally.ts';
import { DurationSketch } from './counting/duration-sketch.ts';
import { clipKey, ownText } from './counting/own-text.ts';
import { TimeBuckets, type TimeSeries } from './counting/time-buckets.ts';
import { compareText, TopCounter } from './counting/top-counter.ts';
import { rateIndicator, timeIndicator } from './indicators.ts';
import { IngestTally } from './ingest-tally.ts';
import {
  type CauseRow,
  type Counts,
  type IngestCounts,
  type OverTime,
  type OwnerRow,
  SERIES,
  type SeriesName,
  type Summary,
  type Unexplained,
} from './summary-document.ts';
import { WorstTable } from './worst-table.ts';

export type * from './summary-document.ts';

const WORST_HELD = 10_000;
const WORST_SHOWN = 10;
const INCIDENTS_SHOWN = 100;
const ANOMALIES_SHOWN = 25;
const BUCKETS_SHOWN = 120;
const MISSING_HELD = 64;

/**
 * Sums up a run. Give it each session's last revision once, each incident once and each source once, in any order; memory does not grow
 * with their number. Sums of probabilities aside, the result does not depend on the order as long as nothing had to be forgotten.
 */
export class SummaryBuilder {
  readonly #known: KnownAddresses;
  readonly #standings = new Map<Standing, number>();
  readonly #causes = new Map<string, CauseTally>();
  readonly #incidents = new Map<string, number>();
  readonly #owners = new Map<string, Map<string, number>>();
  readonly #users = new WorstTable(WORST_HELD);
  readonly #networks = new WorstTable(WORST_HELD);
  readonly #servers = new WorstTable(WORST_HELD);
  readonly #setup = new DurationSketch();
  readonly #tls = new DurationSketch();
  readonly #overTime = new TimeBuckets(SERIES.length);
  readonly #unexplained = new UnexplainedTally();
  readonly #missing = new Map<string, { enable: string; sessions: number }>();
  readonly #ingest = new IngestTally();
  #largest: Incident[] = [];
  #incidentTotal = 0;
  #widest: AnomalyFinding[] = [];
  #anomalyTotal = 0;
  #incomplete = 0;
  #startMs = Number.POSITIVE_INFINITY;
  #endMs = Number.NEGATIVE_INFINITY;

  /** `known`: what the site says of addresses. */
  constructor(known: KnownAddresses = NOTHING_KNOWN) {
    this.#known = known;
  }

  add(profile: Profile): void {
    const standing = standingOf(profile);
    this.#standings.set(standing, (this.#standings.get(standing) ?? 0) + 1);
    if (profile.tags.includes('incomplete') || profile.tags.includes('evicted')) this.#incomplete++;
    if (isApart(standing)) return;
    const startMs = Date.parse(profile.event.start);
    const endMs = Date.parse(profile.event.end);
    if (startMs < this.#startMs) this.#startMs = startMs;
    if (endMs > this.#endMs) this.#endMs = endMs;
    const failed = isFailed(standing);
    const row = rowLabel(profile, standing);
    this.#tally(row).add(profile, failed, startMs, endMs);
    if (isLegitimate(standing)) this.#addLegitimate(profile, failed ? row : undefined, startMs);
    if (failed) this.#addFailed(profile, row);
    if (standing === 'unexplained') this.#unexplained.add(profile);
  }

  addIncident(incident: Incident): void {
    const { cause } = incident.imapwhy.incident;
    this.#incidentTotal++;
    this.#incidents.set(cause, (this.#incidents.get(cause) ?? 0) + 1);
    this.#largest.push(incident);
    if (this.#largest.length > 10 * INCIDENTS_SHOWN) this.#largest = largestIncidents(this.#largest);
  }

  addFinding(finding: AnomalyFinding): void {
    this.#anomalyTotal++;
    this.#widest.push(finding);
    if (this.#widest.length > 10 * ANOMALIES_SHOWN) this.#widest = widestFindings(this.#widest);
  }

  addIngest(counts: IngestCounts): void {
    this.#ingest.add(counts);
  }

  build(): Summary {
    const counts = this.#counts();
    const series = this.#overTime.build(BUCKETS_SHOWN);
    const range = this.#range(series);
    return {
      version: 1,
      period: {
        start: range ? new Date(range.startMs).toISOString() : null,
        end: range ? new Date(range.endMs).toISOString() : null,
        seconds: range ? Math.round((range.endMs - range.startMs) / 1000) : 0,
      },
      counts,
      indicators: {
        success_rate: rateIndicator(counts.succeeded, counts.legitimate),
        setup_time: timeIndicator(this.#setup, SETUP_LIMITS_MS),
        tls_time: timeIndicator(this.#tls, TLS_LIMITS_MS),
      },
      causes: this.#causeRows(counts, range),
      owners: this.#ownerRows(counts),
      worst: {
        users: this.#users.top(WORST_SHOWN),
        networks: this.#networks.top(WORST_SHOWN),
        servers: this.#servers.top(WORST_SHOWN),
      },
      worst_exact: this.#users.exact && this.#networks.exact && this.#servers.exact,
      incidents: { total: this.#incidentTotal, largest: largestIncidents(this.#largest) },
      anomalies: { total: this.#anomalyTotal, widest: widestFindings(this.#widest) },
      unexplained: this.#unexplained.build(),
      over_time: overTime(series),
      missing_sources: [...this.#missing]
        .map(([source, { enable, sessions }]) => ({ source, enable, sessions }))
        .sort((a, b) => b.sessions - a.sessions || compareText(a.source, b.source)),
      ingest: this.#ingest.build(),
    };
  }

  #tally(label: string): CauseTally {
    let tally = this.#causes.get(label);
    if (!tally) {
      tally = new CauseTally(this.#known);
      this.#causes.set(label, tally);
    }
    return tally;
  }

  #addLegitimate(profile: Profile, failedFrom: string | undefined, startMs: number): void {
    this.#overTime.add(startMs, SERIES.indexOf('attempts'));
    if (failedFrom !== undefined) this.#overTime.add(startMs, SERIES.indexOf(seriesOf(profile)));
    const user = profile.user.name;
    const address = profile.client.ip ?? profile.source.ip;
    const server = profile.host.name ?? profile.server.ip;
    if (user !== null && user !== '') this.#users.add(user, failedFrom, startMs);
    if (address !== null) this.#networks.add(this.#known.network(address), failedFrom, startMs);
    if (server !== null) this.#servers.add(server, failedFrom, startMs);
    measure(setupTime(profile.imapwhy.phases), this.#setup);
    measure(tlsTime(profile.imapwhy.phases), this.#tls);
  }

  #addFailed(profile: Profile, row: string): void {
    const { cause } = profile.imapwhy;
    const owner = row === 'unexplained' ? '' : (cause.owner ?? '');
    let causes = this.#owners.get(owner);
    if (!causes && this.#owners.size < 32) {
      causes = new Map();
      this.#owners.set(ownText(owner), causes);
    }
    causes?.set(row, (causes.get(row) ?? 0) + 1);
    for (const missing of cause.missing_sources) {
      const held = this.#missing.get(clipKey(missing.source));
      if (held) {
        held.sessions++;
        if (missing.enable < held.enable) held.enable = missing.enable.slice(0, 500);
      } else if (this.#missing.size < MISSING_HELD) {
        this.#missing.set(ownText(missing.source), {
          enable: missing.enable.slice(0, 500),
          sessions: 1,
        });
      }
    }
  }

  #counts(): Counts {
    const of = (standing: Standing) => this.#standings.get(standing) ?? 0;
    const failed = of('explained') + of('unexplained');
    const legitimate = of('succeeded') + failed;
    const attempts = legitimate + of('undetermined') + of('attack') + of('wrong_password');
    return {
      sessions: attempts + of('health_check') + of('known_scanner'),
      health_checks: of('health_check'),
      known_scanners: of('known_scanner'),
      attempts,
      legitimate,
      succeeded: of('succeeded'),
      failed,
      explained: of('explained'),
      unexplained: of('unexplained'),
      undetermined: of('undetermined'),
      attacks: of('attack'),
      wrong_passwords: of('wrong_password'),
      incomplete: this.#incomplete,
    };
  }

  /** First start to last end; without the sessions whose stamps lie far from all others, where there are any. */
  #range(series: TimeSeries): Range | undefined {
    if (!Number.isFinite(this.#startMs) || !Number.isFinite(this.#endMs)) return undefined;
    const first = series.buckets[0];
    const last = series.buckets.at(-1);
    if (series.outside === 0 || !first || !last) return { startMs: this.#startMs, endMs: this.#endMs };
    return {
      startMs: Math.max(this.#startMs, first.startMs),
      endMs: Math.min(this.#endMs, last.startMs + series.widthSeconds * 1000),
    };
  }

  #causeRows(counts: Counts, range: Range | undefined): readonly CauseRow[] {
    const endMs = range?.endMs ?? 0;
    const tailMs = Math.max(60_000, (endMs - (range?.startMs ?? 0)) * 0.02);
    const context = (label: string): RowContext => ({
      failedTotal: counts.failed,
      ongoingFromMs: endMs - tailMs,
      incidents: this.#incidents.get(label) ?? 0,
    });
    const causes: CauseRow[] = [];
    for (const label of CAUSE_LABELS) {
      const tally = this.#causes.get(label);
      if (label === 'none' || !tally) continue;
      causes.push(tally.build(label, label === 'security.attack' ? 'attack' : 'cause', context(label)));
    }
    causes.sort(
      (a, b) =>
        Number(a.kind === 'attack') - Number(b.kind === 'attack') ||
        b.failed - a.failed ||
        b.sessions - a.sessions ||
        compareText(a.label, b.label),
    );
    const rests = REST_LABELS.flatMap((label) => {
      const tally = this.#causes.get(label);
      return tally || label === 'healthy'
        ? [(tally ?? new CauseTally(this.#known)).build(label, 'rest', context(label))]
        : [];
    });
    return [...causes, ...rests];
  }

  #ownerRows(counts: Counts): readonly OwnerRow[] {
    const rows: OwnerRow[] = [];
    for (const [owner, causes] of this.#owners) {
      let sessions = 0;
      for (const n of causes.values()) sessions += n;
      rows.push({
        owner: owner === '' ? null : owner,
        sessions,
        share: counts.failed === 0 ? 0 : sessions / counts.failed,
        causes: [...causes]
          .map(([label, n]) => ({ label, sessions: n }))
          .sort((a, b) => b.sessions - a.sessions || compareText(a.label, b.label)),
      });
    }
    return rows.sort(
      (a, b) =>
        Number(a.owner === null) - Number(b.owner === null) ||
        b.sessions - a.sessions ||
        compareText(a.owner ?? '', b.owner ?? ''),
    );
  }
}

interface Range {
  readonly startMs: number;
  readonly endMs: number;
}

function overTime(series: TimeSeries): OverTime {
  return {
    bucket_seconds: series.widthSeconds,
    buckets: series.buckets.map(({ startMs, counts }) => ({
      start: new Date(startMs).toISOString(),
      attempts: counts[0] ?? 0,
      network: counts[1] ?? 0,
      server: counts[2] ?? 0,
      client: counts[3] ?? 0,
      security: counts[4] ?? 0,
      unexplained: counts[5] ?? 0,
    })),
    outside: series.outside,
  };
}

/** Ids of the sessions that a report shows whole: of each cause, then of the unexplained. */
export function exampleSessionIds(summary: Summary, perCause = 2): readonly string[] {
  const ids = new Set<string>();
  for (const row of summary.causes) {
    if (row.kind === 'rest') continue;
    for (const id of row.example_sessions.slice(0, perCause)) ids.add(id);
  }
  for (const id of summary.unexplained.example_sessions.slice(0, perCause)) ids.add(id);
  return [...ids];
}

function rowLabel(profile: Profile, standing: Standing): string {
  const { label } = profile.imapwhy.cause;
  if (label !== 'none') return label;
  return standing === 'succeeded' ? 'healthy' : standing;
}

function seriesOf(profile: Profile): SeriesName {
  return profile.imapwhy.cause.layer ?? 'unexplained';
}

/** From the first phase to the end of login, where login succeeded and its end is known well enough. */
function measure(time: MeasuredTime | undefined, into: DurationSketch): void {
  if (time) into.add(time.ms, time.precisionMs);
}

function widestFindings(findings: readonly AnomalyFinding[]): AnomalyFinding[] {
  return [...findings]
    .sort((x, y) => {
      const [a, b] = [x.imapwhy.anomaly, y.imapwhy.anomaly];
      return (
        b.sessions - a.sessions ||
        b.score - a.score ||
        compareText(x.event.start, y.event.start) ||
        compareText(a.id, b.id)
      );
    })
    .slice(0, ANOMALIES_SHOWN);
}

function largestIncidents(incidents: readonly Incident[]): Incident[] {
  return [...incidents]
    .sort(
      (a, b) =>
        b.imapwhy.incident.sessions - a.imapwhy.incident.sessions ||
        compareText(a.event.start, b.event.start) ||
        compareText(a.imapwhy.incident.id, b.imapwhy.incident.id),
    )
    .slice(0, INCIDENTS_SHOWN);
}

class UnexplainedTally {
  #sessions = 0;
  readonly #outcomes = new Map<Outcome, number>();
  readonly #phases = new Map<PhaseName | null, number>();
  readonly #reasons = new TopCounter(256);
  readonly #examples = new BestExamples();

  add(profile: Profile): void {
    const { outcome, stalled_in } = profile.imapwhy;
    this.#sessions++;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    this.#phases.set(stalled_in, (this.#phases.get(stalled_in) ?? 0) + 1);
    const reason = profile.event.reason;
    if (reason !== null) this.#reasons.count(clipKey(reason).replace(/\d+(?:\.\d+)?/g, '#'));
    this.#examples.add(profile);
  }

  build(): Unexplained {
    return {
      sessions: this.#sessions,
      outcomes: [...this.#outcomes]
        .map(([outcome, sessions]) => ({ outcome, sessions }))
        .sort((a, b) => b.sessions - a.sessions || compareText(a.outcome, b.outcome)),
      stalled_in: [...this.#phases]
        .map(([phase, sessions]) => ({ phase, sessions }))
        .sort((a, b) => b.sessions - a.sessions || compareText(a.phase ?? '', b.phase ?? '')),
      reasons: this.#reasons.top(5),
      example_sessions: this.#examples.ids(5),
    };
  }
}
