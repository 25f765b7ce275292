import { forgetOldest } from '../forget-oldest.ts';
import { Journal } from '../journal.ts';
import { withText } from './lists.ts';
import { keep } from './texts.ts';

const SHARED_USERS = 3;
const ADDRESSES_MAX = 300_000;
const GENERATION_MS = 4 * 3_600_000;

/** Up to SHARED_USERS users of an address, and the generation in which one of them logged in last. */
export interface AddressUsers {
  readonly users: readonly string[];
  readonly generation: number;
}

export type SharedAddressesState = readonly (readonly [string, AddressUsers])[];

/**
 * Addresses behind which several users have logged in: perhaps a proxy's. Forgotten by the clock, four to eight hours after the last login, so
 * that it does not matter which other addresses were seen here.
 */
export class SharedAddresses {
  readonly journal = new Journal<string>();
  private readonly byIp: Map<string, AddressUsers>;
  private generation = 0;

  constructor(state: SharedAddressesState = []) {
    this.byIp = new Map(state);
    for (const [, { generation }] of state) this.generation = Math.max(this.generation, generation);
  }

  toData(): SharedAddressesState {
    return [...this.byIp];
  }

  of(ip: string): AddressUsers | undefined {
    return this.byIp.get(ip);
  }

  loggedIn(ip: string, user: string, at: number): void {
    const generation = this.turn(at);
    const known = this.byIp.get(ip);
    const users = known && known.generation >= generation - 1 ? known.users : [];
    const isNew = users.length < SHARED_USERS && !users.includes(user);
    if (!isNew && known?.generation === generation) return;
    const key = keep(ip);
    this.byIp.set(key, { users: isNew ? withText(users, keep(user)) : users, generation });
    this.journal.note(key);
    forgetOldest(this.byIp, ADDRESSES_MAX, (oldest) => this.forget(oldest));
  }

  has(ip: string, at: number): boolean {
    const generation = this.turn(at);
    const known = this.byIp.get(ip);
    return known !== undefined && known.generation >= generation - 1 && known.users.length >= SHARED_USERS;
  }

  private turn(at: number): number {
    const generation = Math.floor(at / GENERATION_MS);
    if (generation > this.generation) {
      this.generation = generation;
      for (const [ip, known] of this.byIp) if (known.generation < generation - 1) this.forget(ip);
    }
    return Math.max(generation, this.generation);
  }

  private forget(ip: string): void {
    this.byIp.delete(ip);
    this.journal.note(ip);
  }
}
