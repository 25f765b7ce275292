import type { WafDecisionKind } from '../models/waf/decision.ts';
import type { WafQueue } from '../models/waf/queue.ts';
import type { ProfileSearch } from '../outputs/search.ts';
import type { Store } from '../outputs/sqlite.ts';
import type { AuditEntry, Note, SavedSearch } from '../outputs/sqlite-desk.ts';
import { modelCause } from '../processors/profile/feedback.ts';
import type { Incident } from '../processors/profile/incident.ts';
import { CAUSE_LABELS, type Profile } from '../processors/profile/profile.ts';
import { networkOf } from '../processors/resolve/network.ts';
import { explain } from '../reports/explain.ts';
import { SummaryBuilder } from '../reports/summary.ts';
import type { IncidentData } from './pages/incident.ts';
import type { NowData, Outlook } from './pages/now.ts';
import type { Neighbours, SessionData } from './pages/session.ts';
import { fieldWord, parseQuery } from './query.ts';
import { silentSources } from './silent-sources.ts';

/** Who said it, when, and why. */
export interface Said {
  readonly by: string;
  readonly at: string; // ISO 8601 UTC
  readonly note: string | null;
}

/** What the desk is made of beside the store. */
export interface DeskSources {
  readonly clock: () => number; // epoch ms
  /** What is expected next, read anew each time. */
  readonly outlook: () => Outlook | undefined;
  /** The queue of the WAF review, made anew each time. */
  readonly wafQueue: () => WafQueue;
}

/** What the pages ask and say. */
export interface Desk {
  readonly search: ProfileSearch;
  /** False while log lines are still being put into the index of words. */
  isIndexed(): boolean;
  savedSearches(): readonly SavedSearch[];
  saveSearch(search: SavedSearch): void;
  removeSearch(name: string, by: string, at: string): void;
  /** How it stands at the end of what is stored; undefined for an empty store. */
  now(hours: number): NowData | undefined;
  session(id: string): SessionData | undefined;
  /** False for a session or a label that there is not. */
  feedback(session: string, label: string | null, by: string, note: string, at: string): boolean;
  incident(id: string): IncidentData | undefined;
  addNote(note: Note): boolean;
  waf(): WafQueue;
  /** False for a place that is not in the queue. `expires`: ISO 8601 UTC. */
  decide(place: string, decision: WafDecisionKind, said: Said & { readonly expires: string | null }): boolean;
  /** The latest first. */
  trail(limit: number): readonly AuditEntry[];
  audit(by: string, action: string, subject: string, at: string): void;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** So many profiles are read for the page of now: about a second. */
const SUMMED_MAX = 50_000;
const KEPT_MS = 10_000;
/** An incident that ended so shortly before the newest session may still be going on. */
const OPEN_MS = 10 * 60_000;
const MINUTE_MS = 60_000;
const INCIDENTS_MAX = 100_000;

export function createDesk(store: Store, { clock, outlook, wafQueue }: DeskSources): Desk {
  let kept: { readonly hours: number; readonly at: number; readonly data: NowData } | undefined;
  let indexed = false;
  const audit: Desk['audit'] = (by, action, subject, at) => store.desk.recordAudit({ by, action, subject, at });

  function now(hours: number): NowData | undefined {
    if (kept?.hours === hours && clock() - kept.at < KEPT_MS) return kept.data;
    const period = store.search.period();
    if (!period) return undefined;
    const since = period.last - hours * HOUR_MS;
    const summary = new SummaryBuilder();
    let read = 0;
    let after: ReturnType<ProfileSearch['page']>['next'];
    do {
      const page = store.search.page({ conditions: [], since }, 1000, after);
      for (const p of page.profiles) summary.add(p);
      read += page.profiles.length;
      after = page.next;
    } while (after && read < SUMMED_MAX);
    const data: NowData = {
      hours,
      summary: summary.build(),
      cutAt: after ? read : undefined,
      last: period.last,
      open: openIncidents(store, period.last),
      outlook: outlook(),
      silent: silentSources(store.coverage({ since: period.last - DAY_MS, until: period.last + HOUR_MS }), period.last),
    };
    kept = { hours, at: clock(), data };
    return data;
  }

  return {
    search: store.search,
    isIndexed: () => {
      indexed ||= store.linesToIndex() === 0;
      return indexed;
    },
    savedSearches: () => store.desk.savedSearches(),
    saveSearch(search) {
      store.desk.saveSearch(search);
      audit(search.by, 'search saved', search.name, search.at);
    },
    removeSearch(name, by, at) {
      store.desk.removeSearch(name);
      audit(by, 'search removed', name, at);
    },
    now,
    session(id) {
      const profile = store.profile(id);
      if (!profile) return undefined;
      return {
        profile,
        explanation: explain(profile, store.eventsOf(id)),
        neighbours: neighboursOf(store.search, profile),
      };
    },
    feedback(session, label, by, note, at) {
      const profile = store.profile(session);
      const known = label === null ? null : CAUSE_LABELS.find((l) => l === label);
      if (!profile || known === undefined) return false;
      const cause = modelCause(profile);
      store.recordStatement({
        session: profile.imapwhy.session.id,
        label: known,
        by,
        at,
        note: note === '' ? null : note,
        model_label: cause.label,
        model_probability: cause.probability,
      });
      audit(by, 'feedback', session, at);
      return true;
    },
    incident(id) {
      const incident = find(store.incidents(), (i) => i.imapwhy.incident.id === id);
      if (!incident) return undefined;
      const { cause, example_sessions } = incident.imapwhy.incident;
      const query = [
        fieldWord('cause', cause),
        fieldWord('since', incident.event.start),
        fieldWord('until', new Date(Date.parse(incident.event.end) + 1).toISOString()),
      ].join(' ');
      const period = store.search.period();
      return {
        incident,
        isOpen: period !== undefined && isOpen(incident, period.last),
        examples: example_sessions.flatMap((s) => store.profile(s) ?? []),
        counts: store.search.counts(parseQuery(query, { now: 0, zone: 'UTC' }).query),
        query,
        notes: store.desk.notes(id),
      };
    },
    addNote(note) {
      const incident = find(store.incidents(), (i) => i.imapwhy.incident.id === note.subject);
      if (!incident) return false;
      store.desk.addNote(note);
      audit(note.by, 'note', note.subject, note.at);
      return true;
    },
    trail: (limit) => store.desk.auditTrail(limit),
    waf: wafQueue,
    decide(place, decision, { by, at, note, expires }) {
      const row = wafQueue().rows.find((r) => r.id === place);
      if (!row) return false;
      store.waf.decide({
        rule: row.rule.id,
        path: row.path,
        target: row.target,
        decision,
        scope: 'target',
        by,
        at,
        note,
        expires: decision === 'accept' ? expires : null,
        model_probability: row.probability,
        requests_blocked: row.requests_blocked,
      });
      audit(by, `waf ${decision}`, place, at);
      return true;
    },
    audit,
  };
}

const isOpen = (incident: Incident, last: number): boolean => Date.parse(incident.event.end) >= last - OPEN_MS;

/** Those that the end of the data leaves open, the largest first. */
function openIncidents(store: Store, last: number): readonly Incident[] {
  const open: Incident[] = [];
  for (const incident of store.incidents()) {
    if (isOpen(incident, last)) open.push(incident);
    if (open.length >= INCIDENTS_MAX) break;
  }
  return open.sort((a, b) => b.imapwhy.incident.sessions - a.imapwhy.incident.sessions);
}

function find<T>(items: Iterable<T>, isIt: (item: T) => boolean): T | undefined {
  for (const item of items) if (isIt(item)) return item;
  return undefined;
}

/** Failed sessions that began within a minute of this one, of the same network, server and user. */
function neighboursOf(search: ProfileSearch, profile: Profile): readonly Neighbours[] {
  const at = Date.parse(profile.event.start);
  const time = [
    'is:failed',
    fieldWord('since', new Date(at - MINUTE_MS).toISOString()),
    fieldWord('until', new Date(at + MINUTE_MS).toISOString()),
  ];
  const network = profile.client.ip === null ? undefined : networkOf(profile.client.ip);
  const [user, server] = [profile.user.name, profile.host.name ?? profile.server.ip];
  const groups = [
    ...(network === undefined ? [] : [{ of: network, word: networkWord(network) }]),
    ...(server === null ? [] : [{ of: server, word: fieldWord('server', server) }]),
    ...(user === null ? [] : [{ of: user, word: fieldWord('user', user) }]),
  ];
  return groups.map(({ of, word }) => {
    const query = [word, ...time].join(' ');
    const others = [query, `-${fieldWord('id', profile.imapwhy.session.id)}`].join(' ');
    return { of, query, sessions: search.counts(parseQuery(others, { now: 0, zone: 'UTC' }).query).sessions };
  });
}

/** `203.0.113.0/24` as the beginning of the addresses in it. */
function networkWord(network: string): string {
  const [address = ''] = network.split('/');
  const isIpv4 = address.includes('.');
  const beginning = isIpv4 ? address.slice(0, address.lastIndexOf('.') + 1) : address.replace(/:+$/, ':');
  return `client:${beginning}*`;
}
