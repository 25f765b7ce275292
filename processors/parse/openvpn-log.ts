import type { Line } from '../event.ts';
import type { OpenvpnEvent } from './openvpn.ts';
import { tunnelEcs } from './openvpn-ecs.ts';
import { readMessage } from './openvpn-messages.ts';
import {
  looksForeign,
  looksOpenvpn,
  ownStamp,
  ownStampEnd,
  type Prefix,
  readName,
  readPrefix,
} from './openvpn-prefix.ts';
import { type EcsFields, failed, type ParseOutcome, type Parser, parsed, type RecordContext } from './parser.ts';

type Action = OpenvpnEvent['action'];
type Side = OpenvpnEvent['side'];

const REASON_MAX = 512;

export const openvpnLog: Parser<OpenvpnEvent> = {
  format: 'openvpn',
  programs: ['openvpn', 'openvpn-server', 'openvpn-client', 'ovpn-server', 'ovpn-client', 'nm-openvpn'],
  accepts(line) {
    const text = line.message;
    if (line.program?.startsWith('ovpn') || line.program?.startsWith('openvpn')) return true;
    const bodyAt = ownStampEnd(text);
    if (bodyAt > 0 && line.program === undefined) return !looksForeign(text, bodyAt);
    return looksOpenvpn(text, bodyAt);
  },
  parse,
  ecs,
};

/**
 * Parses one line of a server's or client's log: `STAMP [us=N] [CN/]IP:PORT [[CN] ]MESSAGE`.
 * The stamp is ctime (to 2.4) or ISO (2.5 on), without a zone, or an epoch (--machine-readable-output); syslog and
 * --suppress-timestamps have none, then the envelope's counts. Every message is an event: what is not known is a `notice`.
 * Options that a server pushes may hold tokens, so of control messages only known harmless ones get into `reason`.
 * Source: error.c, otime.c, multi.c, ssl.c, forward.c, sig.c of OpenVPN 2.3 to 2.7; variants in docs/formats/openvpn.md.
 */
function parse(line: Line, context: RecordContext): ParseOutcome<OpenvpnEvent> {
  const text = line.message;
  const bodyAt = ownStampEnd(text);
  const own = bodyAt > 0 ? ownStamp(text, bodyAt, context.zone) : undefined;
  const stamp = line.stamp ?? own;
  if (stamp === undefined) return failed('bad_time', 'stamp');
  const prefix = readPrefix(text, bodyAt);
  const body = text.slice(prefix.end).trim();
  if (body === '') return failed('missing_field', 'message');
  const named = readName(body);
  const message = named === undefined ? body : body.slice(named.length + 3);
  const side = sideOf(line, prefix, message, context);
  const facts = readMessage(message, side);
  const peer = prefix.peer ?? facts.peer;
  // A server puts a client's name before its lines from its first handshake on: who has one and agrees on keys again renegotiates.
  const isRekeyed = prefix.commonName !== undefined && message.startsWith('Control Channel: ');
  return parsed({
    line,
    stamp,
    dataset: 'openvpn.log',
    side,
    action: isRekeyed ? 'rekeyed' : facts.action,
    commonName: prefix.commonName ?? named ?? facts.commonName,
    realIp: peer?.ip,
    realPort: peer?.port,
    leaseIp: facts.leaseIp,
    user: facts.user,
    signalReason: facts.signalReason,
    reason: bounded(facts.reason ?? body),
  });
}

const bounded = (text: string): string => (text.length > REASON_MAX ? text.slice(0, REASON_MAX) : text);

const SERVER_OPENINGS = ['MULTI', 'IFCONFIG POOL', 'Note: --connect-freq', 'ifconfig_pool'];
const CLIENT_OPENINGS = [
  ...[
    "PUSH: Received control message: 'PUSH_REPLY",
    'AUTH: Received control message',
    "SENT CONTROL [server]: 'PUSH_REQUEST",
  ],
  ...[
    'TCP/UDP: Preserving recently used remote address',
    'Attempting to establish TCP connection',
    'Server poll timeout',
  ],
  ...['Peer Connection Initiated', 'Restart pause', 'TLS: Initial packet from'],
];

/**
 * Prefixes are written by servers only; a few messages by one side only. For the rest the program's name (`ovpn-server`) and then
 * what this source wrote before decide.
 */
function sideOf(line: Line, prefix: Prefix, message: string, context: RecordContext): Side {
  const memory = context.memory;
  if (prefix.fromServer || beginsWithAny(message, SERVER_OPENINGS)) {
    memory.openvpnSide = 'server';
    return 'server';
  }
  if (beginsWithAny(message, CLIENT_OPENINGS)) {
    memory.openvpnSide = 'client';
    return 'client';
  }
  if (line.program?.includes('server')) return 'server';
  if (line.program?.includes('client')) return 'client';
  return memory.openvpnSide ?? 'unknown';
}

const beginsWithAny = (text: string, openings: readonly string[]): boolean =>
  openings.some((opening) => text.startsWith(opening));

interface Ecs {
  readonly category: readonly string[];
  readonly type: readonly string[];
  readonly outcome?: 'success' | 'failure';
}

const ECS: Readonly<Record<Action, Ecs>> = {
  connected: { category: ['network', 'session'], type: ['start'], outcome: 'success' },
  lease: { category: ['network', 'session'], type: ['info'] },
  'ping-timeout': { category: ['network', 'session'], type: ['end'], outcome: 'failure' },
  inactive: { category: ['network', 'session'], type: ['end'] },
  restart: { category: ['network', 'session'], type: ['end'] },
  exit: { category: ['network', 'session'], type: ['end'] },
  'tls-failed': { category: ['network'], type: ['connection', 'protocol'], outcome: 'failure' },
  rekeyed: { category: ['network', 'session'], type: ['info'] },
  'auth-ok': { category: ['authentication'], type: ['start'], outcome: 'success' },
  'auth-failed': { category: ['authentication'], type: ['start'], outcome: 'failure' },
  refused: { category: ['network'], type: ['connection', 'denied'], outcome: 'failure' },
  started: { category: ['network', 'session'], type: ['info'] },
  'network-error': { category: ['network'], type: ['info'], outcome: 'failure' },
  notice: { category: ['network'], type: ['info'] },
};

function ecs(event: OpenvpnEvent): EcsFields {
  const { category, type, outcome } = ECS[event.action];
  const real = event.realIp === undefined ? undefined : { ip: event.realIp, port: event.realPort };
  const name = event.commonName === undefined ? undefined : { x509: { subject: { common_name: [event.commonName] } } };
  const client = event.side === 'client';
  return {
    event: { category, type, action: event.action, outcome, reason: event.reason },
    source: client ? undefined : real,
    destination: client ? real : undefined,
    ...tunnelEcs(event),
    tls: name === undefined ? undefined : client ? { server: name } : { client: name },
    imapwhy: { openvpn: { side: event.side, signal_reason: event.signalReason } },
  };
}
