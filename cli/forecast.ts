import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type AttemptRecord, readAttempt } from '../models/prediction/attempt.ts';
import { DriftMonitor } from '../models/prediction/drift.ts';
import { KeyRisks } from '../models/prediction/key-risks.ts';
import { type Likely, Outlook } from '../models/prediction/outlook.ts';
import { Predictor } from '../models/prediction/predictor.ts';
import type { Prediction, Profile } from '../processors/profile/profile.ts';
import { driftAdvice } from '../reports/prediction/drift.ts';
import type { LoadedModel } from './model-directory.ts';

const PROFILES_AT_ONCE = 1000;
const LIKELY_MAX = 50;
/** Likely means more likely than not; the model's threshold, which balances both recalls, lies far below. */
const LIKELY_RISK = 0.5;

/** What the whole run tells. */
export interface ForecastResult {
  /** The time up to which the logs reach: what is likely next is said as of then. */
  readonly at: number;
  readonly likely: readonly Likely[];
  readonly advice: string | undefined;
  readonly cold: number;
}

/**
 * Puts risks onto profiles. Profiles come in the order in which their sessions closed, and a session can be decided hours before it closes:
 * what was known before an attempt began is complete only when all sessions have closed. So profiles wait in a file until the end of the
 * run; then all attempts are taken in the order of their start, each with the knowledge of its own time, and the profiles go on with their risk.
 */
export class Forecast {
  readonly #loaded: LoadedModel;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #records = new Map<string, AttemptRecord>();
  /** Attempts of no legitimate user: they are known to have happened, and nobody is warned of them. */
  readonly #outside = new Set<string>();
  readonly #predictions = new Map<string, Prediction>();
  #held = 0;

  static async start(loaded: LoadedModel, directory: string): Promise<Forecast> {
    const path = join(directory, `.profiles-without-risk-${process.pid}`);
    return new Forecast(loaded, path, await open(path, 'w', 0o600));
  }

  private constructor(loaded: LoadedModel, path: string, file: FileHandle) {
    this.#loaded = loaded;
    this.#path = path;
    this.#file = file;
  }

  /** Takes finished profiles; `release` gives them back. */
  async hold(profiles: readonly Profile[]): Promise<void> {
    if (profiles.length === 0) return;
    for (const profile of profiles) {
      const read = readAttempt(profile);
      if (read.kind === 'attempt') {
        if (isOutside(profile)) this.#outside.add(read.record.attempt.id);
        const known = this.#records.get(read.record.attempt.id);
        if (!known || read.record.revision >= known.revision) this.#records.set(read.record.attempt.id, read.record);
      }
    }
    this.#held += profiles.length;
    await this.#file.appendFile(profiles.map((p) => `${JSON.stringify(p)}\n`).join(''));
  }

  /** Computes every risk. Call once, when no more profiles will come. */
  compute(): ForecastResult {
    const { model, side, name } = this.#loaded;
    const predictor = new Predictor(model, side.base_rate);
    const outlook = new Outlook();
    const keys = new KeyRisks();
    const monitor = new DriftMonitor(side.card);
    const trainedTo = Date.parse(side.trained_on.to);
    const records = [...this.#records.values()].sort((a, b) => a.attempt.at - b.attempt.at);
    let at = Number.NEGATIVE_INFINITY;
    let cold = 0;
    for (const record of records) {
      const { attempt } = record;
      const { risk, basis } = predictor.next(record);
      if (!this.#outside.has(attempt.id)) outlook.note(attempt);
      if (basis === 'base_rate') cold++;
      else if (attempt.at > trainedTo) monitor.add(record, risk);
      at = Math.max(at, attempt.at, record.decision.at);
      this.#predictions.set(attempt.id, {
        risk: Math.round(risk * 1e6) / 1e6,
        model: name,
        basis,
        next: keys.note(attempt, risk),
      });
    }
    return {
      at,
      cold,
      likely: records.length === 0 ? [] : outlook.at(at, predictor, model.scaling, LIKELY_RISK, LIKELY_MAX),
      advice: driftAdvice(monitor.weeks()),
    };
  }

  /** The profiles in the order in which they came, each with its prediction. */
  async *release(): AsyncGenerator<readonly Profile[]> {
    if (this.#held === 0) return;
    let batch: Profile[] = [];
    for await (const line of createInterface({ input: createReadStream(this.#path) })) {
      const profile: Profile = JSON.parse(line);
      const prediction = this.#predictions.get(profile.imapwhy.session.id);
      batch.push(prediction ? { ...profile, imapwhy: { ...profile.imapwhy, prediction } } : profile);
      if (batch.length < PROFILES_AT_ONCE) continue;
      yield batch;
      batch = [];
    }
    yield batch;
  }

  /** Removes the file. */
  async close(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

const isOutside = (profile: Profile): boolean =>
  profile.imapwhy.cause.label === 'security.attack' || profile.tags.includes('health_check');
