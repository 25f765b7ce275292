import { add, type SecretSpan } from './scan.ts';

/** Private keys. */

const KEY_BEGIN = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;

export function privateKeys(text: string, found: SecretSpan[]): void {
  const pattern = new RegExp(KEY_BEGIN);
  for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
    const end = text.indexOf('-----END ', pattern.lastIndex);
    add(found, pattern.lastIndex, end < 0 ? text.length : end);
    if (end < 0) return;
    pattern.lastIndex = end;
  }
  if (isKeyBody(text)) add(found, 0, text.length);
}

/** A record that is nothing but base64 as long as a line of a PEM file: such a file went through a line reader. */
export function isKeyBody(text: string): boolean {
  if (text.length < 60 || text.length > 80 || text.includes(' ')) return false;
  return /^[A-Za-z0-9+/]{60,78}={0,2}$/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text);
}
