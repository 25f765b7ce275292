/** IPv4-mapped IPv6 (`::ffff:192.0.2.1`) as IPv4; brackets and a zone index are dropped; else unchanged. */
export function plainAddress(address: string): string {
  let a = address;
  if (a.charCodeAt(0) === 91 && a.charCodeAt(a.length - 1) === 93) a = a.slice(1, -1);
  const percent = a.indexOf('%');
  if (percent >= 0) a = a.slice(0, percent);
  if (a.length > 7 && (a.startsWith('::ffff:') || a.startsWith('::FFFF:')) && a.includes('.')) return a.slice(7);
  return a;
}

/** Whether the text has the characters and separators of an IP address; cheap, for parsers, not a full validation. */
export function looksLikeAddress(text: string): boolean {
  if (text.length < 2 || text.length > 45) return false;
  let separators = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 46 || c === 58) separators++;
    else if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70))) return false;
  }
  return separators >= 2;
}
