import { networkOf } from '../../processors/resolve/network.ts';
import { countedMatches, familyOf, looksForAttack } from './counted-matches.ts';
import { type ClientStanding, type Known, standingOf } from './known-clients.ts';
import type { WafRequest } from './request.ts';

const CLIENTS_MAX = 200_000;
const KINDS_MAX = 32;
/** Kinds of attack that a client has to try until it counts as probing. */
const KINDS_OF_PROBING = 3;

/** What each client tried, over all places, and what is known of it. */
export class ClientHistory {
  private readonly kinds = new Map<string, Set<string>>();
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
    let own = this.kinds.get(request.client);
    if (own === undefined) {
      if (this.kinds.size >= CLIENTS_MAX) return;
      own = new Set();
      this.kinds.set(request.client, own);
    }
    for (const m of countedMatches(request)) if (looksForAttack(m) && own.size < KINDS_MAX) own.add(familyOf(m.rule));
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

  /** It uses a scanner, tries several kinds of attack, or its sessions are attacks more often than logins. */
  isProbing(client: string): boolean {
    if (this.scanners.has(client) || (this.kinds.get(client)?.size ?? 0) >= KINDS_OF_PROBING) return true;
    const { attacks, logins } = this.standingOf(client);
    return attacks > logins.length;
  }
}
