import { type Place, placeKey } from './place.ts';

export const WAF_DECISIONS = ['accept', 'attack', 'unsure'] as const;
/** `accept`: a false positive, to be let through. `attack`: rightly stopped. `unsure`: somebody looked, and could not tell. */
export type WafDecisionKind = (typeof WAF_DECISIONS)[number];

export const WAF_SCOPES = ['target', 'path', 'target-everywhere', 'rule-everywhere'] as const;
/**
 * How much an exclusion frees. `target`: this target on this path (the default). `path`: the whole rule, on this path. The others hold on every path and
 * are only made if a person asks for them.
 */
export type WafScope = (typeof WAF_SCOPES)[number];

/** What a person decided about one place. Decisions are only ever added; the latest of a place counts. */
export interface WafDecision extends Place {
  readonly decision: WafDecisionKind;
  readonly scope: WafScope;
  readonly by: string;
  readonly at: string; // ISO 8601 UTC
  readonly note: string | null;
  /** The exclusion ends with this moment, ISO 8601 UTC; null: never. */
  readonly expires: string | null;
  /** What stood there when it was decided. */
  readonly model_probability: number | null;
  readonly requests_blocked: number | null;
}

/** `expired`: it was accepted, and the time is over: to be looked at again. */
export type WafStatus = 'open' | 'accepted' | 'attack' | 'unsure' | 'expired';

/** The decision that counts for each place, by placeKey, from all of them in the order in which they were made. */
export function latestDecisions(decisions: readonly WafDecision[]): ReadonlyMap<string, WafDecision> {
  return new Map(decisions.map((d) => [placeKey(d), d]));
}

/** `now` in UTC epoch ms. */
export function statusOf(decision: WafDecision | undefined, now: number): WafStatus {
  if (decision === undefined) return 'open';
  if (decision.decision !== 'accept') return decision.decision;
  return decision.expires !== null && Date.parse(decision.expires) <= now ? 'expired' : 'accepted';
}
