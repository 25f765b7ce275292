import type { Profile, ProfileDetails } from './profile.ts';

/**
 * What a session counts as. Availability counts the attempts of legitimate users whose end is known (`succeeded`, `explained`,
 * `unexplained`); attacks, health checks, known scanners and wrong passwords are outside it (design section 5).
 */
export type Standing =
  | 'health_check'
  | 'known_scanner'
  | 'attack'
  | 'wrong_password'
  | 'succeeded'
  | 'explained'
  | 'unexplained'
  | 'undetermined';

/** What is asked of a profile. */
type Judged = Pick<Profile, 'tags'> & { readonly imapwhy: Pick<ProfileDetails, 'outcome' | 'cause'> };

export function standingOf(profile: Judged): Standing {
  const { outcome, cause } = profile.imapwhy;
  if (profile.tags.includes('health_check')) return 'health_check';
  if (profile.tags.includes('known_scanner')) return 'known_scanner';
  if (cause.label === 'security.attack') return 'attack';
  if (outcome === 'ok') return 'succeeded';
  if (cause.label !== 'none') return 'explained';
  if (outcome === 'auth_failed') return 'wrong_password';
  return outcome === 'unknown' ? 'undetermined' : 'unexplained';
}

/** Whether it was no attempt to use mail at all: neither a user's nor an attacker's. */
export function isApart(standing: Standing): boolean {
  return standing === 'health_check' || standing === 'known_scanner';
}

export function isFailed(standing: Standing): boolean {
  return standing === 'explained' || standing === 'unexplained';
}

/** Whether it is an attempt of a legitimate user whose end is known. */
export function isLegitimate(standing: Standing): boolean {
  return standing === 'succeeded' || isFailed(standing);
}
