import type { EventBase, Line, Stamp } from '../event.ts';
import { looksLikeAddress } from '../ip.ts';
import { compressedAddress } from './compressed-address.ts';
import { ctimeStamp } from './log-time.ts';
import { portAt } from './number-at.ts';
import { type EcsFields, failed, type ParseOutcome, type Parser, parsed, type RecordContext } from './parser.ts';
import { transportName } from './transport.ts';

/** netfilter `LOG`/`NFLOG` line: kernel or ulogd. */
export interface NetfilterEvent extends EventBase {
  readonly dataset: 'netfilter.packet';
  readonly action: 'dropped' | 'rejected' | 'accepted' | 'logged'; // by the prefix's words (DROP, DENY, BLOCK, REJECT, ACCEPT), else logged
  readonly prefix: string; // log prefix, trimmed
  readonly limited: boolean; // the prefix speaks of a rate or connection limit (LIMIT, RATE, FLOOD, THROTTLE)
  readonly sourceIp: string;
  readonly sourcePort: number | undefined;
  readonly destinationIp: string;
  readonly destinationPort: number | undefined;
  readonly transport: string; // tcp, udp, icmp
  readonly syn: boolean; // opens a connection: SYN without ACK
  readonly inInterface: string | undefined;
}

/** The kernel cuts a prefix at 127 bytes (nftables) or 29 (iptables); what is longer is not searched for words. */
const PREFIX_MAX = 128;

export const netfilter: Parser<NetfilterEvent> = {
  format: 'netfilter',
  // The kernel says much else: its lines are ours only if they look so.
  programs: ['ulogd'],
  accepts: (line) => packetStart(line.message) >= 0 && line.message.includes(' SRC='),
  parse,
  ecs,
};

/**
 * Parses `[uptime] PREFIX IN=eth0 OUT= MAC=… SRC=A DST=B LEN=60 … PROTO=TCP SPT=1 DPT=2 … SYN URGP=0`.
 * The uptime stands in kernel lines only; the prefix is the administrator's and may touch `IN=` without a space.
 * Time is the envelope's, or the `[Tue Nov 24 03:34:22 2026]` of `dmesg -T`. Fails if addresses or protocol are missing.
 * Source: Linux net/netfilter/nf_log_syslog.c; ulogd2 util/printpkt.c; variants in docs/formats/netfilter.md.
 */
function parse(line: Line, context: RecordContext): ParseOutcome<NetfilterEvent> {
  const text = line.message;
  const start = packetStart(text);
  if (start < 0) return failed('unknown_message', 'message');
  const prefixAt = afterUptime(text);
  const stamp = line.stamp ?? dmesgStamp(text, prefixAt, context);
  if (stamp === undefined) return failed('bad_time', 'stamp');
  const packet = readPacket(text, start);
  if (packet.source === undefined) return failed('missing_field', 'SRC');
  if (packet.destination === undefined) return failed('missing_field', 'DST');
  if (packet.protocol === undefined) return failed('missing_field', 'PROTO');
  if (!looksLikeAddress(packet.source)) return failed('bad_address', 'SRC');
  if (!looksLikeAddress(packet.destination)) return failed('bad_address', 'DST');
  const prefix = text.slice(prefixAt, start).trim();
  const words = prefix.slice(0, PREFIX_MAX).toUpperCase();
  return parsed({
    line,
    stamp,
    dataset: 'netfilter.packet',
    action: actionOf(words),
    prefix,
    limited: speaksOfLimit(words),
    sourceIp: compressedAddress(packet.source),
    sourcePort: packet.sourcePort,
    destinationIp: compressedAddress(packet.destination),
    destinationPort: packet.destinationPort,
    transport: transportName(packet.protocol),
    syn: packet.syn && !packet.ack,
    inInterface: packet.inInterface === '' ? undefined : packet.inInterface,
  });
}

/** Where `IN=` begins: the last one before the first ` OUT=`, so that a prefix may hold what it wants. -1 if this is no packet. */
function packetStart(text: string): number {
  const out = text.indexOf(' OUT=');
  return out < 0 ? -1 : text.lastIndexOf('IN=', out);
}

/** Skips the kernel's `[12345.678901] ` (or the date of `dmesg -T`). A prefix in brackets, `[UFW BLOCK]`, stays. */
function afterUptime(text: string): number {
  if (text.charCodeAt(0) !== 91) return 0;
  const close = text.indexOf(']');
  if (close < 0 || close > 30) return 0;
  for (let i = 1; i < close; i++) {
    const c = text.charCodeAt(i);
    if (c !== 32 && c !== 46 && !(c >= 48 && c <= 57)) return isDmesgDate(text, close) ? close + 1 : 0;
  }
  return close + 1;
}

const isDmesgDate = (text: string, close: number): boolean => close === 25 && text[4] === ' ' && text[14] === ':';

function dmesgStamp(text: string, prefixAt: number, context: RecordContext): Stamp | undefined {
  return prefixAt === 26 ? ctimeStamp(text.slice(1, 25), context.zone) : undefined;
}

interface Packet {
  source: string | undefined;
  destination: string | undefined;
  protocol: string | undefined;
  sourcePort: number | undefined;
  destinationPort: number | undefined;
  inInterface: string | undefined;
  syn: boolean;
  ack: boolean;
}

/**
 * Reads the words from `start`; the first of each name counts. Stops at `[`, where an ICMP error quotes the packet that it answers,
 * and at the urgent pointer, after which no flag comes. One pass: the next `=` is searched only when the last one is used up.
 */
function readPacket(text: string, start: number): Packet {
  const packet: Packet = {
    source: undefined,
    destination: undefined,
    protocol: undefined,
    sourcePort: undefined,
    destinationPort: undefined,
    inInterface: undefined,
    syn: false,
    ack: false,
  };
  let equals = -1;
  for (let at = start; at < text.length; ) {
    if (text.charCodeAt(at) === 91) break;
    const space = text.indexOf(' ', at);
    const end = space < 0 ? text.length : space;
    if (equals < at) {
      equals = text.indexOf('=', at);
      if (equals < 0) equals = text.length;
    }
    if (equals < end) {
      if (text.startsWith('URGP=', at)) break;
      setField(packet, text, at, equals, end);
    } else if (end - at === 3) {
      if (text.startsWith('SYN', at)) packet.syn = true;
      else if (text.startsWith('ACK', at)) packet.ack = true;
    }
    at = end + 1;
  }
  return packet;
}

function setField(packet: Packet, text: string, at: number, equals: number, end: number): void {
  if (equals - at > 5) return;
  switch (text.slice(at, equals)) {
    case 'SRC':
      packet.source ??= text.slice(equals + 1, end);
      return;
    case 'DST':
      packet.destination ??= text.slice(equals + 1, end);
      return;
    case 'PROTO':
      packet.protocol ??= text.slice(equals + 1, end);
      return;
    case 'SPT':
      packet.sourcePort ??= portAt(text, equals + 1);
      return;
    case 'DPT':
      packet.destinationPort ??= portAt(text, equals + 1);
      return;
    case 'IN':
      packet.inInterface ??= text.slice(equals + 1, end);
      return;
  }
}

/** What was done with the packet can only be known from the words that the administrator chose. `words` is upper case. */
function actionOf(words: string): NetfilterEvent['action'] {
  if (words.includes('REJECT')) return 'rejected';
  if (words.includes('DROP') || words.includes('DENY') || words.includes('DENIED')) return 'dropped';
  if (words.includes('BLOCK') || /(?:^|[^A-Z])BAN/.test(words)) return 'dropped';
  if (words.includes('ACCEPT') || words.includes('ALLOW') || words.includes('PERMIT')) return 'accepted';
  return 'logged';
}

function speaksOfLimit(words: string): boolean {
  if (words.includes('FLOOD') || words.includes('THROTTL')) return true;
  if (words.includes('LIMIT') && !words.includes('UNLIMIT')) return true;
  return /(?:^|[^A-Z]|CONN|SYN)RATE(?:[^A-Z]|$)/.test(words);
}

function ecs(event: NetfilterEvent): EcsFields {
  const stopped = event.action === 'dropped' || event.action === 'rejected';
  return {
    event: {
      category: stopped ? ['network', 'intrusion_detection'] : ['network'],
      type: [stopped ? 'denied' : event.action === 'accepted' ? 'allowed' : 'info'],
      action: event.action,
      reason: event.prefix === '' ? undefined : event.prefix,
    },
    source: { ip: event.sourceIp, port: event.sourcePort },
    destination: { ip: event.destinationIp, port: event.destinationPort },
    network: { transport: event.transport, type: event.sourceIp.includes(':') ? 'ipv6' : 'ipv4' },
    rule: event.prefix === '' ? undefined : { name: event.prefix },
    observer: {
      type: 'firewall',
      product: 'netfilter',
      ingress: event.inInterface === undefined ? undefined : { interface: { name: event.inInterface } },
    },
    related: { ip: [event.sourceIp, event.destinationIp] },
    imapwhy: { netfilter: { limited: event.limited, syn: event.syn } },
  };
}
