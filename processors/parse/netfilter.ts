import type { EventBase } from '../event.ts';

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
  readonly syn: boolean;
  readonly inInterface: string | undefined;
}
