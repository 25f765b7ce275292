import { Journal } from '../../processors/journal.ts';
import { Packer, Unpacker } from '../math/packing.ts';

/** A state that can be written down as a few numbers and names. */
export interface PackedState {
  pack(to: Packer): void;
  /** Takes over what `pack` wrote. */
  unpack(from: Unpacker): void;
}

interface Slot<S> {
  readonly state: S;
  /** When it was used last among all; decides who goes first. */
  readonly order: number;
}

/** A state as it is written down. */
export interface StoredState {
  readonly order: number;
  /** Base64. */
  readonly state: string;
}

/** More than a key ever needs: its names are bounded, and so are its lists. */
const BYTES_MAX = 16_384;

/**
 * States by key, at most `max` of them: the one that was used longest ago goes first, because keys are chosen by whoever connects.
 */
export class KeyedStates<S extends PackedState> {
  readonly #slots = new Map<string, Slot<S>>();
  readonly #max: number;
  readonly #create: () => S;
  readonly #journal = new Journal<string>();
  #order = 0;

  constructor(max: number, create: () => S) {
    this.#max = max;
    this.#create = create;
  }

  get size(): number {
    return this.#slots.size;
  }

  *values(): IterableIterator<S> {
    for (const { state } of this.#slots.values()) yield state;
  }

  /** The state if there is one; asking changes nothing. */
  peek(key: string | undefined): S | undefined {
    return key === undefined ? undefined : this.#slots.get(key)?.state;
  }

  /** The state to be changed, made if it is new. Undefined for what has no key. */
  get(key: string | undefined): S | undefined {
    if (key === undefined) return undefined;
    this.#journal.note(key);
    const known = this.#slots.get(key);
    if (known === undefined && this.#slots.size >= this.#max) this.#forgetOldest();
    // Moving it to the end would only cost while there is no need for room.
    if (known !== undefined && this.#slots.size < this.#max / 2) return known.state;
    const state = known?.state ?? this.#create();
    this.#slots.delete(key);
    this.#slots.set(key, { state, order: this.#order++ });
    return state;
  }

  /** From here on `changes` tells what changed since it was last asked. */
  keepJournal(): void {
    this.#journal.keep();
  }

  /** What was used since, and undefined for what is no more. */
  changes(): readonly (readonly [string, StoredState | undefined])[] {
    return this.#journal.take().map((key) => {
      const slot = this.#slots.get(key);
      if (slot === undefined) return [key, undefined];
      const packer = new Packer(BYTES_MAX);
      slot.state.pack(packer);
      return [key, { order: slot.order, state: Buffer.from(packer.bytes()).toString('base64') }];
    });
  }

  /** Takes over what was written down, in any order. */
  restore(stored: readonly (readonly [string, StoredState])[]): void {
    for (const [key, { order, state: text }] of [...stored].sort(([, a], [, b]) => a.order - b.order)) {
      const state = this.#create();
      state.unpack(new Unpacker(Buffer.from(text, 'base64')));
      this.#slots.set(key, { state, order });
      this.#order = Math.max(this.#order, order + 1);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#slots.keys().next();
    if (oldest.done) return;
    this.#slots.delete(oldest.value);
    this.#journal.note(oldest.value);
  }
}
