import type { EventBase } from '../event.ts';

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
