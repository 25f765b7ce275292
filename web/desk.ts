import type { WafDecisionKind } from '../models/waf/decision.ts';
import type { WafQueue } from '../models/waf/queue.ts';
import type { ProfileSearch, SearchPosition } from '../outputs/search.ts';
import type { AuditEntry, Desk as Drawer, Note, SavedSearch } from '../outputs/sqlite-desk.ts';
import { modelCause } from '../processors/profile/feedback.ts';
import { CAUSE_LABELS, type Profile } from '../processors/profile/profile.ts';
import { networkOf } from '../processors/resolve/network.ts';
import { explain } from '../reports/explain.ts';
import { SummaryBuilder } from '../reports/summary.ts';
import type { WeeklyReport } from '../reports/weekly/weekly-report.ts';
import type { IncidentData } from './pages/incident.ts';
import type { NowData, Outlook } from './pages/now.ts';
import type { Neighbours, SessionData } from './pages/session.ts';
import { fieldWord, parseQuery } from './query.ts';
import type { Sessions, WafReview } from './sessions.ts';
import { silentSources } from './silent-sources.ts';

/** Who said it, when, and why. */
export interface Said {
  readonly by: string;
  readonly at: string; // ISO 8601 UTC
  readonly note: string | null;
}

export type WeeklyReports = (week: string | undefined, moment: string | undefined) => WeeklyReport | string;

/** What the desk is made of. */
export interface DeskSources {
  readonly sessions: Sessions;
  /** Where notes, saved searches and the trail are kept. */
  readonly drawer: Drawer;
  readonly waf?: WafReview | undefined;
  readonly report?: WeeklyReports | undefined;
  readonly clock: () => number; // epoch ms
  /** What is expected next, read anew each time. */
  readonly outlook: () => Outlook | undefined;
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
  now(hours: number): Promise<NowData | undefined>;
  session(id: string): Promise<SessionData | undefined>;
  /** False for a session or a label that there is not. */
  feedback(session: string, label: string | null, said: Said): Promise<boolean>;
  incident(id: string): Promise<IncidentData | undefined>;
  addNote(note: Note): Promise<boolean>;
  /** Undefined where there is no review: it reads the embedded store. */
  readonly waf: (() => WafQueue) | undefined;
  /** The report of a week (`2026-W47`; without it the last one), also before and after a moment; or why there is none. */
  readonly report: WeeklyReports | undefined;
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

export function createDesk({ sessions, drawer, waf, report, clock, outlook }: DeskSources): Desk {
  const { search } = sessions;
  let kept: { readonly hours: number; readonly at: number; readonly data: NowData } | undefined;
  let indexed = false;
  const audit: Desk['audit'] = (by, action, subject, at) => drawer.recordAudit({ by, action, subject, at });

  let review: { readonly at: number; readonly queue: WafQueue } | undefined;
  const queue =
    waf &&
    ((): WafQueue => {
      if (!review || clock() - review.at >= KEPT_MS) review = { at: clock(), queue: waf.queue() };
      return review.queue;
    });

  async function now(hours: number): Promise<NowData | undefined> {
    if (kept?.hours === hours && clock() - kept.at < KEPT_MS) return kept.data;
    const period = await search.period();
    if (!period) return undefined;
    const since = period.last - hours * HOUR_MS;
    const summary = new SummaryBuilder();
    let read = 0;
    let after: SearchPosition | undefined;
    do {
      const page = await search.page({ conditions: [], since }, 1000, after);
      for (const p of page.profiles) summary.add(p);
      read += page.profiles.length;
      after = page.next;
    } while (after && read < SUMMED_MAX);
    const hourly = sessions.coverage?.({ since: period.last - DAY_MS, until: period.last + HOUR_MS });
    const data: NowData = {
      hours,
      summary: summary.build(),
      cutAt: after ? read : undefined,
      last: period.last,
      open: await sessions.incidentsUntil(period.last - OPEN_MS),
      outlook: outlook(),
      silent: hourly && silentSources(hourly, period.last),
    };
    kept = { hours, at: clock(), data };
    return data;
  }

  return {
    search,
    isIndexed: () => {
      indexed ||= sessions.linesToIndex() === 0;
      return indexed;
    },
    savedSearches: () => drawer.savedSearches(),
    saveSearch(saved) {
      drawer.saveSearch(saved);
      audit(saved.by, 'search saved', saved.name, saved.at);
    },
    removeSearch(name, by, at) {
      drawer.removeSearch(name);
      audit(by, 'search removed', name, at);
    },
    now,
    async session(id) {
      const profile = await sessions.profile(id);
      if (!profile) return undefined;
      const [lines, neighbours] = await Promise.all([sessions.linesOf(profile), neighboursOf(search, profile)]);
      return { profile, explanation: explain(profile, lines), neighbours };
    },
    async feedback(session, label, { by, note, at }) {
      const profile = await sessions.profile(session);
      const known = label === null ? null : CAUSE_LABELS.find((l) => l === label);
      if (!profile || known === undefined) return false;
      const cause = modelCause(profile);
      const id = profile.imapwhy.session.id;
      const model = { model_label: cause.label, model_probability: cause.probability };
      await sessions.record({ session: id, label: known, by, at, note, ...model });
      audit(by, 'feedback', session, at);
      return true;
    },
    async incident(id) {
      const incident = await sessions.incident(id);
      if (!incident) return undefined;
      const { cause, example_sessions } = incident.imapwhy.incident;
      const query = [
        fieldWord('cause', cause),
        fieldWord('since', incident.event.start),
        fieldWord('until', new Date(Date.parse(incident.event.end) + 1).toISOString()),
      ].join(' ');
      const [period, counts, examples] = await Promise.all([
        search.period(),
        search.counts(parseQuery(query, { now: 0, zone: 'UTC' }).query),
        Promise.all(example_sessions.map((s) => sessions.profile(s))),
      ]);
      return {
        incident,
        openMs: Math.max(0, (period?.last ?? 0) - Date.parse(incident.event.start)),
        isOpen: period !== undefined && Date.parse(incident.event.end) >= period.last - OPEN_MS,
        examples: examples.filter((p) => p !== undefined),
        counts,
        query,
        notes: drawer.notes(id),
      };
    },
    async addNote(note) {
      if (!(await sessions.incident(note.subject))) return false;
      drawer.addNote(note);
      audit(note.by, 'note', note.subject, note.at);
      return true;
    },
    trail: (limit) => drawer.auditTrail(limit),
    waf: queue,
    report,
    decide(place, decision, { by, at, note, expires }) {
      const row = queue?.().rows.find((r) => r.id === place);
      if (!waf || !row) return false;
      waf.decide({
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
      review = undefined;
      audit(by, `waf ${decision}`, place, at);
      return true;
    },
    audit,
  };
}

/** Failed sessions that began within a minute of this one, of the same network, server and user. */
async function neighboursOf(search: ProfileSearch, profile: Profile): Promise<readonly Neighbours[]> {
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
  return Promise.all(
    groups.map(async ({ of, word }) => {
      const query = [word, ...time].join(' ');
      const others = `${query} -${fieldWord('id', profile.imapwhy.session.id)}`;
      const counts = await search.counts(parseQuery(others, { now: 0, zone: 'UTC' }).query);
      return { of, query, sessions: counts.sessions };
    }),
  );
}

/** `203.0.113.0/24` as the beginning of the addresses in it. */
function networkWord(network: string): string {
  const [address = ''] = network.split('/');
  const isIpv4 = address.includes('.');
  const beginning = isIpv4 ? address.slice(0, address.lastIndexOf('.') + 1) : address.replace(/:+$/, ':');
  return `client:${beginning}*`;
}
