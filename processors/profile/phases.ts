import type { Session } from '../correlate/session.ts';
import { isIdle } from '../correlate/trouble.ts';
import { isoTime } from './iso-time.ts';
import type { Phase } from './profile.ts';

/**
 * The phases that lines can show. A duration is given only where both ends are known: the TLS time, for one, is null unless a flow or a
 * failed handshake tells it, because login lines carry whole seconds and no moment in between.
 */
export function phasesOf(s: Session): readonly Phase[] {
  if (s.kind === 'request') return [];
  const phases: Phase[] = [];
  const end = s.endedAt ?? s.lastAt;
  const unanswered = s.dovecotId === undefined && s.preLogin === undefined && s.loggedInAt === undefined;
  if (unanswered) {
    phases.push(phase('tcp', s.firstAt, end - s.firstAt, 'failed', s.startPrecisionMs, s.startBasis));
    return phases;
  }
  const connect = s.flow === undefined ? undefined : s.startedAt - s.flow.startedAt;
  phases.push(
    connect !== undefined && connect >= 0 && connect < 60_000
      ? phase('tcp', s.flow?.startedAt ?? s.startedAt, connect, 'ok', 10, 'netflow.flow')
      : phase('tcp', s.startedAt, null, 'ok', s.startPrecisionMs, s.startBasis),
  );
  const failedInTls = s.preLogin !== undefined && s.tls === 'handshaking';
  if (s.tls !== undefined && s.tls !== 'none') {
    phases.push(
      phase(
        'tls',
        s.startedAt,
        failedInTls ? end - s.startedAt : null,
        failedInTls ? 'failed' : 'ok',
        1000,
        'dovecot.login',
      ),
    );
  }
  if (failedInTls) return phases;
  if (s.loggedInAt !== undefined)
    phases.push(phase('auth', s.startedAt, s.loggedInAt - s.startedAt, 'ok', 1000, 'dovecot.login'));
  else {
    phases.push(phase('auth', s.startedAt, end - s.startedAt, 'failed', 1000, 'dovecot.login'));
    return phases;
  }
  const post = s.postLogin;
  if (!post) return phases;
  // Login lines carry whole seconds, the start microseconds: what follows never begins before what it follows.
  const loggedInAt = Math.max(s.loggedInAt, s.startedAt);
  const idleMs =
    Math.max(post.inactiveSeconds ?? 0, isIdle(post.command) ? (post.waitingSeconds ?? post.commandSeconds ?? 0) : 0) *
    1000;
  const idleStart = Math.max(loggedInAt, end - idleMs);
  const failed = post.end !== 'logged-out';
  phases.push(
    phase(
      'command',
      loggedInAt,
      idleStart - loggedInAt,
      failed && idleMs === 0 ? 'failed' : 'ok',
      1000,
      'dovecot.session',
    ),
  );
  if (idleMs > 0)
    phases.push(phase('idle', idleStart, end - idleStart, failed ? 'unknown' : 'ok', 1000, 'dovecot.session'));
  return phases;
}

function phase(
  name: Phase['name'],
  start: number,
  ms: number | null,
  outcome: Phase['outcome'],
  precision: number,
  source: string,
): Phase {
  return {
    name,
    start: isoTime(start),
    duration_ms: ms === null ? null : Math.max(0, Math.round(ms)),
    outcome,
    precision_ms: precision,
    source,
  };
}
