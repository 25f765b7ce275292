import type { Packer, Unpacker } from '../math/packing.ts';
import { PhaseFilter } from '../math/phase-filter.ts';
import { Rhythm } from '../math/rhythm.ts';
import { isFailure } from './attempt.ts';
import type { FeatureWriter } from './features.ts';
import type { Observation } from './observation.ts';

/** Before a tunnel's period is known, signs of a re-key closer than this belong together. */
const SAME_REKEY_MS = 5 * 60_000;
/** What a re-key does to attempts: most fail, and about half of those show it. Rough; the belief only needs the direction. */
const FAIL_INSIDE = 0.9;
const SIGN_INSIDE = 0.5;
const SIGN_OUTSIDE = 0.01;
/** Signs are spread evenly over a re-key and the first one comes soon, so that three in four lie in its first two thirds. */
const WIDTH_OF_QUANTILE = 1.5;
const WIDTH_MIN_SHARE = 0.01;
const WIDTH_MAX_SHARE = 0.15;

export const REKEY_FEATURES = [
  'since_rekey_sign',
  'since_rekey',
  'rekey_distance',
  'rekey_distance_share',
  'rekey_near',
  'rekey_elapsed_share',
  'rekey_strength',
  'rekey_chance',
] as const;

/**
 * How long re-keys of the site's tunnels last: the 0.75 quantile of the times between the first and later signs of one. A higher one would
 * hang on the few signs that belong to no re-key.
 */
export class RekeyWidth {
  #ms = 60_000;
  #seen = 0;

  get ms(): number {
    return this.#ms;
  }

  observe(sinceOnset: number): void {
    // Robbins & Monro 1951: a step up is three times a step down, so that three in four lie below; steps become smaller.
    this.#seen++;
    const step = Math.max(0.002, 0.1 / Math.sqrt(this.#seen));
    this.#ms *= sinceOnset > this.#ms ? 1 + 0.75 * step : 1 - 0.25 * step;
  }

  pack(to: Packer): void {
    to.number(this.#ms);
    to.number(this.#seen);
  }

  unpack(from: Unpacker): void {
    this.#ms = from.number();
    this.#seen = from.number();
  }
}

/** When a tunnel changes its keys, as far as attempts over it have shown. */
export class RekeyState {
  readonly #rhythm = new Rhythm();
  readonly #phase = new PhaseFilter();

  /** `otherwise`: the probability of a failure had there been no re-key. */
  observe({ attempt, decision }: Observation, otherwise: number, width: RekeyWidth): void {
    const { at } = attempt;
    const { kind, rekeyed } = decision;
    if (kind === 'unknown' || kind === 'auth_failed') return;
    const failed = isFailure(kind);
    const period = this.#rhythm.period;
    if (Number.isFinite(period))
      this.#phase.observe(at, period, this.#width(width, period), {
        inside: (failed ? FAIL_INSIDE : 1 - FAIL_INSIDE) * (rekeyed ? SIGN_INSIDE : 1 - SIGN_INSIDE),
        outside: (failed ? otherwise : 1 - otherwise) * (rekeyed ? SIGN_OUTSIDE : 1 - SIGN_OUTSIDE),
      });
    if (!rekeyed || !failed) return;
    const since = at - this.#rhythm.lastOnset;
    if (since > 0 && since < (Number.isFinite(period) ? WIDTH_MAX_SHARE * period : SAME_REKEY_MS)) width.observe(since);
    this.#rhythm.observe(at, SAME_REKEY_MS);
  }

  pack(to: Packer): void {
    this.#rhythm.pack(to);
    this.#phase.pack(to);
  }

  unpack(from: Unpacker): void {
    this.#rhythm.unpack(from);
    this.#phase.unpack(from);
  }

  /** In the order of REKEY_FEATURES. */
  describe(at: number, width: RekeyWidth, out: FeatureWriter): void {
    const { period, lastOnset, lastSeen, strength } = this.#rhythm;
    const distance = this.#rhythm.distance(at);
    out.span(at - lastSeen);
    out.span(at - lastOnset);
    out.put(distance / 60_000);
    out.put(distance / period);
    out.put(Math.log1p(Math.abs(distance) / 1000));
    out.put((at - lastOnset) / period);
    out.put(strength);
    out.put(this.#phase.chance(at, period, this.#width(width, period)));
  }

  #width(width: RekeyWidth, period: number): number {
    return Math.min(WIDTH_MAX_SHARE * period, Math.max(WIDTH_MIN_SHARE * period, WIDTH_OF_QUANTILE * width.ms));
  }
}
