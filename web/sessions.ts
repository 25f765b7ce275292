import type { WafDecision } from '../models/waf/decision.ts';
import type { WafQueue } from '../models/waf/queue.ts';
import type { EventDocument, SourceHour } from '../outputs/output.ts';
import type { ProfileSearch } from '../outputs/search.ts';
import type { Store } from '../outputs/sqlite.ts';
import type { Statement } from '../processors/profile/feedback.ts';
import type { Incident } from '../processors/profile/incident.ts';
import type { Profile } from '../processors/profile/profile.ts';

type Answer<T> = T | Promise<T>;

/** Where sessions and incidents are read: the embedded store, or a cluster. */
export interface Sessions {
  readonly search: ProfileSearch;
  profile(id: string): Answer<Profile | undefined>;
  linesOf(profile: Profile): Answer<readonly EventDocument[]>;
  incident(id: string): Answer<Incident | undefined>;
  /** Those that lasted until then or longer, UTC epoch ms, the largest first. */
  incidentsUntil(ms: number): Answer<readonly Incident[]>;
  /** Keeps what a person said; from then on `profile` gives it. */
  record(statement: Statement): Answer<void>;
  /** How many log lines are not searchable yet. */
  linesToIndex(): number;
  /** In which hours which source wrote, where that is known. */
  readonly coverage?: (range: { readonly since: number; readonly until: number }) => Iterable<SourceHour>;
}

export interface WafReview {
  readonly queue: () => WafQueue;
  decide(decision: WafDecision): void;
}

const OPEN_MAX = 10_000;

export function storedSessions(store: Store): Sessions {
  return {
    search: store.search,
    profile: (id) => store.profile(id),
    linesOf: (profile) => store.eventsOf(profile.imapwhy.session.id),
    incident(id) {
      for (const incident of store.incidents()) if (incident.imapwhy.incident.id === id) return incident;
      return undefined;
    },
    incidentsUntil(ms) {
      const found: Incident[] = [];
      for (const incident of store.incidents())
        if (Date.parse(incident.event.end) >= ms && found.length < OPEN_MAX) found.push(incident);
      return found.sort((a, b) => b.imapwhy.incident.sessions - a.imapwhy.incident.sessions);
    },
    record: (statement) => store.recordStatement(statement),
    linesToIndex: () => store.linesToIndex(),
    coverage: (range) => store.coverage(range),
  };
}
