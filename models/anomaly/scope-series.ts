import { type LimitLevel, type Limits, SETUP_LIMITS_MS, TLS_LIMITS_MS } from '../../processors/profile/limits.ts';
import { Detector, type Finding, scoreOf } from './detector.ts';
import type { FindingLevel, SeriesMetric, UnusualMetric } from './finding.ts';
import type { Kind } from './kind.ts';
import { LEVEL_SCORES, successLevel, timeLevel } from './limit.ts';
import { numberText, reasonText } from './reason.ts';

/** What one profile adds to a scope. */
export interface Sample {
  /** Legitimate attempts whose end is known count for the success rate. */
  readonly succeeded: boolean | undefined;
  /** It failed for a reason of one user or client alone, which is no matter of the scope. */
  readonly personal: boolean;
  readonly blocked: boolean;
  readonly setupMs: number | undefined;
  readonly tlsMs: number | undefined;
}

/** A series that was unusual in one slot. */
export interface Unusual {
  readonly metric: UnusualMetric;
  readonly level: FindingLevel;
  readonly basis: 'limit' | 'learned';
  readonly score: number;
  readonly reason: string;
}

export interface ScopeSeriesData {
  readonly detectors: readonly (readonly [SeriesMetric, string])[]; // base64
  readonly counts: readonly number[];
  readonly times: readonly number[];
}

const KIND_OF: Readonly<Record<SeriesMetric, Kind>> = {
  attempts: 'count',
  'success rate': 'ratio',
  'set-up time': 'duration',
  'TLS time': 'duration',
  'WAF blocks': 'count',
};
/** A learned score from here on is a finding: rarer than the detector's own 0.5, because there are many series. */
export const WARNING_FROM = 0.75;
const ALARM_FROM = 0.9;
/** Stamps of whole seconds make many times 0: below this they are not told from each other. */
const TIME_SMALLEST_MS = 500;

/**
 * The series of one scope (a server, a network, a tunnel, a client software, a WAF rule): sums of the present slot, and a detector for each metric that it
 * has shown. A slot is judged by what is usual for the hour and by the fixed limits, whichever is worse.
 */
export class ScopeSeries {
  readonly #detectors: Map<SeriesMetric, Detector>;
  #attempts = 0;
  #blocked = 0;
  #legitimate = 0;
  #failed = 0;
  /** Failed for reasons of one user or client alone. */
  #personal = 0;
  readonly #setup = new Times();
  readonly #tls = new Times();

  constructor(data?: ScopeSeriesData) {
    this.#detectors = new Map(
      data?.detectors.flatMap(([metric, text]) => {
        const detector = Detector.fromBytes(Buffer.from(text, 'base64'));
        return detector ? [[metric, detector] as const] : [];
      }),
    );
    if (!data) return;
    const [attempts = 0, blocked = 0, legitimate = 0, failed = 0, personal = 0] = data.counts;
    this.#attempts = attempts;
    this.#blocked = blocked;
    this.#legitimate = legitimate;
    this.#failed = failed;
    this.#personal = personal;
    this.#setup.set(data.times.slice(0, 3));
    this.#tls.set(data.times.slice(3));
  }

  toData(): ScopeSeriesData {
    return {
      detectors: [...this.#detectors].map(([metric, d]) => [metric, Buffer.from(d.toBytes()).toString('base64')]),
      counts: [this.#attempts, this.#blocked, this.#legitimate, this.#failed, this.#personal],
      times: [...this.#setup.numbers(), ...this.#tls.numbers()],
    };
  }

  get attempts(): number {
    return this.#attempts;
  }

  add({ succeeded, personal, blocked, setupMs, tlsMs }: Sample): void {
    this.#attempts++;
    if (blocked) this.#blocked++;
    if (succeeded !== undefined) this.#legitimate++;
    if (succeeded === false) this.#failed++;
    if (succeeded === false && personal) this.#personal++;
    if (setupMs !== undefined) this.#setup.add(setupMs);
    if (tlsMs !== undefined) this.#tls.add(tlsMs);
  }

  /** Whether anything is known of what is usual here. */
  get isLearned(): boolean {
    for (const d of this.#detectors.values()) if (d.isLearned) return true;
    return false;
  }

  /** Score of the slot as far as it has come, by what is usual: more attempts, blocks or time, and fewer successes. */
  scoreSoFar(at: number): number {
    let most = 0;
    for (const [metric, detector] of this.#detectors) {
      const { value, n } = this.#valueOf(metric);
      const strength = detector.preview(at, value, n);
      most = Math.max(most, metric === 'success rate' ? -strength : strength);
    }
    return scoreOf(Math.max(0, most));
  }

  /** Score by the limit of the success rate alone, 0 if it is kept. */
  get limitScore(): number {
    const level = this.#successLevel();
    return level === 'normal' ? 0 : LEVEL_SCORES[level];
  }

  /** Judges the slot that begins at `at`, learns it, and starts the next. */
  close(at: number): readonly Unusual[] {
    const unusual: Unusual[] = [];
    const metrics: SeriesMetric[] = ['attempts', 'success rate', 'set-up time'];
    if (this.#tls.count > 0 || this.#detectors.has('TLS time')) metrics.push('TLS time');
    if (this.#blocked > 0 || this.#detectors.has('WAF blocks')) metrics.push('WAF blocks');
    for (const metric of metrics) {
      const worst = worse(this.#learned(metric, at), this.#limited(metric));
      if (worst) unusual.push(worst);
    }
    this.#attempts = 0;
    this.#blocked = 0;
    this.#legitimate = 0;
    this.#failed = 0;
    this.#personal = 0;
    this.#setup.clear();
    this.#tls.clear();
    return unusual;
  }

  #learned(metric: SeriesMetric, at: number): Unusual | undefined {
    let detector = this.#detectors.get(metric);
    if (!detector) {
      detector = new Detector(KIND_OF[metric]);
      this.#detectors.set(metric, detector);
    }
    const { value, n } = this.#valueOf(metric);
    const score = detector.observe(at, value, n);
    if (score < WARNING_FROM) return undefined;
    const { finding } = detector;
    if (!finding || !isBad(metric, finding)) return undefined;
    return {
      metric,
      level: score < ALARM_FROM ? 'warning' : 'alarm',
      basis: 'learned',
      score,
      reason: reasonText(finding, KIND_OF[metric], at, WORDS[metric]),
    };
  }

  #limited(metric: SeriesMetric): Unusual | undefined {
    if (metric === 'success rate') {
      const share = `${numberText((100 * (this.#legitimate - this.#failed)) / this.#legitimate)} %`;
      return limit(
        metric,
        this.#successLevel(),
        `${this.#failed} of ${this.#legitimate} attempts failed: success rate ${share}`,
      );
    }
    if (metric === 'set-up time') return this.#slow(metric, this.#setup, SETUP_LIMITS_MS);
    return metric === 'TLS time' ? this.#slow(metric, this.#tls, TLS_LIMITS_MS) : undefined;
  }

  /** What fails for reasons of its own says nothing about the others: it is left out. */
  #successLevel(): LimitLevel {
    return successLevel(this.#failed - this.#personal, this.#legitimate - this.#personal);
  }

  #slow(metric: SeriesMetric, times: Times, limits: Limits): Unusual | undefined {
    const [count, sum, squares] = times.numbers();
    return limit(
      metric,
      timeLevel(count, sum, squares, limits),
      `mean ${metric} ${numberText(sum / count / 1000)} s over ${count} sessions`,
    );
  }

  #valueOf(metric: SeriesMetric): { readonly value: number; readonly n: number } {
    switch (metric) {
      case 'attempts':
        return { value: this.#attempts, n: Number.NaN };
      case 'WAF blocks':
        return { value: this.#blocked, n: Number.NaN };
      case 'success rate':
        return { value: (this.#legitimate - this.#failed) / this.#legitimate, n: this.#legitimate };
      case 'set-up time':
        return { value: Math.max(TIME_SMALLEST_MS, this.#setup.mean), n: this.#setup.count };
      case 'TLS time':
        return { value: Math.max(TIME_SMALLEST_MS, this.#tls.mean), n: this.#tls.count };
      default:
        return metric satisfies never;
    }
  }
}

/** Count, sum and sum of squares. */
class Times {
  #count = 0;
  #sum = 0;
  #squares = 0;

  get count(): number {
    return this.#count;
  }

  /** NaN of none. */
  get mean(): number {
    return this.#sum / this.#count;
  }

  numbers(): readonly [number, number, number] {
    return [this.#count, this.#sum, this.#squares];
  }

  set([count = 0, sum = 0, squares = 0]: readonly number[]): void {
    this.#count = count;
    this.#sum = sum;
    this.#squares = squares;
  }

  add(ms: number): void {
    this.#count++;
    this.#sum += ms;
    this.#squares += ms * ms;
  }

  clear(): void {
    this.set([]);
  }
}

const WORDS: Readonly<Record<SeriesMetric, string>> = {
  attempts: 'attempts',
  'success rate': 'failures',
  'set-up time': 'set-up time',
  'TLS time': 'TLS time',
  'WAF blocks': 'blocks',
};

/** Fewer failures, blocks or seconds than usual are no finding; fewer attempts, or none, are. */
function isBad(metric: SeriesMetric, finding: Finding): boolean {
  if (metric === 'attempts') return true;
  if (finding.by !== 'residual') return false;
  const { deviations, complement } = finding.deviation;
  return metric === 'success rate' && !complement ? deviations < 0 : deviations > 0;
}

function limit(metric: SeriesMetric, level: LimitLevel, reason: string): Unusual | undefined {
  return level === 'normal' ? undefined : { metric, level, basis: 'limit', score: LEVEL_SCORES[level], reason };
}

function worse(a: Unusual | undefined, b: Unusual | undefined): Unusual | undefined {
  if (!a || !b) return a ?? b;
  return b.score > a.score ? b : a;
}
