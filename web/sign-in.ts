import { createHash, randomBytes } from 'node:crypto';

/** What a person may do: a viewer reads, a reviewer decides and writes, an admin does both and is shown the trail. */
export const ROLES = ['viewer', 'reviewer', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Person {
  /** Null: nobody signs in here, because only this machine can connect. */
  readonly name: string | null;
  readonly role: Role;
}

export const mayWrite = (person: Person): boolean => person.role !== 'viewer';

/** Who may come in. */
export interface Account {
  readonly name: string;
  readonly role: Role;
  /** As `hashPassword` keeps it; undefined: only another server can say who this is. */
  readonly password?: string | undefined;
}

const IDLE_MS = 8 * 3_600_000;
const ABSOLUTE_MS = 24 * 3_600_000;
const SESSIONS_MAX = 10_000;

/** Who is signed in. Tokens are kept as hashes, in memory: a restart signs everybody out. Times are epoch ms. */
export class SignedIn {
  readonly #sessions = new Map<string, { readonly person: Person; readonly since: number; seen: number }>();

  /** Returns the token for the cookie. */
  start(person: Person, now: number): string {
    const token = randomBytes(32).toString('base64url');
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= SESSIONS_MAX && oldest !== undefined) this.#sessions.delete(oldest);
    this.#sessions.set(hashOf(token), { person, since: now, seen: now });
    return token;
  }

  of(token: string, now: number): Person | undefined {
    const hash = hashOf(token);
    const session = this.#sessions.get(hash);
    if (!session) return undefined;
    if (now - session.seen > IDLE_MS || now - session.since > ABSOLUTE_MS) {
      this.#sessions.delete(hash);
      return undefined;
    }
    session.seen = now;
    return session.person;
  }

  end(token: string): void {
    this.#sessions.delete(hashOf(token));
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

const WINDOW_MS = 15 * 60_000;
const KEYS_MAX = 20_000;

/**
 * Slows down guessing: of one name 5 wrong passwords, from one address 30, in a quarter of an hour. Names and addresses are whatever a stranger sends,
 * so that only so many are held; when there are more, the oldest are forgotten.
 */
export class SignInThrottle {
  readonly #failures = new Map<string, { count: number; since: number }>();

  /** How long this one must wait, ms; 0: go on. */
  waitMs(name: string, address: string, now: number): number {
    return Math.max(this.#wait(`name ${name}`, 5, now), this.#wait(`from ${address}`, 30, now));
  }

  failed(name: string, address: string, now: number): void {
    for (const key of [`name ${name}`, `from ${address}`]) {
      const known = this.#failures.get(key);
      if (known && now - known.since < WINDOW_MS) known.count++;
      else {
        this.#failures.delete(key);
        this.#failures.set(key, { count: 1, since: now });
      }
    }
    for (const key of this.#failures.keys()) {
      if (this.#failures.size <= KEYS_MAX) break;
      this.#failures.delete(key);
    }
  }

  succeeded(name: string): void {
    this.#failures.delete(`name ${name}`);
  }

  #wait(key: string, max: number, now: number): number {
    const known = this.#failures.get(key);
    return known && known.count >= max ? Math.max(0, known.since + WINDOW_MS - now) : 0;
  }
}
