import { AddressMap, type Prefix } from '../address-map.ts';
import { looksLikeAddress, plainAddress } from '../ip.ts';
import { networkOf } from './network.ts';

/** What a site says of addresses: what its logs cannot show. */
export interface AddressLists {
  /** Each range is one network with one path to the server, and the site's users are in it. */
  readonly ownNetworks: readonly Prefix[];
  /** Their own address stands where the client's should; what they say of the client is believed. */
  readonly trustedProxies: readonly Prefix[];
  /** Security scanners that the site has asked to try the door. */
  readonly scanners: readonly Prefix[];
  /** What asks whether the service is well. */
  readonly monitors: readonly Prefix[];
}

/** The tag of a session that is counted apart, because no user made it. */
export type ApartTag = 'health_check' | 'known_scanner';

/** Answers what is known of an address. Never changes, and is no part of any state: a restart reads it again. */
export class KnownAddresses {
  private readonly own = new AddressMap<string>();
  private readonly proxies = new AddressMap<true>();
  private readonly apart = new AddressMap<ApartTag>();

  constructor({ ownNetworks, trustedProxies, scanners, monitors }: AddressLists) {
    for (const p of ownNetworks) this.own.set(p, p.text);
    for (const p of trustedProxies) this.proxies.set(p, true);
    for (const p of scanners) this.apart.set(p, 'known_scanner');
    for (const p of monitors) this.apart.set(p, 'health_check');
  }

  /** Whether sessions of this address are counted apart, and as what. */
  apartAs(ip: string | undefined): ApartTag | undefined {
    return ip === undefined ? undefined : this.apart.get(ip);
  }

  isOwn(ip: string | undefined): boolean {
    return ip !== undefined && this.own.get(ip) !== undefined;
  }

  /** The network whose path an address shares: the site's own as the site has named it, any other as far as an address by itself can tell. */
  network(ip: string): string {
    return this.own.get(ip) ?? networkOf(ip);
  }

  isProxy(ip: string | undefined): boolean {
    return ip !== undefined && this.proxies.get(ip) !== undefined;
  }

  /** Whether the site has said which addresses are proxies: then no other is. */
  get namesProxies(): boolean {
    return this.proxies.size > 0;
  }

  /**
   * Who sent a web request that came from `seen` with this X-Forwarded-For: each proxy adds the address that it saw on the right, so what
   * trusted ones added is believed, from the right, and nothing beyond the first address that is no trusted proxy: a client can write there
   * whatever it likes.
   */
  clientOf(seen: string, forwardedFor: string | undefined): string {
    let client = seen;
    for (const hop of (forwardedFor ?? '').split(',').reverse()) {
      const address = plainAddress(hop.trim());
      if (!this.isProxy(client) || !looksLikeAddress(address)) return client;
      client = address;
    }
    return client;
  }
}

export const NOTHING_KNOWN = new KnownAddresses({ ownNetworks: [], trustedProxies: [], scanners: [], monitors: [] });
