import type { Phase } from './profile.ts';

export interface MeasuredTime {
  readonly ms: number;
  readonly precisionMs: number;
}

/** Whole seconds are good enough for a mean of some seconds, whose limits lie more than a second apart. */
const SETUP_PRECISION_MAX_MS = 1000;
/** The limits of TLS lie 700 ms apart: stamps of whole seconds cannot tell them from each other. */
const TLS_PRECISION_MAX_MS = 250;

/** From the beginning of a session until it was logged in; undefined if it was not, or the stamps are too coarse. */
export function setupTime(phases: readonly Phase[]): MeasuredTime | undefined {
  const auth = phases.find((p) => p.name === 'auth');
  const first = phases[0];
  if (!first || auth?.outcome !== 'ok' || auth.duration_ms === null) return undefined;
  const precisionMs = Math.max(auth.precision_ms, first.precision_ms);
  if (precisionMs > SETUP_PRECISION_MAX_MS) return undefined;
  return { ms: Date.parse(auth.start) + auth.duration_ms - Date.parse(first.start), precisionMs };
}

/** Only completed handshakes: failed ones last until somebody gives up, and would stand for that. */
export function tlsTime(phases: readonly Phase[]): MeasuredTime | undefined {
  const tls = phases.find((p) => p.name === 'tls' && p.outcome === 'ok');
  if (!tls || tls.duration_ms === null || tls.precision_ms > TLS_PRECISION_MAX_MS) return undefined;
  return { ms: tls.duration_ms, precisionMs: tls.precision_ms };
}
