import { type KnownAddresses, NOTHING_KNOWN } from '../resolve/known-addresses.ts';

export interface CorrelateOptions {
  /** How long after its end a session waits for what other sources say about it, and for its company. */
  readonly settleMs: number;
  /** A session without any line for this long is closed, marked incomplete. Above RFC 9051's 30 minutes. */
  readonly idleLimitMs: number;
  /** No session is kept open for longer than this. */
  readonly absoluteLimitMs: number;
  readonly openMax: number;
  /** What the site says of addresses. */
  readonly known: KnownAddresses;
}

export const DEFAULT_CORRELATE_OPTIONS: CorrelateOptions = {
  settleMs: 180_000,
  idleLimitMs: 2 * 3_600_000,
  absoluteLimitMs: 48 * 3_600_000,
  openMax: 1_200_000,
  known: NOTHING_KNOWN,
};
