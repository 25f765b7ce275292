import { isTokenMechanism } from '../../processors/correlate/requests.ts';
import { proxyTimedOut } from '../../processors/profile/outcome.ts';
import { type Case, type EvidenceRule, hurt, idleEnded, ramp, yes } from './case.ts';

/** Evidence in the company a session keeps, in timers, and in what came before and after. */
export const COMPANY_EVIDENCE: readonly EvidenceRule[] = [
  {
    name: 'network-in-trouble',
    kind: 'company',
    prior: {
      'network.packet_loss': 2,
      'network.qos_starvation': 2,
      'network.path_flap': 1,
      'network.client_vanished': -2.5,
      'server.storage_slow': -1,
      'client.no_auth': -1,
    },
    measure: (c) =>
      hurt(c) *
      ramp(stuck(c.around.inNetwork) - 1, 1, 4) *
      ramp(concentration(c), 0.5, 0.8) *
      yes(c.s.vpn === undefined),
    text: (c) =>
      `${round(stuck(c.around.inNetwork))} sessions of ${c.around.network ?? 'its network'} were stuck or late at that time, and few elsewhere.`,
  },
  {
    name: 'network-partly-well',
    kind: 'company',
    prior: { 'network.packet_loss': 2, 'network.qos_starvation': -2, 'network.path_flap': -0.5 },
    measure: (c) =>
      hurt(c) *
      ramp(stuck(c.around.inNetwork), 2, 5) *
      ramp(fastShare(c), 0.15, 0.45) *
      ramp(concentration(c), 0.5, 0.8) *
      yes(c.s.vpn === undefined),
    text: () =>
      'Others of the same network were set up without delay in the same minute: loss hits at random, a full queue delays everyone.',
  },
  {
    name: 'network-uniformly-slow',
    kind: 'company',
    prior: { 'network.qos_starvation': 2.5, 'network.packet_loss': -1.5 },
    measure: (c) =>
      hurt(c) *
      ramp(stuck(c.around.inNetwork), 2, 5) *
      (1 - ramp(fastShare(c), 0.02, 0.2)) *
      ramp(concentration(c), 0.5, 0.8) *
      yes(c.s.vpn === undefined),
    text: () => 'Nobody of this network was set up quickly in that minute: a standing queue delays every packet alike.',
  },
  {
    name: 'bulk-traffic-beside',
    kind: 'company',
    prior: { 'network.qos_starvation': 3, 'network.packet_loss': -1 },
    measure: (c) => hurt(c) * ramp(c.around.bulkBytesPerSecond, 3000, 12_000) * yes(c.s.vpn === undefined),
    text: (c) =>
      `Other traffic of ${round(c.around.bulkBytesPerSecond / 1000)} kB/s ran between this network and the server beside it.`,
  },
  {
    name: 'network-fell-silent',
    kind: 'company',
    prior: {
      'network.path_flap': 4,
      'network.packet_loss': -1,
      'network.qos_starvation': -1.5,
      'network.client_vanished': -1,
    },
    measure: (c) => hurt(c) * silenceStrength(c),
    text: (c) =>
      `Not one line came from ${c.around.network ?? 'its network'} for ${round(((c.around.silence?.until ?? 0) - (c.around.silence?.from ?? 0)) / 1000)} s, where about ${round(c.around.silence?.expected ?? 0)} were usual, while other networks went on: the path was gone and came back.`,
  },
  {
    name: 'tunnel-lost',
    kind: 'company',
    prior: {
      'security.vpn_down': 6,
      none: -3,
      'security.vpn_bottleneck': -1.5,
      'network.client_vanished': -2,
      'network.path_flap': -2,
    },
    measure: (c) => hurt(c) * yes(c.s.vpn !== undefined && c.around.tunnelTroubles.length > 0),
    text: (c) =>
      `The VPN log shows that the tunnel of ${c.s.vpn?.name ?? ''} was lost or restarted (${[...new Set(c.around.tunnelTroubles.map((t) => t.kind))].join(', ')}) while this session was in it.`,
  },
  {
    name: 'lease-changed',
    kind: 'company',
    prior: { 'security.vpn_down': 3 },
    measure: (c) => yes(c.around.leaseChanged),
    text: () => 'The tunnel address changed hands or place while the session lasted.',
  },
  {
    name: 'inside-vpn',
    kind: 'line',
    prior: {
      'security.vpn_bottleneck': 1.5,
      'security.vpn_down': 1,
      'network.packet_loss': -2,
      'network.qos_starvation': -2,
      'network.path_flap': -2,
    },
    measure: (c) => yes(c.s.vpn !== undefined && c.outcome !== 'ok'),
    text: (c) => `The session ran inside the tunnel of ${c.s.vpn?.name ?? ''}; the path of its network is the tunnel.`,
  },
  {
    name: 'tunnel-slow-direct-well',
    kind: 'company',
    prior: { 'security.vpn_bottleneck': 3, 'security.vpn_down': -1 },
    measure: (c) => hurt(c) * tunnelSlow(c) * yes(c.around.tunnelTroubles.length === 0),
    text: () =>
      'Sessions inside the tunnel were stuck while those that came directly were well, and the tunnel itself did not restart.',
  },
  {
    name: 'neighbours-well',
    kind: 'company',
    prior: {
      'network.client_vanished': 1.5,
      'network.packet_loss': -1.5,
      'network.path_flap': -1.5,
      'network.qos_starvation': -1.5,
      'client.no_auth': 0.5,
      'server.idle_timeout': 0.5,
    },
    measure: (c) =>
      hurt(c) *
      (1 - ramp(stuck(c.around.inNetwork), 1, 3)) *
      ramp(c.around.inNetwork.fastSetup + c.around.inNetwork.endedWell, 1, 5),
    text: () => 'Other sessions of the same network were well at that time: the trouble is this client’s own.',
  },
  {
    name: 'handshakes-refused-everywhere',
    kind: 'company',
    prior: {
      'server.tls_misconfig': 4,
      'security.attack': -2,
      'network.packet_loss': -1.5,
      'network.qos_starvation': -1.5,
      none: -1.5,
    },
    measure: (c) =>
      inHandshake(c) *
      ramp(c.around.everywhere.handshakeClosed + c.around.everywhere.tlsAlert, 4, 10) *
      ramp(handshakeShare(c), 0.15, 0.4),
    text: (c) =>
      `${round(c.around.everywhere.handshakeClosed + c.around.everywhere.tlsAlert)} clients, of all networks, closed in the TLS handshake in that minute: what they refuse is the server’s certificate or settings.`,
  },
  {
    name: 'lone-handshake-close',
    kind: 'company',
    prior: { 'security.attack': 1.5, none: 1, 'server.tls_misconfig': -2 },
    measure: (c) =>
      inHandshake(c) *
      yes(c.s.tlsError === undefined || /^(Connection closed|Disconnected)$/.test(c.s.tlsError)) *
      (1 - ramp(c.around.everywhere.handshakeClosed + c.around.everywhere.tlsAlert, 2, 6)),
    text: () => 'Hardly anyone else closed in the handshake at that time.',
  },
  {
    name: 'pool-full-everywhere',
    kind: 'company',
    prior: { 'server.pool_exhausted': 3, none: -1 },
    measure: (c) =>
      waitingForServer(c) * Math.max(ramp(c.around.everywhere.queueFull, 2, 8), ramp(c.around.limits.length, 0, 1)),
    text: (c) => {
      const limit = c.around.limits[0];
      return limit
        ? `Dovecot says that ${limit.name} of ${limit.service}${limit.limit === undefined ? '' : ` (${limit.limit})`} was reached at that time.`
        : `${round(c.around.everywhere.queueFull)} other connections were dropped from the full login queue.`;
    },
  },
  {
    name: 'authentication-stalled-everywhere',
    kind: 'company',
    prior: {
      'server.auth_slow': 3.5,
      'server.pool_exhausted': -2,
      'network.packet_loss': -1,
      'network.qos_starvation': -1,
      none: -1,
    },
    measure: (c) => waitingForServer(c) * ramp(c.around.everywhere.authWait, 3, 10),
    text: (c) =>
      `${round(c.around.everywhere.authWait)} logins were waiting for the authentication service in that minute, in all networks.`,
  },
  {
    name: 'storage-slow-for-others',
    kind: 'company',
    prior: { 'server.storage_slow': 2.5 },
    measure: (c) =>
      hurt(c) *
      yes(c.s.postLogin?.end === 'connection-closed' || c.s.endedAt === undefined) *
      ramp(c.around.everywhere.lockWait, 0, 3) *
      (1 - pathTrouble(c)),
    text: (c) => `${round(c.around.everywhere.lockWait)} lock waits of other mailboxes were logged at that time.`,
  },
  {
    name: 'stuck-in-all-networks',
    kind: 'company',
    prior: {
      'server.storage_slow': 0.5,
      'server.auth_slow': 0.5,
      'server.pool_exhausted': 0.5,
      'network.packet_loss': -2,
      'network.qos_starvation': -2,
      'network.path_flap': -1,
    },
    measure: (c) => hurt(c) * ramp(stuck(c.around.everywhere), 3, 8) * (1 - ramp(concentration(c), 0.4, 0.7)),
    text: () => 'Sessions of several networks were stuck at the same time: what they share is the server.',
  },
  {
    name: 'address-without-any-login',
    kind: 'company',
    prior: { 'security.attack': 2.5, 'security.waf_false_positive': -1.5, none: -0.5 },
    measure: (c) =>
      neverLoggedIn(c) *
      Math.max(
        ramp(c.around.client.passwordFailures / patience(c), 1, 4),
        ramp(c.around.client.scans / patience(c), 0, 2),
        ramp(c.around.client.blockedRequests / patience(c), 2, 6),
      ),
    text: () => 'This address never logged in successfully, but was refused again and again.',
  },
  {
    name: 'network-of-attackers',
    kind: 'company',
    prior: { 'security.attack': 2.5, 'security.waf_false_positive': -1.5 },
    measure: (c) =>
      neverLoggedIn(c) *
      ramp(c.around.client.attacksInNetwork / patience(c), 1, 5) *
      (1 - ramp(c.around.client.loginsInNetwork, 0, 5)),
    text: () => 'Scans came from the same network, and no login ever did.',
  },
  {
    name: 'many-users-from-one-address',
    kind: 'company',
    prior: { 'security.attack': 2.5 },
    measure: (c) =>
      yes(c.s.preLogin?.auth === 'failed') * ramp(c.around.client.usersFailed - c.around.client.usersOk, 1, 4),
    text: (c) => `Logins of ${c.around.client.usersFailed} different users failed from this address.`,
  },
  {
    name: 'unknown-user',
    kind: 'line',
    prior: { 'security.attack': 1.5 },
    measure: (c) => yes(c.s.auth.unknownUser),
    text: () => 'The account does not exist.',
  },
  {
    name: 'known-good-address',
    kind: 'company',
    prior: { 'security.attack': -3, 'security.waf_false_positive': 1, 'security.rate_limit': 0.5, none: 0.3 },
    measure: (c) => suspected(c) * ramp(c.around.client.logins, 0, 3),
    text: (c) => `${c.around.client.logins} logins succeeded from this address: legitimate users are behind it.`,
  },
  {
    name: 'own-network',
    kind: 'company',
    prior: { 'security.attack': -3, 'security.waf_false_positive': 1, 'security.rate_limit': 0.5, none: 0.3 },
    measure: (c) => suspected(c) * yes(c.around.client.own) * (1 - ramp(c.around.client.logins, 0, 3)),
    text: () => 'The site file says that this address is of an own network: legitimate users are behind it.',
  },
  {
    name: 'rule-hits-legitimate-users',
    kind: 'company',
    prior: { 'security.waf_false_positive': 3, 'security.attack': -3 },
    measure: (c) => hurt(c) * ramp(c.around.rule?.legitimate ?? 0, 0, 3),
    text: (c) =>
      `Rule ${c.around.rule?.id ?? ''} also denied ${c.around.rule?.legitimate ?? 0} addresses from which users log in.`,
  },
  {
    name: 'banned',
    kind: 'company',
    prior: { 'security.rate_limit': 4, none: -1 },
    measure: (c) => yes(c.around.ban !== undefined && c.outcome !== 'ok'),
    text: (c) => `This address was banned (${c.around.ban?.jail ?? 'fail2ban'}) at that time.`,
  },
  {
    name: 'ended-by-server-timer',
    kind: 'timer',
    prior: { 'server.idle_timeout': 7, none: -3 },
    measure: (c) => yes(c.s.postLogin?.end === 'inactivity'),
    text: (c) => `Dovecot ended the session after ${round(c.silent ?? 0)} s without input: its inactivity timer.`,
  },
  {
    name: 'ended-by-proxy-timer',
    kind: 'timer',
    prior: { 'server.idle_timeout': 6, none: -2, 'network.client_vanished': -1 },
    measure: (c) => yes(proxyTimedOut(c.s) && c.s.loggedInAt !== undefined) * ramp(c.silent ?? 0, 10, 25),
    text: (c) =>
      `HAProxy ended it with state ${c.s.proxy?.termination ?? ''}: its own timeout fired after ${round(c.silent ?? 0)} s of silence.`,
  },
  {
    name: 'silence-equals-a-timer',
    kind: 'timer',
    prior: { 'server.idle_timeout': 2 },
    measure: (c) =>
      yes(c.timer !== undefined && c.s.postLogin?.end === 'connection-closed' && c.s.flow?.up?.fin !== true),
    text: (c) =>
      `The silence of ${round(c.silent ?? 0)} s has the length of a known timer: ${c.timer?.timer.name ?? ''} (${c.timer?.timer.seconds ?? 0} s).`,
  },
  {
    name: 'silences-of-one-length',
    kind: 'timer',
    prior: { 'server.idle_timeout': 3, 'network.client_vanished': -1, none: -1 },
    measure: (c) =>
      ramp(c.around.silencesAlike.same, 2, 4) * ramp(c.around.silencesAlike.same - c.around.silencesAlike.beside, 0, 2),
    text: (c) =>
      `${c.around.silencesAlike.same} sessions were ended after the same silence of ${round(c.silent ?? 0)} s, to half a second: chance has no such rhythm, a timer on the way has.`,
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
      `The client connected and never tried to log in; Dovecot closed after ${round(c.waited)} s (login timeout).`,
  },
  {
    name: 'waited-long-without-login',
    kind: 'sequence',
    prior: { 'client.no_auth': 2.5, 'server.pool_exhausted': -1 },
    measure: (c) => yes(c.s.preLogin?.auth === 'none' && c.s.tls !== 'handshaking') * ramp(c.waited, 40, 70),
    text: (c) =>
      `It had been connected for ${round(c.waited)} s without trying to log in: a client that means to log in does so at once.`,
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

/** What servers answer to those whom they suspect, where only the access log tells of it. */
const isRefusal = (status: number | undefined): boolean => status === 403 || status === 406 || status === 429;

/** No login from this address, where there is a log that would tell of one. */
const neverLoggedIn = (c: Case): number => yes(c.around.client.logins === 0 && c.around.sources.includes('dovecot'));

/** Users are behind an address of an own network, though these logs may not show a login: what counts against it must be so many times as much. */
const patience = (c: Case): number => (c.around.client.own ? 10 : 1);

/** Somebody treated it as hostile, or it behaves as attackers do: only then does it matter that users are known behind its address. */
const suspected = (c: Case): number =>
  yes(
    c.s.requests.some((r) => r.blocked || r.limited || isRefusal(r.status)) ||
      c.s.drops !== undefined ||
      c.around.ban !== undefined ||
      c.s.tls === 'handshaking' ||
      c.s.preLogin?.auth === 'failed' ||
      c.s.auth.passwordFailures + c.s.auth.tokenFailures > 0,
  );

type Counts = Case['around']['inNetwork'];

/** Sessions that were visibly stuck, of a scope. */
function stuck(n: Counts): number {
  return n.gaveUp + n.undelivered + n.slowSetup + n.unanswered;
}

/** How surely the path that this session took, and not the server, was in trouble: its tunnel's, else its network's. */
function pathTrouble(c: Case): number {
  return c.s.vpn === undefined
    ? ramp(stuck(c.around.inNetwork), 1, 4) * ramp(concentration(c), 0.5, 0.8)
    : tunnelSlow(c);
}

/** Sessions of this tunnel were stuck far more often than those that came directly. */
function tunnelSlow(c: Case): number {
  if (c.around.inTunnel === undefined) return 0;
  return (
    ramp(stuck(c.around.inTunnel), 0.5, 2) * ramp(stuckShare(c.around.inTunnel) - stuckShare(outside(c)), 0.1, 0.4)
  );
}

function stuckShare(n: Counts): number {
  const total = stuck(n) + n.fastSetup;
  return total === 0 ? 0 : stuck(n) / total;
}

/** Share of all stuck sessions that belong to this network, against its share of all sessions: 0.5 is "no more than others". */
function concentration(c: Case): number {
  const mine = stuckShare(c.around.inNetwork);
  const rest = stuckShare(minus(c.around.everywhere, c.around.inNetwork));
  return mine + rest === 0 ? 0 : mine / (mine + rest);
}

function outside(c: Case): Counts {
  return c.around.inVpn === undefined ? c.around.everywhere : minus(c.around.everywhere, c.around.inVpn);
}

function minus(a: Counts, b: Counts): Counts {
  return {
    ...a,
    gaveUp: a.gaveUp - b.gaveUp,
    undelivered: a.undelivered - b.undelivered,
    slowSetup: a.slowSetup - b.slowSetup,
    unanswered: a.unanswered - b.unanswered,
    fastSetup: a.fastSetup - b.fastSetup,
  };
}

function fastShare(c: Case): number {
  const n = c.around.meanwhileInNetwork;
  const total = n.fastSetup + n.slowSetup + n.gaveUp;
  return total === 0 ? 0 : n.fastSetup / total;
}

function silenceStrength(c: Case): number {
  const silence = c.around.silence;
  if (!silence || c.s.vpn !== undefined) return 0;
  return ramp(silence.expected, 3, 8) * ramp(c.around.othersDuringSilence, 2, 6);
}

function handshakeShare(c: Case): number {
  const n = c.around.everywhere;
  const bad = n.handshakeClosed + n.tlsAlert;
  return bad === 0 ? 0 : bad / (bad + n.loggedIn);
}

const inHandshake = (c: Case): number =>
  yes(c.s.preLogin !== undefined && c.s.tls === 'handshaking' && c.s.preLogin.end === 'connection-closed');

/** It was the server's turn: before login, or a login that came late. */
function waitingForServer(c: Case): number {
  if (c.s.goneAtLogin) return 1;
  if (c.s.postLogin?.commandState === 'none') return 1;
  return yes(c.s.preLogin !== undefined && c.s.preLogin.auth !== 'failed' && c.s.preLogin.auth !== 'policy');
}

const tokenTrouble = (c: Case): number =>
  yes(c.s.auth.tokenFailures > 0 || (c.s.preLogin?.auth === 'failed' && isTokenMechanism(c.s.mechanism ?? '')));
const isTokenRequest = (path: string | undefined): boolean => path !== undefined && /oauth|token/i.test(path);
const round = (n: number): number => (n < 10 ? Math.round(n * 10) / 10 : Math.round(n));
