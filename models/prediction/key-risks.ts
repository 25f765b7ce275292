import type { Packer, Unpacker } from '../math/packing.ts';
import type { Attempt } from './attempt.ts';
import { KeyedStates, type PackedState } from './keyed-states.ts';
import { KEYS_MAX } from './training-set.ts';

/** Weight of the newest attempt in the risk of a key. */
const SHARE = 0.3;

class KeyRisk implements PackedState {
  value = Number.NaN;

  pack(to: Packer): void {
    to.number(this.value);
  }

  unpack(from: Unpacker): void {
    this.value = from.number();
  }
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
  readonly byKind = {
    client: new KeyedStates(KEYS_MAX, () => new KeyRisk()),
    network: new KeyedStates(KEYS_MAX, () => new KeyRisk()),
    server: new KeyedStates(KEYS_MAX, () => new KeyRisk()),
    tunnel: new KeyedStates(KEYS_MAX, () => new KeyRisk()),
  };

  /** After this attempt, whose risk was known before it began. */
  note(attempt: Attempt, risk: number): NextRisks {
    for (const [kind, key] of keysOf(attempt)) {
      const state = this.byKind[kind].get(key);
      if (state) state.value = Number.isNaN(state.value) ? risk : state.value + SHARE * (risk - state.value);
    }
    return this.next(attempt);
  }

  /** As far as is known now. */
  next(attempt: Attempt): NextRisks {
    const next = (kind: Kind, key: string | undefined): number | null => {
      const value = this.byKind[kind].peek(key)?.value ?? Number.NaN;
      return Number.isNaN(value) ? null : Math.round(value * 1e6) / 1e6;
    };
    const { client, network, server, tunnel } = attempt;
    return {
      client: next('client', client),
      network: next('network', network),
      server: next('server', server),
      tunnel: next('tunnel', tunnel),
    };
  }
}

type Kind = keyof NextRisks;

const keysOf = ({ client, network, server, tunnel }: Attempt): readonly (readonly [Kind, string | undefined])[] => [
  ['client', client],
  ['network', network],
  ['server', server],
  ['tunnel', tunnel],
];
