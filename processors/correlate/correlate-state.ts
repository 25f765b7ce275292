import type { VpnLeasesState } from '../resolve/vpn-leases.ts';
import type { ObservationsState } from './observations.ts';
import type { HttpRequest } from './session.ts';
import type { SessionStoreState } from './session-store.ts';
import type { TimedEvent } from './timed-event.ts';

export interface Ban {
  readonly at: number;
  readonly jail: string | undefined;
  until: number; // Infinity while in force
}

/** A limit of the server that was reached. */
export interface LimitReached {
  readonly at: number;
  readonly service: string;
  readonly name: string;
  readonly limit: number | undefined;
}

export interface ServerEvent {
  readonly at: number;
  readonly kind: string; // reload, stopped, started, killed
}

/**
 * The whole state of a correlation as plain data: it survives JSON (infinite times are null). The order of every list is
 * part of the state.
 */
export interface CorrelateState {
  readonly now: number | null;
  readonly reached: number | null;
  readonly serial: number;
  readonly evicted: number;
  readonly late: number;
  readonly joined: number;
  readonly waiting: readonly TimedEvent[];
  readonly sessions: SessionStoreState;
  readonly pending: readonly HttpRequest[];
  /** Time and serial in turn. */
  readonly timers: readonly number[];
  readonly observations: ObservationsState;
  readonly leases: VpnLeasesState;
  readonly bans: readonly (readonly [string, Omit<Ban, 'until'> & { readonly until: number | null }])[];
  readonly limits: readonly LimitReached[];
  readonly serverEvents: readonly ServerEvent[];
  readonly sourcesSeen: readonly (readonly [string, number])[];
}
