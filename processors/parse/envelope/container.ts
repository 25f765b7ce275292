import { UTC } from '../../time.ts';
import type { Envelope } from './envelope.ts';
import { jsonObject, own } from './json-object.ts';
import { isoStampAt, type StampAt } from './stamps.ts';

/**
 * One line of a container's output, as Docker's `json-file` driver (`{"log":"…\n","stream":"stdout","time":"…Z"}`) or the Kubernetes
 * container runtimes (`2026-11-24T03:24:10.123456789Z stdout F TEXT`) keep it. What the program printed may again be a syslog line.
 * Undefined if it is neither.
 * Source: moby daemon/logger/jsonfilelog; Kubernetes CRI, `pkg/kubelet/kuberuntime/logs`.
 */
export function container(text: string): Envelope | undefined {
  return text.charCodeAt(0) === 123 ? dockerLine(text) : criLine(text);
}

function dockerLine(text: string): Envelope | undefined {
  if (!text.includes('"log":') && !text.includes('"log" :')) return undefined;
  const entry = jsonObject(text);
  if (entry === undefined) return undefined;
  const message = own(entry, 'log');
  const time = own(entry, 'time');
  if (typeof message !== 'string' || typeof time !== 'string') return undefined;
  const found = isoStampAt(time, 0, UTC);
  if (found === undefined) return undefined;
  return bare(found, message.replace(/\r?\n$/, ''), false);
}

function criLine(text: string): Envelope | undefined {
  const found = isoStampAt(text, 0, UTC);
  if (found === undefined || !found.stamp.zoned) return undefined;
  const { end } = found;
  const streamEnd = text.startsWith(' stdout ', end) || text.startsWith(' stderr ', end) ? end + 8 : -1;
  if (streamEnd < 0) return undefined;
  const tag = text.charCodeAt(streamEnd);
  const after = text.charCodeAt(streamEnd + 1);
  // `F` is a full line, `P` one that goes on; more tags may follow behind colons.
  if ((tag !== 70 && tag !== 80) || (after !== 32 && after !== 58 && streamEnd + 1 < text.length)) return undefined;
  const space = text.indexOf(' ', streamEnd);
  return bare(found, space < 0 ? '' : text.slice(space + 1), tag === 80);
}

function bare(found: StampAt, message: string, partial: boolean): Envelope {
  return { stamp: found.stamp, host: undefined, program: undefined, pid: undefined, message, partial };
}
