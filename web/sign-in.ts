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

/** Finds the account of this name, as it is now. */
export type AccountOf = (name: string) => Promise<Account | undefined>;

const IDLE_MS = 8 * 3_600_000;
const ABSOLUTE_MS = 24 * 3_600_000;
const SIGN_INS_MAX = 10_000;

interface SignIn {
  /** The account as it was then. */
  readonly account: Account;
  readonly since: number;
  seen: number;
}

/** Who is signed in. Tokens are kept as hashes, in memory: a restart signs everybody out. Times are epoch ms. */
export class SignedIn {
  readonly #signIns = new Map<string, SignIn>();

  /** Returns the token for the cookie. */
  start(account: Account, now: number): string {
    const token = randomBytes(32).toString('base64url');
    const [oldest] = this.#signIns.keys();
    if (this.#signIns.size >= SIGN_INS_MAX && oldest !== undefined) this.#signIns.delete(oldest);
    this.#signIns.set(hashOf(token), { account, since: now, seen: now });
    return token;
  }

  /** Whose token it is, with what the account may do by now. One that was taken away or has a new password lets nobody in any more. */
  async of(token: string, now: number, accountOf: AccountOf): Promise<Account | undefined> {
    const hash = hashOf(token);
    const signIn = this.#signIns.get(hash);
    if (!signIn) return undefined;
    const account = await accountOf(signIn.account.name);
    const isOver = now - signIn.seen > IDLE_MS || now - signIn.since > ABSOLUTE_MS;
    if (isOver || !account || account.password !== signIn.account.password) {
      this.#signIns.delete(hash);
      return undefined;
    }
    signIn.seen = now;
    return account;
  }

  end(token: string): void {
    this.#signIns.delete(hashOf(token));
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
