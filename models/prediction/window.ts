import type { Observation } from './observation.ts';

/** Inputs of one step that belong to the event itself; those that depend on who asks, and when, follow them. */
export const EVENT_INPUTS = [
  'timeout_tls',
  'timeout_auth',
  'auth_failed',
  'other_failure',
  'tcp_lateness',
  'tcp_deviation',
  'tls_lateness',
  'auth_lateness',
  'pool_used',
  'pool_known',
  'rekeyed',
  'is_token',
  'has_tunnel',
] as const;
export const RELATION_INPUTS = ['same_client', 'same_network', 'same_server', 'same_tunnel', 'age'] as const;
export const STEP_INPUTS: readonly string[] = [...EVENT_INPUTS, ...RELATION_INPUTS];

/** Events that each client, network, server and tunnel keeps. */
const KEPT = 6;
export const STEPS_MAX = 4 * KEPT;

/** A decided attempt as a step of later windows. */
export interface WindowEvent {
  /** In the order in which outcomes became known. */
  readonly order: number;
  readonly at: number;
  /** In the order of EVENT_INPUTS. */
  readonly inputs: Float32Array;
}

export function windowEvent(o: Observation, order: number): WindowEvent {
  const { kind, poolUsed, rekeyed } = o.decision;
  const known = (x: number): number => (Number.isNaN(x) ? 0 : x);
  return {
    order,
    at: o.attempt.at,
    inputs: Float32Array.of(
      kind === 'timeout_tls' ? 1 : 0,
      kind === 'timeout_auth' ? 1 : 0,
      kind === 'auth_failed' ? 1 : 0,
      kind === 'other_failure' ? 1 : 0,
      known(o.tcpLateness),
      Math.abs(known(o.tcpLateness)),
      known(o.tlsLateness),
      known(o.authLateness),
      poolUsed === undefined ? 0 : 3 * (poolUsed - 0.7),
      poolUsed === undefined ? 0 : 1,
      rekeyed ? 1 : 0,
      o.attempt.mechanism === 'token' ? 1 : 0,
      o.attempt.tunnel === undefined ? 0 : 1,
    ),
  };
}

/** The last few events of one key, oldest first. */
export class RecentEvents {
  readonly events: WindowEvent[] = [];

  push(event: WindowEvent): void {
    this.events.push(event);
    if (this.events.length > KEPT) this.events.shift();
  }
}

const NONE: readonly WindowEvent[] = [];

/**
 * The merged stream of related events before one attempt: the last few of its client, network, server and tunnel, each once, in the order
 * in which they became known. Used again and again, so that a query allocates nothing.
 */
export class EventWindow {
  length = 0;
  readonly events: WindowEvent[] = [];
  /** Bit 0 client, 1 network, 2 server, 3 tunnel. */
  readonly relations = new Uint8Array(STEPS_MAX);
  readonly #sources: (readonly WindowEvent[])[] = [NONE, NONE, NONE, NONE];
  readonly #cursors = [0, 0, 0, 0];

  merge(...sources: readonly (RecentEvents | undefined)[]): void {
    for (let s = 0; s < 4; s++) {
      this.#sources[s] = sources[s]?.events ?? NONE;
      this.#cursors[s] = 0;
    }
    this.length = 0;
    for (let next = this.#earliest(); next !== undefined; next = this.#earliest()) {
      let relation = 0;
      for (let s = 0; s < 4; s++) {
        if (this.#sources[s]?.[this.#cursors[s] ?? 0] !== next) continue;
        relation |= 1 << s;
        this.#cursors[s] = (this.#cursors[s] ?? 0) + 1;
      }
      this.events[this.length] = next;
      this.relations[this.length] = relation;
      this.length++;
    }
  }

  /** The same window, less one event. */
  without(step: number): EventWindow {
    const other = new EventWindow();
    for (let s = 0; s < this.length; s++) {
      const event = this.events[s];
      if (s === step || !event) continue;
      other.events[other.length] = event;
      other.relations[other.length] = this.relations[s] ?? 0;
      other.length++;
    }
    return other;
  }

  #earliest(): WindowEvent | undefined {
    let first: WindowEvent | undefined;
    for (let s = 0; s < 4; s++) {
      const event = this.#sources[s]?.[this.#cursors[s] ?? 0];
      if (event !== undefined && (first === undefined || event.order < first.order)) first = event;
    }
    return first;
  }
}

/** Writes one step (STEP_INPUTS) for a query at `at`. */
export function writeStep(
  inputs: Float32Array,
  inputsAt: number,
  relation: number,
  ageMs: number,
  out: Float64Array,
  outAt: number,
): void {
  const n = EVENT_INPUTS.length;
  for (let i = 0; i < n; i++) out[outAt + i] = inputs[inputsAt + i] ?? 0;
  for (let bit = 0; bit < 4; bit++) out[outAt + n + bit] = (relation >> bit) & 1;
  out[outAt + n + 4] = Math.fround(Math.log1p(Math.max(0, ageMs) / 1000) / 5 - 1);
}
