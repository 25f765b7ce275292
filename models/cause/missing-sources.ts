import type { CauseLabel, MissingSource } from '../../processors/profile/profile.ts';

/** Which kind of log would confirm or rule out a cause, and the setting that makes it exist. */
const TELLS: Readonly<
  Record<string, { readonly source: string; readonly labels: readonly CauseLabel[]; readonly enable: string }>
> = {
  netflow: {
    source: 'flow records',
    labels: [
      'network.packet_loss',
      'network.path_flap',
      'network.qos_starvation',
      'network.client_vanished',
      'security.rate_limit',
    ],
    enable: 'softflowd -i eth0 -n COLLECTOR:2055 and nfcapd; give nfdump -o csv',
  },
  haproxy: {
    source: 'proxy log',
    labels: ['server.idle_timeout', 'network.client_vanished'],
    enable: 'haproxy.cfg: log /dev/log local0, option tcplog',
  },
  openvpn: {
    source: 'VPN log',
    labels: ['security.vpn_down', 'security.vpn_bottleneck'],
    enable: 'OpenVPN: log-append FILE, verb 3, status FILE 10',
  },
  modsecurity: {
    source: 'WAF audit log',
    labels: ['security.waf_false_positive', 'security.attack', 'client.stale_token'],
    enable: 'SecAuditEngine RelevantOnly, SecAuditLogParts ABCFHZ, SecAuditLog FILE',
  },
  netfilter: {
    source: 'packet filter log',
    labels: ['security.rate_limit', 'network.path_flap'],
    enable: 'a LOG or NFLOG rule before each DROP, with a log prefix',
  },
  fail2ban: {
    source: 'ban log',
    labels: ['security.rate_limit'],
    enable: 'fail2ban: loglevel = INFO, logtarget = FILE',
  },
  dovecot: {
    source: 'mail server log',
    labels: ['server.auth_slow', 'server.pool_exhausted', 'server.storage_slow'],
    enable: 'Dovecot: log_path or syslog, auth_verbose = yes',
  },
};

/** Sources that had no line at all in the hour around and could have told more about the causes in question. */
export function missingSources(candidates: readonly CauseLabel[], seen: readonly string[]): readonly MissingSource[] {
  const missing: MissingSource[] = [];
  for (const [family, tells] of Object.entries(TELLS)) {
    if (seen.includes(family)) continue;
    if (tells.labels.some((label) => candidates.includes(label)))
      missing.push({ source: tells.source, enable: tells.enable });
  }
  return missing;
}
