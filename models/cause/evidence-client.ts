import { type Case, type EvidenceRule, hurt, ramp, yes } from './case.ts';

/** Evidence in who the client is: what else came from its address, and what is known of it. */
export const CLIENT_EVIDENCE: readonly EvidenceRule[] = [
  {
    name: 'address-without-any-login',
    kind: 'company',
    prior: { 'security.attack': 2.5, 'security.waf_false_positive': -1.5, none: -0.5 },
    measure: (c) =>
      neverLoggedIn(c) *
      Math.max(
        ramp(c.around.client.passwordFailures / patience(c), 1, 4),
        ramp(c.around.client.scans / patience(c), 0, 2),
        ramp(c.around.client.blockedRequests / patience(c), 2, 6),
      ),
    text: () => 'This address never logged in successfully, but was refused again and again.',
  },
  {
    name: 'network-of-attackers',
    kind: 'company',
    prior: { 'security.attack': 2.5, 'security.waf_false_positive': -1.5 },
    measure: (c) =>
      neverLoggedIn(c) *
      ramp(c.around.client.attacksInNetwork / patience(c), 1, 5) *
      (1 - ramp(c.around.client.loginsInNetwork, 0, 5)),
    text: () => 'Scans came from the same network, and no login ever did.',
  },
  {
    name: 'many-users-from-one-address',
    kind: 'company',
    prior: { 'security.attack': 2.5 },
    measure: (c) =>
      yes(c.s.preLogin?.auth === 'failed') * ramp(c.around.client.usersFailed - c.around.client.usersOk, 1, 4),
    text: (c) => `Logins of ${c.around.client.usersFailed} different users failed from this address.`,
  },
  {
    name: 'unknown-user',
    kind: 'line',
    prior: { 'security.attack': 1.5 },
    measure: (c) => yes(c.s.auth.unknownUser),
    text: () => 'The account does not exist.',
  },
  {
    name: 'known-good-address',
    kind: 'company',
    prior: { 'security.attack': -3, 'security.waf_false_positive': 1, 'security.rate_limit': 0.5, none: 0.3 },
    measure: (c) => suspected(c) * ramp(c.around.client.logins, 0, 3),
    text: (c) => `${c.around.client.logins} logins succeeded from this address: legitimate users are behind it.`,
  },
  {
    name: 'own-network',
    kind: 'company',
    prior: { 'security.attack': -3, 'security.waf_false_positive': 1, 'security.rate_limit': 0.5, none: 0.3 },
    measure: (c) => suspected(c) * yes(c.around.client.own) * (1 - ramp(c.around.client.logins, 0, 3)),
    text: () => 'The site file says that this address is of an own network: legitimate users are behind it.',
  },
  {
    name: 'rule-hits-legitimate-users',
    kind: 'company',
    prior: { 'security.waf_false_positive': 3, 'security.attack': -3 },
    measure: (c) => hurt(c) * ramp(c.around.rule?.legitimate ?? 0, 0, 3),
    text: (c) =>
      `Rule ${c.around.rule?.id ?? ''} also denied ${c.around.rule?.legitimate ?? 0} addresses from which users log in.`,
  },
  {
    name: 'banned',
    kind: 'company',
    prior: { 'security.rate_limit': 4, none: -1 },
    measure: (c) => yes(c.around.ban !== undefined && c.outcome !== 'ok'),
    text: (c) => `This address was banned (${c.around.ban?.jail ?? 'fail2ban'}) at that time.`,
  },
];

/** What servers answer to those whom they suspect, where only the access log tells of it. */
const isRefusal = (status: number | undefined): boolean => status === 403 || status === 406 || status === 429;

/** No login from this address, where there is a log that would tell of one. */
const neverLoggedIn = (c: Case): number => yes(c.around.client.logins === 0 && c.around.sources.includes('dovecot'));

/** Users are behind an address of an own network, though these logs may not show a login: what counts against it must be so many times as much. */
const patience = (c: Case): number => (c.around.client.own ? 10 : 1);

/** Somebody treated it as hostile, or it behaves as attackers do: only then does it matter that users are known behind its address. */
const suspected = (c: Case): number =>
  yes(
    c.s.requests.some((r) => r.blocked || r.limited || isRefusal(r.status)) ||
      c.s.drops !== undefined ||
      c.around.ban !== undefined ||
      c.s.tls === 'handshaking' ||
      c.s.preLogin?.auth === 'failed' ||
      c.s.auth.passwordFailures + c.s.auth.tokenFailures > 0,
  );
