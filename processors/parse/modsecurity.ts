import type { EventBase } from '../event.ts';
import { ecsUser } from './ecs-user.ts';
import { isJsonAudit, parseJsonAudit } from './modsecurity-json.ts';
import type { RuleMatch } from './modsecurity-match.ts';
import { isEvaluationRule, severityRank } from './modsecurity-sentence.ts';
import { isSerial, parseSerial } from './modsecurity-serial.ts';
import type { EcsFields, Parser } from './parser.ts';

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
  readonly forwardedFor?: string | undefined;
  readonly user: string | undefined; // from a form or JSON field (username, user, login, email, login_hint, client …), decoded; never a secret
  readonly rules: readonly WafRule[];
  readonly score: number | undefined; // anomaly score
}

export interface WafRule extends RuleMatch {
  readonly id: string;
  readonly message: string;
  readonly variable: string | undefined; // ARGS:body, REQUEST_HEADERS:User-Agent …
  readonly severity: string | undefined;
  readonly tags: readonly string[];
  readonly file: string | undefined;
  readonly blocking: boolean; // "Access denied"
}

/**
 * ModSecurity v2, v3 and Coraza audit logs: the native serial format (one record is one whole transaction) and JSON.
 * Sentences of error logs come in through `nginxError` and share `ecsOfModsecurity`. Variants: docs/formats/modsecurity.md.
 */
export const modsecurity: Parser<ModsecurityEvent> = {
  format: 'modsecurity',
  programs: [],
  accepts: (line) => isSerial(line.message) || isJsonAudit(line.message),
  parse: (line, context) =>
    line.message.charCodeAt(0) === 123 ? parseJsonAudit(line, context) : parseSerial(line, context),
  ecs: ecsOfModsecurity,
};

/** ECS of a WAF event: the deciding rule in `rule.*`, all of them in `modsecurity.rules`. */
export function ecsOfModsecurity(event: ModsecurityEvent): EcsFields {
  const rule = decidingRule(event.rules);
  const blocked = event.action === 'blocked';
  return {
    event: {
      category: event.rules.length === 0 && !blocked ? ['web'] : ['web', 'intrusion_detection'],
      type: ['access', blocked ? 'denied' : 'allowed'],
      action: event.action,
      outcome: outcomeOf(event),
      reason: rule?.message,
      risk_score: event.score,
    },
    source: endpoint(event.clientIp, event.clientPort),
    destination: endpoint(event.serverIp, event.serverPort),
    url: { domain: event.hostname, path: event.path, query: event.query },
    http: {
      request: { id: event.transaction, method: event.method },
      response: event.status === undefined ? undefined : { status_code: event.status },
    },
    user: ecsUser(event.user),
    user_agent: event.userAgent === undefined ? undefined : { original: event.userAgent },
    observer: { type: 'waf', product: 'ModSecurity' },
    rule:
      rule === undefined
        ? undefined
        : {
            id: rule.id,
            name: rule.message,
            category: rule.tags.find((tag) => tag.startsWith('attack-')),
            ruleset: rule.tags.includes('OWASP_CRS') ? 'OWASP_CRS' : undefined,
          },
    modsecurity: {
      anomaly_score: event.score,
      rules: event.rules.map((r) => ({
        id: r.id,
        message: r.message,
        variable: r.variable,
        pattern: r.pattern,
        matched: r.matched,
        value: r.value,
        value_length: r.valueLength,
        severity: r.severity,
        tags: r.tags,
        file: r.file,
        blocking: r.blocking,
      })),
    },
  };
}

/**
 * The rule that denied by itself; of an anomaly score the most severe rule that added to it (the first of them), because the rule that
 * compares the sum explains nothing.
 */
function decidingRule(rules: readonly WafRule[]): WafRule | undefined {
  const denying = rules.find((rule) => rule.blocking && !isEvaluationRule(rule));
  if (denying !== undefined) return denying;
  let best: WafRule | undefined;
  for (const rule of rules) {
    if (isEvaluationRule(rule)) continue;
    if (best === undefined || severityRank(rule.severity) < severityRank(best.severity)) best = rule;
  }
  return best ?? rules[0];
}

function endpoint(ip: string | undefined, port: number | undefined): EcsFields | undefined {
  return ip === undefined && port === undefined ? undefined : { ip, port };
}

/** A request that was let through ended as its status says. */
function outcomeOf(event: ModsecurityEvent): 'success' | 'failure' | 'unknown' {
  if (event.action === 'blocked') return 'failure';
  if (event.status === undefined) return 'unknown';
  return event.status < 400 ? 'success' : 'failure';
}
