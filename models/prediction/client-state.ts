import { DecayedMeans } from '../math/decayed-mean.ts';
import type { Packer, Unpacker } from '../math/packing.ts';
import { DECISION_KINDS, type Decision, type DecisionKind, isFailure } from './attempt.ts';
import type { FeatureWriter } from './features.ts';
import type { Observation } from './observation.ts';
import { Pending } from './pending.ts';
import { RecentEvents } from './window.ts';

const MINUTE_MS = 60_000;
const SCALES_MS = [10 * MINUTE_MS, 120 * MINUTE_MS, 1440 * MINUTE_MS];
const SHARES = [0.5, 0.2, 0.05];
const LATENESS_MAX = 3;
const USUAL_SHARE = 0.05;
const HOUR_MS = 60 * MINUTE_MS;
/** Tokens that go stale per hour, until the client has shown its own rate. */
const TOKEN_HAZARD = 1 / 24;

export const CLIENT_FEATURES = [
  'known',
  'failed_10m',
  'failed_2h',
  'failed_1d',
  'failed_last2',
  'failed_last5',
  'failed_last20',
  'last_ok',
  'last_timeout_tls',
  'last_timeout_auth',
  'last_auth_failed',
  'before_last_failed',
  'failure_streak',
  'success_streak',
  'since_start',
  'gap_before',
  'gap_ratio',
  'since_failure',
  'since_success',
  'since_first_failure',
  'retries',
  'pending',
  'pending_oldest',
  'pending_overdue',
  'tcp_lateness',
  'tcp_lateness_before',
  'tcp_deviation_last2',
  'tcp_deviation_last5',
  'tcp_deviation_usual',
  'since_deviation',
  'tls_lateness',
  'auth_lateness',
  'token_age',
  'token_refused_for',
  'token_hazard',
  'token_stale_chance',
  'timeouts_last20',
] as const;

/** What is remembered of a client. */
export class ClientState {
  readonly pending = new Pending();
  readonly recent = new RecentEvents();
  readonly #failed = new DecayedMeans(SCALES_MS);
  #failedLast = SHARES.map(() => Number.NaN);
  #known = 0;
  #lastKind: DecisionKind | undefined;
  #beforeLastFailed = Number.NaN;
  #failureStreak = 0;
  #successStreak = 0;
  #lastStart = Number.NaN;
  #gapBefore = Number.NaN;
  #usualGap = Number.NaN;
  #lastFailure = Number.NaN;
  #lastSuccess = Number.NaN;
  #firstFailure = Number.NaN;
  #retries = 0;
  #usualMs = 200;
  #tcpUsual = Number.NaN;
  #tlsUsual = Number.NaN;
  #authUsual = Number.NaN;
  #tcpLateness = Number.NaN;
  #tcpLatenessBefore = Number.NaN;
  #deviationLast2 = 0;
  #deviationLast5 = 0;
  #deviationUsual = 0.2;
  #lastDeviation = Number.NaN;
  #tlsLateness = Number.NaN;
  #authLateness = Number.NaN;
  #tokenBorn = Number.NaN;
  #refusedSince = Number.NaN;
  #tokensLost = 0;
  #tokenHours = 0;
  #timeouts = 0;

  recentRate(base: number): number {
    const rate = this.#failedLast[1] ?? Number.NaN;
    return Number.isNaN(rate) ? base : rate;
  }

  /** That an attempt began is known at once; how it ended is not. */
  begin(at: number): void {
    this.pending.begin(at);
    if (!Number.isNaN(this.#lastStart)) {
      this.#gapBefore = at - this.#lastStart;
      const gap = Math.log1p(this.#gapBefore / 1000);
      this.#usualGap = Number.isNaN(this.#usualGap) ? gap : this.#usualGap + 0.1 * (gap - this.#usualGap);
    }
    this.#lastStart = at;
    this.#retries++;
  }

  /** How late each phase was against this client's own usual time; call before `observe`. */
  lateness(decision: Decision): Pick<Observation, 'tcpLateness' | 'tlsLateness' | 'authLateness'> {
    const of = (ms: number | undefined, usual: number): number =>
      ms === undefined || Number.isNaN(usual)
        ? Number.NaN
        : Math.max(-LATENESS_MAX, Math.min(LATENESS_MAX, Math.log(1 + ms) - usual));
    // A phase that timed out lasted as long as the limit, which says nothing about the path.
    const tls = decision.kind === 'timeout_tls' ? undefined : decision.tlsMs;
    const auth = decision.kind === 'timeout_auth' ? undefined : decision.authMs;
    return {
      tcpLateness: of(decision.tcpMs, this.#tcpUsual),
      tlsLateness: of(tls, this.#tlsUsual),
      authLateness: of(auth, this.#authUsual),
    };
  }

  observe(o: Observation, base: number): void {
    const { at, kind } = o.decision;
    if (kind === 'unknown') return;
    const failed = isFailure(kind);
    const y = failed ? 1 : 0;
    this.#known++;
    this.#failed.observe(at, y);
    SHARES.forEach((share, i) => {
      const old = this.#failedLast[i] ?? Number.NaN;
      this.#failedLast[i] = (Number.isNaN(old) ? base : old) * (1 - share) + share * y;
    });
    this.#timeouts += 0.05 * ((failed && kind !== 'auth_failed' ? 1 : 0) - this.#timeouts);
    this.#beforeLastFailed = this.#lastKind === undefined ? Number.NaN : isFailure(this.#lastKind) ? 1 : 0;
    this.#lastKind = kind;
    this.#observeToken(o, kind);
    if (failed) {
      if (this.#failureStreak === 0) this.#firstFailure = o.attempt.at;
      this.#failureStreak++;
      this.#successStreak = 0;
      this.#lastFailure = at;
    } else {
      this.#successStreak++;
      this.#failureStreak = 0;
      this.#lastSuccess = at;
      this.#retries = this.pending.count;
      this.#usualMs += 0.1 * (Math.min(at - o.attempt.at, 5000) - this.#usualMs);
    }
    this.#observePhases(o, failed);
  }

  #observeToken(o: Observation, kind: DecisionKind): void {
    if (o.attempt.mechanism !== 'token') return;
    const at = o.attempt.at;
    if (kind === 'auth_failed') {
      if (Number.isNaN(this.#refusedSince)) {
        this.#refusedSince = at;
        this.#tokensLost++;
        if (!Number.isNaN(this.#lastSuccess)) this.#tokenHours += Math.max(0, at - this.#lastSuccess) / (2 * HOUR_MS);
      }
    } else if (kind === 'ok') {
      if (!Number.isNaN(this.#refusedSince) || Number.isNaN(this.#tokenBorn)) this.#tokenBorn = at;
      else if (!Number.isNaN(this.#lastSuccess)) this.#tokenHours += Math.max(0, at - this.#lastSuccess) / HOUR_MS;
      this.#refusedSince = Number.NaN;
    }
  }

  #observePhases(o: Observation, failed: boolean): void {
    const { decision } = o;
    if (!Number.isNaN(o.tcpLateness)) {
      const deviation = Math.abs(o.tcpLateness);
      this.#tcpLatenessBefore = this.#tcpLateness;
      this.#tcpLateness = o.tcpLateness;
      this.#deviationLast2 += 0.5 * (deviation - this.#deviationLast2);
      this.#deviationLast5 += 0.2 * (deviation - this.#deviationLast5);
      if (deviation > 2.5 * this.#deviationUsual) this.#lastDeviation = decision.at;
      this.#deviationUsual += 0.05 * (Math.min(deviation, 3 * this.#deviationUsual + 0.05) - this.#deviationUsual);
    }
    this.#tlsLateness = o.tlsLateness;
    this.#authLateness = o.authLateness;
    // Failed attempts are slow in ways of their own; the usual time is that of those that went well.
    if (failed) return;
    const learn = (ms: number | undefined, usual: number): number => {
      if (ms === undefined) return usual;
      const value = Math.log(1 + ms);
      if (Number.isNaN(usual)) return value;
      const share = Math.max(USUAL_SHARE, 1 / (1 + this.#known));
      return usual + share * Math.max(-0.7, Math.min(0.7, value - usual));
    };
    this.#tcpUsual = learn(decision.tcpMs, this.#tcpUsual);
    this.#tlsUsual = learn(decision.tlsMs, this.#tlsUsual);
    this.#authUsual = learn(decision.authMs, this.#authUsual);
  }

  pack(to: Packer): void {
    this.pending.pack(to);
    this.recent.pack(to);
    this.#failed.pack(to);
    to.numbers(this.#failedLast);
    to.number(this.#lastKind === undefined ? -1 : DECISION_KINDS.indexOf(this.#lastKind));
    to.numbers([
      this.#known,
      this.#beforeLastFailed,
      this.#failureStreak,
      this.#successStreak,
      this.#lastStart,
      this.#gapBefore,
      this.#usualGap,
      this.#lastFailure,
      this.#lastSuccess,
      this.#firstFailure,
      this.#retries,
      this.#usualMs,
      this.#tcpUsual,
      this.#tlsUsual,
      this.#authUsual,
      this.#tcpLateness,
      this.#tcpLatenessBefore,
      this.#deviationLast2,
      this.#deviationLast5,
      this.#deviationUsual,
      this.#lastDeviation,
      this.#tlsLateness,
      this.#authLateness,
      this.#tokenBorn,
      this.#refusedSince,
      this.#tokensLost,
      this.#tokenHours,
      this.#timeouts,
    ]);
  }

  unpack(from: Unpacker): void {
    this.pending.unpack(from);
    this.recent.unpack(from);
    this.#failed.unpack(from);
    this.#failedLast = from.numbers(SHARES.length);
    this.#lastKind = DECISION_KINDS[from.number()];
    from.number(); // how many follow
    this.#known = from.number();
    this.#beforeLastFailed = from.number();
    this.#failureStreak = from.number();
    this.#successStreak = from.number();
    this.#lastStart = from.number();
    this.#gapBefore = from.number();
    this.#usualGap = from.number();
    this.#lastFailure = from.number();
    this.#lastSuccess = from.number();
    this.#firstFailure = from.number();
    this.#retries = from.number();
    this.#usualMs = from.number();
    this.#tcpUsual = from.number();
    this.#tlsUsual = from.number();
    this.#authUsual = from.number();
    this.#tcpLateness = from.number();
    this.#tcpLatenessBefore = from.number();
    this.#deviationLast2 = from.number();
    this.#deviationLast5 = from.number();
    this.#deviationUsual = from.number();
    this.#lastDeviation = from.number();
    this.#tlsLateness = from.number();
    this.#authLateness = from.number();
    this.#tokenBorn = from.number();
    this.#refusedSince = from.number();
    this.#tokensLost = from.number();
    this.#tokenHours = from.number();
    this.#timeouts = from.number();
  }

  /** In the order of CLIENT_FEATURES. */
  describe(at: number, base: number, out: FeatureWriter): void {
    out.put(Math.log1p(this.#known));
    for (let i = 0; i < SCALES_MS.length; i++) out.put(this.#failed.mean(i, at, base, 1));
    for (const rate of this.#failedLast) out.put(Number.isNaN(rate) ? base : rate);
    out.put(is(this.#lastKind, 'ok'));
    out.put(is(this.#lastKind, 'timeout_tls'));
    out.put(is(this.#lastKind, 'timeout_auth'));
    out.put(is(this.#lastKind, 'auth_failed'));
    out.put(this.#beforeLastFailed);
    out.put(Math.log1p(this.#failureStreak));
    out.put(Math.log1p(this.#successStreak));
    const since = at - this.#lastStart;
    out.span(since);
    out.span(this.#gapBefore);
    out.put(Math.log1p(Math.max(0, since) / 1000) - this.#usualGap);
    out.span(at - this.#lastFailure);
    out.span(at - this.#lastSuccess);
    out.span(this.#failureStreak > 0 ? at - this.#firstFailure : Number.NaN);
    out.put(Math.log1p(this.#retries));
    out.put(Math.log1p(this.pending.count));
    out.span(this.pending.oldestAge(at));
    out.put(this.pending.overdue(at, this.#usualMs));
    out.put(this.#tcpLateness);
    out.put(this.#tcpLatenessBefore);
    out.put(this.#deviationLast2);
    out.put(this.#deviationLast5);
    out.put(this.#deviationUsual);
    out.span(at - this.#lastDeviation);
    out.put(this.#tlsLateness);
    out.put(this.#authLateness);
    out.span(at - this.#tokenBorn);
    out.span(at - this.#refusedSince);
    const hazard = (this.#tokensLost + 10 * TOKEN_HAZARD) / (this.#tokenHours + 10);
    out.put(Math.log(hazard));
    out.put(1 - Math.exp((-hazard * Math.max(0, at - this.#lastSuccess)) / HOUR_MS));
    out.put(this.#timeouts);
  }
}

const is = (kind: DecisionKind | undefined, wanted: DecisionKind): number =>
  kind === undefined ? Number.NaN : kind === wanted ? 1 : 0;
