/** What a text that a rule stopped looks like. Shares of belief from 0 to 1, of which more than one may hold. */
export interface PayloadLook {
  /** An OAuth token, a JSON web token, base64 of a SASL answer, an opaque key. */
  readonly credential: number;
  /** Words that people write to one another, or an address. */
  readonly prose: number;
  /** Fragments that only make sense as an attack. */
  readonly attack: number;
}

const NOTHING: PayloadLook = { credential: 0, prose: 0, attack: 0 };
const LENGTH_MAX = 4096;

/** Looks at a value as it was logged (cut, redacted). Linear in its length; never throws. */
export function payloadLook(value: string): PayloadLook {
  const text = decoded(value.slice(0, LENGTH_MAX));
  if (text.trim() === '') return NOTHING;
  const attack = attackLook(text);
  return { credential: attack >= 0.9 ? 0 : credentialLook(text), prose: attack > 0 ? 0 : proseLook(text), attack };
}

/** As a rule sees it: percent-encoding undone once, `+` left alone because base64 has it. */
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Strong ones have no other use; weak ones also stand in what people write about such things. */
const STRONG_ATTACKS: readonly RegExp[] = [
  /\bunion\s{1,20}(?:all\s{1,20})?select\b/i,
  /['"]\s{0,20}(?:or|and|\|\||&&)\s{1,20}['"(]?\w{1,40}['")]?\s{0,20}(?:=|<|>|like\b)/i,
  /\bor\s{1,20}(\d{1,9})\s{0,5}=\s{0,5}\1\b/i,
  /\b(?:sleep|benchmark|waitfor\s+delay|pg_sleep|extractvalue|updatexml|load_file|xp_cmdshell)\s{0,5}\(/i,
  /;\s{0,5}(?:drop|insert|update|delete|shutdown|exec)\s{1,20}\w/i,
  /<\s{0,5}(?:script|iframe|object|embed|svg)\b[^>]{0,200}(?:>|\bon\w{3,20}\s{0,5}=)/i,
  /<[a-z][^>]{0,200}\bon[a-z]{3,20}\s{0,5}=/i,
  /javascript\s{0,5}:/i,
  /(?:\.\.[\\/]){2,}/,
  /\/etc\/(?:passwd|shadow)|\/proc\/self\/|\bboot\.ini\b|\bwin\.ini\b/i,
  /\$\{\s{0,5}(?:jndi|env|sys|lower|upper|::-)/i,
  /<\?php|<%\s{0,5}(?:eval|execute)|\bphp:\/\/(?:input|filter)/i,
  /(?:;|\||&&|`|\$\()\s{0,5}(?:cat|ls|id|wget|curl|nc|bash|sh|ping|whoami|uname|powershell|cmd)\b/i,
  /\(\)\s{0,5}\{\s{0,5}:?;?\s{0,5}\}\s{0,5};/,
  /\b(?:sqlmap|nikto|nmap|masscan|nessus|acunetix|dirbuster|gobuster|wpscan|zgrab|nuclei)\b/i,
  /<!ENTITY\s|<!DOCTYPE\s[^>]{0,200}\[/i,
  /\{\{.{0,80}(?:\d\s{0,3}\*\s{0,3}\d|__class__|config|self\.).{0,80}\}\}/,
];
const WEAK_ATTACKS: readonly RegExp[] = [
  /\.\.[\\/]/,
  /\/\.(?:git|env|svn|htaccess|aws)\b/,
  /\bwp-(?:login|admin|config)\b/i,
  /\0/,
  /--\s{0,3}-?\s*$/,
];

function attackLook(text: string): number {
  if (STRONG_ATTACKS.some((p) => p.test(text))) return 1;
  return WEAK_ATTACKS.some((p) => p.test(text)) ? 0.5 : 0;
}

function credentialLook(text: string): number {
  const bare = text.replace(/^(?:Bearer|Basic|XOAUTH2|OAUTHBEARER|PLAIN)\s{1,5}/i, '').trim();
  if (/\[secret:(?:16-31|32-63|64-255|256\+):/.test(text)) return 1;
  if (/^eyJ[\w-]{5,}(?:\.[\w-]*){0,2}$/.test(bare)) return 1; // JSON web token
  if (/^(?:dXNlcj|bixhPQ|bix)/.test(bare)) return 1; // base64 of `user=`, `n,a=`
  if (/^user=[^\s\u0001]{1,254}(?:\u0001|\\x01|\^A)auth=/i.test(text)) return 1; // XOAUTH2, not encoded
  if (bare.length >= 16 && /^[A-Za-z0-9+/_.~=-]+$/.test(bare) && looksRandom(bare)) return 1;
  return 0;
}

/** Characters of several classes that follow each other without the order of words. */
function looksRandom(text: string): boolean {
  const classes = [/[a-z]/, /[A-Z]/, /\d/].filter((c) => c.test(text)).length;
  if (classes < 2) return /^[0-9a-f]{32,}$/i.test(text);
  let changes = 0;
  for (let i = 1; i < text.length; i++) if (classOf(text.charCodeAt(i)) !== classOf(text.charCodeAt(i - 1))) changes++;
  return changes / text.length > 0.25;
}

const classOf = (c: number): number => (c >= 97 && c <= 122 ? 0 : c >= 65 && c <= 90 ? 1 : c >= 48 && c <= 57 ? 2 : 3);

function proseLook(text: string): number {
  if (/^[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}$/.test(text.trim())) return 1;
  const words = text.match(/[\p{L}'’]{2,}/gu) ?? [];
  if (words.length < 4) return 0;
  const letters = text.match(/[\p{L}\s.,;:!?'’"()-]/gu)?.length ?? 0;
  return letters / [...text].length > 0.85 ? 1 : 0.3;
}
