import { withText } from './lists.ts';
import { keep } from './texts.ts';

const SHARED_USERS = 3;
const GENERATION_MAX = 150_000;
const GENERATION_MS = 4 * 3_600_000;

type Users = readonly (readonly [string, readonly string[]])[];

export interface SharedAddressesState {
  readonly young: Users;
  readonly old: Users;
  readonly generation: number;
}

/**
 * Addresses behind which several users have logged in: perhaps a proxy's. Forgotten by the clock, four to eight hours after the last login, so
 * that it does not matter which other addresses were seen here.
 */
export class SharedAddresses {
  private young: Map<string, readonly string[]>;
  private old: Map<string, readonly string[]>;
  private generation: number;

  constructor(state?: SharedAddressesState) {
    this.young = new Map(state?.young);
    this.old = new Map(state?.old);
    this.generation = state?.generation ?? 0;
  }

  toData(): SharedAddressesState {
    return { young: [...this.young], old: [...this.old], generation: this.generation };
  }

  loggedIn(ip: string, user: string, at: number): void {
    this.turn(at);
    const users = this.young.get(ip) ?? this.old.get(ip) ?? [];
    const known = users.length >= SHARED_USERS || users.includes(user);
    if (known && this.young.has(ip)) return;
    if (this.young.size >= GENERATION_MAX) this.young.delete(this.young.keys().next().value ?? '');
    this.young.set(keep(ip), known ? users : withText(users, keep(user)));
  }

  has(ip: string, at: number): boolean {
    this.turn(at);
    return (this.young.get(ip) ?? this.old.get(ip) ?? []).length >= SHARED_USERS;
  }

  private turn(at: number): void {
    const generation = Math.floor(at / GENERATION_MS);
    if (generation <= this.generation) return;
    this.old = generation === this.generation + 1 ? this.young : new Map();
    this.young = new Map();
    this.generation = generation;
  }
}
