import { looksLikeAddress } from '../ip.ts';

/**
 * The network an address belongs to, as far as logs can tell without routing tables: /24 for IPv4, /64 for IPv6.
 * Expects plain addresses (see `plainAddress`). Returns the input unchanged if it is no address.
 */
export function networkOf(address: string): string {
  const dot = address.lastIndexOf('.');
  if (dot > 0 && !address.includes(':')) return `${address.slice(0, dot)}.0/24`;
  if (!looksLikeAddress(address)) return address;
  return `${expandGroups(address).slice(0, 4).map(shortGroup).join(':')}::/64`;
}

function shortGroup(group: string): string {
  const trimmed = group.replace(/^0{1,3}/, '');
  return trimmed === '' ? '0' : trimmed.toLowerCase();
}

/** The eight groups of an IPv6 address; missing ones are `0`. Embedded IPv4 counts as two groups and is not expanded further. */
function expandGroups(address: string): readonly string[] {
  const [head = '', tail] = address.split('::', 2);
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return [...left, ...Array<string>(8).fill('0')].slice(0, 8);
  const right = tail === '' ? [] : tail.split(':');
  const zeros = Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 8);
}

/** The user without domain and case, for comparing what different daemons call the same person. */
export function localPart(user: string): string {
  const at = user.indexOf('@');
  return (at > 0 ? user.slice(0, at) : user).toLowerCase();
}

/** Same person: equal, or equal without domain when one of the two has none. */
export function sameUser(a: string, b: string): boolean {
  if (a === b) return true;
  const x = a.toLowerCase();
  const y = b.toLowerCase();
  if (x === y) return true;
  return x.includes('@') !== y.includes('@') && localPart(x) === localPart(y);
}
