import type { Session } from '../../processors/correlate/session.ts';
import type { Surroundings } from '../../processors/correlate/surroundings.ts';
import { isIdle } from '../../processors/correlate/trouble.ts';
import type { KnownTimer, TimerHit } from '../../processors/profile/known-timers.ts';
import { matchingTimer, silentSeconds } from '../../processors/profile/known-timers.ts';
import { outcomeOf } from '../../processors/profile/outcome.ts';
import type { CauseLabel, Outcome } from '../../processors/profile/profile.ts';

/** What a piece of evidence looks at: one session, what was around it, and what follows from both. Plain values, computed once. */
export interface Case {
  readonly s: Session;
  readonly around: Surroundings;
  readonly outcome: Outcome;
  /** Seconds it had been waiting or silent when it ended. */
  readonly waited: number;
  readonly silent: number | undefined;
  readonly timer: TimerHit | undefined;
}

export function newCase(s: Session, around: Surroundings, timers: readonly KnownTimer[]): Case {
  const silent = silentSeconds(s);
  const pre = s.preLogin;
  const post = s.postLogin;
  return {
    s,
    around,
    outcome: outcomeOf(s, around),
    waited: pre?.waitedSeconds ?? post?.commandSeconds ?? ((s.endedAt ?? s.lastAt) - s.startedAt) / 1000,
    silent,
    timer: silent === undefined ? undefined : matchingTimer(silent, timers, post ? 'session' : 'login'),
  };
}

export type Weights = Readonly<Partial<Record<CauseLabel, number>>>;

/**
 * One named piece of evidence. `measure` says how strongly it holds, 0 to 1; `prior` is what an engineer who knows the mechanism would give
 * it in log-odds per label; the fitted weight (weights.json) starts from it. `text` says what was seen and why it speaks for those causes.
 */
export interface EvidenceRule {
  readonly name: string;
  readonly kind: 'line' | 'company' | 'timer' | 'sequence';
  readonly prior: Weights;
  measure(c: Case): number;
  text(c: Case): string;
}

/** 0 below `from`, 1 above `to`, straight between. */
export function ramp(x: number, from: number, to: number): number {
  return x <= from ? 0 : x >= to ? 1 : (x - from) / (to - from);
}

export const yes = (holds: boolean | undefined): number => (holds === true ? 1 : 0);

export const secs = (n: number): string => `${rounded(n)} s`;

/** Whether it is known that it went wrong: only then is there something to be explained. */
export const hurt = (c: Case): number => yes(c.outcome !== 'ok' && c.outcome !== 'unknown');

/** By the server’s words the client’s side closed the connection. */
export const peerClosed = (c: Case): boolean =>
  c.s.postLogin?.end === 'connection-closed' || c.s.preLogin?.end === 'connection-closed';

/** Ended by the other side while the client was in IDLE, not by a timer of the server. */
export function idleEnded(c: Case): boolean {
  return (
    c.s.postLogin?.end === 'connection-closed' &&
    isIdle(c.s.postLogin.command) &&
    c.s.postLogin.commandState === 'running'
  );
}

/** One digit behind the point for small numbers. */
export const rounded = (n: number): number => (n < 10 ? Math.round(n * 10) / 10 : Math.round(n));
