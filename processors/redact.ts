import { createHmac } from 'node:crypto';

/**
 * Replaces secrets in log text by keyed fingerprints: `[secret:LENGTH:FINGERPRINT]`. LENGTH is a class (1-7, 8-15, 16-31, 32-63, 64-255, 256+),
 * FINGERPRINT the first 10 characters of HMAC-SHA256 in base64url. Equal secrets stay comparable on one site, and say nothing elsewhere.
 * Everything else of the text stays exact. Redacting twice changes nothing. Rules and examples: docs/redaction.md.
 */
export interface Redaction {
  redact(text: string): string;
}

export function newRedaction(key: string | Uint8Array): Redaction {
  const fingerprint = (secret: string): string => {
    const digest = createHmac('sha256', key).update(secret).digest('base64url').slice(0, 10);
    return `[secret:${lengthClass(secret.length)}:${digest}]`;
  };
  const replace = (_whole: string, before: string, secret: string): string =>
    `${before}${secret.trimStart().startsWith('[secret:') ? secret : fingerprint(secret)}`;
  return {
    redact(text) {
      if (!HINT.test(text)) return text;
      let redacted = text;
      for (const pattern of PATTERNS) redacted = redacted.replace(pattern, replace);
      return redacted;
    },
  };
}

function lengthClass(length: number): string {
  if (length < 8) return '1-7';
  if (length < 16) return '8-15';
  if (length < 32) return '16-31';
  if (length < 64) return '32-63';
  return length < 256 ? '64-255' : '256+';
}

/** Words without which a line holds no secret that we know: one pass, so that ordinary lines cost little. */
const HINT =
  /pass|pwd|token|secret|cookie|authoriz|bearer|auth(?:enticate)?[ =+]|api[-_]?key|assertion|resp=|SAML|code=|sid=|CRV1|OPEN_URL|PRIVATE KEY/i;

/** Names of fields that hold secrets, in forms, URLs, JSON and WAF variables. */
const NAME =
  '[\\w.\\-]{0,40}(?:passw(?:or)?d|passwd|passphrase|pwd|pass|token|secret|assertion|api[-_]?key|session_?id|_sid|SAMLResponse|otp)[\\w.\\-]{0,20}';

/**
 * Each pattern has two groups: what stays, and the secret. They are linear: bounded repetitions, no nested ones. The order matters where
 * one would cut into another's match.
 */
const PATTERNS: readonly RegExp[] = [
  // Dovecot auth_verbose_passwords, auth debug: (given password: X), (SHA1 of given password: X), pass=X, resp=X
  /(given password: )((?!\[secret:)[^)\n]{1,4096})(?=\)|$)/gm,
  /((?:^|[\s,(\t])(?:pass|resp|proxy_pass|client_secret)=)((?!\[secret:)[^\s,)&<"]{1,8192})/g,
  // SASL on the wire: AUTHENTICATE PLAIN X, AUTH LOGIN X, AUTH=…
  /(\bAUTH(?:ENTICATE)?[ =](?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|NTLM|SCRAM-[\w-]{1,20})[ =])((?!\[secret:)[A-Za-z0-9+/=]{4,8192})/gi,
  // HTTP headers: the whole value
  /((?:proxy-)?authorization["']?\s?[:=]\s?["']?(?:Basic|Bearer|Digest|Negotiate|NTLM|Token)\s)((?!\[secret:)[^\s"'\\,]{1,8192})/gi,
  /((?:^|[\s"'])(?:set-)?cookie["']?\s?:\s?["']?)((?!\[secret:)[^"'\r\n]{1,8192})/gim,
  /(\bBearer\s)((?!\[secret:)[\w\-.~+/=]{6,8192})/g,
  // OpenVPN: pushed tokens and challenges
  /(\bauth-token(?:-user)?[ ,])((?!\[secret:)[^\s,'"]{1,4096})/g,
  /((?:CRV1|OPEN_URL|WEB_AUTH):)((?!\[secret:)[^\s'"]{1,4096})/g,
  // WAF sentences: against variable `ARGS:password' (Value: `X' )
  new RegExp(
    `(variable \`(?:ARGS|ARGS_POST|ARGS_GET|XML|JSON|REQUEST_HEADERS|REQUEST_COOKIES)[:.](?:${NAME}|authorization|cookie|x-api-key)' \\(Value: \`)((?!\\[secret:)[^']{1,8192})`,
    'gi',
  ),
  new RegExp(
    `(found within (?:ARGS|ARGS_POST|ARGS_GET|REQUEST_COOKIES)[:.]${NAME}: )((?!\\[secret:)[^"\\]]{1,8192})`,
    'gi',
  ),
  // JSON: "password":"X" (also escaped inside another string)
  new RegExp(`(\\\\?"${NAME}\\\\?"\\s?:\\s?\\\\?")((?!\\[secret:)[^"\\\\]{1,8192})`, 'gi'),
  // Forms and URLs: password=X&…
  new RegExp(`((?:^|[?&;\\s"'])${NAME}=)((?!\\[secret:)[^&\\s"'<>;]{1,8192})`, 'gim'),
  /((?:^|[?&])(?:code|sid)=)((?!\[secret:)[^&\s"'<>;]{8,8192})/gm,
  // Key material
  /(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)((?!\[secret:)[^-]{1,16384})/g,
];
