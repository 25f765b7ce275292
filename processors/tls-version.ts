/** `TLSv1.3` as ECS wants it: `1.3`; `TLSv1` is 1.0. */
export function tlsVersionNumber(version: string): string {
  const number = version.startsWith('TLSv') ? version.slice(4) : version;
  return number.includes('.') ? number : `${number}.0`;
}
