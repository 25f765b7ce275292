/** Fields without a home in ECS: those of single formats, and ours under `imapwhy`. What is not here is kept in the source and cannot be searched. */
import type { FieldMapping } from './mapping.ts';

type Fields = Readonly<Record<string, FieldMapping>>;

/** Elasticsearch takes no term of more than 32,766 bytes; a character has at most four. */
const IGNORE_ABOVE = 1024;
const keyword: FieldMapping = { type: 'keyword', ignore_above: IGNORE_ABOVE };
/** Shown, never searched: no term, so no limit. */
const shown: FieldMapping = { type: 'keyword', index: false, doc_values: false };
const text: FieldMapping = { type: 'match_only_text' };
const long: FieldMapping = { type: 'long' };
const double: FieldMapping = { type: 'double' };
const date: FieldMapping = { type: 'date' };
const boolean: FieldMapping = { type: 'boolean' };
const ip: FieldMapping = { type: 'ip' };
/** Objects of a vendor, whose keys we do not choose: every leaf is a keyword. */
const flattened: FieldMapping = { type: 'flattened', ignore_above: 8000, depth_limit: 20 };
const notIndexed: FieldMapping = { type: 'object', enabled: false };

export const EVENT_FIELDS: Fields = {
  'dovecot.attempts': long,
  'dovecot.auth': keyword,
  'dovecot.buffered_out': long,
  'dovecot.command': keyword,
  'dovecot.command_seconds': double,
  'dovecot.command_state': keyword,
  'dovecot.database': keyword,
  'dovecot.end': keyword,
  'dovecot.ended_by': keyword,
  'dovecot.failure': keyword,
  'dovecot.inactive_seconds': double,
  'dovecot.limit': long,
  'dovecot.limit_name': keyword,
  'dovecot.lock_seconds': double,
  'dovecot.mechanism': keyword,
  'dovecot.method': keyword,
  'dovecot.session_id': keyword,
  'dovecot.timer_seconds': double,
  'dovecot.tls': keyword,
  'dovecot.tls_error': keyword,
  'dovecot.waited_seconds': double,
  'dovecot.waiting_for': keyword,
  'dovecot.waiting_seconds': double,
  'haproxy.backend_name': keyword,
  'haproxy.bytes_read': long,
  'haproxy.connections.active': long,
  'haproxy.connections.backend': long,
  'haproxy.connections.frontend': long,
  'haproxy.connections.retries': long,
  'haproxy.connections.server': long,
  'haproxy.frontend_name': keyword,
  'haproxy.queue.backend': long,
  'haproxy.queue.server': long,
  'haproxy.server_name': keyword,
  'haproxy.termination_state': keyword,
  'haproxy.time_connect_ms': long,
  'haproxy.time_queue_ms': long,
  'haproxy.time_total_ms': long,
  'imapwhy.netfilter.limited': boolean,
  'imapwhy.netfilter.syn': boolean,
  'imapwhy.netflow.flags': keyword,
  'imapwhy.openvpn.connected_at': date,
  'imapwhy.openvpn.last_ref_at': date,
  'imapwhy.openvpn.side': keyword,
  'imapwhy.openvpn.signal_reason': keyword,
  'log.offset': long, // not of ECS, but where Beats has it
  'modsecurity.anomaly_score': double,
  'modsecurity.rules': flattened,
  'nginx.error.dry_run': boolean,
  'nginx.error.excess': double,
  'nginx.error.zone': keyword,
  'postfix.daemon': keyword,
  'postfix.delay_seconds': double,
  'postfix.dsn': keyword,
  'postfix.mechanism': keyword,
  'postfix.relay': keyword,
  'postfix.status': keyword,
};

export const PROFILE_FIELDS: Fields = {
  // The name under which Dovecot's events have it, so that one filter finds a session and its lines.
  'dovecot.session_id': { type: 'alias', path: 'imapwhy.session.dovecot_id' },
  'imapwhy.anomaly.score': double,
  'imapwhy.auth.mechanism': keyword,
  'imapwhy.cause.alternatives.label': keyword,
  'imapwhy.cause.alternatives.probability': double,
  'imapwhy.cause.alternatives.why_not': shown,
  'imapwhy.cause.evidence.kind': keyword,
  'imapwhy.cause.evidence.lines.at': { type: 'date', index: false, doc_values: false },
  'imapwhy.cause.evidence.lines.dataset': keyword,
  'imapwhy.cause.evidence.lines.id': keyword,
  'imapwhy.cause.evidence.lines.original': shown,
  'imapwhy.cause.evidence.name': keyword,
  'imapwhy.cause.evidence.text': text,
  'imapwhy.cause.evidence.value': double,
  'imapwhy.cause.evidence.weights': notIndexed,
  'imapwhy.cause.label': keyword,
  'imapwhy.cause.layer': keyword,
  'imapwhy.cause.missing_sources.enable': shown,
  'imapwhy.cause.missing_sources.source': keyword,
  'imapwhy.cause.owner': keyword,
  'imapwhy.cause.probability': double,
  'imapwhy.cause.remedy.file': keyword,
  'imapwhy.cause.remedy.link': shown,
  'imapwhy.cause.remedy.setting': keyword,
  'imapwhy.cause.remedy.summary': shown,
  'imapwhy.cause.remedy.value': shown,
  'imapwhy.cause.scope': keyword,
  'imapwhy.clock.basis': shown,
  'imapwhy.clock.confidence': double,
  'imapwhy.clock.shift_ms': double,
  'imapwhy.clock.source': keyword,
  'imapwhy.context.pool_used': double,
  'imapwhy.decided_at': date,
  'imapwhy.events.action': keyword,
  'imapwhy.events.at': { type: 'date', index: false, doc_values: false },
  'imapwhy.events.dataset': keyword,
  'imapwhy.events.id': keyword,
  'imapwhy.events_omitted': long,
  'imapwhy.outcome': keyword,
  'imapwhy.path.proxy': keyword,
  'imapwhy.path.vpn.assigned_ip': ip,
  'imapwhy.path.vpn.name': keyword,
  'imapwhy.path.vpn.rekeyed': boolean,
  'imapwhy.path.waf': keyword,
  'imapwhy.phases': {
    type: 'nested',
    properties: {
      duration_ms: double,
      name: keyword,
      outcome: keyword,
      precision_ms: double,
      source: keyword,
      start: date,
    },
  },
  'imapwhy.prediction.model': keyword,
  'imapwhy.prediction.risk': double,
  'imapwhy.revision': long,
  'imapwhy.session.dovecot_id': keyword,
  'imapwhy.session.id': keyword,
  'imapwhy.stalled_in': keyword,
};

export const INCIDENT_FIELDS: Fields = {
  'imapwhy.incident.cause': keyword,
  'imapwhy.incident.example_sessions': keyword,
  'imapwhy.incident.id': keyword,
  'imapwhy.incident.layer': keyword,
  'imapwhy.incident.networks': long,
  'imapwhy.incident.owner': keyword,
  'imapwhy.incident.probability': double,
  'imapwhy.incident.scope': keyword,
  'imapwhy.incident.sessions': long,
  'imapwhy.incident.users': long,
  'imapwhy.revision': long,
};

const written = (name: string): Fields => ({
  [`imapwhy.pipeline.${name}.present`]: long,
  [`imapwhy.pipeline.${name}.refused`]: long,
  [`imapwhy.pipeline.${name}.written`]: long,
});

export const PIPELINE_FIELDS: Fields = {
  'imapwhy.pipeline.cpu_ms': long,
  'imapwhy.pipeline.dead_letters': long,
  ...written('events'),
  'imapwhy.pipeline.evictions': long,
  ...written('incidents'),
  'imapwhy.pipeline.lag': long,
  'imapwhy.pipeline.late_events': long,
  'imapwhy.pipeline.parse_failures': long,
  'imapwhy.pipeline.parsed': long,
  'imapwhy.pipeline.pending_bytes': long,
  ...written('profiles'),
  'imapwhy.pipeline.records': long,
  'imapwhy.pipeline.redactions': long,
  'imapwhy.pipeline.repeated': long,
  'imapwhy.pipeline.roles': keyword,
  'imapwhy.pipeline.rss_bytes': long,
  'imapwhy.pipeline.sessions_open': long,
  'imapwhy.pipeline.troubles.denied': long,
  'imapwhy.pipeline.troubles.failing': long,
  'imapwhy.pipeline.troubles.missing': long,
  'imapwhy.pipeline.troubles.overloaded': long,
  'imapwhy.pipeline.troubles.timeout': long,
  'imapwhy.pipeline.troubles.unreachable': long,
  'imapwhy.pipeline.troubles.unreadable': long,
  'imapwhy.pipeline.watermark_lag_ms': long,
  'imapwhy.pipeline.worker': keyword,
};
