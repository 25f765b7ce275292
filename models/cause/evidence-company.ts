import { type Case, type EvidenceRule, hurt, ramp, rounded, yes } from './case.ts';
import { concentration, pathTrouble, stuck, tunnelSlow } from './company-fared.ts';

/** Evidence in how the others of the same network, tunnel and server fared at that time. */
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
      `${rounded(stuck(c.around.inNetwork))} sessions of ${c.around.network ?? 'its network'} were stuck or late at that time, and few elsewhere.`,
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
      `Other traffic of ${rounded(c.around.bulkBytesPerSecond / 1000)} kB/s ran between this network and the server beside it.`,
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
      `Not one line came from ${c.around.network ?? 'its network'} for ${rounded(((c.around.silence?.until ?? 0) - (c.around.silence?.from ?? 0)) / 1000)} s, where about ${rounded(c.around.silence?.expected ?? 0)} were usual, while other networks went on: the path was gone and came back.`,
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
      `${rounded(c.around.everywhere.handshakeClosed + c.around.everywhere.tlsAlert)} clients, of all networks, closed in the TLS handshake in that minute: what they refuse is the server’s certificate or settings.`,
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
        : `${rounded(c.around.everywhere.queueFull)} other connections were dropped from the full login queue.`;
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
      `${rounded(c.around.everywhere.authWait)} logins were waiting for the authentication service in that minute, in all networks.`,
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
    text: (c) => `${rounded(c.around.everywhere.lockWait)} lock waits of other mailboxes were logged at that time.`,
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
];

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
