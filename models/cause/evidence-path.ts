import { type Case, type EvidenceRule, hurt, idleEnded, peerClosed, ramp, secs, yes } from './case.ts';

/** Evidence of how the connection itself fared: in flow records, at the packet filter, at the proxy, and while it was idle. */
export const PATH_EVIDENCE: readonly EvidenceRule[] = [
  {
    name: 'packets-dropped-by-limit',
    kind: 'line',
    prior: { 'security.rate_limit': 7, none: -3, 'network.path_flap': -2, 'network.packet_loss': -2 },
    measure: (c) => hurt(c) * yes(c.s.drops?.limited === true),
    text: (c) =>
      `The packet filter dropped ${c.s.drops?.count ?? 0} packet(s) of this connection under a rate limit ("${c.s.drops?.prefix ?? ''}").`,
  },
  {
    name: 'packets-dropped',
    kind: 'line',
    prior: { 'security.rate_limit': 4, 'security.attack': 1, none: -2 },
    measure: (c) => hurt(c) * yes(c.s.drops !== undefined && !c.s.drops.limited),
    text: (c) =>
      `The packet filter dropped ${c.s.drops?.count ?? 0} packet(s) of this connection ("${c.s.drops?.prefix ?? ''}").`,
  },
  {
    name: 'never-answered',
    kind: 'line',
    prior: { 'network.path_flap': 2, 'network.packet_loss': 1, 'security.rate_limit': 0.5, none: -1 },
    measure: (c) =>
      yes(
        c.s.flow !== undefined &&
          c.s.dovecotId === undefined &&
          c.s.drops === undefined &&
          !(c.s.flow.down?.push ?? false),
      ),
    text: () => 'The flow record shows a connection attempt that never got an answer from the mail server.',
  },
  {
    name: 'no-farewell',
    kind: 'line',
    prior: { 'network.client_vanished': 3.5, 'network.path_flap': 0.5, none: -2.5, 'server.idle_timeout': -2 },
    measure: (c) =>
      yes(
        c.s.flow?.up !== undefined &&
          !c.s.flow.up.fin &&
          !c.s.flow.up.rst &&
          c.s.endedAt !== undefined &&
          peerClosed(c),
      ),
    text: () =>
      'The client never sent a FIN or RST, though the server says that the connection is closed: its packets stopped coming.',
  },
  {
    name: 'client-said-farewell',
    kind: 'line',
    prior: { 'network.client_vanished': -4, none: 1 },
    measure: (c) => yes(idleEnded(c) && c.s.flow?.up !== undefined && (c.s.flow.up.fin || c.s.flow.up.rst)),
    text: () => 'The client itself closed the connection: its FIN or RST is in the flow record.',
  },
  {
    name: 'slow-connect',
    kind: 'line',
    prior: { 'network.packet_loss': 2, 'network.qos_starvation': 1.5, 'network.path_flap': 1, none: -0.5 },
    measure: (c) => yes(c.outcome !== 'ok') * ramp(connectMs(c), 1500, 4000),
    text: (c) =>
      `From the first SYN until the server’s first exchange with the client took ${secs(connectMs(c) / 1000)}: packets of the set-up were lost and repeated, or crept through a queue.`,
  },
  {
    name: 'idle-then-gone',
    kind: 'line',
    prior: { 'network.client_vanished': 1.5, none: 1.5 },
    measure: (c) => yes(idleEnded(c)),
    text: (c) =>
      `The client was in IDLE and silent for ${secs(c.silent ?? 0)} when the connection ended, without LOGOUT.`,
  },
  {
    name: 'idle-keepalive-unanswered',
    kind: 'timer',
    prior: { 'network.client_vanished': 2 },
    measure: (c) => yes(idleEnded(c) && c.timer === undefined) * ramp(c.silent ?? 0, 121, 130),
    text: () =>
      'It ended some time after a keepalive of the server (imap_idle_notify_interval, 2 minutes by default) was due: so TCP may have given up on an unacknowledged packet, as it does when the other end is gone.',
  },
  {
    name: 'outlived-many-keepalives',
    kind: 'timer',
    prior: { none: 2, 'network.client_vanished': -3 },
    measure: (c) => yes(idleEnded(c)) * ramp(c.silent ?? 0, 1100, 1500),
    text: (c) =>
      `It had been in IDLE for ${secs(c.silent ?? 0)}: TCP gives up within about 15 minutes of an unanswered keepalive, so the client was still answering them.`,
  },
  {
    name: 'proxy-saw-orderly-close',
    kind: 'line',
    prior: { none: 1.5, 'network.client_vanished': -3 },
    measure: (c) => yes(idleEnded(c) && c.s.proxy?.termination === '--'),
    text: () => 'The proxy logged an orderly end (state --): one side closed properly.',
  },
  {
    name: 'proxy-lost-the-client',
    kind: 'line',
    prior: { 'network.client_vanished': 1.5, 'network.path_flap': 0.5, none: -0.5 },
    measure: (c) => yes(idleEnded(c) && c.s.proxy?.termination === 'CD'),
    text: () => 'The proxy logged that the client side broke off in the middle (state CD).',
  },
];

const connectMs = (c: Case): number =>
  c.s.flow?.up?.syn === true && (c.s.startBasis === 'dovecot.session_id' || c.s.preLogin?.waitedSeconds !== undefined)
    ? c.s.startedAt - c.s.flow.up.startedAt
    : 0;
