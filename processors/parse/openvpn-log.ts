import type { Line, Stamp } from '../event.ts';
import type { CivilZone } from '../time.ts';
import { ctimeStamp, epochStamp, isoStamp } from './log-time.ts';
import { numberAt } from './number-at.ts';
import type { OpenvpnEvent } from './openvpn.ts';
import { type Endpoint, parseEndpoint, tunnelAddress } from './openvpn-address.ts';
import { tunnelEcs } from './openvpn-ecs.ts';
import { type EcsFields, failed, type ParseOutcome, type Parser, parsed, type RecordContext } from './parser.ts';

type Action = OpenvpnEvent['action'];
type Side = OpenvpnEvent['side'];

const REASON_MAX = 512;
/** OpenVPN cuts its client prefix at 256 bytes (MULTI_PREFIX_MAX_LENGTH). */
const PREFIX_MAX = 256;

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

// The stamp ------------------------------------------------------------------------------------------------------------

/** Where the text goes on after a stamp of OpenVPN's own (and ` us=N`); 0 if it has none. Looks at separators only. */
function ownStampEnd(text: string): number {
  let end = 0;
  if (
    text[4] === '-' &&
    text[7] === '-' &&
    text[10] === ' ' &&
    text[13] === ':' &&
    text[16] === ':' &&
    text[19] === ' '
  )
    end = 20;
  else if (
    text[3] === ' ' &&
    text[7] === ' ' &&
    text[13] === ':' &&
    text[16] === ':' &&
    text[19] === ' ' &&
    text[24] === ' '
  )
    end = 25;
  else if (text[10] === '.' && text[17] === ' ') return machineStampEnd(text);
  if (end === 0 || !text.startsWith('us=', end)) return end;
  const space = text.indexOf(' ', end);
  return space < 0 ? text.length : space + 1;
}

/** `1795490646.123456 1 `: epoch and message flags in hexadecimal. */
function machineStampEnd(text: string): number {
  const space = text.indexOf(' ', 18);
  if (space < 19 || space > 26 || numberAt(text, 0) === undefined) return 0;
  for (let i = 18; i < space; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return 0;
  }
  return space + 1;
}

function ownStamp(text: string, bodyAt: number, zone: CivilZone): Stamp | undefined {
  if (text[10] === '.') return epochStamp(Number(text.slice(0, 17)));
  const length = text[4] === '-' ? 19 : 24;
  const stamp = length === 19 ? isoStamp(text.slice(0, 19), zone) : ctimeStamp(text.slice(0, 24), zone);
  const micros = bodyAt > length + 1 ? numberAt(text, length + 4) : undefined;
  if (stamp === undefined || micros === undefined || !(micros < 1e6)) return stamp;
  return { at: stamp.at + Math.floor(micros / 1000), precisionMs: 1, zoned: stamp.zoned };
}

// The prefix -----------------------------------------------------------------------------------------------------------

interface Prefix {
  readonly commonName: string | undefined;
  readonly peer: Endpoint | undefined;
  /** Where the message begins. */
  readonly end: number;
  /** Only servers write prefixes. */
  readonly fromServer: boolean;
}

const ATTEMPT = 'Connection Attempt ';

/** Cuts `IP:PORT `, `CN/IP:PORT `, `CN/IP:PORT rx-peer-id=3 ` or `Connection Attempt `. A common name may hold spaces and slashes. */
function readPrefix(text: string, at: number): Prefix {
  if (text.startsWith(ATTEMPT, at))
    return { commonName: undefined, peer: undefined, end: at + ATTEMPT.length, fromServer: true };
  const space = text.indexOf(' ', at);
  if (space < 0) return { commonName: undefined, peer: undefined, end: at, fromServer: false };
  const word = text.slice(at, Math.min(space, at + PREFIX_MAX));
  const slash = word.lastIndexOf('/');
  const peer = parseEndpoint(word.slice(slash + 1));
  // Up to 2.6 IPv6 clients have no port. A word that begins with a slash is a program's path.
  if (peer !== undefined && slash !== 0 && (peer.port !== undefined || peer.ip.includes(':'))) {
    return {
      commonName: slash < 0 ? undefined : word.slice(0, slash),
      peer,
      end: afterPeerId(text, space + 1),
      fromServer: true,
    };
  }
  return readSpacedPrefix(text, at) ?? { commonName: undefined, peer: undefined, end: at, fromServer: false };
}

/** `John Doe/192.0.2.1:1194 MESSAGE`: what stands before the address must not look like a message itself. */
function readSpacedPrefix(text: string, at: number): Prefix | undefined {
  const head = text.slice(at, at + PREFIX_MAX);
  for (let slash = head.indexOf('/'); slash >= 0; slash = head.indexOf('/', slash + 1)) {
    const space = head.indexOf(' ', slash);
    if (space < 0) return undefined;
    const peer = parseEndpoint(head.slice(slash + 1, space));
    if (peer?.port === undefined) continue;
    const commonName = head.slice(0, slash);
    if (commonName === '' || commonName.includes(': ') || looksOpenvpn(head, 0)) return undefined;
    return { commonName, peer, end: afterPeerId(text, at + space + 1), fromServer: true };
  }
  return undefined;
}

function afterPeerId(text: string, at: number): number {
  if (!text.startsWith('rx-peer-id=', at)) return at;
  const space = text.indexOf(' ', at);
  return space < 0 ? at : space + 1;
}

/** The name in `[CN] Peer Connection Initiated …` and `[CN] Inactivity timeout …`. */
function readName(body: string): string | undefined {
  if (body.charCodeAt(0) !== 91) return undefined;
  for (const message of ['] Peer Connection Initiated ', '] Inactivity timeout ']) {
    const close = body.indexOf(message);
    if (close > 0 && close <= PREFIX_MAX) return body.slice(1, close);
  }
  return undefined;
}

// The side -------------------------------------------------------------------------------------------------------------

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

// The message ----------------------------------------------------------------------------------------------------------

interface Facts {
  readonly action: Action;
  readonly peer?: Endpoint | undefined;
  readonly commonName?: string | undefined;
  readonly leaseIp?: string | undefined;
  readonly user?: string | undefined;
  readonly signalReason?: string | undefined;
  /** Set where the message itself must not be kept. */
  readonly reason?: string;
}

interface MessageRule {
  readonly opening: string;
  read(message: string, side: Side): Facts;
}

const rule = (opening: string, read: MessageRule['read']): MessageRule => ({ opening, read });
const plain = (action: Action, ...openings: readonly string[]): MessageRule[] =>
  openings.map((opening) => rule(opening, (message) => ({ action, peer: peerIn(message) })));

/** What the messages say, by their first words. A longer opening stands before a shorter one that it begins with. */
const RULES: readonly MessageRule[] = [
  rule('Peer Connection Initiated with ', (message) => ({
    action: 'connected',
    peer: endpointAfter(message, ' with '),
  })),

  rule('MULTI_sva: pool returned ', readPoolAddress),
  rule('MULTI: Learn: ', readLearn),
  rule('MULTI: primary virtual IP', readPrimaryAddress),
  rule('MULTI: new connection by client ', (message) => ({
    action: 'restart',
    commonName: between(message, "'", "'"),
  })),
  ...plain(
    'refused',
    'MULTI: new incoming connection would exceed',
    'MULTI: Connection from ',
    'MULTI: Connection attempt from ',
  ),
  ...plain('refused', 'MULTI: client has been rejected due to', 'MULTI: no free --ifconfig-pool addresses'),
  ...plain('refused', 'Note: --connect-freq-initial', 'WARNING: Bad encapsulated packet length from peer'),
  ...plain('auth-failed', 'MULTI: connection rejected'),
  rule('peer ', readFloat),

  rule('Inactivity timeout (--ping-restart)', () => ({ action: 'ping-timeout', signalReason: 'ping-restart' })),
  rule('Inactivity timeout (--ping-exit)', () => ({ action: 'ping-timeout', signalReason: 'ping-exit' })),
  rule('Inactivity timeout (--inactive)', () => ({ action: 'inactive', signalReason: 'inactive' })),
  rule('Session timeout, ', () => ({ action: 'inactive', signalReason: 'session-timeout' })),
  rule('Server poll timeout', () => ({ action: 'restart', signalReason: 'server_poll' })),
  rule('Connection reset, restarting', () => ({ action: 'restart', signalReason: 'connection-reset' })),
  ...plain(
    'restart',
    'Connection reset command was pushed by server',
    'Network unreachable, restarting',
    'Fatal TLS error',
  ),
  ...plain('restart', 'Fatal decryption error', 'TUN/TAP I/O operation aborted, restarting'),
  ...plain(
    'exit',
    'Halt command was pushed by server',
    'Exiting due to fatal error',
    'TUN/TAP interface has been stopped, exiting',
  ),
  ...plain('exit', 'All connections have been connect-retry-max'),
  rule('SIG', readSignal),

  rule("TLS: Username/Password authentication succeeded for username '", (message) => ({
    action: 'auth-ok',
    user: userIn(message),
  })),
  rule("TLS: Username/Password authentication deferred for username '", (message) => ({
    action: 'notice',
    user: userIn(message),
  })),
  ...plain('auth-failed', 'TLS Auth Error: ', 'TLS Error: Auth Username/Password was not provided'),
  ...plain('tls-failed', 'TLS Error: ', 'TLS ERROR: ', 'TLS_ERROR: ', 'OpenSSL: error:', 'tls-crypt unwrap error'),
  ...plain('rekeyed', 'TLS: soft reset'),
  rule('VERIFY ', readVerify),

  rule('PUSH: Received control message: ', readControl),
  rule('AUTH: Received control message: ', readControl),
  rule('SENT CONTROL ', readControl),
  rule("MANAGEMENT: CMD '", (message) => ({ action: 'notice', reason: message.split(' ', 3).join(' ') })),
  rule('Info command was pushed by server', (message) => ({ action: 'notice', reason: upTo(message, ' (') })),

  ...plain('started', 'Initialization Sequence Completed'),
  ...plain(
    'network-error',
    'read UDP',
    'write UDP',
    'read TCP',
    'write TCP',
    'TCP: connect to ',
    'RESOLVE: Cannot resolve',
  ),
  ...plain('network-error', 'RESOLVE: Could not', 'TCP/UDP: Socket bind failed', 'Could not resolve'),

  ...['net_addr_v4_add: ', 'net_addr_v6_add: ', 'net_addr_ptp_v4_add: '].map((opening) =>
    rule(opening, readDeviceAddress),
  ),
  rule('Notified TAP-Windows driver to set a DHCP IP/netmask of ', readDeviceAddress),
  rule('/', readCommand),
  rule('ifconfig ', readCommand),
  rule('ip addr add ', readCommand),
];

/** Rules by the first character of their opening, because most lines match none. */
const RULES_BY_START: ReadonlyMap<number, readonly MessageRule[]> = Map.groupBy(RULES, (entry) =>
  entry.opening.charCodeAt(0),
);

const MATCHED_NONE: Facts = { action: 'notice' };

function readMessage(message: string, side: Side): Facts {
  const found = RULES_BY_START.get(message.charCodeAt(0))?.find((entry) => message.startsWith(entry.opening));
  if (found !== undefined) return found.read(message, side);
  const peer = peerIn(message);
  return peer === undefined ? MATCHED_NONE : { action: 'notice', peer };
}

/** The address in `… from [AF_INET]192.0.2.1:1194 …` or `… with [AF_INET]…`, if the message names one so. */
function peerIn(message: string): Endpoint | undefined {
  return (
    endpointAfter(message, ' from ') ??
    (message.includes(' with [AF_INET') ? endpointAfter(message, ' with ') : undefined)
  );
}

function endpointAfter(message: string, words: string): Endpoint | undefined {
  const at = message.indexOf(words);
  return at < 0 ? undefined : parseEndpoint(wordAt(message, at + words.length));
}

/** The word at `at`, without a comma or colon and bracket that the sentence puts behind it. */
function wordAt(message: string, at: number): string {
  const space = message.indexOf(' ', at);
  let end = space < 0 ? message.length : space;
  while (end > at && isSentenceMark(message.charCodeAt(end - 1))) end--;
  return message.slice(at, end);
}

/** `,` `:` `;` `'` `)`; a full stop never follows an address. */
const isSentenceMark = (c: number): boolean => c === 44 || c === 58 || c === 59 || c === 39 || c === 41;

/** `MULTI_sva: pool returned IPv4=10.8.0.2, IPv6=(Not enabled)`. */
function readPoolAddress(message: string): Facts {
  const leaseIp = tunnelAddress(wordAfter(message, 'IPv4=')) ?? tunnelAddress(wordAfter(message, 'IPv6='));
  return { action: leaseIp === undefined ? 'notice' : 'lease', leaseIp };
}

/** `MULTI: Learn: 10.8.0.2 -> CN/192.0.2.1:1194`. What is learned may also be a network behind the client or a MAC address: no lease. */
function readLearn(message: string): Facts {
  const arrow = message.indexOf(' -> ');
  if (arrow < 0) return MATCHED_NONE;
  const leaseIp = tunnelAddress(message.slice('MULTI: Learn: '.length, arrow));
  return { action: leaseIp === undefined ? 'notice' : 'lease', leaseIp, ...clientIn(message.slice(arrow + 4)) };
}

/** `MULTI: primary virtual IP for CN/192.0.2.1:1194: 10.8.0.2`, and the same with `IPv6`. */
function readPrimaryAddress(message: string): Facts {
  const colon = message.lastIndexOf(': ');
  const leaseIp = tunnelAddress(message.slice(colon + 2));
  const client = message.indexOf(' for ');
  if (client < 0 || client > colon) return MATCHED_NONE;
  return { action: leaseIp === undefined ? 'notice' : 'lease', leaseIp, ...clientIn(message.slice(client + 5, colon)) };
}

/** `CN/192.0.2.1:1194` inside a message; nothing if it is not of that form. */
function clientIn(text: string): { readonly commonName?: string; readonly peer?: Endpoint } {
  const slash = text.lastIndexOf('/');
  const peer = parseEndpoint(text.slice(slash + 1));
  if (peer === undefined) return {};
  return slash > 0 ? { commonName: text.slice(0, slash), peer } : { peer };
}

/** `peer 3 (CN) floated from [AF_INET]A to [AF_INET]B`: the client goes on from another address, which is its real one now. */
function readFloat(message: string): Facts {
  const floated = message.indexOf(') floated from ');
  if (floated < 0) return MATCHED_NONE;
  return {
    action: 'notice',
    commonName: between(message, '(', ') floated from '),
    peer: endpointAfter(message, ' to '),
  };
}

/** `SIGUSR1[soft,ping-restart] received, client-instance restarting`; `connection failed(soft)` for `soft`; the reason may be empty. */
function readSignal(message: string): Facts {
  const received = message.indexOf('] received, ');
  const comma = message.indexOf(',');
  if (received < 0 || comma < 0 || comma > received) return MATCHED_NONE;
  const signalReason = message.slice(comma + 1, received);
  const action = message.endsWith(' exiting') ? 'exit' : 'restart';
  return { action, signalReason: signalReason === '' ? undefined : signalReason };
}

/** The name is the client's own choice and may hold quotes, so it ends at the last one. */
function userIn(message: string): string | undefined {
  const open = message.indexOf(" for username '");
  const close = message.lastIndexOf("'");
  const start = open + " for username '".length;
  return open < 0 || close <= start ? undefined : message.slice(start, close);
}

/** `VERIFY OK: depth=0, …CN=NAME…` names the peer; errors stand before the first colon, where no certificate's text comes. */
function readVerify(message: string): Facts {
  const colon = message.indexOf(':');
  const verdict = colon < 0 ? message : message.slice(0, colon);
  if (verdict.endsWith('ERROR') || (verdict === 'VERIFY CRL' && message.endsWith('is revoked')))
    return { action: 'tls-failed' };
  if (!message.startsWith('VERIFY OK: depth=0, ')) return MATCHED_NONE;
  return { action: 'notice', commonName: commonNameIn(message.slice('VERIFY OK: depth=0, '.length)) };
}

/** The CN of `C=DE, O=Example, CN=name, emailAddress=…` (2.3 on) or `/C=DE/CN=name` (older). */
function commonNameIn(subject: string): string | undefined {
  const separator = subject.startsWith('/') ? '/' : ', ';
  const entry = subject.split(separator, 32).find((part) => part.startsWith('CN='));
  return entry === undefined || entry.length === 3 ? undefined : entry.slice(3);
}

// Control messages -----------------------------------------------------------------------------------------------------

/** Pushed options that hold no secret and help to understand a session. */
const HARMLESS_OPTIONS: ReadonlySet<string> = new Set([
  ...['ifconfig', 'ifconfig-ipv6', 'ping', 'ping-restart', 'ping-exit', 'inactive', 'session-timeout'],
  ...['topology', 'peer-id', 'cipher', 'tun-mtu', 'route-gateway', 'redirect-gateway', 'explicit-exit-notify'],
]);

/**
 * `PUSH: Received control message: 'PUSH_REPLY,…'` (client), `SENT CONTROL [CN]: 'PUSH_REPLY,…' (status=1)` (server), `AUTH_FAILED[,TEXT]`.
 * A push reply gives the lease. Tokens, challenges and links that these messages carry are left out of the reason.
 */
function readControl(message: string): Facts {
  const sent = message.startsWith('SENT CONTROL [');
  const head = message.indexOf(sent ? ']: ' : 'message: ');
  const start = head < 0 ? message.length : head + (sent ? 3 : 9);
  const quoted = message.charCodeAt(start) === 39;
  const content = quoted
    ? message.slice(start + 1, Math.max(start + 1, message.lastIndexOf("'")))
    : message.slice(start);
  const name = sent && head > 0 ? message.slice('SENT CONTROL ['.length, head) : undefined;
  const commonName = name === 'UNDEF' ? undefined : name;
  const direction = sent ? 'sent' : 'received';
  const [command = '', ...options] = content.split(',');
  if (command === 'PUSH_REPLY') {
    const kept = options.filter((option) => HARMLESS_OPTIONS.has(firstWord(option)));
    const leaseIp = pushedAddress(options);
    return {
      action: leaseIp === undefined ? 'notice' : 'lease',
      leaseIp,
      commonName,
      reason: `PUSH_REPLY ${direction}: ${kept.join(',')}`,
    };
  }
  if (command === 'AUTH_FAILED') {
    const text = options.join(',');
    const reason = `AUTH_FAILED ${direction}`;
    // CRV1 is a challenge with a state id that stands for the password.
    return {
      action: 'auth-failed',
      commonName,
      reason: text === '' || text.startsWith('CRV1') ? reason : `${reason}: ${text}`,
    };
  }
  return { action: 'notice', commonName, reason: `${firstWord(upTo(command, ':'))} ${direction}` };
}

/** `ifconfig 10.8.0.6 255.255.255.0` and `ifconfig-ipv6 2001:db8::6/64 2001:db8::1`; IPv4 is preferred. */
function pushedAddress(options: readonly string[]): string | undefined {
  const argument = (option: string): string | undefined => {
    const found = options.find((candidate) => firstWord(candidate) === option);
    return found === undefined ? undefined : tunnelAddress(upTo(wordAfter(found, ' '), '/'));
  };
  return argument('ifconfig') ?? argument('ifconfig-ipv6');
}

// The tunnel device ----------------------------------------------------------------------------------------------------

/** `net_addr_v4_add: 10.8.0.6/24 dev tun0`, `net_addr_ptp_v4_add: 10.8.0.6 peer 10.8.0.5 dev tun0`, `… netmask of 10.8.0.6/255.255.255.0 on …`. */
function readDeviceAddress(message: string, side: Side): Facts {
  const address = wordAfter(message, message.startsWith('net_addr') ? ': ' : ' IP/netmask of ');
  return deviceAddress(tunnelAddress(upTo(address, '/')), side);
}

/**
 * Commands that set the device up: `/sbin/ip addr add dev tun0 10.8.0.6/24 broadcast …`, `… dev tun0 local 10.8.0.6 peer 10.8.0.5`,
 * `/sbin/ip -6 addr add 2001:db8::6/64 dev tun0`, `/sbin/ifconfig tun0 10.8.0.6 …`, `ifconfig tun0 inet6 2001:db8::6/64`.
 * The first word that is an address is the device's own.
 */
function readCommand(message: string, side: Side): Facts {
  const words = message.split(' ', 12);
  const command = words[0]?.slice(words[0].lastIndexOf('/') + 1);
  const adds = command === 'ip' ? words.includes('addr') && words.includes('add') : command === 'ifconfig';
  if (!adds) return MATCHED_NONE;
  for (const word of words) {
    const address = tunnelAddress(upTo(word, '/'));
    if (address !== undefined && address !== '0.0.0.0') return deviceAddress(address, side);
  }
  return MATCHED_NONE;
}

/**
 * On a client the device's address is its lease. A server sets up its own end in the same words: that is no lease. A log that has not
 * said yet whose it is is a server's at its start, because a client has met its server before it gets an address.
 */
function deviceAddress(address: string | undefined, side: Side): Facts {
  return {
    action: address !== undefined && side === 'client' ? 'lease' : 'notice',
    leaseIp: side === 'client' ? address : undefined,
  };
}

// Words ----------------------------------------------------------------------------------------------------------------

function wordAfter(message: string, words: string): string {
  const at = message.indexOf(words);
  return at < 0 ? '' : wordAt(message, at + words.length);
}

function between(message: string, open: string, close: string): string | undefined {
  const start = message.indexOf(open) + open.length;
  const end = message.indexOf(close, start);
  return start < open.length || end <= start ? undefined : message.slice(start, end);
}

function upTo(text: string, delimiter: string): string {
  const end = text.indexOf(delimiter);
  return end < 0 ? text : text.slice(0, end);
}

const firstWord = (text: string): string => upTo(text, ' ');

// Is it ours? ----------------------------------------------------------------------------------------------------------

const KNOWN_OPENINGS = [
  ...[
    'TLS Error: ',
    'TLS Auth Error: ',
    'TLS: ',
    'VERIFY ',
    'MULTI: ',
    'MULTI_sva: ',
    'OPTIONS IMPORT: ',
    'PUSH: Received control',
  ],
  ...[
    'SENT CONTROL [',
    'AUTH: Received control message',
    'Peer Connection Initiated with ',
    'Initialization Sequence Completed',
  ],
  ...[
    'Inactivity timeout (--',
    'Data Channel: cipher ',
    'Control Channel: TLS',
    'TUN/TAP device ',
    'OpenVPN 2.',
    'UDPv4 link ',
    'UDPv6 link ',
  ],
  ...[
    'TCPv4_',
    'TCPv6_',
    'TCP/UDP: Preserving',
    'Outgoing Data Channel: ',
    'Incoming Data Channel: ',
    'net_addr_',
    'net_route_',
    'net_iface_',
  ],
  ...[
    'read UDP',
    'write UDP',
    'SIGUSR1[',
    'SIGTERM[',
    'SIGHUP[',
    'SIGINT[',
    'Connection Attempt ',
    'peer info: IV_',
    'Restart pause, ',
  ],
];

/** Words that OpenVPN begins lines with; needed only where neither program nor stamp tells. */
function looksOpenvpn(text: string, at: number): boolean {
  if (KNOWN_OPENINGS.some((opening) => text.startsWith(opening, at))) return true;
  const space = text.indexOf(' ', at);
  if (space < 0 || space - at > PREFIX_MAX) return false;
  const word = text.slice(at, space);
  const slash = word.lastIndexOf('/');
  const bare = parseEndpoint(word.slice(slash + 1));
  return bare?.port !== undefined && slash > 0;
}

/** Levels and zones that other programs write between the same stamp and their text. */
const FOREIGN_WORDS: ReadonlySet<string> = new Set([
  ...['TRACE', 'DEBUG', 'INFO', 'NOTICE', 'WARN', 'WARNING', 'ERROR', 'FATAL', 'CRITICAL', 'SEVERE'],
  ...['UTC', 'GMT', 'CET', 'CEST', ':', '-', '|'],
]);

/** Dovecot's levels, which follow its service's name. */
const DOVECOT_LEVELS = ['Info: ', 'Warning: ', 'Error: ', 'Debug: ', 'Fatal: ', 'Panic: '];

/** The stamp alone is that of many programs. Dovecot, Exim, PostgreSQL and application logs go on in ways that OpenVPN does not. */
function looksForeign(text: string, bodyAt: number): boolean {
  const space = text.indexOf(' ', bodyAt);
  const word = space < 0 ? text.slice(bodyAt) : text.slice(bodyAt, space);
  if (FOREIGN_WORDS.has(word)) return true;
  if (word.endsWith(':') && DOVECOT_LEVELS.some((level) => text.startsWith(level, space + 1))) return true;
  if (word.startsWith('[')) return readName(text.slice(bodyAt)) === undefined;
  return isEximWord(word) || isNumber(word) || isDpkgLine(text, bodyAt);
}

/** dpkg.log: `status installed NAME:ARCH VERSION`, `upgrade NAME:ARCH OLD NEW`, `startup archives unpack`. Source: dpkg(1), --log. */
function isDpkgLine(text: string, bodyAt: number): boolean {
  const body = text.slice(bodyAt, bodyAt + 200);
  return (
    /^(?:status [a-z-]+|install|upgrade|trigproc|configure|remove|purge|disappear) [a-z0-9][a-z0-9+.-]*:[a-z0-9-]+ /.test(
      body,
    ) || /^(?:startup [a-z]+ [a-z]+$|conffile )/.test(body)
  );
}

/** Exim's message id (`1abcde-000000-0A`, longer from 4.97 on) or a field (`H=host`). */
function isEximWord(word: string): boolean {
  return /^[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}$/.test(word) || /^[A-Z]=/.test(word);
}

const isNumber = (word: string): boolean => /^[0-9.+-]{1,32}$/.test(word) && !Number.isNaN(Number(word));

// ECS ------------------------------------------------------------------------------------------------------------------

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
