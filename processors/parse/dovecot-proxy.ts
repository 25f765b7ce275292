import type { DovecotLoginEvent } from './dovecot.ts';
import type { Outcome } from './dovecot-login-end.ts';
import { numberAfter, numberBefore } from './number-at.ts';

export interface ProxyOutcome extends Outcome {
  readonly action: 'proxy-start' | 'proxy-end' | 'proxy-failed';
  readonly user: string | undefined;
}

/**
 * `proxy(USER): …` and `proxy(USER,IP:PORT): …`.
 * Start: `started proxying to H:P` (2.2), `Started proxying to <H:P>` (2.3), `Started proxying to remote host` (2.4). End: `disconnecting IP
 * (…)` (2.2), `Disconnected by server|client|proxy…`. All else is a failure, also `Disconnected by server: … (state=S, duration=Ns)`.
 */
export function proxyOutcome(text: string, at: number, to: number, knownUser: string | undefined): ProxyOutcome {
  // The elements tell the user's true length, so a user name with `): ` in it cannot end the prefix early.
  const userLength = knownUser !== undefined && text.startsWith(knownUser, at + 6) ? knownUser.length : 0;
  const close = text.indexOf('): ', at + 6 + userLength);
  const bodyAt = close < 0 || close > to ? at : close + 3;
  const inner = bodyAt === at ? '' : text.slice(at + 6, close);
  const comma = inner.lastIndexOf(',');
  const user = knownUser ?? ((comma > 0 && inner.includes(':', comma) ? inner.slice(0, comma) : inner) || undefined);
  const body = text.slice(bodyAt, to);
  const ends =
    body.startsWith('Disconnected by ') || body.startsWith('disconnecting ') || body.startsWith('Disconnecting ');
  const action = /^[Ss]tarted proxying/.test(body)
    ? 'proxy-start'
    : ends && !body.includes('(state=')
      ? 'proxy-end'
      : 'proxy-failed';
  return {
    action,
    user,
    end: undefined,
    auth: action === 'proxy-failed' ? 'proxy-failed' : undefined,
    attempts: undefined,
    waitedSeconds: action === 'proxy-end' ? numberBeforeLabel(body, 's idle, in=') : undefined,
    timerSeconds:
      action === 'proxy-failed'
        ? (numberAfter(body, '(after ', 0, body.length) ?? numberAfter(body, 'duration=', 0, body.length))
        : undefined,
    tlsError: undefined,
    bytesIn: numberAfter(body, ' in=', 0, body.length),
    bytesOut: numberAfter(body, ' out=', 0, body.length),
    endedBy: action !== 'proxy-end' ? undefined : endedBy(body),
  };
}

function numberBeforeLabel(text: string, label: string): number | undefined {
  const i = text.indexOf(label);
  return i < 0 ? undefined : numberBefore(text, i);
}

function endedBy(body: string): DovecotLoginEvent['endedBy'] {
  const i = body.indexOf('isconnected by ');
  if (i < 0) return undefined;
  if (body.startsWith('client', i + 15)) return 'client';
  if (body.startsWith('server', i + 15)) return 'server';
  return body.startsWith('proxy', i + 15) ? 'proxy' : undefined;
}
