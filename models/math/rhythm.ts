import type { Packer, Unpacker } from './packing.ts';

/** Onsets that are remembered. */
const ONSETS_MAX = 14;
/** An onset may lie this many periods after the one before it. */
const MULTIPLE_MAX = 6;
const PHASE_GAIN = 0.5;
const SCORE_SLACK = 0.4;

/**
 * Learns the period and phase of something that recurs (a tunnel's re-keying) from onsets of which many are missed and some are false.
 * The period is the longest one that explains the distances between remembered onsets; the phase follows like a phase-locked loop.
 */
export class Rhythm {
  #onsets: number[] = [];
  #period = Number.NaN;
  #phaseAt = Number.NaN;
  #strength = 0;
  #count = 0;
  #lastSeen = Number.NaN;

  /** Milliseconds; NaN until three onsets were seen. */
  get period(): number {
    return this.#period;
  }
  /** 0 to 1: how well the period explains the onsets. */
  get strength(): number {
    return this.#strength;
  }
  get count(): number {
    return this.#count;
  }
  get lastOnset(): number {
    return this.#onsets.at(-1) ?? Number.NaN;
  }
  get lastSeen(): number {
    return this.#lastSeen;
  }

  /** `sameMs`: signs closer than this to the last onset belong to it; a known period makes that a fifth of it. */
  observe(at: number, sameMs: number): void {
    this.#lastSeen = Number.isFinite(this.#lastSeen) ? Math.max(this.#lastSeen, at) : at;
    const last = this.#onsets.at(-1);
    if (last !== undefined && at - last < (Number.isFinite(this.#period) ? this.#period * 0.2 : sameMs)) return;
    this.#onsets.push(at);
    if (this.#onsets.length > ONSETS_MAX) this.#onsets.shift();
    this.#count++;
    if (this.#onsets.length >= 3) this.#estimate();
  }

  /** Signed distance of `at` from the nearest expected onset, ms; NaN without a period. */
  distance(at: number): number {
    const cycles = (at - this.#phaseAt) / this.#period;
    return (cycles - Math.round(cycles)) * this.#period;
  }

  pack(to: Packer): void {
    to.numbers(this.#onsets);
    for (const x of [this.#period, this.#phaseAt, this.#strength, this.#count, this.#lastSeen]) to.number(x);
  }

  unpack(from: Unpacker): void {
    this.#onsets = from.numbers(ONSETS_MAX);
    this.#period = from.number();
    this.#phaseAt = from.number();
    this.#strength = from.number();
    this.#count = from.number();
    this.#lastSeen = from.number();
  }

  #estimate(): void {
    const candidates: number[] = Number.isFinite(this.#period) ? [this.#period] : [];
    for (let i = Math.max(1, this.#onsets.length - 6); i < this.#onsets.length; i++) {
      const gap = (this.#onsets[i] ?? 0) - (this.#onsets[i - 1] ?? 0);
      for (let k = 1; k <= MULTIPLE_MAX; k++) candidates.push(gap / k);
    }
    const shortest = Math.min(...this.#gaps());
    // A period far below every distance seen would explain anything.
    const refined = candidates.filter((c) => c >= shortest / 2.5).map((c) => this.#refine(this.#refine(c)));
    const scored = refined.map((period) => ({ period, score: this.#score(period) }));
    const highest = Math.max(...scored.map((s) => s.score));
    // Half of the true period explains the onsets as well, and a false one better: the longest that is nearly as good is meant.
    const best = scored.filter((s) => s.score >= highest - SCORE_SLACK).reduce((a, b) => (b.period > a.period ? b : a));
    const known = Number.isFinite(this.#period) && Math.abs(best.period / this.#period - 1) < 0.1;
    const at = this.#onsets.at(-1) ?? 0;
    this.#period = known ? this.#period + 0.3 * (best.period - this.#period) : best.period;
    this.#strength = Math.max(0, best.score);
    if (!known || !Number.isFinite(this.#phaseAt)) this.#phaseAt = this.#circularPhase(at);
    else {
      const cycles = Math.round((at - this.#phaseAt) / this.#period);
      const expected = this.#phaseAt + cycles * this.#period;
      this.#phaseAt = expected + PHASE_GAIN * (at - expected);
    }
  }

  #gaps(): number[] {
    return this.#onsets.slice(1).map((at, i) => at - (this.#onsets[i] ?? 0));
  }

  /** Mean agreement of all near pairs of onsets with the period: 1 exact, 0 none. */
  #score(period: number): number {
    let sum = 0;
    let n = 0;
    for (let i = 1; i < this.#onsets.length; i++) {
      for (let j = Math.max(0, i - 4); j < i; j++) {
        const cycles = ((this.#onsets[i] ?? 0) - (this.#onsets[j] ?? 0)) / period;
        sum += Math.cos(2 * Math.PI * cycles);
        n++;
      }
    }
    return n === 0 ? 0 : sum / n;
  }

  /** Least squares of the period over distances that are near a multiple of it. */
  #refine(period: number): number {
    let top = 0;
    let bottom = 0;
    for (let i = 1; i < this.#onsets.length; i++) {
      for (let j = Math.max(0, i - 4); j < i; j++) {
        const distance = (this.#onsets[i] ?? 0) - (this.#onsets[j] ?? 0);
        const k = Math.round(distance / period);
        if (k < 1 || Math.abs(distance / period - k) > 0.2) continue;
        top += distance * k;
        bottom += k * k;
      }
    }
    return bottom === 0 ? period : top / bottom;
  }

  /** The phase that fits all remembered onsets, as the expected onset nearest to `near`. */
  #circularPhase(near: number): number {
    let sine = 0;
    let cosine = 0;
    for (const at of this.#onsets) {
      const angle = (2 * Math.PI * (at - near)) / this.#period;
      sine += Math.sin(angle);
      cosine += Math.cos(angle);
    }
    return near + (Math.atan2(sine, cosine) / (2 * Math.PI)) * this.#period;
  }
}
