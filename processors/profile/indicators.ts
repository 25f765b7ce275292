/** What a session adds to the indicators of the report, as numbers that a dashboard can count and average without reading its phases. */
import type { Indicators, Profile, ProfileDetails } from './profile.ts';
import { setupTime, tlsTime } from './set-up-times.ts';
import { isLegitimate, standingOf } from './standing.ts';

/** A profile that has everything but what follows from the rest of it. */
export type ProfileCore = Omit<Profile, 'imapwhy'> & { readonly imapwhy: Omit<ProfileDetails, 'indicators'> };

/** The profile with what follows from it, as it is now: to be called by whoever makes one or changes its cause. */
export function withIndicators(profile: ProfileCore): Profile {
  const standing = standingOf(profile);
  const { cause, phases } = profile.imapwhy;
  const isCounted = isLegitimate(standing);
  const indicators: Indicators = {
    standing,
    finding: cause.label !== 'none' ? cause.label : standing === 'succeeded' ? 'healthy' : standing,
    success: isCounted ? (standing === 'succeeded' ? 1 : 0) : null,
    setup_ms: isCounted ? (setupTime(phases)?.ms ?? null) : null,
    tls_ms: isCounted ? (tlsTime(phases)?.ms ?? null) : null,
  };
  return { ...profile, imapwhy: { ...profile.imapwhy, indicators } };
}
