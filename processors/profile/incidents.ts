import { hash } from 'node:crypto';
import type { Incident } from './incident.ts';
import { isoTime } from './iso-time.ts';
import type { Cause, Profile } from './profile.ts';

/** Profiles of one cause and scope less than this apart belong to one incident. */
const GAP_MS = 10 * 60_000;
/** A session without an end is judged two hours after its last line, and still belongs to what happened then. */
const KEPT_MS = 3 * 3_600_000;
const MEMBERS_MAX = 10_000;
const EXAMPLES_MAX = 5;
/** Examples are thinned out when there are this many. */
const CANDIDATES_MAX = 32;
/** Probabilities are added up as whole numbers, so that the sum does not depend on the order. */
const PARTS = 1_000_000;

interface Example {
  readonly id: string;
  readonly probability: number;
}

/** Plain data, but for its sets. */
interface Gathered {
  /** Undefined until it is given out for the first time; fixed from then on, even if an earlier session joins. */
  id: string | undefined;
  readonly cause: Pick<Cause, 'label' | 'layer' | 'owner' | 'scope'>;
  start: number;
  end: number;
  sessions: number;
  /** How many sessions it had when it was given out last. */
  given: number;
  probability: number; // sum, in PARTS
  readonly members: Set<string>; // session ids, so that a revision of a profile is not counted again
  readonly users: Set<string>;
  readonly networks: Set<string>;
  examples: Example[];
}

type Sets = 'members' | 'users' | 'networks';

/** What survives JSON. */
export type IncidentsState = readonly (Omit<Gathered, Sets> & Readonly<Record<Sets, readonly string[]>>)[];

/**
 * Gathers profiles into incidents: those of one cause and scope that overlap, or are less than GAP_MS apart. Profiles come in any order. An
 * incident is given out when event time is so far past its end that ordinary sessions cannot join it, and again, as a higher revision, if one
 * joins later that was judged late. A cause with a single session is an incident too: small, but somebody's.
 */
export class Incidents {
  private readonly byScope = new Map<string, Gathered[]>();

  /** `networkOf` groups addresses; a profile without cause or scope is no incident. */
  add(profile: Profile, networkOf: (address: string) => string): void {
    const { cause } = profile.imapwhy;
    if (cause.label === 'none' || cause.scope === null) return;
    const end = Date.parse(profile.event.end);
    // What ended long after it began to hurt: the end is the moment that counts.
    const start = Math.max(Date.parse(profile.event.start), end - GAP_MS);
    const incident = this.incidentAt(cause, start, end);
    const { id } = profile.imapwhy.session;
    if (incident.members.has(id)) return;
    addBounded(incident.members, id);
    incident.sessions++;
    incident.probability += Math.round(cause.probability * PARTS);
    if (profile.user.name !== null) addBounded(incident.users, profile.user.name);
    if (profile.client.ip !== null) addBounded(incident.networks, networkOf(profile.client.ip));
    incident.examples.push({ id, probability: cause.probability });
    if (incident.examples.length > CANDIDATES_MAX) incident.examples = best(incident.examples);
  }

  /** Those that have news and whose time is over at event time `now`; Infinity at the end of input. By onset. */
  take(now: number, epoch: number): readonly Incident[] {
    const news: Incident[] = [];
    for (const [key, list] of this.byScope) {
      for (const incident of list) {
        if (incident.end + 2 * GAP_MS >= now || incident.sessions === incident.given) continue;
        incident.id ??= idOf(incident);
        incident.given = incident.sessions;
        news.push(build(incident, incident.id, epoch));
      }
      const kept = list.filter((incident) => incident.end + KEPT_MS >= now);
      if (kept.length === 0) this.byScope.delete(key);
      else if (kept.length < list.length) this.byScope.set(key, kept);
    }
    return news.sort(
      (a, b) =>
        Date.parse(a['@timestamp']) - Date.parse(b['@timestamp']) ||
        (a.imapwhy.incident.id < b.imapwhy.incident.id ? -1 : 1),
    );
  }

  toData(): IncidentsState {
    return [...this.byScope.values()].flat().map((incident) => ({
      ...incident,
      members: [...incident.members],
      users: [...incident.users],
      networks: [...incident.networks],
      examples: [...incident.examples],
    }));
  }

  static fromData(data: IncidentsState): Incidents {
    const incidents = new Incidents();
    for (const d of data) {
      incidents.of(d.cause).push({
        ...d,
        id: d.id,
        members: new Set(d.members),
        users: new Set(d.users),
        networks: new Set(d.networks),
        examples: [...d.examples],
      });
    }
    return incidents;
  }

  private of(cause: Gathered['cause']): Gathered[] {
    const key = `${cause.label} ${cause.scope}`;
    const known = this.byScope.get(key);
    if (known) return known;
    const list: Gathered[] = [];
    this.byScope.set(key, list);
    return list;
  }

  /** The incident that [start, end] belongs to, widened to hold it. Two that it connects become one, unless both have been given out. */
  private incidentAt(cause: Cause, start: number, end: number): Gathered {
    const list = this.of(cause);
    const near = list
      .filter((i) => start <= i.end + GAP_MS && end >= i.start - GAP_MS)
      .sort((a, b) => a.start - b.start || a.end - b.end);
    const target = near.find((i) => i.id !== undefined) ?? near[0] ?? newIncident(cause, start, end);
    if (near.length === 0) list.push(target);
    for (const other of near) {
      if (other === target || other.id !== undefined) continue;
      merge(target, other);
      list.splice(list.indexOf(other), 1);
    }
    target.start = Math.min(target.start, start);
    target.end = Math.max(target.end, end);
    return target;
  }
}

function newIncident(cause: Cause, start: number, end: number): Gathered {
  const { label, layer, owner, scope } = cause;
  return {
    id: undefined,
    cause: { label, layer, owner, scope },
    start,
    end,
    sessions: 0,
    given: 0,
    probability: 0,
    members: new Set(),
    users: new Set(),
    networks: new Set(),
    examples: [],
  };
}

function merge(into: Gathered, other: Gathered): void {
  into.start = Math.min(into.start, other.start);
  into.end = Math.max(into.end, other.end);
  into.sessions += other.sessions;
  into.probability += other.probability;
  for (const id of other.members) addBounded(into.members, id);
  for (const user of other.users) addBounded(into.users, user);
  for (const network of other.networks) addBounded(into.networks, network);
  into.examples = best([...into.examples, ...other.examples]);
}

function addBounded(set: Set<string>, member: string): void {
  if (set.size < MEMBERS_MAX) set.add(member);
}

/** The most probable first. */
function best(examples: readonly Example[]): Example[] {
  return [...examples].sort((a, b) => b.probability - a.probability || (a.id < b.id ? -1 : 1)).slice(0, EXAMPLES_MAX);
}

function idOf(i: Gathered): string {
  return hash('sha256', `${i.cause.label} ${i.cause.scope ?? ''} ${isoTime(i.start)}`, 'base64url').slice(0, 20);
}

function build(i: Gathered, id: string, epoch: number): Incident {
  return {
    '@timestamp': isoTime(i.start),
    ecs: { version: '9.4.0' },
    event: {
      kind: 'alert',
      dataset: 'imapwhy.incident',
      start: isoTime(i.start),
      end: isoTime(i.end),
      duration: Math.round(i.end - i.start) * 1_000_000,
    },
    imapwhy: {
      incident: {
        id,
        cause: i.cause.label,
        layer: i.cause.layer ?? '',
        owner: i.cause.owner ?? '',
        scope: i.cause.scope ?? '',
        sessions: i.sessions,
        users: i.users.size,
        networks: i.networks.size,
        example_sessions: best(i.examples).map((e) => e.id),
        probability: Math.round((i.probability / PARTS / i.sessions) * 10_000) / 10_000,
      },
      revision: epoch * 1_000_000_000 + i.sessions,
    },
  };
}
