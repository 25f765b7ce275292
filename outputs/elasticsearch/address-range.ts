import { isIP } from 'node:net';

/**
 * An address, or the beginning of one, as a field of type `ip` is asked for it: the address itself, or a network (`198.51.100.` is `198.51.100.0/24`,
 * `2001:db8:1:` is `2001:db8:1::/48`). Undefined for what is neither: a field of this type refuses other text, and so the whole search.
 */
export function addressRange(text: string, isPrefix: boolean): string | undefined {
  if (!isPrefix) return isIP(text) === 0 ? undefined : text;
  if (isIP(text) !== 0) return text;
  if (text.includes(':')) {
    const groups = text.replace(/:$/, '').split(':');
    const network = `${groups.join(':')}::`;
    return !text.endsWith(':') || groups.length > 7 || groups.includes('') || isIP(network) !== 6
      ? undefined
      : `${network}/${16 * groups.length}`;
  }
  const octets = text.replace(/\.$/, '').split('.');
  if (!text.endsWith('.') || octets.length > 3) return undefined;
  const network = [...octets, '0', '0', '0'].slice(0, 4).join('.');
  return isIP(network) === 4 ? `${network}/${8 * octets.length}` : undefined;
}
