import type { Packer, Unpacker } from '../math/packing.ts';
import { type Attempt, NAME_BYTES_MAX } from './attempt.ts';
import { KeyedStates, type PackedState } from './keyed-states.ts';
import { FEATURES } from './knowledge.ts';
import type { Scaling } from './net-input.ts';
import type { Predictor } from './predictor.ts';
import { KEYS_MAX } from './training-set.ts';

export const HORIZON_MS = 15 * 60_000;
/** A client that has not been seen for this long is not expected. */
const GONE_MS = 86_400_000;
/** What carries less of the log-odds than this is not worth naming. */
const REASON_MIN = 0.15;
const REASONS_MAX = 3;
const GAP_SHARE = 0.2;
/** Of very many clients those are looked at that will most probably try: a look costs what a prediction costs. */
const CANDIDATES_MAX = 5000;
const MECHANISMS = ['password', 'token'] as const;

/** A client that is likely to try soon and to fail. */
export interface Likely {
  readonly client: string;
  readonly network: string | undefined;
  readonly server: string | undefined;
  readonly tunnel: string | undefined;
  /** Probability that an attempt now would fail. */
  readonly risk: number;
  /** Probability that it tries within the next 15 minutes, from its own rhythm. */
  readonly tries: number;
  readonly reasons: readonly Reason[];
}

/** Something known without which the risk would be lower. */
export interface Reason {
  readonly what: string;
  /** By how much the log-odds would be lower. */
  readonly weight: number;
}

class Rhythm implements PackedState {
  attempt: Attempt | undefined;
  gapMs = Number.NaN;

  pack(to: Packer): void {
    const { at = Number.NaN, client, network, server, tunnel, mechanism } = this.attempt ?? {};
    to.number(this.gapMs);
    to.number(at);
    to.number(mechanism === undefined ? -1 : MECHANISMS.indexOf(mechanism));
    for (const name of [client, network, server, tunnel]) to.text(name ?? '');
  }

  unpack(from: Unpacker): void {
    this.gapMs = from.number();
    const at = from.number();
    const mechanism = MECHANISMS[from.number()];
    const [client, network, server, tunnel] = Array.from({ length: 4 }, () => from.text(NAME_BYTES_MAX) || undefined);
    if (!Number.isNaN(at)) this.attempt = { id: '', at, client, network, server, tunnel, mechanism };
  }
}

/** Remembers how each client connects, and tells who will fail next. */
export class Outlook {
  readonly rhythms = new KeyedStates(KEYS_MAX, () => new Rhythm());

  note(attempt: Attempt): void {
    const rhythm = this.rhythms.get(attempt.client);
    if (!rhythm) return;
    if (rhythm.attempt) {
      const gap = Math.max(1000, attempt.at - rhythm.attempt.at);
      rhythm.gapMs = Number.isNaN(rhythm.gapMs) ? gap : rhythm.gapMs ** (1 - GAP_SHARE) * gap ** GAP_SHARE;
    }
    rhythm.attempt = attempt;
  }

  /** Clients with a risk of at least `threshold` at `at`, those first who will most probably try and fail. */
  at(at: number, predictor: Predictor, scaling: Scaling, threshold: number, most: number): readonly Likely[] {
    const likely: Candidate[] = [];
    for (const candidate of this.#candidates(at)) {
      const { risk, basis } = predictor.riskOf({ ...candidate.attempt, at });
      // The base rate is no forecast.
      if (basis === 'model' && risk >= threshold) likely.push({ ...candidate, risk });
    }
    return likely
      .sort((a, b) => b.risk * b.tries - a.risk * a.tries || (a.client < b.client ? -1 : 1))
      .slice(0, most)
      .map(({ attempt, client, risk, tries }) => {
        const now = { ...attempt, at };
        predictor.riskOf(now); // leaves behind what the reasons are taken from
        const { network, server, tunnel } = attempt;
        return { client, network, server, tunnel, risk, tries, reasons: reasonsFor(now, predictor, scaling) };
      });
  }

  #candidates(at: number): readonly Candidate[] {
    const candidates: Candidate[] = [];
    for (const { attempt, gapMs } of this.rhythms.values()) {
      if (attempt?.client === undefined || at - attempt.at > GONE_MS) continue;
      const tries = 1 - Math.exp(-HORIZON_MS / (Number.isNaN(gapMs) ? GONE_MS : gapMs));
      candidates.push({ attempt, client: attempt.client, tries, risk: 0 });
    }
    if (candidates.length <= CANDIDATES_MAX) return candidates;
    return candidates.sort((a, b) => b.tries - a.tries || (a.client < b.client ? -1 : 1)).slice(0, CANDIDATES_MAX);
  }
}

interface Candidate {
  readonly attempt: Attempt;
  readonly client: string;
  readonly tries: number;
  readonly risk: number;
}

/** What a group of features is, in words, from their values. Features that are put to their mean together. */
interface FeatureGroup {
  readonly has: (name: string) => boolean;
  /** Whether this attempt has what the group is about. */
  readonly applies: (attempt: Attempt) => boolean;
  readonly words: (value: (name: string) => number, attempt: Attempt) => string;
}

const REKEY = /^tunnel\.(rekey|since_rekey)/;
const POOL = /^server\.(pool|since_pool)/;
const TOKEN = /^client\.token/;

const GROUPS: readonly FeatureGroup[] = [
  {
    has: (name) => name.startsWith('client.') && !TOKEN.test(name),
    applies: () => true,
    words: (value) => {
      const streak = Math.round(Math.expm1(value('client.failure_streak')));
      if (value('client.pending_overdue') > 0) return 'an attempt of its own is still waiting, longer than is usual';
      if (streak > 0)
        return `its last ${streak === 1 ? 'attempt' : `${streak} attempts`} failed, the last ${ago(value('client.since_failure'))}`;
      return `its own history: ${share(value('client.failed_last20'))} of its recent attempts failed`;
    },
  },
  {
    has: (name) => TOKEN.test(name),
    applies: ({ mechanism }) => mechanism === 'token',
    words: (value) =>
      value('client.token_refused_for') >= 0
        ? `its token has been refused for ${time(value('client.token_refused_for'))}`
        : `its token is ${time(value('client.token_age'))} old`,
  },
  {
    has: (name) => name.startsWith('network.'),
    applies: ({ network }) => network !== undefined,
    words: (value, { network }) => `network ${network}: ${others(value, 'network')}${slow(value, 'network')}`,
  },
  {
    has: (name) => name.startsWith('server.') && !POOL.test(name),
    applies: ({ server }) => server !== undefined,
    words: (value, { server }) => `server ${server}: ${others(value, 'server')}${slow(value, 'server')}`,
  },
  {
    has: (name) => POOL.test(name),
    applies: ({ server }) => server !== undefined,
    words: (value, { server }) => `the pool of server ${server} is ${share(value('server.pool_line'))} full`,
  },
  {
    has: (name) => name.startsWith('tunnel.') && !REKEY.test(name),
    applies: ({ tunnel }) => tunnel !== undefined,
    words: (value, { tunnel }) => `tunnel ${tunnel}: ${others(value, 'tunnel')}${slow(value, 'tunnel')}`,
  },
  {
    has: (name) => REKEY.test(name),
    applies: ({ tunnel }) => tunnel !== undefined,
    words: (value, { tunnel }) =>
      `tunnel ${tunnel} is changing its keys about now (${share(value('tunnel.rekey_chance'))} sure)`,
  },
  {
    has: (name) => name.startsWith('all.'),
    applies: () => true,
    words: (value) => `everywhere ${share(value('all.failed_10m'))} fail at present`,
  },
];

/**
 * Occlusion: each group of features is put to its mean, each related event is left out, and what lowers the log-odds most is told.
 * Source: Zeiler & Fergus 2014.
 */
function reasonsFor(attempt: Attempt, predictor: Predictor, scaling: Scaling): readonly Reason[] {
  const { features, window, reader } = predictor;
  const full = reader.margin(features.values, window, attempt.at);
  const value = (name: string): number => features.values[FEATURES.indexOf(name)] ?? Number.NaN;
  const reasons: Reason[] = GROUPS.filter((group) => group.applies(attempt)).map((group) => {
    const without = Float64Array.from(features.values, (v, f) =>
      group.has(FEATURES[f] ?? '') ? (scaling.mean[f] ?? 0) : v,
    );
    return { what: group.words(value, attempt), weight: full - reader.margin(without, window, attempt.at) };
  });
  for (let s = 0; s < window.length; s++) {
    const event = window.events[s];
    if (!event) continue;
    const weight = full - reader.margin(features.values, window.without(s), attempt.at);
    reasons.push({ what: eventWords(event.failure, window.relations[s] ?? 0, attempt.at - event.at), weight });
  }
  return reasons
    .filter((r) => r.weight >= REASON_MIN)
    .sort((a, b) => b.weight - a.weight)
    .slice(0, REASONS_MAX);
}

const EVENT_KINDS = ['a TLS timeout', 'an authentication timeout', 'a refused login', 'a failure'];
const RELATIONS = ['its own', 'in its network', 'at its server', 'in its tunnel'];

function eventWords(failure: number, relation: number, ageMs: number): string {
  const kind = EVENT_KINDS[failure] ?? 'an attempt that went well';
  const where = RELATIONS.find((_, bit) => (relation >> bit) & 1) ?? 'related';
  return `${kind} ${where} ${seconds(ageMs / 1000)} ago`;
}

type Value = (name: string) => number;

const others = (value: Value, key: string): string =>
  `${share(value(`${key}.peers_failed`))} of other clients' latest attempts failed`;
const slow = (value: Value, key: string): string => {
  const times = Math.exp(value(`${key}.lateness_last5`));
  return times >= 1.3 ? `, connecting takes ${times.toFixed(1)} times the usual` : '';
};
const share = (x: number): string => (Number.isFinite(x) ? `${Math.round(100 * x)} %` : 'an unknown share');
const time = (logSeconds: number): string => seconds(Math.expm1(logSeconds));
const ago = (logSeconds: number): string => `${time(logSeconds)} ago`;

function seconds(s: number): string {
  if (!Number.isFinite(s)) return 'an unknown time';
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return `${Math.round(s / 3600)} h`;
}
