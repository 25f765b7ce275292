import { type AttemptRecord, isFailure } from './attempt.ts';
import type { SideFile } from './side-file.ts';

const WEEK_MS = 7 * 86_400_000;
/** 1970-01-05 was a Monday. */
const FIRST_MONDAY_MS = 4 * 86_400_000;
/** Fewer attempts than this in a week tell nothing about calibration. */
const ATTEMPTS_MIN = 500;
/** Chance moves the sum of failures by one standard error; this many are no chance. */
const Z_ALARM = 4;
/** A difference that small is no reason to train again, however sure it is. */
const BIAS_MIN = 0.15;
const ECE_SLACK = 0.02;
const SKILL_SLACK = 0.1;
const BINS = 10;
const WEEKS_KEPT = 8;

export type DriftVerdict = 'fine' | 'too few attempts' | 'train again';

/** Live figures of one week beside those of the card. */
export interface WeekDrift {
  /** Its Monday, UTC. */
  readonly from: string;
  readonly attempts: number;
  readonly meanRisk: number;
  readonly failureRate: number;
  readonly ece: number;
  readonly brierSkill: number;
  readonly verdict: DriftVerdict;
  readonly reasons: readonly string[];
}

interface Week {
  attempts: number;
  risk: number;
  failed: number;
  squares: number;
  variance: number;
  readonly bins: number[]; // risk and failures of each, interleaved
}

/** What survives JSON. */
export type DriftData = readonly (readonly [number, Readonly<Week>])[];

/** Adds up risks and outcomes by week in constant space, and holds them against the model's card. */
export class DriftMonitor {
  readonly #card: SideFile['card'];
  readonly #weeks: Map<number, Week>;

  constructor(card: SideFile['card'], data: DriftData = []) {
    this.#card = card;
    this.#weeks = new Map(data.map(([number, week]) => [number, { ...week, bins: [...week.bins] }]));
  }

  /** The weeks of late; those before have been judged. */
  toData(): DriftData {
    return [...this.#weeks].slice(-WEEKS_KEPT).map(([number, week]) => [number, { ...week, bins: [...week.bins] }]);
  }

  add({ attempt, decision }: AttemptRecord, risk: number): void {
    if (decision.kind === 'unknown') return;
    const number = Math.floor((attempt.at - FIRST_MONDAY_MS) / WEEK_MS);
    let week = this.#weeks.get(number);
    if (!week) {
      week = {
        attempts: 0,
        risk: 0,
        failed: 0,
        squares: 0,
        variance: 0,
        bins: Array.from({ length: 2 * BINS }, () => 0),
      };
      this.#weeks.set(number, week);
    }
    const label = isFailure(decision.kind) ? 1 : 0;
    const bin = 2 * Math.min(BINS - 1, Math.floor(risk * BINS));
    week.attempts++;
    week.risk += risk;
    week.failed += label;
    week.squares += (risk - label) ** 2;
    week.variance += risk * (1 - risk);
    week.bins[bin] = (week.bins[bin] ?? 0) + risk;
    week.bins[bin + 1] = (week.bins[bin + 1] ?? 0) + label;
  }

  /** In the order of time. */
  weeks(): readonly WeekDrift[] {
    return [...this.#weeks].sort(([a], [b]) => a - b).map(([number, week]) => this.#judge(number, week));
  }

  #judge(number: number, week: Week): WeekDrift {
    const { attempts } = week;
    const meanRisk = week.risk / attempts;
    const failureRate = week.failed / attempts;
    let ece = 0;
    for (let b = 0; b < BINS; b++) ece += Math.abs((week.bins[2 * b] ?? 0) - (week.bins[2 * b + 1] ?? 0)) / attempts;
    const brierSkill = 1 - week.squares / attempts / Math.max(1e-9, failureRate * (1 - failureRate));
    const z = (week.failed - week.risk) / Math.sqrt(Math.max(1e-9, week.variance));
    const reasons: string[] = [];
    if (Math.abs(z) > Z_ALARM && Math.abs(failureRate - meanRisk) > BIAS_MIN * Math.max(failureRate, meanRisk))
      reasons.push(`${z > 0 ? 'more' : 'fewer'} fail than it says`);
    if (ece > this.#card.ece + ECE_SLACK) reasons.push('its risks are no longer calibrated');
    if (brierSkill < this.#card.brier_skill - SKILL_SLACK)
      reasons.push('it tells failures apart less well than on its card');
    const few = attempts < ATTEMPTS_MIN;
    return {
      from: new Date(number * WEEK_MS + FIRST_MONDAY_MS).toISOString().slice(0, 10),
      attempts,
      meanRisk,
      failureRate,
      ece,
      brierSkill,
      verdict: few ? 'too few attempts' : reasons.length > 0 ? 'train again' : 'fine',
      reasons: few ? [] : reasons,
    };
  }
}
