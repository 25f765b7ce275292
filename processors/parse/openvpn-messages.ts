import type { OpenvpnEvent } from './openvpn.ts';
import { type Endpoint, parseEndpoint, tunnelAddress } from './openvpn-address.ts';

type Action = OpenvpnEvent['action'];
type Side = OpenvpnEvent['side'];

/** What a message says. */
export interface Facts {
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

/** What a message of this side says; `notice` where that is not known. */
export function readMessage(message: string, side: Side): Facts {
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
