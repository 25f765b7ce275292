/**
 * Address and port of one end of a connection as a map key. A number for IPv4, because a text for each of a million connections would be a
 * good part of what they cost; a text for everything else.
 */
export function transportKey(ip: string, port: number): number | string {
  let address = 0;
  let part = 0;
  let dots = 0;
  for (let i = 0; i < ip.length; i++) {
    const c = ip.charCodeAt(i);
    if (c === 46) {
      address = address * 256 + part;
      part = 0;
      dots++;
    } else if (c >= 48 && c <= 57) part = part * 10 + (c - 48);
    else part = 256;
    if (part > 255) return `${ip}|${port}`;
  }
  return dots === 3 ? (address * 256 + part) * 65_536 + port : `${ip}|${port}`;
}
