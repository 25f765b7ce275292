import type { EventBase } from '../event.ts';

/** One transaction of a native serial or JSON audit log (v2, v3, Coraza), or one ModSecurity sentence of an nginx/Apache error log. */
export interface ModsecurityEvent extends EventBase {
  readonly dataset: 'modsecurity.audit' | 'modsecurity.error';
  readonly action: 'blocked' | 'detected';
  readonly transaction: string | undefined; // unique_id
  readonly clientIp: string | undefined;
  readonly clientPort: number | undefined;
  readonly serverIp: string | undefined;
  readonly serverPort: number | undefined;
  readonly method: string | undefined;
  readonly path: string | undefined; // without query
  readonly query: string | undefined; // redacted of token/password-like parameters
  readonly status: number | undefined;
  readonly hostname: string | undefined; // Host header or [hostname]
  readonly userAgent: string | undefined;
  readonly user: string | undefined; // from a form or JSON field (username, user, login, email, login_hint, client …), decoded; never a secret
  readonly rules: readonly WafRule[];
  readonly score: number | undefined; // anomaly score
}

export interface WafRule {
  readonly id: string;
  readonly message: string;
  readonly variable: string | undefined; // ARGS:body, REQUEST_HEADERS:User-Agent …
  readonly severity: string | undefined;
  readonly tags: readonly string[];
  readonly file: string | undefined;
  readonly blocking: boolean; // "Access denied"
}
