import type { Attempt } from './attempt.ts';
import { KeyedStates } from './keyed-states.ts';
import { KEYS_MAX } from './training-set.ts';

/** Weight of the newest attempt in the risk of a key. */
const SHARE = 0.3;

class KeyRisk {
  value = Number.NaN;
}

/** What the next attempt of each key has to expect. Null for keys that the attempt has not, or of which nothing is known. */
export interface NextRisks {
  readonly client: number | null;
  readonly network: number | null;
  readonly server: number | null;
  readonly tunnel: number | null;
}

/** Risk of the next attempt of a client, network, server or tunnel: the mean of the risks of its attempts so far, the newest counting most. */
export class KeyRisks {
  readonly #byKind = {
    client: new KeyedStates(KEYS_MAX, () => new KeyRisk()),
    network: new KeyedStates(KEYS_MAX, () => new KeyRisk()),
    server: new KeyedStates(KEYS_MAX, () => new KeyRisk()),
    tunnel: new KeyedStates(KEYS_MAX, () => new KeyRisk()),
  };

  /** After this attempt, whose risk was known before it began. */
  note(attempt: Attempt, risk: number): NextRisks {
    const next = (states: KeyedStates<KeyRisk>, key: string | undefined): number | null => {
      const state = states.get(key);
      if (!state) return null;
      state.value = Number.isNaN(state.value) ? risk : state.value + SHARE * (risk - state.value);
      return Math.round(state.value * 1e6) / 1e6;
    };
    return {
      client: next(this.#byKind.client, attempt.client),
      network: next(this.#byKind.network, attempt.network),
      server: next(this.#byKind.server, attempt.server),
      tunnel: next(this.#byKind.tunnel, attempt.tunnel),
    };
  }
}
