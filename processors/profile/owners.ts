import type { Cause, CauseLabel } from './profile.ts';

/** Whose job a cause is. */
export const OWNERS: Readonly<Record<CauseLabel, string | null>> = {
  'network.packet_loss': 'network',
  'network.path_flap': 'network',
  'network.qos_starvation': 'network',
  'network.client_vanished': 'network',
  'server.pool_exhausted': 'operations',
  'server.auth_slow': 'operations',
  'server.tls_misconfig': 'operations',
  'server.idle_timeout': 'operations',
  'server.storage_slow': 'operations',
  'client.legacy_tls': 'service desk',
  'client.stale_token': 'service desk',
  'client.no_auth': 'service desk',
  'client.too_many_connections': 'service desk',
  'client.protocol_error': 'service desk',
  'security.waf_false_positive': 'security',
  'security.rate_limit': 'security',
  'security.vpn_down': 'security',
  'security.vpn_bottleneck': 'security',
  'security.attack': 'security',
  none: null,
};

/** The first part of a label; `none` has no layer. */
export function layerOf(label: CauseLabel): Cause['layer'] {
  const layer = label.slice(0, Math.max(0, label.indexOf('.')));
  return layer === 'network' || layer === 'server' || layer === 'client' || layer === 'security' ? layer : null;
}
