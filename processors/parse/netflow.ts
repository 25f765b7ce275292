import type { EventBase } from '../event.ts';

/** One unidirectional flow record: nfdump CSV (any column order, by header) or `nfdump -o json`. `stamp` is the flow's start. */
export interface NetflowEvent extends EventBase {
  readonly dataset: 'netflow.flow';
  readonly action: 'flow';
  readonly endedAt: number;
  readonly sourceIp: string;
  readonly sourcePort: number;
  readonly destinationIp: string;
  readonly destinationPort: number;
  readonly transport: string; // tcp, udp, …
  readonly flags: string; // letters that were seen, in the order of "CEUAPRSF" (nfdump prints dots between)
  readonly packets: number;
  readonly bytes: number;
}
