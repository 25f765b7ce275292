import type { Packer, Unpacker } from '../math/packing.ts';
import type { DecisionKind } from './attempt.ts';
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

/** Lateness and pool are kept as whole thousandths: every key keeps events, and small integers take a third of the room. */
const GRAIN = 1000;
const NOT_KNOWN = -1;
const FAILURES: readonly DecisionKind[] = ['timeout_tls', 'timeout_auth', 'auth_failed', 'other_failure'];

/** A decided attempt as a step of later windows. */
export interface WindowEvent {
  /** In the order in which outcomes became known. */
  readonly order: number;
  readonly at: number;
  /** Place of its kind among the failures; -1 for a success. */
  readonly failure: number;
  readonly tcpLateness: number;
  readonly tlsLateness: number;
  readonly authLateness: number;
  /** -1 when it was not measured. */
  readonly poolUsed: number;
  /** Bit 0 re-keyed, 1 token, 2 tunnel. */
  readonly flags: number;
}

export function windowEvent({ attempt, decision, ...late }: Observation, order: number): WindowEvent {
  const grains = (x: number): number => (Number.isNaN(x) ? 0 : Math.round(x * GRAIN) | 0);
  return {
    order,
    at: attempt.at,
    failure: FAILURES.indexOf(decision.kind),
    tcpLateness: grains(late.tcpLateness),
    tlsLateness: grains(late.tlsLateness),
    authLateness: grains(late.authLateness),
    poolUsed: decision.poolUsed === undefined ? NOT_KNOWN : grains(decision.poolUsed),
    flags:
      (decision.rekeyed ? 1 : 0) | (attempt.mechanism === 'token' ? 2 : 0) | (attempt.tunnel === undefined ? 0 : 4),
  };
}

/** The inputs of an event, in the order of EVENT_INPUTS. */
export function writeEvent(event: WindowEvent, out: Float32Array | Float64Array, outAt: number): void {
  const { failure, tcpLateness, poolUsed, flags } = event;
  for (let kind = 0; kind < FAILURES.length; kind++) out[outAt + kind] = failure === kind ? 1 : 0;
  out[outAt + 4] = Math.fround(tcpLateness / GRAIN);
  out[outAt + 5] = Math.fround(Math.abs(tcpLateness) / GRAIN);
  out[outAt + 6] = Math.fround(event.tlsLateness / GRAIN);
  out[outAt + 7] = Math.fround(event.authLateness / GRAIN);
  out[outAt + 8] = poolUsed === NOT_KNOWN ? 0 : Math.fround(3 * (poolUsed / GRAIN - 0.7));
  out[outAt + 9] = poolUsed === NOT_KNOWN ? 0 : 1;
  for (let bit = 0; bit < 3; bit++) out[outAt + 10 + bit] = (flags >> bit) & 1;
}

/** The last few events of one key, oldest first. */
export class RecentEvents {
  readonly events: WindowEvent[] = [];

  push(event: WindowEvent): void {
    this.events.push(event);
    if (this.events.length > KEPT) this.events.shift();
  }

  pack(to: Packer): void {
    to.number(this.events.length);
    for (const e of this.events)
      for (const x of [e.order, e.at, e.failure, e.tcpLateness, e.tlsLateness, e.authLateness, e.poolUsed, e.flags])
        to.number(x);
  }

  unpack(from: Unpacker): void {
    for (let n = from.number(); n > 0; n--)
      this.events.push({
        order: from.number(),
        at: from.number(),
        failure: from.number(),
        tcpLateness: from.number(),
        tlsLateness: from.number(),
        authLateness: from.number(),
        poolUsed: from.number(),
        flags: from.number(),
      });
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
        // By its order: keys that were written down and taken up again have copies of their own.
        if (this.#sources[s]?.[this.#cursors[s] ?? 0]?.order !== next.order) continue;
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

/** Writes what a step has beside its event: who is related, and how old it is for a query now. */
export function writeRelation(relation: number, ageMs: number, out: Float64Array, outAt: number): void {
  for (let bit = 0; bit < 4; bit++) out[outAt + bit] = (relation >> bit) & 1;
  out[outAt + 4] = Math.fround(Math.log1p(Math.max(0, ageMs) / 1000) / 5 - 1);
}

/** Writes the window as the net reads it, (length,STEP_INPUTS), for a query at `at`. */
export function writeWindow(window: EventWindow, at: number, out: Float64Array): void {
  for (let s = 0; s < window.length; s++) {
    const event = window.events[s];
    if (!event) continue;
    const to = s * STEP_INPUTS.length;
    writeEvent(event, out, to);
    writeRelation(window.relations[s] ?? 0, at - event.at, out, to + EVENT_INPUTS.length);
  }
}
