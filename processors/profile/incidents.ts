import { createHash } from 'node:crypto';
import type { Incident } from './incident.ts';
import { isoTime } from './iso-time.ts';
import type { Profile } from './profile.ts';

/** Profiles of one cause and scope less than this apart belong to one incident. */
const GAP_MS = 10 * 60_000;
const MEMBERS_MAX = 10_000;

interface Open {
  readonly profile: Profile; // the first one; gives the anchor
  start: number;
  end: number;
  sessions: number;
  probability: number;
  readonly users: Set<string>;
  readonly networks: Set<string>;
  readonly examples: { id: string; probability: number }[];
}

/**
 * Gathers profiles into incidents. Profiles come in any order within the lateness of the correlation; an incident is given out when event
 * time is GAP_MS past its end. A cause with a single session is an incident too: small, but somebody's.
 */
export class Incidents {
  private readonly open = new Map<string, Open[]>();

  /** `network` groups addresses; a profile without cause or scope is no incident. */
  add(profile: Profile, networkOf: (address: string) => string): void {
    const { cause } = profile.imapwhy;
    if (cause.label === 'none' || cause.scope === null) return;
    const start = Date.parse(profile.event.start);
    const end = Date.parse(profile.event.end);
    const key = `${cause.label} ${cause.scope}`;
    let list = this.open.get(key);
    if (!list) {
      list = [];
      this.open.set(key, list);
    }
    // What ended long before it was noticed still happened when it began to hurt: the end is the moment that counts.
    const at = Math.max(start, end - GAP_MS);
    let incident = list.find((i) => at <= i.end + GAP_MS && end >= i.start - GAP_MS);
    if (!incident) {
      incident = {
        profile,
        start: at,
        end,
        sessions: 0,
        probability: 0,
        users: new Set(),
        networks: new Set(),
        examples: [],
      };
      list.push(incident);
    }
    incident.start = Math.min(incident.start, at);
    incident.end = Math.max(incident.end, end);
    incident.sessions++;
    incident.probability += cause.probability;
    if (profile.user.name !== null && incident.users.size < MEMBERS_MAX) incident.users.add(profile.user.name);
    if (profile.client.ip !== null && incident.networks.size < MEMBERS_MAX)
      incident.networks.add(networkOf(profile.client.ip));
    incident.examples.push({ id: profile.imapwhy.session.id, probability: cause.probability });
    if (incident.examples.length > 32) keepBest(incident.examples);
  }

  /** Those that can no longer grow by event time `now`; Infinity at the end of input. */
  take(now: number, epoch: number): readonly Incident[] {
    const done: Incident[] = [];
    for (const [key, list] of this.open) {
      const rest: Open[] = [];
      for (const i of list) {
        if (i.end + 2 * GAP_MS < now) done.push(build(i, epoch));
        else rest.push(i);
      }
      if (rest.length === 0) this.open.delete(key);
      else this.open.set(key, rest);
    }
    return done.sort((a, b) =>
      a['@timestamp'] < b['@timestamp']
        ? -1
        : a['@timestamp'] > b['@timestamp']
          ? 1
          : a.imapwhy.incident.id < b.imapwhy.incident.id
            ? -1
            : 1,
    );
  }
}

function keepBest(examples: { id: string; probability: number }[]): void {
  examples.sort((a, b) => b.probability - a.probability || (a.id < b.id ? -1 : 1));
  examples.length = Math.min(examples.length, 5);
}

function build(i: Open, epoch: number): Incident {
  const { cause } = i.profile.imapwhy;
  const scope = cause.scope ?? '';
  keepBest(i.examples);
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
        id: createHash('sha256')
          .update(`${cause.label} ${scope} ${isoTime(i.start)}`)
          .digest('base64url')
          .slice(0, 20),
        cause: cause.label,
        layer: cause.layer ?? '',
        owner: cause.owner ?? '',
        scope,
        sessions: i.sessions,
        users: i.users.size,
        networks: i.networks.size,
        example_sessions: i.examples.map((e) => e.id),
        probability: Math.round((i.probability / i.sessions) * 10_000) / 10_000,
      },
      revision: epoch * 1_000_000_000 + i.sessions,
    },
  };
}
