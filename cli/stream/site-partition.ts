import { AnomalyWatch, type AnomalyWatchData } from '../../models/anomaly/watch.ts';
import type { CauseModel } from '../../models/cause/decide.ts';
import {
  FORECAST_FORMAT,
  Forecast,
  type ForecastChanges,
  type StoredForecast,
  type UsableModel,
} from '../../models/prediction/forecast.ts';
import type { CorrelateOptions } from '../../processors/correlate/options.ts';
import { type ClosedSession, type Login, Site, type SiteState } from '../../processors/correlate/site.ts';
import { BEFORE_LINES, type SiteFact } from '../../processors/correlate/site-fact.ts';
import { eventId } from '../../processors/ecs.ts';
import type { IncidentsState } from '../../processors/profile/incidents.ts';
import type { KnownTimer } from '../../processors/profile/known-timers.ts';
import { driftAdvice } from '../../reports/prediction/drift.ts';
import { Judging, type Verdicts } from '../verdicts.ts';
import type { FactBatch, Progress, SourceNote } from './messages.ts';
import { Watermark } from './watermark.ts';

export interface SiteOptions {
  /** The partitions of sessions: event time goes on when each has told how far it has come. */
  readonly units: readonly string[];
  readonly correlate: CorrelateOptions;
  readonly model: CauseModel;
  readonly timers: readonly KnownTimer[];
  /** Predicts which attempts will fail, where there is one. */
  readonly prediction?: UsableModel | undefined;
}

export interface SitePartitionState {
  readonly site: SiteState;
  readonly incidents: IncidentsState;
  readonly anomalies: AnomalyWatchData;
  readonly sources: readonly SourceNote[];
  readonly units: readonly Progress[];
  readonly reached: number | null;
  /** The first record of facts that has not been taken. */
  readonly next: number;
}

/** A fact that could not be taken, and why. */
export interface RejectedSiteFact {
  readonly fact: SiteFact;
  readonly error: unknown;
}

const SOURCES_MAX = 100_000;
/** Who is likely to fail next is told anew so often, in event time. */
export const LIST_MS = 5 * 60_000;

/** The site: what sessions and readers tell in, profiles and incidents out. The same log of facts always gives the same documents. Pure. */
export class SitePartition {
  private readonly options: SiteOptions;
  private readonly site: Site;
  private readonly judging: Judging;
  private readonly watch: AnomalyWatch;
  private readonly forecast: Forecast | undefined;
  private logins: Login[] = [];
  private readonly watermark: Watermark;
  private readonly sources: Map<number, SourceNote>;
  private reached: number;
  next: number;

  constructor(options: SiteOptions, state?: SitePartitionState, forecast?: StoredForecast) {
    this.options = options;
    this.site = new Site(options.correlate, state?.site);
    this.watermark = new Watermark(state?.units);
    this.sources = new Map(state?.sources.map((s) => [s.number, s]));
    this.reached = state?.reached ?? Number.NEGATIVE_INFINITY;
    this.next = state?.next ?? 0;
    const { model, timers, prediction, correlate } = options;
    this.watch = new AnomalyWatch(state?.anomalies);
    if (prediction) {
      this.forecast = new Forecast(prediction, { listMs: LIST_MS, since: `${FORECAST_FORMAT}-${this.next}` }, forecast);
      this.forecast.keepJournal();
      this.site.onLogin = (login) => this.logins.push(login);
    }
    const verdicts = {
      model,
      timers,
      facts: this.facts(),
      watch: this.watch,
      forecast: this.forecast,
      known: correlate.known,
    };
    this.judging = new Judging(verdicts, state?.incidents);
  }

  /** What changed in the knowledge for predictions since it was last asked; undefined without a model. */
  forecastChanges(): ForecastChanges | undefined {
    return this.forecast?.changes();
  }

  /** Why the model should be trained again, as far as is known. */
  get advice(): string | undefined {
    return this.forecast && driftAdvice(this.forecast.weeks());
  }

  toData(): SitePartitionState {
    return {
      site: this.site.snapshot(),
      incidents: this.judging.toData(),
      anomalies: this.watch.toData(),
      sources: [...this.sources.values()],
      units: this.watermark.toData(),
      reached: Number.isFinite(this.reached) ? this.reached : null,
      next: this.next,
    };
  }

  take(batch: FactBatch, rejected: RejectedSiteFact[] = []): Verdicts {
    for (const source of batch.sources) {
      if (this.sources.size >= SOURCES_MAX) this.sources.delete(this.sources.keys().next().value ?? 0);
      this.sources.set(source.number, source);
    }
    this.site.push(batch.facts);
    if (batch.progress) this.watermark.note(batch.progress);
    const closed: ClosedSession[] = [];
    const reached = this.watermark.at(this.options.units);
    if (reached > this.reached) this.site.advance(reached, closed, (fact, error) => rejected.push({ fact, error }));
    if (Number.isFinite(reached)) this.reached = Math.max(this.reached, reached);
    const { logins } = this;
    this.logins = [];
    return this.judging.push(closed, logins, reached, ({ session, closedAt }, error) => {
      const { serial: offset } = session;
      rejected.push({ fact: { kind: 'closed', seenAt: closedAt, source: BEFORE_LINES, offset, session }, error });
    });
  }

  private facts() {
    return {
      eventId: (source: number, offset: number): string => eventId(this.sources.get(source)?.fingerprint ?? '', offset),
      clock: (source: number) => {
        const s = this.sources.get(source);
        if (!s?.clock || s.clock.shiftMs === 0) return undefined;
        return {
          source: s.name,
          shift_ms: Math.round(s.clock.shiftMs),
          confidence: Math.round(s.clock.confidence * 100) / 100,
          basis: s.clock.basis,
        };
      },
    };
  }
}
