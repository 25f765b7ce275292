import { tlsVersionNumber } from '../tls-version.ts';
import { ecsUser } from './ecs-user.ts';
import type { EcsFields } from './parser.ts';
import type { PostfixEvent } from './postfix.ts';

const CATEGORIES: Record<
  PostfixEvent['action'],
  readonly [category: readonly string[], type: readonly string[], outcome: string]
> = {
  connect: [['network', 'email'], ['start'], 'success'],
  disconnect: [['network', 'email'], ['end'], 'unknown'],
  'tls-established': [['network', 'email'], ['protocol'], 'success'],
  'tls-failed': [['network', 'email'], ['protocol'], 'failure'],
  'lost-connection': [['network', 'email'], ['end'], 'failure'],
  timeout: [['network', 'email'], ['end'], 'failure'],
  'auth-failed': [['authentication', 'email'], ['info'], 'failure'],
  rejected: [['email', 'network'], ['denied'], 'failure'],
  accepted: [['email'], ['info'], 'success'],
  queued: [['email'], ['info'], 'success'],
  'message-id': [['email'], ['info'], 'unknown'],
  delivered: [['email'], ['info'], 'unknown'],
  removed: [['email'], ['info'], 'success'],
  statistics: [['email'], ['info'], 'unknown'],
  'rate-limited': [['email', 'network'], ['denied'], 'failure'],
  notice: [['email'], ['info'], 'unknown'],
};

/** ECS 9.4 fields of a Postfix event; what ECS has no field for stands under `postfix`. */
export function postfixEcs(e: PostfixEvent): EcsFields {
  const [category, type, outcome] = CATEGORIES[e.action];
  const hasMail = e.queueId !== undefined || e.from !== undefined || e.to !== undefined || e.messageId !== undefined;
  return {
    event: {
      category,
      type,
      action: e.action,
      outcome: e.action === 'delivered' ? (e.status === 'sent' ? 'success' : 'failure') : outcome,
      reason: e.reason === '' ? undefined : e.reason,
      duration: e.delaySeconds === undefined ? undefined : Math.round(e.delaySeconds * 1e9),
    },
    source:
      e.clientIp === undefined && e.clientName === undefined
        ? undefined
        : { ip: e.clientIp, port: e.clientPort, domain: e.clientName, address: e.clientName ?? e.clientIp },
    user: ecsUser(e.user),
    tls:
      e.tlsVersion === undefined
        ? undefined
        : {
            established: true,
            version: tlsVersionNumber(e.tlsVersion),
            version_protocol: 'tls',
            cipher: e.tlsCipher,
          },
    network: { protocol: 'smtp' },
    process: e.line.pid === undefined ? undefined : { pid: e.line.pid },
    service: { type: 'postfix' },
    email: hasMail
      ? {
          local_id: e.queueId,
          message_id: e.messageId,
          from: e.from === undefined ? undefined : { address: [e.from] },
          to: e.to === undefined ? undefined : { address: [e.to] },
        }
      : undefined,
    postfix: {
      daemon: e.daemon,
      mechanism: e.mechanism,
      relay: e.relay,
      dsn: e.dsn,
      status: e.status,
      delay_seconds: e.delaySeconds,
    },
  };
}
