import type { LabCorpus } from './lab-corpus.ts';
import { mapFiles, mapTexts } from './lab-corpus.ts';

/** What a Dovecot session id holds: microseconds (lowest 48 bits), the peer's port and address. */
export interface SessionId {
  readonly micros: number;
  readonly port: number;
  readonly ip: string;
}

/** Written apart from the parser, so that a mistake there is not repeated here. IPv6 only in the full or `::` form without embedded IPv4. */
export function readSessionId(text: string): SessionId {
  const bytes = Buffer.from(text, 'base64');
  return {
    micros: bytes.readUIntLE(0, 6),
    port: bytes.readUInt16LE(6),
    ip: [...bytes.subarray(8, 12)].join('.'),
  };
}

const WRAP = 2 ** 48;

export function writeSessionId(id: SessionId): string {
  const address = addressBytes(id.ip);
  const bytes = Buffer.alloc(8 + address.length);
  bytes.writeUIntLE(((id.micros % WRAP) + WRAP) % WRAP, 0, 6);
  bytes.writeUInt16LE(id.port, 6);
  address.copy(bytes, 8);
  return bytes.toString('base64').replace(/=+$/, '');
}

function addressBytes(ip: string): Buffer {
  if (!ip.includes(':')) return Buffer.from(ip.split('.').map(Number));
  const [left = '', right = ''] = ip.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === '' ? [] : right.split(':');
  const zeros = ip.includes('::') ? 8 - head.length - tail.length : 0;
  const groups = [...head, ...Array<string>(zeros).fill('0'), ...tail];
  const bytes = Buffer.alloc(16);
  groups.forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  });
  return bytes;
}

/** An id in a line of Dovecot: `session=<…>`, `imap(user)<pid><…>`, `(user,ip,<…>)`. A user name of 16 such characters has an `@`. */
export const ID_IN_LINE = /<([A-Za-z0-9+/]{16})>/g;

/** Rewrites every session id, in the logs and in the truth. */
export function mapSessionIds(c: LabCorpus, change: (id: SessionId, text: string) => SessionId): LabCorpus {
  const known = new Map<string, string>();
  const changed = (text: string): string => {
    let result = known.get(text);
    if (result === undefined) {
      result = writeSessionId(change(readSessionId(text), text));
      known.set(text, result);
    }
    return result;
  };
  const mapped = mapFiles(c, (f) =>
    f.kind === 'syslog' ? mapTexts(f, (text) => text.replace(ID_IN_LINE, (_, id: string) => `<${changed(id)}>`)) : f,
  );
  return {
    files: mapped.files,
    truth: c.truth.map((t) => ({
      ...t,
      dovecot_session: t.dovecot_session === null ? null : changed(t.dovecot_session),
    })),
  };
}
