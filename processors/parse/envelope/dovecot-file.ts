import type { Envelope, EnvelopeContext } from './envelope.ts';
import { isDigit, isoStampAt, type StampAt, syslogStampAt } from './stamps.ts';

/**
 * Dovecot's own log file: `Nov 24 03:24:10 imap-login: Info: MESSAGE`, `… imap(anna)<7><abc>: Warning: MESSAGE`, with the stamp as
 * `log_timestamp` says (default `%b %d %H:%M:%S `, or ISO), and 1.x's `dovecot: Nov 24 03:24:10 Info: imap-login: MESSAGE`.
 * The first word is a process, not a host. Program is `dovecot` and the message what syslog would carry, that is without `Info: `.
 * Undefined unless a process of Dovecot and one of its severity words stand there.
 * Source: Dovecot src/lib/failures.c; the setting is `log_path` (with `info_log_path`, `debug_log_path`).
 */
export function dovecotFile(text: string, context: EnvelopeContext): Envelope | undefined {
  const first = text.charCodeAt(0);
  if (first === 100) return oldFile(text, context);
  const found = isDigit(first) ? isoStampAt(text, 0, context.zone) : syslogStampAt(text, 0, context);
  if (found === undefined || text.charCodeAt(found.end) !== 32) return undefined;
  const message = processMessage(text, found.end + 1);
  return message === undefined ? undefined : dovecotEnvelope(found, message);
}

function dovecotEnvelope(found: StampAt, message: string): Envelope {
  return { stamp: found.stamp, host: undefined, program: 'dovecot', pid: undefined, message, partial: false };
}

const PROCESSES = new Set([
  ...['imap-login', 'pop3-login', 'submission-login', 'managesieve-login', 'sieve-login', 'imap-urlauth-login'],
  ...[
    'imap',
    'pop3',
    'lmtp',
    'lda',
    'submission',
    'managesieve',
    'imap-hibernate',
    'imap-urlauth',
    'imap-urlauth-worker',
  ],
  ...[
    'auth',
    'auth-worker',
    'master',
    'anvil',
    'config',
    'log',
    'stats',
    'old-stats',
    'dict',
    'dict-async',
    'director',
  ],
  ...['indexer', 'indexer-worker', 'ipc', 'ssl-params', 'replicator', 'aggregator', 'dns-client', 'dns_client'],
  ...[
    'doveadm',
    'doveadm-server',
    'quota-status',
    'dsync-local',
    'dsync-remote',
    'dsync-server',
    'script',
    'script-login',
  ],
]);

const NAME_MAX = 32;
/** A user's name is cut at 80 characters and may hold what it wants, so the severity is not searched beyond this. */
const BRACKET_MAX = 512;

/** The message from `at` on without its `Info: `; undefined if it is not Dovecot's. */
function processMessage(text: string, at: number): string | undefined {
  let end = at;
  while (end < at + NAME_MAX && isNameCharacter(text.charCodeAt(end))) end++;
  if (end === at) return undefined;
  const c = text.charCodeAt(end);
  if (c === 58 && text.charCodeAt(end + 1) === 32) {
    if (!PROCESSES.has(text.slice(at, end)) || severityLength(text, end + 2) === 0) return undefined;
    return withoutInfo(text, at, end + 2);
  }
  return c === 40 ? bracketMessage(text, at, end) : undefined;
}

function isNameCharacter(c: number): boolean {
  return (c >= 97 && c <= 122) || c === 45 || c === 95 || (c >= 48 && c <= 57) || (c >= 65 && c <= 90);
}

/** `imap(anna)<7><abc>: Info: …`: the severity stands behind the first `: ` that closes the bracket or the ids. */
function bracketMessage(text: string, at: number, open: number): string | undefined {
  for (
    let colon = text.indexOf(': ', open);
    colon > 0 && colon < open + BRACKET_MAX;
    colon = text.indexOf(': ', colon + 2)
  ) {
    const before = text.charCodeAt(colon - 1);
    if ((before === 41 || before === 62) && severityLength(text, colon + 2) > 0)
      return withoutInfo(text, at, colon + 2);
  }
  return undefined;
}

function withoutInfo(text: string, at: number, severityAt: number): string {
  return text.startsWith('Info: ', severityAt)
    ? text.slice(at, severityAt) + text.slice(severityAt + 6)
    : text.slice(at);
}

const SEVERITIES = ['Info: ', 'Warning: ', 'Error: ', 'Debug: ', 'Fatal: ', 'Panic: '];

function severityLength(text: string, at: number): number {
  for (const severity of SEVERITIES) if (text.startsWith(severity, at)) return severity.length;
  return 0;
}

/** 1.x: the program first, the severity before the process. */
function oldFile(text: string, context: EnvelopeContext): Envelope | undefined {
  if (!text.startsWith('dovecot: ')) return undefined;
  const found = syslogStampAt(text, 9, context) ?? isoStampAt(text, 9, context.zone);
  if (found === undefined || text.charCodeAt(found.end) !== 32) return undefined;
  const severity = severityLength(text, found.end + 1);
  if (severity === 0) return undefined;
  const messageAt = text.startsWith('Info: ', found.end + 1) ? found.end + 7 : found.end + 1;
  return dovecotEnvelope(found, text.slice(messageAt));
}
