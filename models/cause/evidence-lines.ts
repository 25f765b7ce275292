import { isTokenMechanism } from '../../processors/correlate/requests.ts';
import {
  GIVE_UP_SECONDS,
  isIdle,
  isNoSharedCipher,
  isOldTls,
  isPlainClose,
  isTlsAlert,
} from '../../processors/correlate/trouble.ts';
import { type Case, type EvidenceRule, idleEnded, peerClosed, ramp, secs, yes } from './case.ts';

/** Evidence in the words of the mail server about the session. */
export const LINE_EVIDENCE: readonly EvidenceRule[] = [
  {
    name: 'completed',
    kind: 'line',
    prior: { none: 6 },
    measure: (c) => yes(c.s.postLogin?.end === 'logged-out' && !c.s.goneAtLogin),
    text: () => 'The client logged in, worked and said LOGOUT: nothing was left to wait for.',
  },
  {
    name: 'logout-undelivered',
    kind: 'line',
    prior: {
      none: -2.5,
      'network.packet_loss': 1,
      'network.path_flap': 1,
      'network.qos_starvation': 1,
      'security.vpn_bottleneck': 1,
    },
    measure: (c) => yes(c.s.postLogin?.end === 'logged-out') * ramp(lateMs(c), 4000, 9000),
    text: (c) =>
      `The server had answered LOGOUT, but packets were still being sent ${secs(lateMs(c) / 1000)} later: the answer did not get through.`,
  },
  {
    name: 'old-tls',
    kind: 'line',
    prior: { 'client.legacy_tls': 8 },
    measure: (c) => yes(isOldTls(c.s.tlsError)),
    text: (c) =>
      `The handshake failed because the client offers only protocol versions that the server has switched off (${c.s.tlsError ?? ''}).`,
  },
  {
    name: 'handshake-syscall-error',
    kind: 'line',
    prior: { 'client.legacy_tls': 2.5, 'security.attack': 1 },
    measure: (c) =>
      yes(
        c.s.tlsError !== undefined &&
          /SSL_accept\(\) syscall failed/.test(c.s.tlsError) &&
          !/reset|timed out/.test(c.s.tlsError),
      ),
    text: () =>
      'The TLS library gave up on the very first bytes: what the client sent was no hello that it understands.',
  },
  {
    name: 'certificate-alert',
    kind: 'line',
    prior: { 'server.tls_misconfig': 7 },
    measure: (c) => yes(isTlsAlert(c.s.tlsError)),
    text: () =>
      'The client refused the certificate and said so in a TLS alert (RFC 8446, 6.2): certificates are the server’s business.',
  },
  {
    name: 'no-shared-cipher',
    kind: 'line',
    prior: { 'server.tls_misconfig': 2, 'client.legacy_tls': 2 },
    measure: (c) => yes(isNoSharedCipher(c.s.tlsError)),
    text: () => 'Client and server found no cipher or parameter in common.',
  },
  {
    name: 'not-tls',
    kind: 'line',
    prior: { 'security.attack': 6 },
    measure: (c) =>
      yes(c.s.tlsError !== undefined && /http request|wrong version number|unknown protocol/.test(c.s.tlsError)),
    text: () =>
      'The first bytes on the TLS port were no TLS at all, such as an HTTP request: a scanner, not a mail client.',
  },
  {
    name: 'handshake-closed-at-once',
    kind: 'line',
    prior: {
      'server.tls_misconfig': 1.5,
      'security.attack': 1.5,
      'network.packet_loss': -1,
      'network.qos_starvation': -1.5,
    },
    measure: (c) =>
      yes(c.s.preLogin?.end === 'connection-closed' && c.s.tls === 'handshaking' && plain(c) && c.waited < 5),
    text: () =>
      'The client closed in the TLS handshake within seconds and without a word, as many libraries do when they reject a certificate.',
  },
  {
    name: 'gave-up-in-handshake',
    kind: 'line',
    prior: {
      'network.packet_loss': 1.5,
      'network.qos_starvation': 1.5,
      'network.path_flap': 1,
      'security.vpn_bottleneck': 1,
      'server.pool_exhausted': 0.5,
      none: -2,
      'server.tls_misconfig': -2,
    },
    measure: (c) =>
      yes(c.s.preLogin?.end === 'connection-closed' && c.s.tls === 'handshaking' && plain(c)) *
      ramp(c.waited, 4, GIVE_UP_SECONDS),
    text: (c) =>
      `The client gave up after waiting ${secs(c.waited)} for the TLS handshake: packets did not arrive, or nobody answered.`,
  },
  {
    name: 'gave-up-before-login',
    kind: 'line',
    prior: {
      'network.packet_loss': 1.5,
      'network.qos_starvation': 1,
      'network.path_flap': 1,
      'security.vpn_bottleneck': 1,
      'client.no_auth': 1,
      none: -1.5,
    },
    measure: (c) =>
      yes(
        c.s.preLogin?.end === 'connection-closed' &&
          c.s.tls !== 'handshaking' &&
          (c.s.preLogin.auth === 'none' || c.s.preLogin.auth === 'waiting-client'),
      ) * ramp(c.waited, 4, GIVE_UP_SECONDS),
    text: (c) =>
      `The connection was up but ended after ${secs(c.waited)} before any login was tried: an answer or the next command was lost, or the client had nothing to say.`,
  },
  {
    name: 'gave-up-in-command',
    kind: 'line',
    prior: {
      'network.packet_loss': 1.5,
      'network.qos_starvation': 1.5,
      'network.path_flap': 1,
      'security.vpn_bottleneck': 1,
      'server.storage_slow': 0.5,
      none: -2.5,
    },
    measure: (c) =>
      yes(
        c.s.postLogin?.end === 'connection-closed' &&
          c.s.postLogin.commandState === 'finished' &&
          !isIdle(c.s.postLogin.command),
      ) * ramp(c.waited, 5, 10),
    text: (c) =>
      `The server had finished ${c.s.postLogin?.command ?? 'the command'} ${secs(c.waited)} before the client closed: the answer did not reach it in time.`,
  },
  {
    name: 'cut-in-command',
    kind: 'line',
    prior: { 'network.path_flap': 1, 'network.packet_loss': 0.5, 'network.qos_starvation': 0.5, none: -0.5 },
    measure: (c) =>
      yes(
        c.s.postLogin?.end === 'connection-closed' &&
          ((c.s.postLogin.commandState === 'running' && !isIdle(c.s.postLogin.command)) ||
            (c.s.postLogin.commandState === 'finished' && !isIdle(c.s.postLogin.command) && c.waited < 5)),
      ),
    text: (c) =>
      `The client was gone in the middle of its work (${c.s.postLogin?.command ?? 'a command'}), without LOGOUT.`,
  },
  {
    name: 'command-took-long',
    kind: 'line',
    prior: { 'server.storage_slow': 2.5 },
    measure: (c) =>
      yes(
        c.s.postLogin?.commandState === 'running' &&
          !isIdle(c.s.postLogin.command) &&
          c.s.postLogin.waitingFor !== 'input' &&
          c.s.postLogin.waitingFor !== 'output',
      ) * ramp(c.s.postLogin?.commandSeconds ?? 0, 5, 15),
    text: (c) =>
      `${c.s.postLogin?.command ?? 'A command'} was still running on the server after ${secs(c.s.postLogin?.commandSeconds ?? 0)}.`,
  },
  {
    name: 'lock-wait',
    kind: 'line',
    prior: { 'server.storage_slow': 7 },
    measure: (c) => Math.max(yes(c.s.lockErrors > 0), ramp(c.s.lockSeconds, 2, 10)),
    text: (c) =>
      `The mailbox was locked by somebody else${c.s.lockSeconds > 0 ? ` for ${secs(c.s.lockSeconds)}` : ''}: storage or another process held up the command.`,
  },
  {
    name: 'connection-queue-full',
    kind: 'line',
    prior: { 'server.pool_exhausted': 5, none: -3 },
    measure: (c) => yes(c.s.preLogin?.end === 'queue-full'),
    text: () => 'Dovecot dropped the oldest connection that had not logged in, because all login processes were full.',
  },
  {
    name: 'answer-owed-by-auth',
    kind: 'line',
    prior: { 'server.auth_slow': 5, 'server.pool_exhausted': -1.5, none: -3 },
    measure: (c) => yes(c.s.preLogin?.auth === 'in-progress') * ramp(c.waited, 1, 6),
    text: (c) =>
      `The client had sent its credentials and was still waiting for the authentication service after ${secs(c.waited)}.`,
  },
  {
    name: 'answer-owed-by-mail-process',
    kind: 'line',
    prior: { 'server.pool_exhausted': 2, 'server.storage_slow': 0.5, 'server.auth_slow': 0.5, none: -3 },
    measure: (c) => yes(c.s.preLogin?.auth === 'finishing') * ramp(c.waited, 1, 6),
    text: (c) =>
      `The password was right, but after ${secs(c.waited)} there was still no mail process to take the connection over.`,
  },
  {
    name: 'accepted-but-silent',
    kind: 'line',
    prior: { 'server.pool_exhausted': 2, 'server.auth_slow': 0.5, 'network.path_flap': -1, none: -1 },
    measure: (c) =>
      yes(
        c.s.dovecotId === undefined &&
          c.s.flow?.down?.syn === true &&
          !c.s.flow.down.push &&
          !c.s.flow.down.rst &&
          c.s.flow.up?.push === true,
      ),
    text: () =>
      'The kernel accepted the connection and the client spoke, but no process of the mail server ever answered.',
  },
  {
    name: 'server-noticed-late',
    kind: 'sequence',
    prior: { 'server.storage_slow': 2.5, 'network.packet_loss': -1, 'network.qos_starvation': -1 },
    measure: (c) =>
      yes(c.s.postLogin?.end === 'connection-closed' && !idleEnded(c) && c.s.flow?.up?.fin === true) *
      ramp(-lateMs(c), 3000, 8000),
    text: (c) =>
      `The client had closed ${secs(-lateMs(c) / 1000)} before the mail process noticed: the process was held up by something else than the network.`,
  },
  {
    name: 'auth-temporary-failure',
    kind: 'line',
    prior: { 'server.auth_slow': 6, none: -3 },
    measure: (c) => yes(c.s.preLogin?.auth === 'temp-fail' || c.s.auth.timeouts > 0),
    text: () =>
      'The authentication service answered with a temporary failure or timed out: the password was never judged.',
  },
  {
    name: 'login-came-too-late',
    kind: 'line',
    prior: { 'server.auth_slow': 3.5, none: -3 },
    measure: (c) =>
      yes(c.s.goneAtLogin || (c.s.loggedInAt !== undefined && c.s.postLogin?.commandState === 'none')) *
      ramp(setupSeconds(c), 5, 10),
    text: (c) => `Login succeeded ${secs(setupSeconds(c))} after the connection began; the client was no longer there.`,
  },
  {
    name: 'gave-up-after-login',
    kind: 'line',
    prior: {
      'network.packet_loss': 1.5,
      'network.qos_starvation': 1.5,
      'network.path_flap': 0.5,
      'security.vpn_bottleneck': 1,
      'server.auth_slow': 0.5,
      none: -1.5,
    },
    measure: (c) =>
      yes(
        c.outcome !== 'ok' &&
          c.s.postLogin?.end === 'connection-closed' &&
          c.s.postLogin.commandState === 'none' &&
          !c.s.goneAtLogin,
      ),
    text: () =>
      'Login succeeded on the server, but the client sent no command and closed: the answer to its login did not reach it in time.',
  },
  {
    name: 'greeting-delayed',
    kind: 'line',
    prior: { 'server.auth_slow': 4 },
    measure: (c) => yes(c.s.greetingDelayed),
    text: () => 'Dovecot could not even greet the client because its authentication service did not respond.',
  },
  {
    name: 'user-ip-limit',
    kind: 'line',
    prior: { 'client.too_many_connections': 9 },
    measure: (c) => yes(c.s.preLogin?.end === 'user-ip-limit' || c.s.preLogin?.auth === 'limit'),
    text: () => 'This user had as many connections from this address as mail_max_userip_connections allows.',
  },
  {
    name: 'invalid-commands',
    kind: 'line',
    prior: { 'client.protocol_error': 8 },
    measure: (c) => yes(c.s.preLogin?.end === 'too-many-commands' || c.s.postLogin?.end === 'too-many-commands'),
    text: () =>
      'The server ended it after too many invalid commands (3 before login, 20 after): the client does not speak IMAP properly.',
  },
  {
    name: 'password-refused',
    kind: 'line',
    prior: { 'security.attack': 1, none: 1.5, 'client.stale_token': -2, 'security.waf_false_positive': -1.5 },
    measure: (c) => yes(c.s.preLogin?.auth === 'failed' && !isTokenMechanism(c.s.mechanism ?? '')),
    text: () => 'The password was refused: a typing mistake or a guess, never a timeout by itself.',
  },
  {
    name: 'token-refused',
    kind: 'line',
    prior: { 'client.stale_token': 4, none: -1 },
    measure: (c) =>
      yes(c.s.auth.tokenFailures > 0 || (c.s.preLogin?.auth === 'failed' && isTokenMechanism(c.s.mechanism ?? ''))),
    text: () => 'The bearer token was refused: it had expired or been revoked, and the client had no fresh one.',
  },
  {
    name: 'many-attempts-in-one-connection',
    kind: 'line',
    prior: { 'security.attack': 1.5 },
    measure: (c) => yes(c.s.preLogin?.auth === 'failed') * ramp(c.s.preLogin?.attempts ?? 0, 1, 4),
    text: (c) => `${c.s.preLogin?.attempts ?? 0} passwords were tried in one connection.`,
  },
  {
    name: 'command-and-farewell-together',
    kind: 'sequence',
    prior: { 'network.path_flap': 1, 'network.packet_loss': 1, none: -1 },
    measure: (c) =>
      yes(
        c.outcome !== 'ok' &&
          c.s.postLogin?.end === 'connection-closed' &&
          c.s.postLogin.commandState === 'finished' &&
          !isIdle(c.s.postLogin.command),
      ) *
      (1 - ramp(c.waited, 0.3, 1)),
    text: () =>
      'The command and the client’s farewell reached the server together: the client had given up before its own command arrived.',
  },
  {
    name: 'interrupted-by-network-error',
    kind: 'line',
    prior: { 'network.packet_loss': 1.5, 'network.client_vanished': 0.5, 'network.path_flap': 0.5 },
    measure: (c) => yes(/reset by peer/.test(errorText(c))),
    text: () => 'The connection was reset while data was on its way.',
  },
  {
    name: 'tcp-timed-out',
    kind: 'line',
    prior: { 'network.client_vanished': 3, 'network.path_flap': 0.5, 'network.packet_loss': 0.5, none: -3 },
    measure: (c) => yes(/timed out|No route to host|unreachable/.test(errorText(c))),
    text: () =>
      'The kernel gave the connection up after retransmitting without an answer: nothing at all came back from the client.',
  },
  {
    name: 'server-stopped',
    kind: 'line',
    prior: { none: 3 },
    measure: (c) =>
      yes(
        c.s.preLogin?.end === 'shutdown' ||
          c.s.postLogin?.end === 'shutdown' ||
          c.s.postLogin?.end === 'kicked' ||
          (c.around.serverEvents.some((e) => e.kind === 'stopped') && peerClosed(c)),
      ),
    text: () =>
      'The server was being stopped or reloaded, or an administrator ended the session: nobody’s fault lies in it.',
  },
  {
    name: 'nothing-heard-of-the-end',
    kind: 'line',
    prior: { none: 2 },
    measure: (c) => yes(c.s.endedAt === undefined && c.s.loggedInAt !== undefined && !c.s.goneAtLogin),
    text: () => 'The logs end before this session does.',
  },
];

const lateMs = (c: Case): number => (c.s.flow && c.s.endedAt !== undefined ? c.s.flow.endedAt - c.s.endedAt : 0);

const plain = (c: Case): boolean => c.s.tlsError === undefined || isPlainClose(c.s.tlsError);

const setupSeconds = (c: Case): number => (c.s.loggedInAt === undefined ? 0 : (c.s.loggedInAt - c.s.startedAt) / 1000);

const errorText = (c: Case): string => `${c.s.tlsError ?? ''} ${c.s.postLogin?.tlsError ?? ''}`;
