import type { EventBase } from '../event.ts';

/** `option tcplog` / `option httplog` / error lines. `stamp` is the accept (or request) time, `endedAt` = stamp + total timer. */
export interface HaproxyEvent extends EventBase {
  readonly dataset: 'haproxy.connection';
  readonly action: 'connection-ended' | 'connection-error' | 'server-state' | 'notice';
  readonly clientIp: string | undefined;
  readonly clientPort: number | undefined;
  readonly frontend: string | undefined; // without the trailing ~
  readonly tls: boolean; // frontend~
  readonly backend: string | undefined;
  readonly server: string | undefined; // <NOSRV> as undefined
  readonly queueMs: number | undefined; // -1 (not reached) as undefined
  readonly connectMs: number | undefined;
  readonly totalMs: number | undefined;
  readonly endedAt: number | undefined;
  readonly bytes: number | undefined;
  readonly termination: string | undefined; // two letters (TCP) or four (HTTP): '--', 'cD', 'sD', 'SC', 'PR' …
  readonly connections: readonly [actconn: number, feconn: number, beconn: number, srvconn: number, retries: number] | undefined;
  readonly queues: readonly [server: number, backend: number] | undefined;
  readonly http: { readonly status: number | undefined; readonly method: string | undefined; readonly path: string | undefined } | undefined;
  readonly reason: string | undefined; // error lines: "Timeout during SSL handshake" …; server-state: the sentence
}
