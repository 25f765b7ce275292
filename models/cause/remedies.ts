import { decidingRule } from '../../processors/correlate/requests.ts';
import type { CauseLabel, Remedy } from '../../processors/profile/profile.ts';
import type { Case } from './case.ts';

const DOVECOT = 'https://doc.dovecot.org/latest/core';
const HAPROXY = 'https://docs.haproxy.org/2.8/configuration.html';

/** What to do, with the exact setting of the server in question where there is one. */
export function remedyFor(label: CauseLabel, c: Case): Remedy | null {
  switch (label) {
    case 'none':
      return null;
    case 'network.packet_loss':
      return remedy(
        `Find where packets of ${place(c)} are lost: interface errors and duplex on its uplink first, then an mtr from both ends.`,
        null,
        null,
        null,
        'https://www.rfc-editor.org/rfc/rfc6298',
      );
    case 'network.path_flap':
      return remedy(
        `Look for a route or link change towards ${place(c)} at the time of the silence (routing protocol log, link state, failover). BFD (RFC 5880) between the routers finds such failures in under a second.`,
        null,
        null,
        null,
        'https://www.rfc-editor.org/rfc/rfc5880',
      );
    case 'network.qos_starvation':
      return remedy(
        `Give mail its own queue on the link of ${place(c)}, or limit the bulk traffic beside it; a queue that adds seconds is too long.`,
        'active queue management, e.g. fq_codel',
        'target 5ms',
        'router of that link',
        'https://www.rfc-editor.org/rfc/rfc8290',
      );
    case 'network.client_vanished':
      return remedy(
        'Nothing is wrong on the server. A shorter keepalive notices it earlier and keeps NAT entries alive.',
        'imap_idle_notify_interval',
        '1 mins (default 2 mins)',
        '/etc/dovecot/conf.d/20-imap.conf',
        `${DOVECOT}/admin/timeouts.html`,
      );
    case 'server.pool_exhausted': {
      const limit = c.around.limits[0];
      const service = limit?.service ?? 'imap-login';
      const name = limit?.name.split('/')[0] ?? 'process_limit';
      return remedy(
        `Raise ${name} of service ${service}${limit?.limit === undefined ? '' : ` above ${limit.limit}`}, after checking who holds the connections (doveadm who), and keep 30 % in reserve.`,
        `service ${service} { ${name} }`,
        limit?.limit === undefined ? null : String(limit.limit * 2),
        '/etc/dovecot/conf.d/10-master.conf',
        `${DOVECOT}/config/service.html`,
      );
    }
    case 'server.auth_slow':
      return remedy(
        'Find out why the password database answers slowly (doveadm auth test with timing; LDAP, SQL or PAM behind it); only then give it more workers.',
        'auth_worker_max_count / service auth-worker { process_limit }',
        '60 (default 30)',
        '/etc/dovecot/conf.d/10-auth.conf',
        `${DOVECOT}/config/auth/overview.html`,
      );
    case 'server.tls_misconfig':
      return remedy(
        'Check what the listener sends: expiry, name and chain (openssl s_client -connect HOST:993 -servername HOST -showcerts). Put the full chain into the certificate file and reload.',
        'ssl_cert (2.4: ssl_server_cert_file)',
        'certificate followed by its intermediates',
        '/etc/dovecot/conf.d/10-ssl.conf',
        `${DOVECOT}/config/ssl.html`,
      );
    case 'server.idle_timeout':
      return idleRemedy(c);
    case 'server.storage_slow':
      return remedy(
        'Find who holds the mailbox lock and why storage is slow (doveadm log errors, iostat -x, NFS statistics); indexes on local disks help.',
        'mail_index_path (2.3: mail_location …:INDEX=)',
        'a local disk',
        '/etc/dovecot/conf.d/10-mail.conf',
        `${DOVECOT}/config/mailbox/formats/maildir.html`,
      );
    case 'client.legacy_tls':
      return remedy(
        `Update the mail client${named(c)}. Only if it cannot be: allow the older version, for as short as possible.`,
        'ssl_min_protocol',
        'TLSv1.2',
        '/etc/dovecot/conf.d/10-ssl.conf',
        `${DOVECOT}/config/ssl.html`,
      );
    case 'client.stale_token':
      return remedy(
        `Let the user sign in again${named(c)}: the client keeps using a token that has expired instead of fetching a new one.`,
        null,
        null,
        null,
        'https://www.rfc-editor.org/rfc/rfc7628',
      );
    case 'client.no_auth':
      return remedy(
        `The client${named(c)} connects and never logs in: check its account settings, or which monitor or scanner it is.`,
        null,
        null,
        null,
        `${DOVECOT}/admin/timeouts.html`,
      );
    case 'client.too_many_connections':
      return remedy(
        'Find which of the user’s clients opens so many connections (doveadm who USER); raise the limit only if all of them are wanted.',
        'mail_max_userip_connections',
        '20 (default 10)',
        '/etc/dovecot/conf.d/20-imap.conf',
        `${DOVECOT}/config/protocols/imap.html`,
      );
    case 'client.protocol_error':
      return remedy(
        `The client${named(c)} sends commands that are not IMAP: wrong protocol or port, or a faulty release. Look at what it sends with rawlog.`,
        'rawlog_dir',
        '/var/log/dovecot-rawlog/%u',
        '/etc/dovecot/conf.d/10-logging.conf',
        `${DOVECOT}/admin/rawlog.html`,
      );
    case 'security.waf_false_positive':
      return wafRemedy(c);
    case 'security.rate_limit': {
      const limited = c.s.requests.find((r) => r.limited);
      return limited
        ? remedy(
            `Many people share the address ${c.s.clientIp ?? ''}: let the limit allow for them.`,
            `limit_req zone=${limited.zone ?? '…'} burst=`,
            '20 nodelay',
            'nginx.conf',
            'https://nginx.org/en/docs/http/ngx_http_limit_req_module.html',
          )
        : remedy(
            `Many people may share the address ${c.s.clientIp ?? ''}: raise the limit for it, or exempt known networks.`,
            c.s.drops ? '--hashlimit-burst' : 'ignoreip',
            c.s.drops ? '40' : (c.s.clientIp ?? null),
            c.s.drops ? 'packet filter rules' : '/etc/fail2ban/jail.local',
            c.s.drops
              ? 'https://man7.org/linux/man-pages/man8/iptables-extensions.8.html'
              : 'https://github.com/fail2ban/fail2ban/wiki',
          );
    }
    case 'security.vpn_down':
      return remedy(
        `Look at why the tunnel of ${c.s.vpn?.name ?? 'this client'} was lost (VPN log on both ends); make both ends notice it sooner.`,
        'keepalive',
        '10 60',
        'OpenVPN server.conf',
        'https://openvpn.net/community-docs/community-articles/openvpn-2-6-manual.html',
      );
    case 'security.vpn_bottleneck':
      return remedy(
        `Find what fills the tunnel${c.s.vpn ? ` of ${c.s.vpn.name}` : ''}: let bulk traffic bypass it (split tunnelling) or give it more capacity.`,
        'push "route …" instead of redirect-gateway',
        null,
        'OpenVPN server.conf',
        'https://openvpn.net/community-docs/community-articles/openvpn-2-6-manual.html',
      );
    case 'security.attack':
      return remedy(
        'No user is concerned. See that the address is banned and that the account, if it exists, has a good password.',
        'bantime',
        '1d',
        '/etc/fail2ban/jail.local',
        'https://github.com/fail2ban/fail2ban/wiki',
      );
    default:
      return label satisfies never;
  }
}

function idleRemedy(c: Case): Remedy {
  const silent = Math.round(c.silent ?? 0);
  if (c.s.postLogin?.end === 'inactivity') {
    return remedy(
      `The client kept silent for ${silent} s outside IDLE. Dovecot’s 30 minutes are what RFC 9051 (5.4) asks for at least and are not to be shortened; let the client use IDLE and renew it every 29 minutes.`,
      null,
      null,
      null,
      'https://www.rfc-editor.org/rfc/rfc9051#section-5.4',
    );
  }
  const why = `A timer of ${silent} s in front of Dovecot ends sessions that IMAP allows to be silent for 30 minutes (RFC 9051, 5.4). Raise it above that.`;
  const daemon = c.s.proxy === undefined ? c.timer?.timer.daemon : 'haproxy';
  if (daemon === 'haproxy')
    return remedy(
      why,
      'timeout client / timeout server',
      '31m',
      '/etc/haproxy/haproxy.cfg',
      `${HAPROXY}#4.2-timeout%20client`,
    );
  if (daemon === 'nginx')
    return remedy(
      why,
      'proxy_timeout',
      '31m',
      'nginx.conf',
      'https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html#proxy_timeout',
    );
  return remedy(
    `${why} Which device on the way holds it the logs do not tell: a proxy, a firewall or a NAT router.`,
    'its TCP idle timeout',
    '31 min',
    null,
    'https://www.rfc-editor.org/rfc/rfc5382#section-5',
  );
}

/** The narrowest exclusion that the log allows: this rule, this path, and the one variable that it matched. */
function wafRemedy(c: Case): Remedy {
  const blocked = c.s.requests.find((r) => r.blocked);
  const rule = blocked && decidingRule(blocked);
  const action =
    rule &&
    (rule.variable === undefined
      ? `ctl:ruleRemoveById=${rule.id}`
      : `ctl:ruleRemoveTargetById=${rule.id};${rule.variable}`);
  return remedy(
    `Exclude rule ${rule?.id ?? 'in question'} for ${blocked?.path ?? 'this path'}${rule?.variable === undefined ? '' : ` and ${rule.variable}`} only, after a look at the blocked requests.`,
    action === undefined
      ? null
      : `SecRule REQUEST_FILENAME "@streq ${blocked?.path ?? '/'}" "id:…,phase:1,pass,nolog,${action}"`,
    null,
    'REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf',
    'https://coreruleset.org/docs/concepts/false_positives_tuning/',
  );
}

const place = (c: Case): string => c.around.network ?? 'this network';
const named = (c: Case): string => (c.s.client === undefined ? '' : ` (${c.s.client})`);
const remedy = (
  summary: string,
  setting: string | null,
  value: string | null,
  file: string | null,
  link: string,
): Remedy => ({ summary, setting, value, file, link });
