import { isTokenMechanism } from '../../processors/correlate/requests.ts';
import { proxyTimedOut } from '../../processors/profile/outcome.ts';
import { type Case, type EvidenceRule, idleEnded, ramp, rounded, yes } from './case.ts';
import { pathTrouble } from './company-fared.ts';

/** Evidence in timers, and in what came before and after. */
export const SEQUENCE_EVIDENCE: readonly EvidenceRule[] = [
  {
    name: 'ended-by-server-timer',
    kind: 'timer',
    prior: { 'server.idle_timeout': 7, none: -3 },
    measure: (c) => yes(c.s.postLogin?.end === 'inactivity'),
    text: (c) => `Dovecot ended the session after ${rounded(c.silent ?? 0)} s without input: its inactivity timer.`,
  },
  {
    name: 'ended-by-proxy-timer',
    kind: 'timer',
    prior: { 'server.idle_timeout': 6, none: -2, 'network.client_vanished': -1 },
    measure: (c) => yes(proxyTimedOut(c.s) && c.s.loggedInAt !== undefined) * ramp(c.silent ?? 0, 10, 25),
    text: (c) =>
      `HAProxy ended it with state ${c.s.proxy?.termination ?? ''}: its own timeout fired after ${rounded(c.silent ?? 0)} s of silence.`,
  },
  {
    name: 'silence-equals-a-timer',
    kind: 'timer',
    prior: { 'server.idle_timeout': 2 },
    measure: (c) =>
      yes(c.timer !== undefined && c.s.postLogin?.end === 'connection-closed' && c.s.flow?.up?.fin !== true),
    text: (c) =>
      `The silence of ${rounded(c.silent ?? 0)} s has the length of a known timer: ${c.timer?.timer.name ?? ''} (${c.timer?.timer.seconds ?? 0} s).`,
  },
  {
    name: 'silences-of-one-length',
    kind: 'timer',
    prior: { 'server.idle_timeout': 3, 'network.client_vanished': -1, none: -1 },
    measure: (c) =>
      ramp(c.around.silencesAlike.same, 2, 4) * ramp(c.around.silencesAlike.same - c.around.silencesAlike.beside, 0, 2),
    text: (c) =>
      `${c.around.silencesAlike.same} sessions were ended after the same silence of ${rounded(c.silent ?? 0)} s, to half a second: chance has no such rhythm, a timer on the way has.`,
  },
  {
    name: 'token-limited-then-refused',
    kind: 'sequence',
    prior: { 'security.rate_limit': 3, 'client.stale_token': -2.5 },
    measure: (c) => tokenTrouble(c) * yes(c.s.requests.some((r) => r.limited || r.status === 429)),
    text: () =>
      'Its request for a new token was over the request limit just before, so it had to log in with the old one.',
  },
  {
    name: 'said-nothing-until-login-timer',
    kind: 'timer',
    prior: { 'client.no_auth': 6, none: -2 },
    measure: (c) =>
      yes(
        (c.s.preLogin?.end === 'inactivity' || c.s.preLogin?.end === 'login-timeout') &&
          (c.s.preLogin.auth === 'none' || c.s.preLogin.auth === undefined) &&
          c.s.tls !== 'handshaking',
      ),
    text: (c) =>
      `The client connected and never tried to log in; Dovecot closed after ${rounded(c.waited)} s (login timeout).`,
  },
  {
    name: 'waited-long-without-login',
    kind: 'sequence',
    prior: { 'client.no_auth': 2.5, 'server.pool_exhausted': -1 },
    measure: (c) => yes(c.s.preLogin?.auth === 'none' && c.s.tls !== 'handshaking') * ramp(c.waited, 40, 70),
    text: (c) =>
      `It had been connected for ${rounded(c.waited)} s without trying to log in: a client that means to log in does so at once.`,
  },
  {
    name: 'came-back-soon',
    kind: 'sequence',
    prior: { 'network.client_vanished': 1 },
    measure: (c) =>
      yes(
        idleEnded(c) &&
          c.around.user?.nextStartAfterMs !== undefined &&
          (c.around.user.nextStartAfterMs ?? 0) < 120_000,
      ),
    text: () => 'The same user connected again from another port, before or soon after the server noticed.',
  },
  {
    name: 'token-fetch-succeeded-before',
    kind: 'sequence',
    prior: { 'client.stale_token': -2 },
    measure: (c) =>
      tokenTrouble(c) *
      yes(c.s.requests.some((r) => isTokenRequest(r.path) && r.status !== undefined && r.status < 400)),
    text: () => 'The client had fetched a token right before, so an old token is not the reason.',
  },
  {
    name: 'no-token-fetch-before',
    kind: 'sequence',
    prior: { 'client.stale_token': 1.5 },
    measure: (c) => tokenTrouble(c) * yes(c.s.requests.length === 0),
    text: () => 'No token request of this client precedes the attempt: it tried again with what it had.',
  },
  {
    name: 'token-denied-then-refused',
    kind: 'sequence',
    prior: { 'security.waf_false_positive': 3, 'client.stale_token': -2.5 },
    measure: (c) => tokenTrouble(c) * yes(c.s.requests.some((r) => r.blocked || r.status === 403)),
    text: () => 'Its request for a new token was denied just before, so it had to log in with the old one.',
  },
  {
    name: 'token-lost-on-the-path',
    kind: 'sequence',
    prior: {
      'network.packet_loss': 1.5,
      'network.qos_starvation': 2,
      'security.vpn_bottleneck': 2,
      'client.stale_token': -1.5,
    },
    measure: (c) =>
      tokenTrouble(c) * Math.max(yes(c.s.requests.some((r) => r.status === 499 || r.status === 408)), pathTrouble(c)),
    text: () => 'Its network was in trouble when it should have fetched a new token: the old one is the consequence.',
  },
  {
    name: 'rhythm-of-a-monitor',
    kind: 'company',
    prior: { none: 15 },
    // Balancers ask every few seconds; a mail client that polls and is turned away may be as steady, but is slower.
    measure: (c) =>
      yes(c.around.client.rhythmic && c.around.client.logins === 0) *
      (c.around.client.rhythmMs <= BALANCER_MS ? 1 : 0.3),
    text: () => 'This address connects and leaves in a steady rhythm and never logs in: a health check.',
  },
  {
    name: 'no-request-limit-harm',
    kind: 'sequence',
    prior: { none: 2 },
    measure: (c) => yes(c.outcome === 'ok' && c.s.requests.some((r) => r.limited || r.blocked)),
    text: () => 'A request was refused, but the session came about and completed all the same.',
  },
];

const BALANCER_MS = 65_000;

const tokenTrouble = (c: Case): number =>
  yes(c.s.auth.tokenFailures > 0 || (c.s.preLogin?.auth === 'failed' && isTokenMechanism(c.s.mechanism ?? '')));

const isTokenRequest = (path: string | undefined): boolean => path !== undefined && /oauth|token/i.test(path);
