import type { EcsFields } from './parser.ts';

interface TunnelParty {
  readonly realIp: string | undefined;
  readonly leaseIp: string | undefined;
  readonly user: string | undefined;
}

/** What both OpenVPN formats say alike: which service, whose tunnel address, whose name, and what to search by. */
export function tunnelEcs(party: TunnelParty): EcsFields {
  const ips = [party.realIp, party.leaseIp].filter((ip) => ip !== undefined);
  const user = party.user;
  const known = ips.length > 0 || user !== undefined;
  return {
    client: party.leaseIp === undefined ? undefined : { nat: { ip: party.leaseIp } },
    user: user === undefined ? undefined : { name: user },
    network: { application: 'openvpn' },
    service: { type: 'openvpn' },
    related: known
      ? { ip: ips.length > 0 ? ips : undefined, user: user === undefined ? undefined : [user] }
      : undefined,
  };
}
