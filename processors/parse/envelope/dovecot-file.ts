import type { RecordContext } from '../parser.ts';
import type { Envelope } from './envelope.ts';
import { isoStamp, rfc3164Stamp } from './syslog-time.ts';

/**
 * Dovecot's own log file: `Nov 24 03:24:10 imap-login: Info: …`, or with `log_timestamp = "%Y-%m-%d %H:%M:%S "`. The first word is a process
 * of Dovecot, not a host. The message begins with it, as the one that syslog carries does.
 */
export function dovecotFile(text: string, context: RecordContext): Envelope | undefined {
  const short = rfc3164Stamp(text, 0, context);
  const long = short ? undefined : isoStamp(text, 0, context);
  const stamp = short ?? long?.stamp;
  if (!stamp) return undefined;
  const at = short ? 16 : (long?.end ?? 0) + 1;
  if (text.charCodeAt(at - 1) !== 32) return undefined;
  let end = at;
  for (; end < text.length && end < at + 40; end++) {
    const c = text.charCodeAt(end);
    if (!((c >= 97 && c <= 122) || c === 45)) break;
  }
  const c = text.charCodeAt(end);
  if (end === at || (c !== 58 && c !== 40) || !PROCESSES.has(text.slice(at, end))) return undefined;
  return { stamp, host: undefined, program: 'dovecot', pid: undefined, message: text.slice(at) };
}

/** Names of Dovecot's processes as they stand in front of its messages. Source: `service NAME` of its default configuration. */
const PROCESSES: ReadonlySet<string> = new Set([
  'imap',
  'imap-login',
  'imap-hibernate',
  'imap-urlauth',
  'pop3',
  'pop3-login',
  'submission',
  'submission-login',
  'managesieve',
  'managesieve-login',
  'lmtp',
  'lda',
  'auth',
  'auth-worker',
  'master',
  'anvil',
  'stats',
  'log',
  'config',
  'director',
  'dict',
  'dict-async',
  'indexer',
  'indexer-worker',
  'ssl-params',
  'replicator',
  'aggregator',
  'doveadm',
  'dsync-server',
  'ipc',
  'old-stats',
  'quota-status',
  'health-check',
  'dns-client',
]);
