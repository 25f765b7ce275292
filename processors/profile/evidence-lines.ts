import { QUOTED_MAX } from '../correlate/session.ts';
import { bounded } from '../parse/http-request.ts';
import type { EvidenceLine, Profile } from './profile.ts';

/** Characters of a record that a profile quotes; the event has the rest. */
export const QUOTE_MAX = 1000;

/** Which logs a piece of evidence rests on, by what its name speaks of; the mail server's otherwise. */
const RESTS_ON: readonly (readonly [RegExp, readonly string[]])[] = [
  [/request|waf|scanner|token-(denied|lost|fetch)/, ['modsecurity', 'nginx']],
  [/packets-dropped/, ['netfilter']],
  [/farewell|never-answered|undelivered|slow-connect/, ['netflow']],
  [/proxy/, ['haproxy']],
];

/** Puts the raw (redacted) lines behind the evidence of the session's own lines: the last ones of the logs that it rests on. `originals` by event id. */
export function withLines(profile: Profile, originals: ReadonlyMap<string, string>): Profile {
  const quoted: EvidenceLine[] = [];
  for (const ref of profile.imapwhy.events) {
    const original = originals.get(ref.id);
    if (original === undefined) continue;
    quoted.push({ id: ref.id, at: ref.at, dataset: ref.dataset, original: bounded(original, QUOTE_MAX) });
  }
  const evidence = profile.imapwhy.cause.evidence.map((e) => {
    if (e.name === 'base' || e.kind === 'company') return e;
    const families = RESTS_ON.find(([name]) => name.test(e.name))?.[1] ?? ['dovecot'];
    const own = quoted.filter((line) => families.some((family) => line.dataset.startsWith(family)));
    return { ...e, lines: (own.length > 0 ? own : quoted).slice(-QUOTED_MAX) };
  });
  return { ...profile, imapwhy: { ...profile.imapwhy, cause: { ...profile.imapwhy.cause, evidence } } };
}

/** A session that went well and is not accused needs no lines to prove it. */
export const needsProof = (p: Profile): boolean => p.imapwhy.outcome !== 'ok' || p.imapwhy.cause.label !== 'none';
