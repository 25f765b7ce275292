import { createHmac } from 'node:crypto';
export interface Redaction { redact(text: string): string }
export function newRedaction(key: string | Uint8Array): Redaction {
  return { redact: (text) => text.replace(/(given password: )([^)]*)/g, (_, a: string, b: string) => a + createHmac('sha256', key).update(b).digest('base64url').slice(0, 8)) };
}
