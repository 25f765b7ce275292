import { withIndicators } from './indicators.ts';
import { layerOf, OWNERS } from './owners.ts';
import type { Cause, CauseLabel, Profile } from './profile.ts';

/** What a person said about the cause of one session. Statements are only ever added; the latest of a session counts. */
export interface Statement {
  readonly session: string;
  /** Null takes back what was said before: the model's answer counts again. */
  readonly label: CauseLabel | null;
  readonly by: string;
  readonly at: string; // ISO 8601 UTC
  readonly note: string | null;
  /** What stood there when it was said. */
  readonly model_label: CauseLabel;
  readonly model_probability: number;
}

/** The statement that counts for each session, from all of them in the order in which they were said. */
export function latestStatements(statements: readonly Statement[]): ReadonlyMap<string, Statement> {
  return new Map(statements.map((s) => [s.session, s]));
}

/**
 * The profile with the person's answer in place of the model's. Label, layer, owner and probability become the person's; evidence and alternatives stay
 * the model's, which `feedback` names. Scope and remedy belong to one cause and go if it is another.
 */
export function withFeedback(profile: Profile, statement: Statement | undefined): Profile {
  const label = statement?.label;
  if (!statement || label === undefined || label === null) return profile;
  const cause = modelCause(profile);
  const agrees = cause.label === label;
  return withIndicators({
    ...profile,
    imapwhy: {
      ...profile.imapwhy,
      cause: {
        ...cause,
        label,
        layer: layerOf(label),
        owner: OWNERS[label],
        probability: 1,
        remedy: agrees ? cause.remedy : null,
        scope: agrees ? cause.scope : null,
      },
      feedback: {
        label,
        by: statement.by,
        at: statement.at,
        note: statement.note,
        model_label: cause.label,
        model_probability: cause.probability,
      },
    },
  });
}

/** The cause as the model gave it, but for scope and remedy where a person has said otherwise. */
export function modelCause(profile: Profile): Cause {
  const { cause, feedback } = profile.imapwhy;
  if (!feedback) return cause;
  const label = feedback.model_label;
  return { ...cause, label, layer: layerOf(label), owner: OWNERS[label], probability: feedback.model_probability };
}
