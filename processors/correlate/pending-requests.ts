import { newRequest } from './requests.ts';
import type { HttpRequest } from './session.ts';

/** All of them, and those of one address, each of which is compared with the next one that comes. */
const PENDING_MAX = 200_000;
const PENDING_OF_ADDRESS_MAX = 1000;

/** Web requests that wait for what other logs say about them. */
export class PendingRequests {
  private readonly bySerial = new Map<number, HttpRequest>();
  private readonly byIp = new Map<string, HttpRequest[]>();

  get(serial: number): HttpRequest | undefined {
    return this.bySerial.get(serial);
  }

  /** Of an address that the web server saw, oldest first. */
  of(ip: string): readonly HttpRequest[] {
    return this.byIp.get(ip) ?? [];
  }

  add(r: HttpRequest): void {
    this.bySerial.set(r.serial, r);
    const list = this.byIp.get(r.seenIp);
    if (list) list.push(r);
    else this.byIp.set(r.seenIp, [r]);
  }

  remove(r: HttpRequest): void {
    this.bySerial.delete(r.serial);
    const list = this.byIp.get(r.seenIp) ?? [];
    const i = list.indexOf(r);
    if (i >= 0) list.splice(i, 1);
    if (list.length === 0) this.byIp.delete(r.seenIp);
  }

  /** One that must be settled before its time if there are too many, for another of this address. */
  inExcess(ip: string): HttpRequest | undefined {
    const list = this.of(ip);
    if (list.length > PENDING_OF_ADDRESS_MAX) return list[0];
    return this.bySerial.size > PENDING_MAX ? this.bySerial.values().next().value : undefined;
  }

  toData(): readonly HttpRequest[] {
    return [...this.bySerial.values()];
  }

  static fromData(data: readonly HttpRequest[]): PendingRequests {
    const pending = new PendingRequests();
    for (const r of data) pending.add({ ...newRequest(r.serial, r.ip, r.at), ...r });
    return pending;
  }
}
