/**
 * Sample sessions for tests of outputs and reports: realistic profiles of several causes with the events behind them.
 * Weights are invented; probabilities follow from value times weight by softmax, as the contract of `Cause` says. Addresses and names are from the
 * documentation ranges. All of it is built from fixed numbers, so that two calls give equal documents.
 */
import type { MissingSource, Profile } from '../processors/profile/profile.ts';
import { at, type SampleSession, type SampleSpec, sampleSession } from './sample-session.ts';

const MISSING_FLOW: MissingSource = {
  source: 'flow',
  enable: 'export NetFlow or IPFIX from the border router and pass `nfdump -o json` output',
};

/** A proxy cut a silent session after its timer: HAProxy's `timeout client 60s`. */
export function idleTimeoutSession(id = 'idle-7f21c0'): SampleSession {
  const user = 'anna@example.org';
  return sampleSession({
    id,
    startMs: at(8, 12, 41, 118),
    durationMs: 73_104,
    user,
    clientIp: '203.0.113.24',
    sourcePort: 50_618,
    outcome: 'timeout',
    reason: 'Connection closed (IDLE running for 60.021 + waiting input for 60.021 secs)',
    stalledIn: 'idle',
    phases: [
      ['tcp', 0, 1, 'ok'],
      ['tls', 1, 212, 'ok'],
      ['auth', 213, 669, 'ok'],
      ['command', 882, 12_201, 'ok'],
      ['idle', 13_083, 60_021, 'failed'],
    ],
    lines: [
      {
        atMs: 400,
        dataset: 'dovecot.login',
        action: 'client-id',
        original:
          'Mar 17 09:12:41 mx1 dovecot: imap-login: ID sent: name=Thunderbird, version=128.3.1: user=<>, rip=203.0.113.24, lip=192.0.2.10, TLS, session=<q1Ab2fMqurHLAHEY>',
      },
      {
        atMs: 882,
        dataset: 'dovecot.login',
        action: 'logged-in',
        original:
          'Mar 17 09:12:42 mx1 dovecot: imap-login: Login: user=<anna@example.org>, method=PLAIN, rip=203.0.113.24, lip=192.0.2.10, mpid=20417, TLS, session=<q1Ab2fMqurHLAHEY>',
      },
      {
        atMs: 73_104,
        dataset: 'haproxy.tcp',
        action: 'session-end',
        file: 'haproxy.log',
        original:
          'Mar 17 09:13:54 mx1 haproxy[911]: 203.0.113.24:50618 [17/Mar/2026:09:12:41.118] imaps mx/mx1 1/0/73104 8113 cD 41/20/19/19/0 0/0',
      },
      {
        atMs: 73_104,
        dataset: 'dovecot.imap',
        action: 'disconnected',
        original:
          'Mar 17 09:13:54 mx1 dovecot: imap(anna@example.org)<20417><q1Ab2fMqurHLAHEY>: Disconnected: Connection closed (IDLE running for 60.021 + waiting input for 60.021 secs, 2 B in + 10 B out, state=wait-input) in=412 out=8113 deleted=0 expunged=0 trashed=0 hdr_count=0 hdr_bytes=0 body_count=0 body_bytes=0',
      },
    ],
    label: 'server.idle_timeout',
    evidence: [
      {
        name: 'haproxy_client_timer',
        kind: 'timer',
        text: 'The proxy closed the connection after 60.0 s of silence, which is its `timeout client` (termination state cD).',
        weights: { 'server.idle_timeout': 3.6, 'network.client_vanished': 2.4, none: -3.1 },
        lines: [2],
      },
      {
        name: 'server_saw_close',
        kind: 'line',
        text: 'Dovecot was waiting in IDLE when the connection closed: neither side had anything to say.',
        weights: { 'server.idle_timeout': 1.2, 'server.storage_slow': -1.5, none: -0.8 },
        lines: [3],
      },
      {
        name: 'reconnected_same_address',
        kind: 'sequence',
        text: 'The client came back from the same address within 2 s: it had not vanished.',
        weights: { 'network.client_vanished': -0.5, 'server.idle_timeout': 0.7 },
      },
    ],
    whyNot: {
      'network.client_vanished': 'the client came back from the same address within 2 s',
      none: 'a healthy session does not end on a timer of the proxy',
    },
    missing: [MISSING_FLOW],
    remedy: {
      summary: 'Let the proxy wait longer than IMAP IDLE does: RFC 9051 asks for at least 30 minutes.',
      setting: 'timeout client',
      value: '31m',
      file: '/etc/haproxy/haproxy.cfg',
      link: 'https://docs.haproxy.org/3.0/configuration.html#4.2-timeout%20client',
    },
    scope: 'server:mx1',
    proxy: 'imaps',
    dovecotId: 'q1Ab2fMqurHLAHEY',
    mechanism: 'PLAIN',
    agent: 'Thunderbird',
    bytes: 8525,
  });
}

/** The server had no process left for a new client. */
export function poolExhaustedSession(id = 'pool-51ce09'): SampleSession {
  return sampleSession({
    id,
    startMs: at(9, 2, 10),
    durationMs: 30_000,
    user: 'jonas@example.org',
    clientIp: '198.51.100.77',
    outcome: 'refused',
    reason: 'Connection queue full (process_full)',
    stalledIn: 'auth',
    phases: [
      ['tcp', 0, 3, 'ok'],
      ['tls', 3, 900, 'ok'],
      ['auth', 903, 29_097, 'failed'],
    ],
    lines: [
      {
        atMs: 29_800,
        dataset: 'dovecot.master',
        action: 'limit-reached',
        original:
          'Mar 17 10:02:39 mx1 dovecot: master: Warning: service(imap-login): client_limit (100) reached, client connections are being dropped',
      },
      {
        atMs: 30_000,
        dataset: 'dovecot.login',
        action: 'disconnected',
        original:
          'Mar 17 10:02:40 mx1 dovecot: imap-login: Disconnected: Connection queue full (no auth attempts in 30 secs): user=<>, rip=198.51.100.77, lip=192.0.2.10, TLS, session=<b8Cd4fMqErPGM2RN>',
      },
    ],
    label: 'server.pool_exhausted',
    evidence: [
      {
        name: 'client_limit_reached',
        kind: 'line',
        text: 'The server said that client_limit of imap-login was reached.',
        weights: { 'server.pool_exhausted': 4.1, none: -2.4 },
        lines: [0],
      },
      {
        name: 'refused_together',
        kind: 'company',
        text: '38 other clients of 21 networks were refused within the same minute.',
        value: 0.9,
        weights: { 'server.pool_exhausted': 1.2, 'client.no_auth': -1.8 },
      },
      {
        name: 'kicked_from_queue',
        kind: 'line',
        text: 'The connection ended with "Connection queue full".',
        weights: { 'server.pool_exhausted': 1.3, 'client.no_auth': 2.9, none: -1.5 },
        lines: [1],
      },
    ],
    whyNot: { 'client.no_auth': 'the server ended it, and 38 other clients were refused in that minute' },
    remedy: {
      summary: 'Allow more clients in the login processes, and keep 30 % of the pool in reserve.',
      setting: 'service imap-login { client_limit }',
      value: '400',
      file: '/etc/dovecot/conf.d/10-master.conf',
      link: 'https://doc.dovecot.org/2.3/configuration_manual/service_configuration/',
    },
    scope: 'server:mx1',
    poolUsed: 1,
    dovecotId: 'b8Cd4fMqErPGM2RN',
  });
}

/** Segments were lost on the way of one network; the mail server had to guess. */
export function packetLossSession(id = 'loss-09aa31', index = 0): SampleSession {
  const clientIp = `203.0.113.${120 + (index % 100)}`;
  return sampleSession({
    id,
    startMs: at(9, 30, 4, 200) + index * 7_000,
    durationMs: 95_400,
    user: index === 0 ? 'maria@example.org' : `user${index}@example.org`,
    clientIp,
    outcome: 'timeout',
    reason: 'Connection closed: read(size=1026) failed: Connection timed out',
    stalledIn: 'command',
    phases: [
      ['tcp', 0, 3_012, 'ok'],
      ['tls', 3_012, 9_730, 'ok'],
      ['auth', 12_742, 2_200, 'ok'],
      ['command', 14_942, 80_458, 'failed'],
    ],
    lines: [
      {
        atMs: 14_942,
        dataset: 'dovecot.login',
        action: 'logged-in',
        original: `Mar 17 10:30:19 mx1 dovecot: imap-login: Login: user=<maria@example.org>, method=PLAIN, rip=${clientIp}, lip=192.0.2.10, mpid=20977, TLS, session=<x0Lo4fMqYbLLAHF4>`,
      },
      {
        atMs: 95_400,
        dataset: 'dovecot.imap',
        action: 'disconnected',
        original:
          'Mar 17 10:31:39 mx1 dovecot: imap(maria@example.org)<20977><x0Lo4fMqYbLLAHF4>: Disconnected: Connection closed: read(size=1026) failed: Connection timed out (UID FETCH running for 80.401 + waiting output for 80.399 secs, 1 B in + 40960 B out, state=wait-output) in=611 out=412330',
      },
    ],
    label: 'network.packet_loss',
    evidence: [
      {
        name: 'output_not_acknowledged',
        kind: 'line',
        text: 'The server waited 80.4 s for the client to take bytes that were already sent, then its TCP gave up.',
        weights: { 'network.packet_loss': 3.4, 'network.client_vanished': 2.1, none: -2.2 },
        lines: [1],
      },
      {
        name: 'slow_handshake',
        kind: 'sequence',
        text: 'TCP took 3.0 s (one lost SYN) and TLS 9.7 s, in the shape of retransmissions.',
        weights: { 'network.packet_loss': 2.6, 'network.qos_starvation': 0.8 },
      },
      {
        name: 'loss_burst_of_network',
        kind: 'company',
        text: '17 of 22 sessions of 203.0.113.0/24 were slow or lost between 10:29 and 10:36; other networks were fine.',
        value: 0.77,
        weights: { 'network.packet_loss': 2.3, 'network.client_vanished': -1.2, 'network.path_flap': 0.6 },
      },
    ],
    whyNot: {
      'network.client_vanished': '16 other clients of its network had the same trouble at the same time',
      'network.qos_starvation': 'gaps had the shape of retransmissions, and no bulk flow was seen beside it',
    },
    missing: [MISSING_FLOW],
    remedy: {
      summary:
        'Ask the network team to look at loss towards 203.0.113.0/24 in this window (interface errors, policers).',
      setting: null,
      value: null,
      file: null,
      link: 'https://www.rfc-editor.org/rfc/rfc6298',
    },
    scope: 'network:203.0.113.0/24',
    dovecotId: 'x0Lo4fMqYbLLAHF4',
    mechanism: 'PLAIN',
    bytes: 412_941,
  });
}

/** The token request was blocked by a WAF rule, so the mail client could never log in. */
export function wafFalsePositiveSession(id = 'waf-c4d0e2'): SampleSession {
  return sampleSession({
    id,
    startMs: at(10, 15, 30),
    durationMs: 4_000,
    user: 'piotr@example.org',
    clientIp: '198.51.100.31',
    outcome: 'blocked',
    reason: 'HTTP 403 at the token endpoint',
    stalledIn: 'auth',
    phases: [
      ['tcp', 0, null, 'unknown'],
      ['auth', 1_000, 3_000, 'failed'],
    ],
    lines: [
      {
        atMs: 1_200,
        dataset: 'modsecurity.audit',
        action: 'blocked',
        host: 'web1',
        file: 'modsec_audit.log',
        original:
          'ModSecurity: Access denied with code 403 (phase 2). Matched "Operator `Ge\' with parameter `5\' against variable `TX:ANOMALY_SCORE\' (Value: `5\' ) [id "949110"] [msg "Inbound Anomaly Score Exceeded (Total Score: 5)"] [uri "/oauth/token"] [unique_id "177374133012.004512"]',
      },
      {
        atMs: 1_201,
        dataset: 'nginx.access',
        action: 'request',
        host: 'web1',
        file: 'nginx-access.log',
        original:
          '198.51.100.31 - - [17/Mar/2026:11:15:31 +0100] "POST /oauth/token HTTP/1.1" 403 146 "-" "Thunderbird/128.3.1" rt=0.002',
      },
      {
        atMs: 4_000,
        dataset: 'dovecot.login',
        action: 'disconnected',
        original:
          'Mar 17 11:15:34 mx1 dovecot: imap-login: Disconnected: Connection closed (no auth attempts in 2 secs): user=<>, rip=198.51.100.31, lip=192.0.2.10, TLS, session=<w5Fp5fMqk7TGM2Qf>',
      },
    ],
    label: 'security.waf_false_positive',
    evidence: [
      {
        name: 'token_request_blocked',
        kind: 'line',
        text: 'The WAF blocked the token request of this client (rule 942100 in its score) 3 s before it gave up.',
        weights: { 'security.waf_false_positive': 4.9, 'security.attack': 1.6, none: -3 },
        lines: [0, 1],
      },
      {
        name: 'known_good_client',
        kind: 'company',
        text: 'The same user and client logged in 41 times in the week before, with no attack seen from this address.',
        weights: { 'security.waf_false_positive': 2.4, 'security.attack': -3.8 },
      },
      {
        name: 'no_login_after_block',
        kind: 'sequence',
        text: 'The connection that followed never tried to authenticate.',
        weights: { 'security.waf_false_positive': 1.3, 'client.no_auth': 2.2, none: -0.6 },
        lines: [2],
      },
    ],
    whyNot: {
      'client.no_auth': 'its token request was blocked 3 s before: it had nothing to log in with',
      'security.attack': 'this client logged in 41 times in the week before',
    },
    remedy: {
      summary: 'Exclude rule 942100 for this parameter of the token path, nothing wider.',
      setting: 'SecRule REQUEST_URI "@beginsWith /oauth/token"',
      value: 'ctl:ruleRemoveTargetById=942100;ARGS:code',
      file: '/etc/modsecurity/imapwhy-exclusions.conf',
      link: 'https://coreruleset.org/docs/2-how-crs-works/2-3-false-positives-and-tuning/',
    },
    scope: 'rule:942100',
    waf: 'login.example.org',
    dovecotId: 'w5Fp5fMqk7TGM2Qf',
    agent: 'Thunderbird',
  });
}

/** The tunnel restarted under the session; the mail server saw only the tunnel's address. */
export function vpnDownSession(id = 'vpn-20be77'): SampleSession {
  return sampleSession({
    id,
    startMs: at(11, 40, 2),
    durationMs: 131_000,
    user: 'CORP\\olga',
    clientIp: '2001:db8:7:1::a4',
    sourceIp: '10.8.0.7',
    outcome: 'reset',
    reason: 'Connection closed: Connection reset by peer',
    stalledIn: 'idle',
    phases: [
      ['tls', 0, null, 'ok'],
      ['auth', 1_000, null, 'ok'],
      ['idle', 9_000, 122_000, 'failed'],
    ],
    lines: [
      {
        atMs: 1_000,
        dataset: 'dovecot.login',
        action: 'logged-in',
        original:
          'Mar 17 12:40:03 mx1 dovecot: imap-login: Login: user=<CORP\\olga>, method=PLAIN, rip=10.8.0.7, lip=192.0.2.10, mpid=21877, TLS, session=<v9Np6fMqnbMKCAAH>',
      },
      {
        atMs: 118_400,
        dataset: 'openvpn.tunnel',
        action: 'restart',
        host: 'vpn1',
        file: 'openvpn.log',
        original:
          '2026-03-17 11:42:02 olga-laptop/[2001:db8:7:1::a4]:51544 SIGUSR1[soft,ping-restart] received, client-instance restarting',
      },
      {
        atMs: 131_000,
        dataset: 'dovecot.imap',
        action: 'disconnected',
        original:
          'Mar 17 12:42:13 mx1 dovecot: imap(CORP\\olga)<21877><v9Np6fMqnbMKCAAH>: Disconnected: Connection closed: Connection reset by peer (IDLE running for 122.002 secs) in=388 out=5120',
      },
    ],
    label: 'security.vpn_down',
    evidence: [
      {
        name: 'tunnel_restarted_inside',
        kind: 'line',
        text: 'The tunnel of this client restarted 12.6 s before the connection broke.',
        weights: { 'security.vpn_down': 5.4, 'network.client_vanished': 1.1, none: -2.6 },
        lines: [1],
      },
      {
        name: 'lease_changed',
        kind: 'sequence',
        text: 'The tunnel address 10.8.0.7 was given to the same client again 20 s later.',
        weights: { 'security.vpn_down': 1.6, 'network.client_vanished': -0.9 },
      },
    ],
    whyNot: { 'network.client_vanished': 'the client was there: its tunnel asked for a restart' },
    remedy: {
      summary: 'Let the tunnel survive short gaps before it restarts.',
      setting: 'keepalive',
      value: '10 120',
      file: '/etc/openvpn/server.conf',
      link: 'https://openvpn.net/community-docs/community-articles/openvpn-2-6-manual.html',
    },
    scope: 'tunnel:vpn1',
    vpn: { name: 'vpn1', assigned_ip: '10.8.0.7', rekeyed: false },
    clock: [{ source: 'openvpn.log', shift_ms: 3_600_000, confidence: 0.97, basis: '14 logins that mail.log saw too' }],
    dovecotId: 'v9Np6fMqnbMKCAAH',
    mechanism: 'PLAIN',
  });
}

/** A real brute force, so nobody's outage. */
export function attackSession(id = 'atk-66f0aa'): SampleSession {
  return sampleSession({
    id,
    startMs: at(3, 3, 3),
    durationMs: 2_000,
    user: 'admin@example.org',
    clientIp: '198.51.100.200',
    outcome: 'auth_failed',
    reason: 'auth failed, 3 attempts in 2 secs',
    stalledIn: 'auth',
    phases: [
      ['tls', 0, null, 'ok'],
      ['auth', 0, 2_000, 'failed'],
    ],
    lines: [
      {
        atMs: 2_000,
        dataset: 'dovecot.login',
        action: 'disconnected',
        original:
          'Mar 17 04:03:05 mx1 dovecot: imap-login: Disconnected: Connection closed (auth failed, 3 attempts in 2 secs): user=<admin@example.org>, method=PLAIN, rip=198.51.100.200, lip=192.0.2.10, TLS, session=<a1Bf7fMq3rPGM2TI>',
      },
    ],
    label: 'security.attack',
    evidence: [
      {
        name: 'many_names_one_address',
        kind: 'company',
        text: 'The address tried 212 names in 10 minutes, and none succeeded.',
        weights: { 'security.attack': 7.3, 'client.stale_token': -2, none: -2.5 },
        lines: [0],
      },
    ],
    whyNot: { 'client.stale_token': 'no login of this name from this address ever succeeded' },
    remedy: {
      summary: 'Ban such addresses earlier.',
      setting: '[dovecot] maxretry',
      value: '5',
      file: '/etc/fail2ban/jail.local',
      link: 'https://github.com/fail2ban/fail2ban/wiki',
    },
    scope: 'network:198.51.100.0/24',
    dovecotId: 'a1Bf7fMq3rPGM2TI',
  });
}

/** A connection as it should be. */
export function healthySession(id = 'ok-000001', index = 0): SampleSession {
  const user = `user${index % 50}@example.org`;
  return sampleSession({
    id,
    startMs: at(8, 0) + index * 20_000,
    durationMs: 8_400,
    user,
    clientIp: `198.51.100.${1 + (index % 60)}`,
    outcome: 'ok',
    reason: 'Logged out',
    stalledIn: null,
    phases: [
      ['tcp', 0, 1, 'ok'],
      ['tls', 1, 180, 'ok'],
      ['auth', 181, 300, 'ok'],
      ['command', 481, 7_919, 'ok'],
    ],
    lines: [
      {
        atMs: 481,
        dataset: 'dovecot.login',
        action: 'logged-in',
        original: `Mar 17 09:00:00 mx1 dovecot: imap-login: Login: user=<${user}>, method=PLAIN, rip=198.51.100.${1 + (index % 60)}, lip=192.0.2.10, mpid=${3000 + index}, TLS, session=<o${index}Ok4fMqYbLLAHF4>`,
      },
      {
        atMs: 8_400,
        dataset: 'dovecot.imap',
        action: 'disconnected',
        original: `Mar 17 09:00:08 mx1 dovecot: imap(${user})<${3000 + index}><o${index}Ok4fMqYbLLAHF4>: Disconnected: Logged out in=120 out=2200`,
      },
    ],
    label: 'none',
    evidence: [
      {
        name: 'logged_out',
        kind: 'line',
        text: 'The client logged out by itself.',
        weights: { none: 3.2, 'server.idle_timeout': -2, 'network.packet_loss': -1 },
        lines: [1],
      },
    ],
    dovecotId: `o${index}Ok4fMqYbLLAHF4`,
    mechanism: 'PLAIN',
    bytes: 2320,
  });
}

/** A failure that nobody could explain: label `none`, never shown as healthy. */
export function unexplainedSession(id = 'unk-33ab10'): SampleSession {
  return sampleSession({
    id,
    startMs: at(12, 5),
    durationMs: 45_000,
    user: null,
    clientIp: '203.0.113.9',
    outcome: 'timeout',
    reason: 'Connection closed',
    stalledIn: 'command',
    phases: [['command', 0, 45_000, 'failed']],
    lines: [
      {
        atMs: 45_000,
        dataset: 'dovecot.imap',
        action: 'disconnected',
        original: 'Mar 17 13:05:45 mx1 dovecot: imap: Disconnected: Connection closed (NOOP running for 45.000 secs)',
      },
    ],
    label: 'none',
    evidence: [],
    missing: [
      { source: 'haproxy', enable: '`option tcplog` in the frontend of IMAP (/etc/haproxy/haproxy.cfg)' },
      MISSING_FLOW,
    ],
  });
}

/** Every field that a stranger can fill holds what would harm a terminal or a page. */
export function hostileSession(id = 'evil-0bad00'): SampleSession {
  const evil = '\x1b[31m<script>alert(1)</script>\u202e\u0085\u2028"\'&\x07';
  const spec = {
    id,
    startMs: at(13, 0),
    durationMs: 1_000,
    user: `__proto__${evil}`,
    clientIp: '198.51.100.66',
    outcome: 'auth_failed',
    reason: `auth failed ${evil}`,
    stalledIn: 'auth',
    phases: [['auth', 0, 1_000, 'failed']],
    lines: [
      {
        atMs: 1_000,
        dataset: 'dovecot.login',
        action: 'disconnected',
        host: `mx1${evil}`,
        file: `mail${evil}.log`,
        original: `Mar 17 14:00:01 mx1 dovecot: imap-login: Disconnected (auth failed): user=<${evil}>, rip=198.51.100.66`,
      },
    ],
    label: 'client.stale_token',
    evidence: [
      {
        name: `failed_again${evil}`,
        kind: 'line',
        text: `the name ${evil} failed`,
        weights: { 'client.stale_token': 6, none: -2 },
        lines: [0],
      },
    ],
    missing: [{ source: `waf${evil}`, enable: `SecAuditLog ${evil}` }],
    remedy: { summary: evil, setting: evil, value: evil, file: evil, link: `javascript:alert(1)//${evil}` },
    scope: `user:${evil}`,
    vpn: { name: evil, assigned_ip: '10.8.0.9', rekeyed: true },
    waf: evil,
    proxy: evil,
    agent: evil,
    clock: [{ source: evil, shift_ms: 1, confidence: 0.5, basis: evil }],
  } as const satisfies SampleSpec;
  return sampleSession(spec);
}

/** One of each kind. */
export function sampleSessions(): readonly SampleSession[] {
  return [
    idleTimeoutSession(),
    poolExhaustedSession(),
    packetLossSession(),
    wafFalsePositiveSession(),
    vpnDownSession(),
    attackSession(),
    healthySession(),
    unexplainedSession(),
    hostileSession(),
  ];
}

/** A whole day: a few hundred healthy sessions, a loss burst, and one of each kind. For reports. */
export function sampleDay(healthy = 400): readonly SampleSession[] {
  const burst = Array.from({ length: 16 }, (_, i) => packetLossSession(`loss-burst-${i}`, i + 1));
  const fine = Array.from({ length: healthy }, (_, i) => healthySession(`ok-${String(i + 2).padStart(6, '0')}`, i + 1));
  return [...sampleSessions(), ...burst, ...fine];
}

/** The same profile as a later revision, with another reason so that the documents differ. */
export function revised(profile: Profile, revision: number): Profile {
  return {
    ...profile,
    event: { ...profile.event, reason: `revision ${revision}` },
    imapwhy: { ...profile.imapwhy, revision },
  };
}
