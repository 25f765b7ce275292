import { createHmac } from 'node:crypto';
import { type SecretSpan, secretsIn } from './secrets.ts';

/**
 * Replaces secrets in log text by keyed fingerprints: `[secret:LENGTH:FINGERPRINT]`. LENGTH is a class (1-7, 8-15, 16-31, 32-63, 64-255, 256+),
 * FINGERPRINT the first 10 characters of HMAC-SHA256 in base64url. Equal secrets stay comparable on one site, and say nothing elsewhere.
 * Everything else of the text stays exact. Redacting twice changes nothing. Rules and examples: docs/redaction.md.
 */
export interface Redaction {
  redact(text: string): string;
  /** The same with what was replaced, so that copies of a secret elsewhere can go too. Undefined if the text holds no secret. */
  inspect(text: string): Redacted | undefined;
}

export interface Redacted {
  readonly text: string;
  /** Secret to fingerprint. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** For a record that is known to hold none. */
export const NO_SECRETS: Redaction = { redact: (text) => text, inspect: () => undefined };

const PASSES_MAX = 8;

export function newRedaction(key: string | Uint8Array): Redaction {
  const inspect = (text: string): Redacted | undefined => {
    let found = replaced(text, secretsIn(text), key);
    // In odd texts a fingerprint shows another secret beside it; usually the second look finds nothing.
    for (let pass = 1; found !== undefined && pass < PASSES_MAX; pass++) {
      const more = replaced(found.text, secretsIn(found.text), key);
      if (more === undefined) break;
      found = { text: more.text, secrets: new Map([...more.secrets, ...found.secrets]) };
    }
    return found;
  };
  return { inspect, redact: (text) => inspect(text)?.text ?? text };
}

/** `newRedaction(key).redact(text)`, for one text. */
export function redact(text: string, key: string | Uint8Array): string {
  return newRedaction(key).redact(text);
}

function replaced(text: string, spans: readonly SecretSpan[], key: string | Uint8Array): Redacted | undefined {
  const secrets = new Map<string, string>();
  let out = '';
  let copied = 0;
  for (const { start, end } of spans) {
    const secret = text.slice(start, end);
    if (isFingerprint(secret)) continue;
    let mark = secrets.get(secret);
    if (mark === undefined) {
      mark = fingerprint(secret, key);
      secrets.set(secret, mark);
    }
    out += text.slice(copied, start) + mark;
    copied = end;
  }
  return secrets.size === 0 ? undefined : { text: out + text.slice(copied), secrets };
}

function fingerprint(secret: string, key: string | Uint8Array): string {
  const digest = createHmac('sha256', key).update(secret).digest('base64url').slice(0, 10);
  return `[secret:${lengthClass(secret.length)}:${digest}]`;
}

const FINGERPRINT = /^\[secret:(?:1-7|8-15|16-31|32-63|64-255|256\+):[\w-]{10}\]?$/;

/** A value that was replaced before; its last bracket may count as the end of the value. */
const isFingerprint = (text: string): boolean => text.length <= 40 && FINGERPRINT.test(text);

function lengthClass(length: number): string {
  if (length < 8) return '1-7';
  if (length < 16) return '8-15';
  if (length < 32) return '16-31';
  if (length < 64) return '32-63';
  return length < 256 ? '64-255' : '256+';
}
