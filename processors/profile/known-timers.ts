import type { Session } from '../correlate/session.ts';
import { isIdle } from '../correlate/trouble.ts';

/** A timer of a daemon that ends silent connections. Defaults are the documented ones; a site's own configuration replaces them. */
export interface KnownTimer {
  readonly seconds: number;
  readonly name: string;
  readonly daemon: 'dovecot' | 'haproxy' | 'nginx' | 'nat';
  readonly setting: string;
  /** `login`: before login; `session`: after it; `any`: whatever passes through. */
  readonly stage: 'login' | 'session' | 'any';
  /** Where the value comes from: `default` or the configuration file. */
  readonly from: string;
  readonly link: string;
}

const DOVECOT_TIMEOUTS = 'https://doc.dovecot.org/latest/core/admin/timeouts.html';
const HAPROXY_TIMEOUT_CLIENT = 'https://docs.haproxy.org/2.8/configuration.html#4.2-timeout%20client';

/** Sources: Dovecot documentation, "Timeouts"; HAProxy configuration manual; RFC 5382 (NAT, at least 2 h 4 min, rarely kept by home routers). */
export const DEFAULT_TIMERS: readonly KnownTimer[] = [
  timer(180, 'Dovecot login timeout', 'dovecot', 'fixed (login processes, 3 min)', 'login', DOVECOT_TIMEOUTS),
  timer(
    1800,
    'Dovecot IMAP inactivity timeout',
    'dovecot',
    'fixed (imap process, 30 min)',
    'session',
    DOVECOT_TIMEOUTS,
  ),
  timer(
    60,
    'HAProxy timeout client/server, as many examples set it',
    'haproxy',
    'timeout client',
    'any',
    HAPROXY_TIMEOUT_CLIENT,
  ),
  timer(
    50,
    'HAProxy timeout client/server of its sample configuration',
    'haproxy',
    'timeout client',
    'any',
    HAPROXY_TIMEOUT_CLIENT,
  ),
  timer(
    300,
    'five-minute idle timer of firewalls and load balancers',
    'nat',
    'tcp idle timeout',
    'any',
    'https://www.rfc-editor.org/rfc/rfc5382#section-5',
  ),
  timer(
    350,
    'idle timeout of a network load balancer',
    'nat',
    'tcp idle timeout',
    'any',
    'https://www.rfc-editor.org/rfc/rfc5382#section-5',
  ),
  timer(
    600,
    'nginx proxy_timeout',
    'nginx',
    'proxy_timeout',
    'any',
    'https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html#proxy_timeout',
  ),
  timer(
    900,
    'fifteen-minute idle timer of firewalls',
    'nat',
    'tcp idle timeout',
    'any',
    'https://www.rfc-editor.org/rfc/rfc5382#section-5',
  ),
];

function timer(
  seconds: number,
  name: string,
  daemon: KnownTimer['daemon'],
  setting: string,
  stage: KnownTimer['stage'],
  link: string,
): KnownTimer {
  return { seconds, name, daemon, setting, stage, from: 'default', link };
}

export interface TimerHit {
  readonly timer: KnownTimer;
  readonly silentSeconds: number;
}

/**
 * How long the client had been silent when the connection ended, from the server's own words ("no input for", "waiting input for",
 * "finished S secs ago", "no auth attempts in S secs"), else undefined. Seconds.
 */
export function silentSeconds(s: Session): number | undefined {
  const post = s.postLogin;
  if (post) {
    if (post.inactiveSeconds !== undefined) return post.inactiveSeconds;
    if (post.commandState === 'running' && (post.waitingFor === 'input' || isIdle(post.command)))
      return post.waitingSeconds ?? post.commandSeconds;
    return post.commandState === 'finished' ? post.commandSeconds : undefined;
  }
  const pre = s.preLogin;
  return pre && (pre.auth === 'none' || pre.auth === undefined) ? pre.waitedSeconds : undefined;
}

/** The timer whose length the silence has, within a second and a half (lines carry whole seconds, daemons check once a second). */
export function matchingTimer(
  silent: number,
  timers: readonly KnownTimer[],
  stage: 'login' | 'session',
): TimerHit | undefined {
  let best: TimerHit | undefined;
  for (const t of timers) {
    if (t.stage !== 'any' && t.stage !== stage) continue;
    const off = silent - t.seconds;
    if (off < -0.6 || off > 1.6) continue;
    if (
      !best ||
      Math.abs(off) < Math.abs(best.silentSeconds - best.timer.seconds) ||
      (best.timer.from === 'default' && t.from !== 'default')
    ) {
      best = { timer: t, silentSeconds: silent };
    }
  }
  return best;
}
