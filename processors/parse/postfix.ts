import type { EventBase, Line, Stamp } from '../event.ts';
import { envelopeStamp, failed, type ParseOutcome, type Parser, parsed } from './parser.ts';
import { postfixEcs } from './postfix-ecs.ts';
import { find } from './postfix-messages.ts';

export interface PostfixEvent extends EventBase {
  readonly dataset: 'postfix.smtp';
  readonly action:
    | 'connect'
    | 'disconnect'
    | 'tls-established'
    | 'tls-failed'
    | 'lost-connection' // "lost connection after CMD"
    | 'timeout' // "timeout after CMD"
    | 'auth-failed'
    | 'rejected' // NOQUEUE / QID: reject
    | 'accepted' // QID: client=
    | 'queued' // qmgr from=
    | 'message-id'
    | 'delivered' // status=sent / bounced / deferred in `status`
    | 'removed'
    | 'statistics' // anvil
    | 'rate-limited' // anvil-driven "rate limit exceeded" / "Connection concurrency limit exceeded"
    | 'notice';
  readonly daemon: string; // smtpd, submission/smtpd, qmgr, cleanup, smtp, anvil …
  readonly clientName: string | undefined;
  readonly clientIp: string | undefined;
  readonly clientPort: number | undefined;
  readonly queueId: string | undefined;
  readonly user: string | undefined; // sasl_username
  readonly mechanism: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly messageId: string | undefined;
  readonly relay: string | undefined;
  readonly dsn: string | undefined;
  readonly status: string | undefined;
  readonly delaySeconds: number | undefined;
  readonly tlsVersion: string | undefined;
  readonly tlsCipher: string | undefined;
  readonly reason: string;
}

/** Daemons whose lines are ours under any syslog_name (`postfix-in/smtpd`, `submit/smtpd`). */
const DAEMONS = new Set([
  'smtpd',
  'postscreen',
  'smtp',
  'lmtp',
  'qmgr',
  'oqmgr',
  'nqmgr',
  'cleanup',
  'anvil',
  'bounce',
  'pickup',
  'local',
  'virtual',
  'pipe',
  'discard',
  'error',
  'retry',
  'master',
  'postfix-script',
  'proxymap',
  'scache',
  'tlsproxy',
  'tlsmgr',
  'trivial-rewrite',
  'verify',
  'dnsblog',
  'postdrop',
  'sendmail',
  'flush',
  'showq',
]);

/**
 * Postfix 2.3 to 3.x: smtpd and postscreen under any service name, anvil, qmgr, cleanup and the delivery agents. A message that is not
 * known is a `notice`. Names, addresses and replies are strangers' text; what is ours stands in front of them, so the line is cut from the left.
 */
export const postfix: Parser<PostfixEvent> = {
  format: 'postfix',
  programs: ['postfix/'],
  accepts,
  parse,
  ecs: postfixEcs,
};

function accepts(line: Line): boolean {
  const program = line.program;
  if (program === undefined) return false;
  const slash = program.lastIndexOf('/');
  if (slash < 0) return program === 'postfix';
  return program.startsWith('postfix') || DAEMONS.has(program.slice(slash + 1));
}

function parse(line: Line): ParseOutcome<PostfixEvent> {
  const stamp = envelopeStamp(line);
  if (stamp === undefined) return failed('bad_time', 'stamp');
  const program = line.program ?? 'postfix';
  const slash = program.indexOf('/');
  return parsed(read(line, stamp, program.slice(slash + 1)));
}

function read(line: Line, stamp: Stamp, daemon: string): PostfixEvent {
  const found = find(line.message, daemon);
  return {
    dataset: 'postfix.smtp',
    line,
    stamp,
    action: found.action,
    daemon,
    clientName: found.client?.name,
    clientIp: found.client?.ip,
    clientPort: found.client?.port,
    queueId: found.queueId,
    user: found.user,
    mechanism: found.mechanism,
    from: found.from,
    to: found.to,
    messageId: found.messageId,
    relay: found.relay,
    dsn: found.dsn,
    status: found.status,
    delaySeconds: found.delaySeconds,
    tlsVersion: found.tlsVersion,
    tlsCipher: found.tlsCipher,
    reason: found.reason,
  };
}
