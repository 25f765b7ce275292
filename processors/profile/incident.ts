import type { CauseLabel } from './profile.ts';

/** Profiles of one cause and scope that overlap in time. */
export interface Incident {
  readonly '@timestamp': string; // onset
  readonly ecs: { readonly version: string };
  readonly event: {
    readonly kind: 'alert';
    readonly dataset: 'imapwhy.incident';
    readonly start: string;
    readonly end: string;
    readonly duration: number; // nanoseconds
  };
  readonly imapwhy: {
    readonly incident: {
      readonly id: string;
      readonly cause: CauseLabel;
      readonly layer: string;
      readonly owner: string;
      readonly scope: string;
      readonly sessions: number;
      readonly users: number;
      readonly networks: number;
      readonly example_sessions: readonly string[]; // session ids, at most 5, the most probable first
      readonly probability: number; // mean of its sessions
    };
    readonly revision: number;
  };
}
