import type { EvidenceLine, Profile } from './profile.ts';

/** The part of an event document that a profile quotes. */
interface QuotedEvent {
  readonly id: string;
  readonly document: Readonly<Record<string, unknown>>;
}

const LINES_PER_EVIDENCE = 3;

/** Which logs a piece of evidence rests on, by what its name speaks of; the mail server's otherwise. */
const RESTS_ON: readonly (readonly [RegExp, readonly string[]])[] = [
  [/request|waf|scanner|token-(denied|lost|fetch)/, ['modsecurity', 'nginx']],
  [/packets-dropped/, ['netfilter']],
  [/farewell|never-answered|undelivered|slow-connect/, ['netflow']],
  [/proxy/, ['haproxy']],
];

/** Puts the raw (redacted) lines behind the evidence of the session's own lines: the last ones of the logs that it rests on. */
export function withLines(profile: Profile, events: readonly QuotedEvent[]): Profile {
  const byId = new Map(events.map((e) => [e.id, e.document]));
  const quoted: EvidenceLine[] = [];
  for (const ref of profile.imapwhy.events) {
    const original = originalOf(byId.get(ref.id));
    if (original !== undefined) quoted.push({ id: ref.id, at: ref.at, dataset: ref.dataset, original });
  }
  const evidence = profile.imapwhy.cause.evidence.map((e) => {
    if (e.name === 'base' || e.kind === 'company') return e;
    const families = RESTS_ON.find(([name]) => name.test(e.name))?.[1] ?? ['dovecot'];
    const own = quoted.filter((line) => families.some((family) => line.dataset.startsWith(family)));
    return { ...e, lines: (own.length > 0 ? own : quoted).slice(-LINES_PER_EVIDENCE) };
  });
  return { ...profile, imapwhy: { ...profile.imapwhy, cause: { ...profile.imapwhy.cause, evidence } } };
}

function originalOf(document: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const event = document?.event;
  if (typeof event !== 'object' || event === null || !('original' in event)) return undefined;
  return typeof event.original === 'string' ? event.original : undefined;
}
