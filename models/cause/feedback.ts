import type { Profile } from '../../processors/profile/profile.ts';
import { EVIDENCE } from './decide.ts';
import type { Example } from './fit.ts';

/**
 * A person looked at one session: it weighs as much as a usual lab session, which is fitted with eight sets of sources at a weight near 1 each.
 * Not more, because a person can be wrong too; the pull towards the priors holds for both.
 */
export const FEEDBACK_WEIGHT = 8;

export interface FeedbackExamples {
  readonly examples: readonly Example[];
  /** Labelled, but nothing was weighed for it (a session that went well), so it tells no weight anything. */
  readonly withoutEvidence: number;
  /** Stored evidence that this imapwhy no longer has. */
  readonly unknown: ReadonlySet<string>;
}

const PLACES: ReadonlyMap<string, number> = new Map(EVIDENCE.map((rule, i) => [rule.name, i]));

/** Examples from profiles that a person labelled: the values of the evidence that was stored with them, 0 for the rest. */
export function examplesFromFeedback(profiles: Iterable<Profile>): FeedbackExamples {
  const examples: Example[] = [];
  const unknown = new Set<string>();
  let withoutEvidence = 0;
  for (const { imapwhy } of profiles) {
    if (!imapwhy.feedback) continue;
    const values = new Float64Array(EVIDENCE.length);
    for (const { name, value } of imapwhy.cause.evidence) {
      if (name === 'base') continue;
      const place = PLACES.get(name);
      if (place === undefined) unknown.add(name);
      else values[place] = Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0;
    }
    if (values.some((v) => v !== 0)) examples.push({ values, label: imapwhy.feedback.label, weight: FEEDBACK_WEIGHT });
    else withoutEvidence++;
  }
  return { examples, withoutEvidence, unknown };
}
