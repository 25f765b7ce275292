import type { Dashboard } from '../panel.ts';

const network = [
  'imapwhy.cause.layer: network',
  'imapwhy.cause.label: "security.vpn_down"',
  'imapwhy.cause.label: "security.vpn_bottleneck"',
].join(' or ');

export const networkAndVpn: Dashboard = {
  name: 'network-and-vpn',
  title: 'Network and VPN',
  description: 'Loss, flapping paths, starved links and tunnels.',
  timeFrom: 'now-24h',
  controls: [
    { view: 'profiles', field: 'imapwhy.cause.scope', title: 'Scope' },
    { view: 'profiles', field: 'imapwhy.path.vpn.name', title: 'Tunnel' },
  ],
  rows: [
    [
      {
        width: 32,
        height: 14,
        panel: {
          kind: 'chart',
          id: 'network-causes-over-time',
          title: 'Network and VPN causes over time',
          view: 'profiles',
          filter: network,
          shape: 'bar_stacked',
          x: { kind: 'time' },
          split: { kind: 'terms', field: 'imapwhy.cause.label', label: 'Cause', size: 6 },
          metrics: [{ label: 'Sessions', op: 'count' }],
          drilldown: 'session',
        },
      },
      {
        width: 16,
        height: 14,
        panel: {
          kind: 'table',
          id: 'network-scopes',
          title: 'Networks and tunnels',
          view: 'profiles',
          filter: network,
          rows: [{ kind: 'terms', field: 'imapwhy.cause.scope', label: 'Scope', size: 20 }],
          metrics: [
            { label: 'Sessions', op: 'count' },
            { label: 'Users', op: 'unique_count', field: 'user.name' },
          ],
          drilldown: 'session',
        },
      },
    ],
    [
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'chart',
          id: 'network-bytes',
          title: 'Bytes by application (flow records)',
          view: 'events',
          filter: 'event.dataset: netflow.*',
          shape: 'area_stacked',
          x: { kind: 'time' },
          split: { kind: 'terms', field: 'network.transport', label: 'Transport', size: 5 },
          metrics: [{ label: 'Bytes', op: 'sum', field: 'network.bytes', format: 'bytes' }],
        },
      },
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'chart',
          id: 'vpn-events',
          title: 'What VPN servers and clients said',
          view: 'events',
          filter: 'network.application: openvpn',
          shape: 'bar_stacked',
          x: { kind: 'time' },
          split: { kind: 'terms', field: 'event.action', label: 'Action', size: 12 },
          metrics: [{ label: 'Lines', op: 'count' }],
        },
      },
    ],
    [
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'table',
          id: 'vpn-tunnels',
          title: 'Tunnels',
          view: 'profiles',
          filter: 'imapwhy.path.vpn.name: *',
          rows: [{ kind: 'terms', field: 'imapwhy.path.vpn.name', label: 'Tunnel', size: 20 }],
          metrics: [
            { label: 'Sessions', op: 'count' },
            { label: 'Success', op: 'average', field: 'imapwhy.indicators.success', format: 'percent' },
            { label: 'Set-up', op: 'average', field: 'imapwhy.indicators.setup_ms', format: 'milliseconds' },
          ],
          drilldown: 'session',
        },
      },
      {
        width: 24,
        height: 12,
        panel: {
          kind: 'table',
          id: 'packet-filter',
          title: 'Dropped by packet filters and bans',
          view: 'events',
          filter: 'observer.type: firewall',
          rows: [
            { kind: 'terms', field: 'rule.name', label: 'Rule', size: 10 },
            { kind: 'terms', field: 'source.ip', label: 'Address', size: 10 },
          ],
          metrics: [{ label: 'Packets', op: 'count' }],
        },
      },
    ],
  ],
};
