/** Severity word that file logs (and some set-ups in syslog) put in front of a message. `length` is what to skip. */
export interface Severity {
  readonly trouble: boolean;
  readonly length: number;
}

const NO_WORD: Severity = { trouble: false, length: 0 };
const DEBUG: Severity = { trouble: false, length: 'Debug: '.length };
const INFO: Severity = { trouble: false, length: 'Info: '.length };
const WARNING: Severity = { trouble: false, length: 'Warning: '.length };
const ERROR: Severity = { trouble: true, length: 'Error: '.length };
const FATAL: Severity = { trouble: true, length: 'Fatal: '.length };
const PANIC: Severity = { trouble: true, length: 'Panic: '.length };

/** Source: dovecot/core src/lib/failures.c, failure_log_type_prefixes. */
export function severityAt(text: string, at: number): Severity {
  switch (text.charCodeAt(at)) {
    case 68:
      return text.startsWith('Debug: ', at) ? DEBUG : NO_WORD;
    case 69:
      return text.startsWith('Error: ', at) ? ERROR : NO_WORD;
    case 70:
      return text.startsWith('Fatal: ', at) ? FATAL : NO_WORD;
    case 73:
      return text.startsWith('Info: ', at) ? INFO : NO_WORD;
    case 80:
      return text.startsWith('Panic: ', at) ? PANIC : NO_WORD;
    case 87:
      return text.startsWith('Warning: ', at) ? WARNING : NO_WORD;
    default:
      return NO_WORD;
  }
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
