import type { EventBase } from '../event.ts';

/** Combined/common access log line (nginx or Apache). */
export interface HttpAccessEvent extends EventBase {
  readonly dataset: 'nginx.access';
  readonly action: 'request';
  readonly clientIp: string;
  readonly user: string | undefined; // remote_user
  readonly method: string | undefined;
  readonly path: string | undefined; // without query
  readonly query: string | undefined;
  readonly status: number;
  readonly bytes: number | undefined;
  readonly userAgent: string | undefined;
}

/** nginx error log line that is not a ModSecurity sentence (those become `modsecurity.error`). */
export interface NginxErrorEvent extends EventBase {
  readonly dataset: 'nginx.error';
  readonly action: 'request-limited' | 'connection-limited' | 'mail-proxy' | 'upstream' | 'tls' | 'notice';
  readonly level: string;
  readonly clientIp: string | undefined;
  readonly zone: string | undefined; // limit_req zone
  readonly excess: number | undefined;
  readonly dryRun: boolean;
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly reason: string;
}

export type NginxEvent = HttpAccessEvent | NginxErrorEvent;
