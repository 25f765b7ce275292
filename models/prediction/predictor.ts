import type { Attempt, AttemptRecord } from './attempt.ts';
import { FeatureWriter } from './features.ts';
import { FEATURES, Knowledge, type KnowledgeData } from './knowledge.ts';
import { ModelReader, type PredictionModel } from './prediction-model.ts';
import { KEYS_MAX } from './training-set.ts';
import { EventWindow } from './window.ts';

/** Before this many outcomes are known there is no history to speak of. */
export const COLD_OUTCOMES = 100;

export interface Risk {
  readonly risk: number;
  /** `base_rate`: nothing was known yet that could tell this attempt from others; never a reason for an alarm. */
  readonly basis: 'model' | 'base_rate';
}

/** Risks of attempts in the order of their start, each from what was known before it began. The same code in every command. */
export class Predictor {
  readonly knowledge: Knowledge;
  readonly features = new FeatureWriter(FEATURES.length);
  readonly window = new EventWindow();
  readonly reader: ModelReader;
  readonly #baseRate: number;

  constructor(model: PredictionModel, baseRate: number, knowledge?: KnowledgeData) {
    this.knowledge = new Knowledge(KEYS_MAX, knowledge);
    this.reader = new ModelReader(model);
    this.#baseRate = baseRate;
  }

  /** Risk of an attempt that begins now. Sees no outcome of its own: its type has none. */
  riskOf(attempt: Attempt): Risk {
    this.knowledge.describe(attempt, this.features, this.window);
    const isKnown = this.window.length > 0;
    if (!isKnown || this.knowledge.decided < COLD_OUTCOMES) return { risk: this.#baseRate, basis: 'base_rate' };
    const margin = this.reader.margin(this.features.values, this.window, attempt.at);
    return { risk: 1 / (1 + Math.exp(-margin)), basis: 'model' };
  }

  /** Risk of the next attempt, which is then under way. */
  next(record: AttemptRecord): Risk {
    const risk = this.riskOf(record.attempt);
    this.knowledge.begin(record);
    return risk;
  }
}
