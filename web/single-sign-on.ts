/** A sign-in that was begun elsewhere and has not come back yet. */
export interface BegunSignIn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string; // PKCE, RFC 7636
  readonly to: string; // the page that was wanted
  readonly at: number; // epoch ms
}

/** How another server says who somebody is (OpenID Connect, authorization code with PKCE). */
export interface SingleSignOn {
  /** Where the browser goes, and what must be remembered until it comes back. */
  begin(to: string, now: number): Promise<{ readonly url: string; readonly begun: BegunSignIn }>;
  /** The name in the answer; undefined if the answer does not prove one. `path`: path and query with which the browser came back. */
  complete(path: string, begun: BegunSignIn): Promise<string | undefined>;
}

const BEGUN_MAX = 10_000;
const BEGUN_MS = 10 * 60_000;

/** Sign-ins under way, by their state. Bounded: a stranger can begin as many as he likes. */
export class BegunSignIns {
  readonly #begun = new Map<string, BegunSignIn>();

  add(begun: BegunSignIn): void {
    const [oldest] = this.#begun.keys();
    if (this.#begun.size >= BEGUN_MAX && oldest !== undefined) this.#begun.delete(oldest);
    this.#begun.set(begun.state, begun);
  }

  /** Once only. */
  take(state: string, now: number): BegunSignIn | undefined {
    const begun = this.#begun.get(state);
    this.#begun.delete(state);
    return begun && now - begun.at <= BEGUN_MS ? begun : undefined;
  }
}
