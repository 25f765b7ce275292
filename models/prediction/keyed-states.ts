/**
 * States by key, at most `max` of them: the one that was used longest ago goes first, because keys are chosen by whoever connects.
 */
export class KeyedStates<S> {
  readonly #states = new Map<string, S>();
  readonly #max: number;
  readonly #create: () => S;

  constructor(max: number, create: () => S) {
    this.#max = max;
    this.#create = create;
  }

  get size(): number {
    return this.#states.size;
  }

  values(): IterableIterator<S> {
    return this.#states.values();
  }

  /** The state if there is one; asking changes nothing. */
  peek(key: string | undefined): S | undefined {
    return key === undefined ? undefined : this.#states.get(key);
  }

  /** The state, made if it is new. Undefined for what has no key. */
  get(key: string | undefined): S | undefined {
    if (key === undefined) return undefined;
    let state = this.#states.get(key);
    if (state === undefined) {
      state = this.#create();
      if (this.#states.size >= this.#max) {
        const oldest = this.#states.keys().next();
        if (!oldest.done) this.#states.delete(oldest.value);
      }
    } else if (this.#states.size >= this.#max / 2) {
      this.#states.delete(key); // moves it to the end; without a need for room this would only cost
    } else return state;
    this.#states.set(key, state);
    return state;
  }
}
