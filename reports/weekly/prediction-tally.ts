import type { Profile } from '../../processors/profile/profile.ts';
import { isApart, standingOf } from '../../processors/profile/standing.ts';
import type { Predictions } from './weekly-report.ts';

const BINS = 10;
const WARNED_FROM = 0.5;
const MODELS_MAX = 10;

/** What risks were stated before attempts and what became of them, in constant memory. */
export class PredictionTally {
  readonly #bins = Array.from({ length: BINS }, () => ({ said: 0, happened: 0, attempts: 0 }));
  readonly #models = new Set<string>();
  #coldStarts = 0;
  #squares = 0;
  #warned = 0;
  #warnedFailed = 0;

  /** A wrong password is a failure that was predicted too; attacks, health checks and known scanners are nobody's attempts. */
  add(profile: Profile): void {
    const { prediction } = profile.imapwhy;
    const standing = standingOf(profile);
    const { outcome } = profile.event;
    if (prediction === undefined || standing === 'attack' || isApart(standing) || outcome === 'unknown') return;
    if (prediction.basis === 'base_rate') {
      this.#coldStarts++;
      return;
    }
    const happened = outcome === 'failure' ? 1 : 0;
    const bin = this.#bins[Math.min(BINS - 1, Math.max(0, Math.floor(prediction.risk * BINS)))];
    if (bin === undefined) return;
    bin.said += prediction.risk;
    bin.happened += happened;
    bin.attempts++;
    this.#squares += (prediction.risk - happened) ** 2;
    if (this.#models.size < MODELS_MAX) this.#models.add(prediction.model);
    if (prediction.risk < WARNED_FROM) return;
    this.#warned++;
    this.#warnedFailed += happened;
  }

  /** Null if there was no prediction at all. */
  build(): Predictions | null {
    const attempts = this.#bins.reduce((sum, b) => sum + b.attempts, 0);
    if (attempts + this.#coldStarts === 0) return null;
    const failed = this.#bins.reduce((sum, b) => sum + b.happened, 0);
    const rate = attempts === 0 ? 0 : failed / attempts;
    const bins = this.#bins
      .filter((b) => b.attempts > 0)
      .map((b) => ({ said: b.said / b.attempts, happened: b.happened / b.attempts, attempts: b.attempts }));
    return {
      attempts,
      without_basis: this.#coldStarts,
      models: [...this.#models].sort(),
      expected: this.#bins.reduce((sum, b) => sum + b.said, 0),
      failed,
      brier: attempts === 0 ? 0 : this.#squares / attempts,
      brier_of_rate: rate * (1 - rate),
      ece: attempts === 0 ? 0 : bins.reduce((sum, b) => sum + b.attempts * Math.abs(b.said - b.happened), 0) / attempts,
      bins,
      warned: this.#warned,
      warned_failed: this.#warnedFailed,
    };
  }
}
