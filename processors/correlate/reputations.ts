import { withText } from './lists.ts';
import { keep } from './texts.ts';

const MEMBERS_MAX = 32;
const GENERATION_MAX = 150_000;
const GENERATION_MS = 4 * 3_600_000;

/** What is remembered about one client address, one network, one user, or one WAF rule and path. */
export interface Reputation {
  logins: number;
  passwordFailures: number;
  tokenFailures: number;
  scans: number; // requests or handshakes that no mail client makes
  blockedRequests: number;
  quickCloses: number; // connections closed at once without login
  lastQuickCloseAt: number | undefined;
  rhythmMs: number; // mean interval of quick closes
  rhythmJitterMs: number; // mean deviation of that interval
  okMembers: readonly string[]; // users that logged in (client), clients (user), legitimate clients (rule)
  failedMembers: readonly string[]; // users that failed (client), clients (user, rule)
  recentLogins: readonly number[]; // times, at most 8
  recentStarts: readonly number[]; // connection starts, at most 16
}

const NO_MEMBERS: readonly string[] = [];
const NO_TIMES: readonly number[] = [];

function newReputation(): Reputation {
  return {
    logins: 0,
    passwordFailures: 0,
    tokenFailures: 0,
    scans: 0,
    blockedRequests: 0,
    quickCloses: 0,
    lastQuickCloseAt: undefined,
    rhythmMs: 0,
    rhythmJitterMs: 0,
    okMembers: NO_MEMBERS,
    failedMembers: NO_MEMBERS,
    recentLogins: NO_TIMES,
    recentStarts: NO_TIMES,
  };
}

export interface ReputationsState {
  readonly young: readonly (readonly [string, Reputation])[];
  readonly old: readonly (readonly [string, Reputation])[];
  readonly turnedAt: number | null;
}

/** Two generations of memories: what was not touched for one to two GENERATION_MS is forgotten, and the size is bounded. */
export class Reputations {
  private young = new Map<string, Reputation>();
  private old = new Map<string, Reputation>();
  private turnedAt: number | undefined;

  of(key: string, at: number): Reputation {
    const known = this.young.get(key);
    if (known) return known;
    const older = this.old.get(key);
    if (older) this.old.delete(key);
    const r = older ?? newReputation();
    this.young.set(keep(key), r);
    this.turnedAt ??= at;
    if (at - this.turnedAt > GENERATION_MS || this.young.size > GENERATION_MAX) {
      this.old = this.young;
      this.young = new Map();
      this.turnedAt = at;
    }
    return r;
  }

  find(key: string): Reputation | undefined {
    return this.young.get(key) ?? this.old.get(key);
  }

  toData(): ReputationsState {
    return { young: [...this.young], old: [...this.old], turnedAt: this.turnedAt ?? null };
  }

  static fromData(data: ReputationsState): Reputations {
    const reputations = new Reputations();
    for (const [key, r] of data.young) reputations.young.set(key, { ...newReputation(), ...r });
    for (const [key, r] of data.old) reputations.old.set(key, { ...newReputation(), ...r });
    reputations.turnedAt = data.turnedAt ?? undefined;
    return reputations;
  }
}

export function withMember(list: readonly string[], member: string): readonly string[] {
  return list.length >= MEMBERS_MAX || list.includes(member) ? list : withText(list, keep(member));
}
