/**
 * The evidence for and against a false positive: measures from 0 to 1, weights in log-odds that an engineer would defend. They are not fitted:
 * labelled blocks are rare, and a reviewer has to be able to recompute the answer. A measure of 0 means that nothing is known, and weighs nothing.
 */
export interface PlaceFacts {
  readonly blocked: number;
  readonly loggedInBefore: number; // share of the requests: their client had logged in before its first block
  readonly loggedInAfter: number; // … logged in after its first block
  readonly neverLoggedIn: number; // share: the client never logged in, although the store knows logins
  readonly networkKnown: number; // share: … but others of its network do
  readonly probing: number; // share: the client tried several kinds of attack, or used a scanner
  readonly costSession: number; // share: belongs to a session judged to be lost to the WAF
  readonly judgedAttack: number; // share: belongs to a session judged to be an attack
  readonly tokensAccepted: number; // share of the secrets in it that were accepted somewhere else
  readonly legitimateUsers: number; // users or, where no name is known, addresses that logged in
  readonly legitimateNetworks: number;
  readonly credential: number; // share of the values that look like it
  readonly prose: number;
  readonly attack: number;
  readonly otherFamilies: number; // share: rules against other kinds of attack matched too
  readonly everyone: boolean; // the rule stopped everybody's normal use
}

export interface WafEvidence {
  readonly name: string;
  readonly value: number; // 0 to 1
  readonly weight: number; // log-odds at value 1; positive speaks for a false positive
  readonly log_odds: number; // value times weight
  readonly text: string;
}

interface WafEvidenceRule {
  readonly name: string;
  readonly weight: number;
  readonly measure: (f: PlaceFacts) => number;
  readonly text: (f: PlaceFacts) => string;
}

const share = (x: number): string => `${Math.round(100 * x)} %`;
const several = (n: number, scale: number): number => (n <= 1 ? 0 : 1 - Math.exp(-(n - 1) / scale));

export const WAF_EVIDENCE: readonly WafEvidenceRule[] = [
  {
    name: 'base',
    weight: -1,
    measure: () => 1,
    text: () => 'What a block starts from: most of what a WAF stops is rightly stopped.',
  },
  {
    name: 'logged-in-before',
    weight: 2,
    measure: (f) => f.loggedInBefore,
    text: (f) =>
      `${share(f.loggedInBefore)} of the requests come from addresses from which users had logged in before.`,
  },
  {
    name: 'logged-in-after',
    weight: 1.5,
    measure: (f) => f.loggedInAfter,
    text: (f) => `${share(f.loggedInAfter)} come from addresses from which users logged in later.`,
  },
  {
    name: 'cost-sessions',
    weight: 2,
    measure: (f) => f.costSession,
    text: (f) => `${share(f.costSession)} belong to attempts that were judged lost to the WAF.`,
  },
  {
    name: 'token-accepted',
    weight: 2,
    measure: (f) => f.tokensAccepted,
    text: (f) => `${share(f.tokensAccepted)} of the tokens in it were let through in other requests.`,
  },
  {
    name: 'many-users',
    weight: 1.5,
    measure: (f) => several(f.legitimateUsers, 4),
    text: (f) => `${f.legitimateUsers} users who log in here were stopped.`,
  },
  {
    name: 'many-networks',
    weight: 0.7,
    measure: (f) => several(f.legitimateNetworks, 2),
    text: (f) => `They come from ${f.legitimateNetworks} networks.`,
  },
  {
    name: 'no-probing',
    weight: 0.8,
    measure: (f) => (f.probing + f.neverLoggedIn >= 1 ? 0 : 1 - Math.max(f.probing, f.neverLoggedIn)),
    text: (f) =>
      `${share(1 - Math.max(f.probing, f.neverLoggedIn))} come from addresses that are known and tried nothing else.`,
  },
  {
    name: 'looks-like-credential',
    weight: 1.5,
    measure: (f) => f.credential,
    text: (f) => `${share(f.credential)} of the values look like tokens, SASL answers or other random keys.`,
  },
  {
    name: 'looks-like-prose',
    weight: 0.8,
    measure: (f) => f.prose,
    text: (f) => `${share(f.prose)} of the values look like what people write, or an address.`,
  },
  {
    name: 'stops-everyone',
    weight: 2,
    measure: (f) => (f.everyone ? 1 : 0),
    text: () => 'When the rule came, the logins of those whom it hit broke off.',
  },
  {
    name: 'never-logged-in',
    weight: -2,
    measure: (f) => f.neverLoggedIn,
    text: (f) => `${share(f.neverLoggedIn)} come from addresses from which nobody ever logged in.`,
  },
  {
    name: 'network-known',
    weight: 1.5,
    measure: (f) => f.networkKnown,
    text: (f) => `For ${share(f.networkKnown)} others of the same network log in here.`,
  },
  {
    name: 'probing',
    weight: -4,
    measure: (f) => f.probing,
    text: (f) => `${share(f.probing)} come from addresses that tried several kinds of attack or used a scanner.`,
  },
  {
    name: 'judged-attack',
    weight: -2.5,
    measure: (f) => f.judgedAttack,
    text: (f) => `${share(f.judgedAttack)} belong to attempts that were judged attacks.`,
  },
  {
    name: 'looks-like-attack',
    weight: -4,
    measure: (f) => f.attack,
    text: (f) => `${share(f.attack)} of the values hold fragments that only make sense as an attack.`,
  },
  {
    name: 'other-rules-too',
    weight: -1.5,
    measure: (f) => f.otherFamilies,
    text: (f) => `In ${share(f.otherFamilies)} rules against other kinds of attack matched too.`,
  },
];

export interface WafJudgement {
  readonly probability: number;
  readonly log_odds: number;
  readonly evidence: readonly WafEvidence[];
}

/** The probability that the blocks of a place are false positives. The log-odds of the evidence add up to its logit. */
export function judgePlace(facts: PlaceFacts): WafJudgement {
  const evidence = WAF_EVIDENCE.flatMap((rule) => {
    const value = rounded(Math.min(1, Math.max(0, rule.measure(facts))));
    if (value === 0) return [];
    return [
      { name: rule.name, value, weight: rule.weight, log_odds: rounded(value * rule.weight), text: rule.text(facts) },
    ];
  });
  const logOdds = rounded(evidence.reduce((sum, e) => sum + e.log_odds, 0));
  return { probability: rounded(1 / (1 + Math.exp(-logOdds))), log_odds: logOdds, evidence };
}

/** To four places, so that what is shown adds up to what is said. */
const rounded = (x: number): number => Math.round(x * 10_000) / 10_000;
