import type { Profile } from '../../processors/profile/profile.ts';
import { clipKey } from '../counting/own-text.ts';

/** A place that a person can go to and mend something. A user, a client or a tunnel names who was hit, not what is broken. */
const PLACES = ['network:', 'server:', 'rule:', 'timer:'] as const;

/** The place that a cause is shared by; null if it has none. */
export function placeOf(profile: Profile): string | null {
  const { scope } = profile.imapwhy.cause;
  return scope !== null && PLACES.some((p) => scope.startsWith(p)) ? clipKey(scope) : null;
}

/** What makes two failures the same root cause: the label and the place. Undefined for what has no cause. */
export function causeKey(profile: Profile): string | undefined {
  const { label } = profile.imapwhy.cause;
  return label === 'none' ? undefined : `${label} ${placeOf(profile) ?? ''}`;
}
