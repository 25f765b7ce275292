import { isIPv4, isIPv6 } from 'node:net';
import { plainAddress } from './ip.ts';

/** A range of addresses in CIDR notation, as numbers: IPv4 has 32 bits, IPv6 has 128. */
export interface Prefix {
  /** As it was written. */
  readonly text: string;
  readonly family: 4 | 6;
  readonly bits: bigint;
  readonly length: number;
}

export type PrefixProblem = 'no-address' | 'bad-length' | 'bits-beyond-length';

/** `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`; what is wrong with it otherwise. */
export function parsePrefix(text: string): Prefix | PrefixProblem {
  const slash = text.indexOf('/');
  const address = bitsOf(slash < 0 ? plainAddress(text) : text.slice(0, slash));
  if (address === undefined) return 'no-address';
  const { family, bits } = address;
  const width = family === 4 ? 32 : 128;
  if (slash < 0) return { text, family, bits, length: width };
  const written = text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(written) ? Number(written) : Number.NaN;
  if (!(length >= 0 && length <= width)) return 'bad-length';
  const rest = BigInt(width - length);
  return (bits >> rest) << rest === bits ? { text, family, bits, length } : 'bits-beyond-length';
}

/** Values by ranges of addresses; of several ranges that hold an address the narrowest counts. A lookup costs one step a length that occurs. */
export class AddressMap<T> {
  /** By family and length, the narrowest first; the key is what is left of an address when the rest is cut off. */
  private readonly ranges: { readonly family: 4 | 6; readonly rest: bigint; readonly byBits: Map<bigint, T> }[] = [];
  size = 0;

  set({ family, bits, length }: Prefix, value: T): void {
    const rest = BigInt((family === 4 ? 32 : 128) - length);
    let range = this.ranges.find((r) => r.family === family && r.rest === rest);
    if (!range) {
      range = { family, rest, byBits: new Map() };
      this.ranges.push(range);
      this.ranges.sort((a, b) => Number(a.rest - b.rest));
    }
    const before = range.byBits.size;
    range.byBits.set(bits >> rest, value);
    this.size += range.byBits.size - before;
  }

  /** Undefined for what is no address. */
  get(ip: string): T | undefined {
    if (this.size === 0) return undefined;
    const address = bitsOf(ip);
    if (address === undefined) return undefined;
    for (const { family, rest, byBits } of this.ranges) {
      if (family !== address.family) continue;
      const value = byBits.get(address.bits >> rest);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

function bitsOf(address: string): { readonly family: 4 | 6; readonly bits: bigint } | undefined {
  if (isIPv4(address)) return { family: 4, bits: BigInt(v4(address)) };
  if (!isIPv6(address) || address.includes('%')) return undefined;
  const [head = '', tail] = withoutDots(address).split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  let bits = 0n;
  for (const group of [...left, ...zeros, ...right]) bits = (bits << 16n) | BigInt(Number.parseInt(group, 16));
  return { family: 6, bits };
}

const v4 = (address: string): number => address.split('.').reduce((n, part) => n * 256 + Number(part), 0);

/** The last two groups of an IPv6 address may be written as IPv4. */
function withoutDots(address: string): string {
  if (!address.includes('.')) return address;
  const colon = address.lastIndexOf(':');
  const n = v4(address.slice(colon + 1));
  return `${address.slice(0, colon)}:${Math.floor(n / 65_536).toString(16)}:${(n % 65_536).toString(16)}`;
}
