import type { EventBase } from '../event.ts';

export { openvpnLog } from './openvpn-log.ts';
export { openvpnStatus } from './openvpn-status.ts';

/**
 * Server and client log. Which side wrote it is in `side`: a client log has no `CN/IP:PORT` prefix.
 * `commonName`, `realIp` and `realPort` name the other end: on the server the client, on the client the server.
 */
export interface OpenvpnEvent extends EventBase {
  readonly dataset: 'openvpn.log';
  readonly side: 'server' | 'client' | 'unknown';
  readonly action:
    | 'connected' // Peer Connection Initiated
    | 'lease' // MULTI_sva pool returned / primary virtual IP / Learn; client: net_addr_v4_add / ifconfig
    | 'ping-timeout' // Inactivity timeout (--ping-restart|--ping-exit)
    | 'inactive' // Inactivity timeout (--inactive), Session timeout
    | 'restart' // SIGUSR1 … client-instance restarting, Connection reset, Server poll timeout
    | 'exit' // SIGTERM …, exiting
    | 'tls-failed' // TLS key negotiation failed, TLS handshake failed, VERIFY ERROR, unwrapping failed
    | 'rekeyed' // TLS: soft reset; Control Channel of a client that has its name already
    | 'auth-ok'
    | 'auth-failed'
    | 'refused' // max clients, connect-freq
    | 'started' // Initialization Sequence Completed
    | 'network-error' // read/write UDP: Connection refused, No route to host
    | 'notice';
  readonly commonName: string | undefined;
  readonly realIp: string | undefined;
  readonly realPort: number | undefined;
  readonly leaseIp: string | undefined; // tunnel address, IPv4 preferred
  readonly user: string | undefined;
  readonly signalReason: string | undefined; // ping-restart, tls-error, remote-exit …
  readonly reason: string;
}

/** One client row of a status file (version 1, 2 or 3), with the file's own time. */
export interface OpenvpnStatusEvent extends EventBase {
  readonly dataset: 'openvpn.status';
  readonly action: 'client' | 'route' | 'snapshot'; // snapshot: TIME / Updated line, totals, END
  readonly commonName: string | undefined;
  readonly realIp: string | undefined;
  readonly realPort: number | undefined;
  readonly leaseIp: string | undefined;
  readonly bytesReceived: number | undefined; // from the client, since it connected
  readonly bytesSent: number | undefined;
  readonly connectedAt: number | undefined; // UTC epoch ms (column time_t where given)
  readonly lastRefAt: number | undefined;
  readonly user: string | undefined;
}

export type OpenvpnLogEvent = OpenvpnEvent | OpenvpnStatusEvent;
