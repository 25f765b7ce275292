import type { WafQueue } from '../../models/waf/queue.ts';
import type { SourceHour } from '../../outputs/output.ts';
import type { Incident } from '../../processors/profile/incident.ts';
import { SETUP_LIMITS_MS, SUCCESS_LIMITS, TLS_LIMITS_MS } from '../../processors/profile/limits.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { setupTime, tlsTime } from '../../processors/profile/set-up-times.ts';
import { isFailed, isLegitimate, standingOf } from '../../processors/profile/standing.ts';
import { DurationSketch } from '../counting/duration-sketch.ts';
import { rateIndicator, timeIndicator } from '../indicators.ts';
import { beforeAfter } from './before-after.ts';
import { causeRows, type SameDays, shareRows } from './cause-rows.ts';
import { changeOf, rateInterval } from './change.ts';
import { DataGapTally } from './data-gaps.ts';
import { LostTime } from './lost-time.ts';
import type { Names } from './names.ts';
import { PredictionTally } from './prediction-tally.ts';
import { RateTally } from './rate-tally.ts';
import { RootCauses } from './root-causes.ts';
import { goneCauses, topCauses } from './top-causes.ts';
import { wafFromProfiles, wafFromReview } from './waf-rows.ts';
import { localIso, type Span, type Week, weekBefore } from './week.ts';
import type { ErrorBudget, WeeklyReport, WeekRow } from './weekly-report.ts';

/** What the report is made from: a store, narrowed to what it needs. */
export interface WeeklySources {
  /** By start of session; `since` inclusive, `until` exclusive, UTC epoch ms. */
  profiles(range: { readonly since: number; readonly until: number }): Iterable<Profile>;
  incidents(): Iterable<Incident>;
  /** In which hours which source wrote. */
  coverage(range: { readonly since: number; readonly until: number }): Iterable<SourceHour>;
  /** First and last start of a session. */
  period(): { readonly first: number; readonly last: number } | undefined;
}

export interface WeeklyOptions {
  readonly week: Week;
  readonly names: Names;
  readonly engine: string | null;
  /** A change whose effect is asked for, UTC epoch ms. */
  readonly moment?: number;
  /** The review of what the WAF blocked in this week; without it, false positives are taken from the profiles, and nothing is decided. */
  readonly waf?: WafQueue;
  readonly onProgress?: (profiles: number) => void;
}

const WEEKS_BEFORE = 4;
const MINUTE_MS = 60_000;

/** One walk over each of five weeks; memory does not grow with the number of sessions. */
export function weeklyReport(sources: WeeklySources, options: WeeklyOptions): WeeklyReport {
  const { week, names } = options;
  const progress = { profiles: 0 };
  const walk = function* (span: Span): Generator<Profile> {
    for (const profile of sources.profiles({ since: span.startMs, until: span.endMs })) {
      options.onProgress?.(++progress.profiles);
      yield profile;
    }
  };
  const weeks = Array.from({ length: WEEKS_BEFORE }, (_, i) => weekBefore(week, WEEKS_BEFORE - i));
  const earlier = weeks.map((one) => {
    const tally = new RateTally(one.days);
    for (const profile of walk(one)) tally.add(profile);
    return { week: one, tally };
  });
  const now = readWeek(week, walk(week), sources);
  const { rates, causes } = now;
  const lostMs = now.lost.finish(now.gaps.endMs);
  const lastWeek = earlier.at(-1)?.tally ?? new RateTally([]);
  const tallies = earlier.map((e) => e.tally);
  // A week that is not over stands against the same days of the others.
  const sameDays: SameDays = (blocks) => blocks.filter((_, day) => (rates.blocks[day]?.attempts ?? 0) > 0);
  const rows = causeRows(rates, tallies, causes, lostMs, sameDays);
  const lostMinutes = [...lostMs.values()].reduce((a, b) => a + b, 0) / MINUTE_MS;
  const top = topCauses({
    week,
    names,
    causes,
    rates,
    tallies,
    lostMs,
    incidents: now.incidents,
    endMs: now.gaps.endMs,
  });
  return {
    version: 1,
    week: {
      name: week.name,
      zone: week.zone,
      start: localIso(week.startMs, week.zone),
      end: localIso(week.endMs, week.zone),
      hours: Math.round((week.endMs - week.startMs) / 3_600_000),
    },
    engine: options.engine,
    pseudonyms: names.areHidden,
    gaps: now.gaps.build(names),
    availability: availabilityOf(rates, lostMinutes),
    four_weeks: fourWeeks([...tallies.slice(1), rates]),
    indicators: {
      setup_time: timeIndicator(now.setup, SETUP_LIMITS_MS),
      tls_time: timeIndicator(now.tls, TLS_LIMITS_MS),
    },
    history: [...earlier, { week, tally: rates }].map((e) => weekRow(e.week.name, e.tally)),
    changes: {
      last_week: changeOf(rates.blocks, sameDays(lastWeek.blocks)),
      four_weeks: changeOf(
        rates.blocks,
        tallies.flatMap((t) => sameDays(t.blocks)),
        tallies.map((t) => sameDays(t.blocks)),
      ),
    },
    days: week.days.flatMap((day, i) => {
      const counts = rates.blocks[i];
      return counts === undefined ? [] : [{ date: day.date, ...counts }];
    }),
    causes: rows,
    layers: shareRows(rows, rates.sum.failed, (row) => row.layer),
    owners: shareRows(rows, rates.sum.failed, (row) => row.owner),
    incidents: { total: now.incidents.length },
    top,
    gone: goneCauses(lastWeek, rates, names),
    waf: options.waf === undefined ? wafFromProfiles(causes, names) : wafFromReview(options.waf, names),
    predictions: now.predictions.build(),
    before_after: options.moment === undefined ? null : beforeAfter(options.moment, week.zone, walk, sources.period()),
  };
}

/** What is known of an incident by whoever counts them. */
export interface IncidentPlace {
  readonly label: string;
  readonly scope: string;
}

interface WeekReading {
  readonly rates: RateTally;
  readonly causes: RootCauses;
  readonly lost: LostTime;
  readonly gaps: DataGapTally;
  readonly setup: DurationSketch;
  readonly tls: DurationSketch;
  readonly predictions: PredictionTally;
  readonly incidents: readonly IncidentPlace[];
}

function readWeek(week: Week, profiles: Iterable<Profile>, sources: WeeklySources): WeekReading {
  const rates = new RateTally(week.days);
  const causes = new RootCauses(week.days);
  const lost = new LostTime();
  const gaps = new DataGapTally(week);
  const setup = new DurationSketch();
  const tls = new DurationSketch();
  const predictions = new PredictionTally();
  for (const profile of profiles) {
    const standing = standingOf(profile);
    const failed = isFailed(standing);
    rates.add(profile);
    lost.add(profile);
    predictions.add(profile);
    gaps.add(profile, failed);
    if (failed) causes.add(profile);
    if (!isLegitimate(standing)) continue;
    const { phases } = profile.imapwhy;
    const times = { setup: setupTime(phases), tls: tlsTime(phases) };
    if (times.setup) setup.add(times.setup.ms, times.setup.precisionMs);
    if (times.tls) tls.add(times.tls.ms, times.tls.precisionMs);
  }
  const since = weekBefore(week, WEEKS_BEFORE).startMs;
  for (const row of sources.coverage({ since, until: week.endMs })) gaps.addCoverage(row);
  return { rates, causes, lost, gaps, setup, tls, predictions, incidents: incidentsOf(week, sources) };
}

function incidentsOf(week: Week, sources: WeeklySources): readonly IncidentPlace[] {
  const found: IncidentPlace[] = [];
  for (const { event, imapwhy } of sources.incidents()) {
    if (Date.parse(event.start) >= week.endMs || Date.parse(event.end) < week.startMs) continue;
    if (imapwhy.incident.cause !== 'security.attack')
      found.push({ label: imapwhy.incident.cause, scope: imapwhy.incident.scope });
  }
  return found;
}

function availabilityOf(rates: RateTally, lostMinutes: number): WeeklyReport['availability'] {
  const { attempts, failed } = rates.sum;
  const interval = rateInterval(rates.blocks);
  return {
    attempts,
    failed,
    explained: rates.count('explained'),
    unexplained: rates.count('unexplained'),
    rate: attempts === 0 ? null : (attempts - failed) / attempts,
    interval: interval && { low: 1 - interval.high, high: 1 - interval.low },
    level: rateIndicator(attempts - failed, attempts).level,
    budget: budgetOf(attempts, failed),
    lost_minutes: lostMinutes,
    outside: {
      attacks: rates.count('attack'),
      wrong_passwords: rates.count('wrong_password'),
      undetermined: rates.count('undetermined'),
      health_checks: rates.count('health_check'),
      known_scanners: rates.count('known_scanner'),
    },
  };
}

function budgetOf(attempts: number, used: number): ErrorBudget {
  const objective = SUCCESS_LIMITS.normal;
  // 1 - 0.9995 is not quite 0.0005 in binary, and the figure is printed.
  const allowed = Math.round(attempts * (1 - objective) * 1e6) / 1e6;
  return { objective, attempts, allowed, used, share: attempts === 0 ? null : used / allowed };
}

function fourWeeks(tallies: readonly RateTally[]): WeeklyReport['four_weeks'] {
  const sums = tallies.map((t) => t.sum);
  const attempts = sums.reduce((n, s) => n + s.attempts, 0);
  const failed = sums.reduce((n, s) => n + s.failed, 0);
  return { weeks: sums.filter((s) => s.attempts > 0).length, budget: budgetOf(attempts, failed) };
}

function weekRow(name: string, tally: RateTally): WeekRow {
  const { attempts, failed } = tally.sum;
  const interval = rateInterval(tally.blocks);
  return {
    name,
    attempts,
    failed,
    rate: attempts === 0 ? null : (attempts - failed) / attempts,
    interval: interval && { low: 1 - interval.high, high: 1 - interval.low },
    days: tally.blocks.filter((b) => b.attempts > 0).length,
  };
}
