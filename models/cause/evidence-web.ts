import { type Case, type EvidenceRule, hurt, yes } from './case.ts';

/** Evidence in the web requests of the attempt, and in what the WAF and the request limits did with them. */
export const WEB_EVIDENCE: readonly EvidenceRule[] = [
  {
    name: 'waf-blocked-by-content-rule',
    kind: 'line',
    prior: { 'security.attack': 4, 'security.waf_false_positive': 1, none: -3 },
    measure: (c) => hurt(c) * yes(c.s.requests.some((r) => r.blocked && r.rules.some((rule) => rule.attack))),
    text: (c) => `The WAF denied a request that matched rules for attacks (${ruleNames(c)}).`,
  },
  {
    name: 'waf-blocked-by-other-rule',
    kind: 'line',
    prior: { 'security.waf_false_positive': 4, 'security.attack': 0.5, none: -3 },
    measure: (c) => hurt(c) * yes(c.s.requests.some((r) => r.blocked && !r.rules.some((rule) => rule.attack))),
    text: (c) => `The WAF denied a login or token request by a rule that does not look for attacks (${ruleNames(c)}).`,
  },
  {
    name: 'request-denied',
    kind: 'line',
    prior: { 'security.waf_false_positive': 1, 'security.attack': 1 },
    measure: (c) =>
      hurt(c) *
      yes(!c.s.requests.some((r) => r.blocked) && c.s.requests.some((r) => r.status === 403 || r.status === 406)),
    text: () =>
      'The web server answered a request of this attempt with 403; the WAF log that would name the rule is missing.',
  },
  {
    name: 'scanner-request',
    kind: 'line',
    prior: { 'security.attack': 3.5, 'security.waf_false_positive': -2, none: -2 },
    measure: (c) => yes(c.s.requests.some((r) => isScannerAgent(r.userAgent) || isProbePath(r.path))),
    text: () => 'The request names a scanning tool or probes a path that no mail client asks for.',
  },
  {
    name: 'request-limited',
    kind: 'line',
    prior: { 'security.rate_limit': 6, none: -1 },
    measure: (c) => hurt(c) * yes(c.s.requests.some((r) => r.limited)),
    text: () => 'nginx refused a request of this attempt because its address was over the configured request rate.',
  },
  {
    name: 'requests-answered',
    kind: 'line',
    prior: { none: 3 },
    measure: (c) => yes(c.s.kind === 'request' && c.outcome === 'ok'),
    text: () => 'All its requests were answered; no connection of this client is in the logs after them.',
  },
  {
    name: 'request-gave-up',
    kind: 'line',
    prior: { 'network.packet_loss': 1.5, 'network.qos_starvation': 1.5, 'network.path_flap': 0.5, none: -1 },
    measure: (c) => yes(c.s.requests.some((r) => r.status === 499 || r.status === 408)),
    text: () => 'The client gave up waiting for the answer to its token or portal request (status 499 or 408).',
  },
];

function ruleNames(c: Case): string {
  const names = c.s.requests
    .flatMap((r) => r.rules)
    .map((rule) => (rule.message === '' ? rule.id : `${rule.id} ${rule.message}`));
  return [...new Set(names)].slice(0, 4).join('; ');
}

/** Tools that announce themselves; their names are public and fixed in their sources. CRS keeps the same kind of list (913100). */
function isScannerAgent(agent: string | undefined): boolean {
  return (
    agent !== undefined &&
    /sqlmap|nikto|wpscan|masscan|nmap|zgrab|gobuster|dirbuster|acunetix|nessus|openvas|nuclei|hydra|w3af|havij|arachni/i.test(
      agent,
    )
  );
}

/** Paths of other products that are probed for: shells, repositories, system files, injections. */
function isProbePath(path: string | undefined): boolean {
  return (
    path !== undefined &&
    /\.\.\/|\/etc\/passwd|wp-(login|admin)|\/\.git|\/\.env|phpmyadmin|\.php$|cgi-bin|\$\{jndi/i.test(path)
  );
}
