/** Protocol numbers that logs print instead of names, as ECS `network.transport` spells them. Source: IANA protocol numbers. */
const NAME_BY_NUMBER: ReadonlyMap<string, string> = new Map([
  ['1', 'icmp'],
  ['2', 'igmp'],
  ['4', 'ipip'],
  ['6', 'tcp'],
  ['17', 'udp'],
  ['41', 'ipv6'],
  ['47', 'gre'],
  ['50', 'esp'],
  ['51', 'ah'],
  ['58', 'ipv6-icmp'],
  ['132', 'sctp'],
  ['136', 'udplite'],
]);

/** `TCP`, `6`, `ICMPv6`, `ICMP6` as `tcp`, `tcp`, `ipv6-icmp`, `ipv6-icmp`. An unknown number stays a number. */
export function transportName(text: string): string {
  const known = NAME_BY_NUMBER.get(text);
  if (known !== undefined) return known;
  if (text === 'TCP') return 'tcp';
  if (text === 'UDP') return 'udp';
  const name = text.toLowerCase();
  return name === 'icmpv6' || name === 'icmp6' ? 'ipv6-icmp' : name;
}
