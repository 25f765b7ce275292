import type { Attempt, Decision } from './attempt.ts';

/** A decided attempt, with how late its phases were: the logarithm of the time over the client's own usual time. NaN when unknown. */
export interface Observation {
  readonly attempt: Attempt;
  readonly decision: Decision;
  readonly tcpLateness: number;
  readonly tlsLateness: number;
  readonly authLateness: number;
}
