import type { DovecotAuthEvent, DovecotLoginEvent, DovecotSessionEvent } from '../parse/dovecot.ts';
import { decodeSessionId } from '../parse/dovecot-session-id.ts';

const KNOWN_MAX = 100_000;

export interface DovecotAddressesState {
  readonly ids: readonly (readonly [string, string])[];
  readonly processes: readonly (readonly [string, string])[];
}

/**
 * The address that Dovecot saw, for each of its lines about a connection, from the lines of the same log before it. Most lines tell it, or their
 * session id holds it (docs/formats/dovecot.md); only for the others is anything remembered: by an id of another make, and where login
 * lines have no id, by the mail process that the login was given.
 */
export class DovecotAddresses {
  private readonly ids: Map<string, string>;
  private readonly processes: Map<string, string>;

  constructor(state?: DovecotAddressesState) {
    this.ids = new Map(state?.ids);
    this.processes = new Map(state?.processes);
  }

  toData(): DovecotAddressesState {
    return { ids: [...this.ids], processes: [...this.processes] };
  }

  /** Undefined where nothing tells it. */
  of(e: DovecotLoginEvent | DovecotSessionEvent | DovecotAuthEvent): string | undefined {
    const id = e.session === undefined || e.session === '' ? undefined : e.session;
    const decoded = id === undefined ? undefined : decodeSessionId(id, e.stamp.at)?.ip;
    if (e.dataset === 'dovecot.session') {
      if (decoded !== undefined) return decoded;
      const byId = id === undefined ? undefined : this.ids.get(id);
      return byId ?? (e.pid === undefined ? undefined : this.processes.get(processKey(e.line.host, e.pid)));
    }
    const ip = decoded ?? e.rip;
    if (ip === undefined) return id === undefined ? undefined : this.ids.get(id);
    if (id !== undefined && decoded === undefined) remember(this.ids, id, ip);
    if (id === undefined && e.dataset === 'dovecot.login' && e.mpid !== undefined)
      remember(this.processes, processKey(e.line.host, e.mpid), ip);
    return ip;
  }
}

const processKey = (host: string | undefined, pid: number): string => `${pid} ${host ?? ''}`;

function remember(map: Map<string, string>, key: string, ip: string): void {
  map.delete(key);
  map.set(key, ip);
  if (map.size > KNOWN_MAX) map.delete(map.keys().next().value ?? '');
}
