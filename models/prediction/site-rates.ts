import { DecayedMeans } from '../math/decayed-mean.ts';
import { Packer, Unpacker } from '../math/packing.ts';
import { type Attempt, type Decision, isFailure } from './attempt.ts';
import { DecisionQueue, type DecisionQueueData, type Waiting } from './decision-queue.ts';

/**
 * A success is known within a second, a failure when a timer has run out: of the attempts of the last minute, those that are decided look better than all
 * will. So an outcome counts for the site only when its attempt began so long ago, or when it was decided if that is later.
 */
const SETTLED_MS = 60_000;
const SCALES_MS = [10 * 60_000, 60 * 60_000];
const PRIOR_WEIGHT = 1;
/** Until the site's own rates are known. */
const BASE_PRIOR = 0.1;
const BASE_PRIOR_WEIGHT = 20;
const BASE_SHARE_MIN = 0.0005;
const BYTES_MAX = 256;

/** What survives JSON. */
export interface SiteRatesData {
  readonly waiting: DecisionQueueData;
  /** Base64. */
  readonly failed: string;
  readonly base: number;
  readonly settled: number;
}

/** How often attempts fail on the whole site. Times must not go backwards. */
export class SiteRates {
  readonly #waiting: DecisionQueue;
  readonly #failed = new DecayedMeans(SCALES_MS);
  #base: number;
  #settled: number;

  constructor(data?: SiteRatesData) {
    this.#waiting = new DecisionQueue(data?.waiting);
    this.#base = data?.base ?? BASE_PRIOR;
    this.#settled = data?.settled ?? 0;
    if (data) this.#failed.unpack(new Unpacker(Buffer.from(data.failed, 'base64')));
  }

  toData(): SiteRatesData {
    const failed = new Packer(BYTES_MAX);
    this.#failed.pack(failed);
    return {
      waiting: this.#waiting.toData(),
      failed: Buffer.from(failed.bytes()).toString('base64'),
      base: this.#base,
      settled: this.#settled,
    };
  }

  /** Share of all attempts that fail, slowly forgotten. */
  get base(): number {
    return this.#base;
  }

  /** Share that failed in the last 10 minutes (0) or hour (1). */
  rate(scale: 0 | 1, at: number): number {
    return this.#failed.mean(scale, at, this.#base, PRIOR_WEIGHT);
  }

  /** An outcome that has become known. */
  add(attempt: Attempt, decision: Decision): void {
    if (decision.kind === 'unknown') return;
    this.#waiting.add(attempt, { ...decision, at: Math.max(decision.at, attempt.at + SETTLED_MS) }, true);
  }

  advance(to: number): void {
    for (let next = this.#waiting.take(to); next !== undefined; next = this.#waiting.take(to)) this.#count(next);
  }

  #count({ decision: { at, kind } }: Waiting): void {
    // A refused password or token says nothing about the path or the server.
    this.#failed.observe(at, isFailure(kind) && kind !== 'auth_failed' ? 1 : 0);
    this.#settled++;
    const share = Math.max(BASE_SHARE_MIN, 1 / (this.#settled + BASE_PRIOR_WEIGHT));
    this.#base += share * ((isFailure(kind) ? 1 : 0) - this.#base);
  }
}
