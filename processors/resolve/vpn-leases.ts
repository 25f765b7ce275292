/** Who had a tunnel address when, and what happened to the tunnel. Facts come in event-time order; old ones are forgotten. */

export interface Lease {
  readonly address: string;
  readonly name: string;
  readonly realIp: string | undefined;
  readonly from: number;
  until: number; // Infinity while held
}

/** Something that takes a tunnel away from the sessions inside it. */
export interface TunnelTrouble {
  readonly at: number;
  readonly kind: 'ping-timeout' | 'restart' | 'exit' | 'tls-failed' | 'reconnected' | 'network-error';
}

export interface TunnelSample {
  readonly at: number;
  readonly received: number;
  readonly sent: number;
}

/** Plain data; a lease that is held has no end. */
export interface VpnLeasesState {
  readonly leases: readonly (readonly [
    string,
    readonly (Omit<Lease, 'until'> & { readonly until: number | null })[],
  ])[];
  readonly troubles: readonly (readonly [string, readonly TunnelTrouble[]])[];
  readonly samples: readonly (readonly [string, readonly TunnelSample[]])[];
  readonly rekeys?: readonly (readonly [string, readonly number[]])[];
  readonly names: readonly string[];
  readonly byReal: readonly (readonly [string, string])[];
}

const HISTORY_MAX = 64;

export class VpnLeases {
  private readonly byAddress = new Map<string, Lease[]>();
  private readonly troubles = new Map<string, TunnelTrouble[]>();
  private readonly samples = new Map<string, TunnelSample[]>();
  private readonly rekeys = new Map<string, number[]>();
  private readonly names = new Set<string>();
  private readonly byReal = new Map<string, string>();

  /** `name` holds `address` from `at` on. A repeated line about the same holder changes nothing. */
  grant(address: string, name: string, realIp: string | undefined, at: number): void {
    this.names.add(name);
    if (realIp !== undefined) this.byReal.set(realIp, name);
    const held = this.byAddress.get(address);
    const last = held?.at(-1);
    if (
      last &&
      last.name === name &&
      last.until === Number.POSITIVE_INFINITY &&
      (last.realIp === realIp || realIp === undefined)
    )
      return;
    if (last && last.until > at) last.until = at;
    const lease: Lease = { address, name, realIp, from: at, until: Number.POSITIVE_INFINITY };
    if (!held) this.byAddress.set(address, [lease]);
    else {
      held.push(lease);
      if (held.length > HISTORY_MAX) held.shift();
    }
  }

  /** The lease of an address at a time. A session may show a lease seconds before the VPN log's stamp of whole seconds does. */
  holder(address: string, at: number): Lease | undefined {
    const held = this.byAddress.get(address);
    if (!held) return undefined;
    for (let i = held.length - 1; i >= 0; i--) {
      const lease = held[i];
      if (lease && lease.from <= at + 2000) return lease.until + 600_000 >= at ? lease : undefined;
    }
    const first = held[0];
    return first && first.from - at < 900_000 ? first : undefined; // the log began after the tunnel did
  }

  trouble(name: string, kind: TunnelTrouble['kind'], at: number): void {
    const list = this.troubles.get(name);
    if (!list) this.troubles.set(name, [{ at, kind }]);
    else {
      list.push({ at, kind });
      if (list.length > HISTORY_MAX) list.shift();
    }
  }

  /** Every tunnel that is known. */
  troubleForAll(kind: TunnelTrouble['kind'], at: number): void {
    for (const name of this.names) this.trouble(name, kind, at);
  }

  /** Who is behind a real address now, by the lease granted last; undefined if nobody. */
  nameAt(realIp: string): string | undefined {
    return this.byReal.get(realIp);
  }

  troublesBetween(name: string, from: number, to: number): readonly TunnelTrouble[] {
    return (this.troubles.get(name) ?? []).filter((t) => t.at >= from && t.at <= to);
  }

  /** Its keys were renegotiated. */
  rekeyed(name: string, at: number): void {
    const list = this.rekeys.get(name);
    if (!list) this.rekeys.set(name, [at]);
    else {
      list.push(at);
      if (list.length > HISTORY_MAX) list.shift();
    }
  }

  rekeysBetween(name: string, from: number, to: number): readonly number[] {
    return (this.rekeys.get(name) ?? []).filter((at) => at >= from && at <= to);
  }

  sample(name: string, at: number, received: number, sent: number): void {
    const list = this.samples.get(name);
    const s = { at, received, sent };
    if (!list) this.samples.set(name, [s]);
    else {
      list.push(s);
      if (list.length > HISTORY_MAX) list.shift();
    }
  }

  /** Bytes a second through the tunnel around a time, from status snapshots; undefined without two of them. */
  throughput(name: string, from: number, to: number): number | undefined {
    const list = this.samples.get(name);
    if (!list) return undefined;
    let before: TunnelSample | undefined;
    let after: TunnelSample | undefined;
    for (const s of list) {
      if (s.at <= from) before = s;
      else if (s.at >= to && !after) after = s;
    }
    if (!before || !after || after.at <= before.at) return undefined;
    const bytes = after.received + after.sent - before.received - before.sent;
    return bytes < 0 ? undefined : (bytes / (after.at - before.at)) * 1000;
  }

  /** Whether an address belongs to the tunnel pool, as far as leases tell: it or a neighbour in its network was leased. */
  knows(address: string): boolean {
    return this.byAddress.has(address);
  }

  get tunnels(): number {
    return this.names.size;
  }

  toData(): VpnLeasesState {
    return {
      leases: [...this.byAddress].map(([address, held]) => [
        address,
        held.map((lease) => ({ ...lease, until: Number.isFinite(lease.until) ? lease.until : null })),
      ]),
      troubles: [...this.troubles].map(([name, list]) => [name, [...list]]),
      samples: [...this.samples].map(([name, list]) => [name, [...list]]),
      rekeys: [...this.rekeys].map(([name, list]) => [name, [...list]]),
      names: [...this.names],
      byReal: [...this.byReal],
    };
  }

  static fromData(data: VpnLeasesState): VpnLeases {
    const leases = new VpnLeases();
    for (const [address, held] of data.leases) {
      leases.byAddress.set(
        address,
        held.map((lease) => ({ ...lease, until: lease.until ?? Number.POSITIVE_INFINITY })),
      );
    }
    for (const [name, list] of data.troubles) leases.troubles.set(name, [...list]);
    for (const [name, list] of data.samples) leases.samples.set(name, [...list]);
    for (const [name, list] of data.rekeys ?? []) leases.rekeys.set(name, [...list]);
    for (const name of data.names) leases.names.add(name);
    for (const [realIp, name] of data.byReal) leases.byReal.set(realIp, name);
    return leases;
  }
}
