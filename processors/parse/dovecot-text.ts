/** Severity word that file logs (and some set-ups in syslog) put in front of a message. `length` is what to skip. */
export interface Severity {
  readonly trouble: boolean;
  readonly length: number;
}

const NO_WORD: Severity = { trouble: false, length: 0 };
const CALM = new Map([
  [68, 'Debug: '],
  [73, 'Info: '],
  [87, 'Warning: '],
]);
const TROUBLE = new Map([
  [69, 'Error: '],
  [70, 'Fatal: '],
  [80, 'Panic: '],
]);
const CALM_FOUND = new Map([...CALM].map(([c, word]) => [c, { trouble: false, length: word.length }]));
const TROUBLE_FOUND = new Map([...TROUBLE].map(([c, word]) => [c, { trouble: true, length: word.length }]));

/** Source: dovecot/core src/lib/failures.c, failure_log_type_prefixes. */
export function severityAt(text: string, at: number): Severity {
  const c = text.charCodeAt(at);
  const calm = CALM.get(c);
  if (calm !== undefined && text.startsWith(calm, at)) return CALM_FOUND.get(c) ?? NO_WORD;
  const trouble = TROUBLE.get(c);
  if (trouble !== undefined && text.startsWith(trouble, at)) return TROUBLE_FOUND.get(c) ?? NO_WORD;
  return NO_WORD;
}

/** What may follow one of these is a secret: passwords of auth_verbose_passwords, credentials of auth_debug_passwords, SASL data. */
const BEFORE_SECRETS = ['given password', 'resp=', 'pass=', 'password=', 'token=', 'client in: CONT', 'out: CONT'];

/** Cuts a message before the first secret that it can hold. What follows is lost too: a secret may look like anything. */
export function withoutSecrets(reason: string): string {
  let end = reason.length;
  for (const label of BEFORE_SECRETS) {
    const i = reason.indexOf(label);
    if (i >= 0 && i < end) end = i;
  }
  if (end === reason.length) return reason;
  const cut = reason.slice(0, end).trimEnd();
  return cut.endsWith('(SHA1 of') ? cut.slice(0, -8).trimEnd() : cut.endsWith('(') ? cut.slice(0, -1).trimEnd() : cut;
}
