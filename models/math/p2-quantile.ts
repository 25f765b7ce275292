import type { Packer, Unpacker } from './packing.ts';

/**
 * A quantile of a stream from five markers, without keeping the values: the P² algorithm. Exact up to five values, then within a few percent of the
 * spread. State: ten numbers. Source: Jain & Chlamtac, "The P² algorithm for dynamic calculation of quantiles and histograms without storing
 * observations", CACM 28 (1985) 10.
 */
export class P2Quantile {
  readonly #p: number;
  readonly #heights: number[] = [];
  readonly #positions: number[] = [];

  constructor(p: number) {
    this.#p = p;
  }

  /** NaN before the first value. */
  get value(): number {
    const h = this.#heights;
    if (h.length === 5) return h[2] ?? Number.NaN;
    return h.length === 0 ? Number.NaN : (h[Math.round((h.length - 1) * this.#p)] ?? Number.NaN);
  }

  add(x: number): void {
    const h = this.#heights;
    if (h.length < 5) {
      const after = h.findIndex((known) => known > x);
      h.splice(after < 0 ? h.length : after, 0, x);
      if (h.length === 5) this.#positions.push(1, 2, 3, 4, 5);
      return;
    }
    const n = this.#positions;
    const cell = this.#cellOf(x);
    for (let i = cell + 1; i < 5; i++) n[i] = (n[i] ?? 0) + 1;
    const last = (n[4] ?? 0) - 1;
    for (let i = 1; i < 4; i++) {
      const wanted = 1 + last * ([0, this.#p / 2, this.#p, (1 + this.#p) / 2][i] ?? 0);
      const off = wanted - (n[i] ?? 0);
      const room = off > 0 ? (n[i + 1] ?? 0) - (n[i] ?? 0) : (n[i - 1] ?? 0) - (n[i] ?? 0);
      if ((off >= 1 && room > 1) || (off <= -1 && room < -1)) this.#move(i, Math.sign(off));
    }
  }

  pack(to: Packer): void {
    to.numbers(this.#heights);
    to.numbers(this.#positions);
  }

  static unpack(p: number, from: Unpacker): P2Quantile {
    const quantile = new P2Quantile(p);
    quantile.#heights.push(...from.numbers(5));
    quantile.#positions.push(...from.numbers(5));
    return quantile;
  }

  /** The cell between two markers that `x` falls into, 0 to 3; beyond the outer markers it moves them. */
  #cellOf(x: number): number {
    const h = this.#heights;
    if (x < (h[0] ?? 0)) {
      h[0] = x;
      return 0;
    }
    if (x >= (h[4] ?? 0)) {
      h[4] = x;
      return 3;
    }
    let cell = 0;
    while (cell < 3 && x >= (h[cell + 1] ?? 0)) cell++;
    return cell;
  }

  #move(i: number, by: number): void {
    const h = this.#heights;
    const n = this.#positions;
    const [h0 = 0, h1 = 0, h2 = 0] = h.slice(i - 1, i + 2);
    const [n0 = 0, n1 = 0, n2 = 0] = n.slice(i - 1, i + 2);
    const parabolic =
      h1 + (by / (n2 - n0)) * (((n1 - n0 + by) * (h2 - h1)) / (n2 - n1) + ((n2 - n1 - by) * (h1 - h0)) / (n1 - n0));
    const linear = by > 0 ? h1 + (h2 - h1) / (n2 - n1) : h1 - (h0 - h1) / (n0 - n1);
    h[i] = h0 < parabolic && parabolic < h2 ? parabolic : linear;
    n[i] = n1 + by;
  }
}
