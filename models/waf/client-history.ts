import { networkOf } from '../../processors/resolve/network.ts';
import { countedMatches, familyOf, looksForAttack } from './counted-matches.ts';
import { type ClientStanding, type Known, standingOf } from './known-clients.ts';
import type { WafRequest } from './request.ts';

const CLIENTS_MAX = 200_000;
const TRIED_MAX = 32;
/**
 * Kinds of attack that a client has to try, in as many places, until it counts as probing. Kinds alone will not do: one mail with markup in it is stopped by
 * rules against several kinds of attack at once, in one place.
 */
const KINDS_OF_PROBING = 3;
const PLACES_OF_PROBING = 3;

interface Tried {
  readonly kinds: Set<string>;
  readonly places: Set<string>;
}

/** What each client tried, over all places, and what is known of it. */
export class ClientHistory {
  private readonly tried = new Map<string, Tried>();
  private readonly scanners = new Set<string>();
  private readonly standings = new Map<string, ClientStanding>();
  private readonly networks = new Map<string, boolean>();
  private readonly known: Known;

  constructor(known: Known) {
    this.known = known;
  }

  /** Adds a blocked request. */
  add(request: WafRequest): void {
    if (request.client === null) return;
    let own = this.tried.get(request.client);
    if (own === undefined) {
      if (this.tried.size >= CLIENTS_MAX) return;
      own = { kinds: new Set(), places: new Set() };
      this.tried.set(request.client, own);
    }
    for (const m of countedMatches(request)) {
      if (!looksForAttack(m)) continue;
      if (own.kinds.size < TRIED_MAX) own.kinds.add(familyOf(m.rule));
      if (own.places.size < TRIED_MAX) own.places.add(`${request.path ?? ''}\u0000${m.target ?? ''}`);
    }
    // A scanner’s name in a request counts too where another rule denied it first.
    if (request.matches.some((m) => familyOf(m.rule) === '913')) this.scanners.add(request.client);
  }

  standingOf(client: string): ClientStanding {
    let standing = this.standings.get(client);
    if (standing === undefined) {
      standing = standingOf(this.known.visitsOf(client));
      this.standings.set(client, standing);
    }
    return standing;
  }

  /** Whether users log in from the network of an address. */
  isNetworkKnown(client: string): boolean {
    const network = networkOf(client);
    let isKnown = this.networks.get(network);
    if (isKnown === undefined) {
      isKnown = this.known.anyLoginFrom(network);
      this.networks.set(network, isKnown);
    }
    return isKnown;
  }

  /** It uses a scanner, tries several kinds of attack in several places, or its sessions are attacks more often than logins. */
  isProbing(client: string): boolean {
    if (this.scanners.has(client)) return true;
    const tried = this.tried.get(client);
    if (tried !== undefined && tried.kinds.size >= KINDS_OF_PROBING && tried.places.size >= PLACES_OF_PROBING)
      return true;
    const { attacks, logins } = this.standingOf(client);
    return attacks > logins.length;
  }
}
