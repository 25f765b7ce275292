import type { HeldSession } from './resting-sessions.ts';

/** Sessions of one key. Those that no longer belong are skipped, and cleared away when they are many: removing costs no search. */
interface Group {
  members: HeldSession[];
  gone: number;
}

/** Of a key with very many sessions (everybody behind one proxy) only the last ones are looked at. */
const LOOKED_AT_MAX = 1000;

/**
 * Open sessions by a key that several may share, such as a client's address. Their order is told by what they are, not by when they were added, so that it is the same after a
 * restart. Most keys have one session, which is held without a list.
 */
export class SessionIndex {
  private readonly byKey = new Map<string, HeldSession | Group>();
  private readonly keyOf: (s: HeldSession) => string | undefined;
  private readonly inOrder: (a: HeldSession, b: HeldSession) => number;

  /**
   * `keyOf`: where a session belongs now, undefined if nowhere. Whoever changes that calls `add` and `remove`. `inOrder`: of two sessions of one key, by what does not change
   * while they are here.
   */
  constructor(keyOf: (s: HeldSession) => string | undefined, inOrder: (a: HeldSession, b: HeldSession) => number) {
    this.keyOf = keyOf;
    this.inOrder = inOrder;
  }

  /** Called when `keyOf(s)` has become `key`. */
  add(key: string, s: HeldSession): void {
    const held = this.byKey.get(key);
    if (held === undefined) this.byKey.set(key, s);
    else if ('members' in held) this.insert(held.members, s);
    else this.byKey.set(key, { members: this.inOrder(held, s) > 0 ? [s, held] : [held, s], gone: 0 });
  }

  /** Nearly always at the end. */
  private insert(members: HeldSession[], s: HeldSession): void {
    let at = members.length;
    for (; at > 0; at--) {
      const before = members[at - 1];
      if (before === undefined || this.inOrder(before, s) <= 0) break;
    }
    members.splice(at, 0, s);
  }

  /** Called when `keyOf(s)` is `key` no more. */
  remove(key: string, s: HeldSession): void {
    const held = this.byKey.get(key);
    if (held === s) this.byKey.delete(key);
    if (held === undefined || !('members' in held)) return;
    held.gone++;
    if (2 * held.gone < held.members.length && held.gone < LOOKED_AT_MAX) return;
    held.members = held.members.filter((member) => this.keyOf(member) === key);
    held.gone = 0;
    const [only] = held.members;
    if (only === undefined) this.byKey.delete(key);
    else if (held.members.length === 1) this.byKey.set(key, only);
  }

  /** `to` stands for the same session from here on. */
  replace(key: string, from: HeldSession, to: HeldSession): void {
    const held = this.byKey.get(key);
    if (held === from) this.byKey.set(key, to);
    if (held === undefined || !('members' in held)) return;
    for (let i = this.placeOf(held.members, from); i < held.members.length; i++) {
      const member = held.members[i];
      if (member === from) held.members[i] = to;
      if (member === undefined || this.inOrder(member, from) > 0) return;
    }
  }

  /** Of the first one that does not come before `s`. */
  private placeOf(members: readonly HeldSession[], s: HeldSession): number {
    let [from, to] = [0, members.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const member = members[middle];
      if (member !== undefined && this.inOrder(member, s) < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** The last session that `fits`. */
  findLast(key: string, fits: (s: HeldSession) => boolean): HeldSession | undefined {
    for (const s of this.lastFirst(key)) if (fits(s)) return s;
    return undefined;
  }

  /** The first session. */
  first(key: string): HeldSession | undefined {
    const held = this.byKey.get(key);
    return held === undefined || !('members' in held) ? held : held.members.find((s) => this.keyOf(s) === key);
  }

  /** Those of a key, the last one first; LOOKED_AT_MAX at most. */
  *lastFirst(key: string): Generator<HeldSession> {
    const held = this.byKey.get(key);
    if (held === undefined) return;
    if (!('members' in held)) {
      yield held;
      return;
    }
    let left = LOOKED_AT_MAX;
    for (let i = held.members.length - 1; i >= 0 && left > 0; i--) {
      const s = held.members[i];
      if (s === undefined || this.keyOf(s) !== key) continue;
      left--;
      yield s;
    }
  }

  /** Serials by key. */
  toData(): readonly (readonly [string, readonly number[]])[] {
    const data: [string, readonly number[]][] = [];
    for (const [key, held] of this.byKey) {
      const members = 'members' in held ? held.members.filter((s) => this.keyOf(s) === key) : [held];
      data.push([key, members.map((s) => s.serial)]);
    }
    return data;
  }
}
