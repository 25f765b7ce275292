import type { HttpRequest } from './session.ts';

/** An open connection as far as a web request may belong to it. */
export interface Connection {
  readonly serial: number;
  ip: string | undefined;
  startedAt: number;
  startPrecisionMs: number;
  user: string | undefined;
  mechanism: string | undefined;
  requests: readonly HttpRequest[];
}

/** Of an address with very many connections (everybody behind one proxy) only the last ones are looked at. */
const OF_ADDRESS_MAX = 1000;
const FORGET_EVERY_MS = 60_000;

/**
 * The connections that web requests may have led to: those that began a short while ago, and those that have requests already. By the real
 * address of the client.
 */
export class Connections {
  private readonly bySerial = new Map<number, Connection>();
  /** Most addresses have one, which is held without a list. */
  private readonly byIp = new Map<string, Connection | Map<number, Connection>>();
  private forgottenAt: number;

  constructor(state: readonly Connection[] = [], forgottenAt = Number.NEGATIVE_INFINITY) {
    for (const c of state) this.put({ ...c });
    this.forgottenAt = forgottenAt;
  }

  toData(): readonly Connection[] {
    return [...this.bySerial.values()];
  }

  /** The connection begins, or more is known of it. */
  put(c: Connection): void {
    const known = this.bySerial.get(c.serial);
    if (!known) {
      this.bySerial.set(c.serial, c);
      this.addAddress(c);
      return;
    }
    if (known.ip !== c.ip) {
      this.removeAddress(known);
      known.ip = c.ip;
      this.addAddress(known);
    }
    known.startedAt = c.startedAt;
    known.startPrecisionMs = c.startPrecisionMs;
    known.user = c.user ?? known.user;
    known.mechanism = c.mechanism;
  }

  /** Those of an address, the one that was added last first. */
  lastFirst(ip: string): readonly Connection[] {
    const known = this.byIp.get(ip);
    if (known === undefined) return [];
    return known instanceof Map ? [...known.values()].reverse() : [known];
  }

  attach(c: Connection, r: HttpRequest): void {
    c.requests = [...c.requests, r];
    c.user ??= r.user;
  }

  merge(from: number, into: number): void {
    const other = this.remove(from);
    const c = this.bySerial.get(into);
    if (other && c) c.requests = [...c.requests, ...other.requests];
  }

  /** Takes it out; what was attached to it goes with it. */
  remove(serial: number): Connection | undefined {
    const c = this.bySerial.get(serial);
    if (!c) return undefined;
    this.bySerial.delete(serial);
    this.removeAddress(c);
    return c;
  }

  /** No request that is still to be settled can belong to a connection that began before `oldest`. */
  forget(oldest: number): void {
    if (oldest - this.forgottenAt < FORGET_EVERY_MS) return;
    this.forgottenAt = oldest;
    for (const c of this.bySerial.values()) if (c.requests.length === 0 && c.startedAt < oldest) this.remove(c.serial);
  }

  private addAddress(c: Connection): void {
    if (c.ip === undefined) return;
    const known = this.byIp.get(c.ip);
    if (known === undefined) this.byIp.set(c.ip, c);
    else if (!(known instanceof Map))
      this.byIp.set(
        c.ip,
        new Map([
          [known.serial, known],
          [c.serial, c],
        ]),
      );
    else {
      known.set(c.serial, c);
      if (known.size > OF_ADDRESS_MAX) known.delete(known.keys().next().value ?? c.serial);
    }
  }

  private removeAddress(c: Connection): void {
    if (c.ip === undefined) return;
    const known = this.byIp.get(c.ip);
    if (known === c) this.byIp.delete(c.ip);
    else if (known instanceof Map) {
      known.delete(c.serial);
      if (known.size === 0) this.byIp.delete(c.ip);
    }
  }
}
