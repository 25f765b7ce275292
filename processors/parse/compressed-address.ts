import { plainAddress } from '../ip.ts';

/** Length of an IPv6 address with all its digits, as the kernel prints it: eight groups of four. */
const FULL_LENGTH = 39;

/**
 * An address as every other log prints it: the kernel's `2001:0db8:0000:0000:0000:0000:0000:0007` is `2001:db8::7`. All other spellings
 * only go through `plainAddress`. Source: RFC 5952 section 4.
 */
export function compressedAddress(text: string): string {
  if (text.length !== FULL_LENGTH) return plainAddress(text);
  const groups = text.split(':').map((group) => Number.parseInt(group, 16).toString(16));
  if (groups.length !== 8 || groups.includes('NaN')) return plainAddress(text);
  if (groups[5] === 'ffff' && groups.slice(0, 5).every((group) => group === '0')) return mapped(groups);
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

/** `::ffff:c000:0201` as the IPv4 address that it stands for. */
function mapped(groups: readonly string[]): string {
  const high = Number.parseInt(groups[6] ?? '', 16);
  const low = Number.parseInt(groups[7] ?? '', 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The first of the longest runs of zero groups. */
function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === '0') continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}
