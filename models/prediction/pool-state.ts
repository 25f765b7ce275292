import { LocalLine } from '../math/local-line.ts';
import type { Packer, Unpacker } from '../math/packing.ts';
import type { FeatureWriter } from './features.ts';

const SCALE_MS = 40 * 60_000;
const SLOPE_PRIOR = 1;
/** A reading this far below the line is a restart (or many connections let go at once), not noise. */
const DROP = 0.18;

export const POOL_FEATURES = [
  'pool_level',
  'pool_line',
  'pool_slope',
  'pool_last',
  'since_pool_drop',
  'pool_peak',
] as const;

/** The connection pool of a server as attempts have measured it: noisy readings that rise for hours and drop when it is restarted. */
export class PoolState {
  readonly #line = new LocalLine(SCALE_MS, SLOPE_PRIOR);
  #level = Number.NaN;
  #last = Number.NaN;
  #droppedAt = Number.NaN;
  #peak = Number.NaN;

  observe(at: number, used: number): void {
    const expected = this.#line.valueAt(at);
    if (this.#line.count > 2 && used < expected - DROP) {
      this.#peak = Number.isNaN(this.#peak) ? expected : Math.max(expected, this.#peak);
      this.#line.reset();
      this.#level = used;
      this.#droppedAt = at;
    }
    this.#line.observe(at, used);
    this.#level = Number.isNaN(this.#level) ? used : this.#level + 0.25 * (used - this.#level);
    this.#last = used;
  }

  pack(to: Packer): void {
    this.#line.pack(to);
    for (const x of [this.#level, this.#last, this.#droppedAt, this.#peak]) to.number(x);
  }

  unpack(from: Unpacker): void {
    this.#line.unpack(from);
    this.#level = from.number();
    this.#last = from.number();
    this.#droppedAt = from.number();
    this.#peak = from.number();
  }

  /** In the order of POOL_FEATURES. */
  describe(at: number, out: FeatureWriter): void {
    out.put(this.#level);
    out.put(this.#line.valueAt(at));
    out.put(this.#line.slope());
    out.put(this.#last);
    out.span(at - this.#droppedAt);
    out.put(this.#peak);
  }
}
