import type { Packer, Unpacker } from '../math/packing.ts';

/** More starts than this are only counted: a flood must not make each query slower. */
const STARTS_MAX = 64;
/** A set-up that takes this many times the usual is overdue; it mostly fails. */
const OVERDUE_FACTOR = 4;
const OVERDUE_MIN_MS = 500;

/** Attempts that have begun and are not yet decided. That they began is known; that they are late already tells something. */
export class Pending {
  #starts: number[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  begin(at: number): void {
    this.#count++;
    if (this.#starts.length < STARTS_MAX) this.#starts.push(at);
  }

  decided(startedAt: number): void {
    this.#count = Math.max(0, this.#count - 1);
    const i = this.#starts.indexOf(startedAt);
    if (i >= 0) this.#starts.splice(i, 1);
  }

  pack(to: Packer): void {
    to.numbers(this.#starts);
    to.number(this.#count);
  }

  unpack(from: Unpacker): void {
    this.#starts = from.numbers(STARTS_MAX);
    this.#count = from.number();
  }

  /** How long the oldest one has been waiting, ms; NaN when none is. */
  oldestAge(at: number): number {
    return this.#starts.length === 0 ? Number.NaN : at - (this.#starts[0] ?? at);
  }

  overdue(at: number, usualMs: number): number {
    const limit = Math.max(OVERDUE_MIN_MS, OVERDUE_FACTOR * usualMs);
    let n = 0;
    for (const start of this.#starts) if (at - start > limit) n++;
    return n;
  }
}
