import type { DocumentValues } from '../document-shape.ts';
import type { NetflowEvent } from './netflow.ts';

/** What is part of the shape; of each there are few. */
export const netflowWords = (e: NetflowEvent): readonly string[] => [
  e.dataset,
  e.transport,
  e.sourceIp.includes(':') ? 'ipv6' : 'ipv4',
];

/** What differs from one document of a flow to the next, in the order of `toEcs`: from `event.start` on, `related` included. */
export function addNetflowValues(e: NetflowEvent, values: DocumentValues): void {
  values.time(e.stamp.at);
  values.time(e.endedAt);
  values.number((e.endedAt - e.stamp.at) * 1_000_000);
  values.text(e.sourceIp);
  values.number(e.sourcePort);
  values.number(e.bytes);
  values.number(e.packets);
  values.text(e.destinationIp);
  values.number(e.destinationPort);
  values.number(e.bytes);
  values.number(e.packets);
  values.textUnlessEmpty(e.sourceIp);
  values.textUnlessEmpty(e.destinationIp === e.sourceIp ? undefined : e.destinationIp);
  values.textUnlessEmpty(e.line.host);
  values.text(e.flags);
}
