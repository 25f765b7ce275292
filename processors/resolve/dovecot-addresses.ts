import { forgetOldest } from '../forget-oldest.ts';
import { Journal } from '../journal.ts';
import type { DovecotAuthEvent, DovecotLoginEvent, DovecotSessionEvent } from '../parse/dovecot.ts';
import { decodeSessionId } from '../parse/dovecot-session-id.ts';

const KNOWN_MAX = 200_000;

/** The address behind an id or a process, the one that was told last at the end; plain data. */
export type DovecotAddressesState = readonly (readonly [key: string, address: string])[];

/**
 * The address that Dovecot saw, for each of its lines about a connection, from the lines of the same log before it. Most lines tell it, or their
 * session id holds it (docs/formats/dovecot.md); only for the others is anything remembered: by an id of another make, and where login
 * lines have no id, by the mail process that the login was given.
 */
export class DovecotAddresses {
  /** By id, and by process. */
  private readonly known: Map<string, string>;
  private readonly journal = new Journal<string>();

  constructor(state: DovecotAddressesState = []) {
    this.known = new Map(state);
    this.journal.keep();
  }

  /** What changed since it was last asked; an undefined address: it is forgotten. */
  changes(): readonly (readonly [key: string, address: string | undefined])[] {
    return this.journal.take().map((key) => [key, this.known.get(key)]);
  }

  /** Undefined where nothing tells it. */
  of(e: DovecotLoginEvent | DovecotSessionEvent | DovecotAuthEvent): string | undefined {
    const id = e.session === undefined || e.session === '' ? undefined : e.session;
    const decoded = id === undefined ? undefined : decodeSessionId(id, e.stamp.at)?.ip;
    if (e.dataset === 'dovecot.session') {
      if (decoded !== undefined) return decoded;
      const byId = id === undefined ? undefined : this.known.get(idKey(id));
      return byId ?? (e.pid === undefined ? undefined : this.known.get(processKey(e.line.host, e.pid)));
    }
    const ip = decoded ?? e.rip;
    if (ip === undefined) return id === undefined ? undefined : this.known.get(idKey(id));
    if (id !== undefined && decoded === undefined) this.remember(idKey(id), ip);
    if (id === undefined && e.dataset === 'dovecot.login' && e.mpid !== undefined)
      this.remember(processKey(e.line.host, e.mpid), ip);
    return ip;
  }

  private remember(key: string, ip: string): void {
    this.known.delete(key);
    this.known.set(key, ip);
    this.journal.note(key);
    forgetOldest(this.known, KNOWN_MAX, (oldest) => {
      this.known.delete(oldest);
      this.journal.note(oldest);
    });
  }
}

const idKey = (id: string): string => `id ${id}`;
const processKey = (host: string | undefined, pid: number): string => `pid ${pid} ${host ?? ''}`;
