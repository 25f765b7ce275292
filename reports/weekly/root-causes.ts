import type { CauseLabel, Evidence, Profile, Remedy } from '../../processors/profile/profile.ts';
import { networkOf } from '../../processors/resolve/network.ts';
import { DistinctCounter } from '../counting/distinct-counter.ts';
import { ownText } from '../counting/own-text.ts';
import { compareText, TopCounter } from '../counting/top-counter.ts';
import { causeKey, placeOf } from './cause-key.ts';
import { type Span, spanAt } from './week.ts';
import type { FailureLabel } from './weekly-report.ts';

const GROUPS_MAX = 5000;
const DISTINCT_MAX = 5000;
const EVIDENCE_SHOWN = 2;

/** A session that shows the cause best, cut down to what is shown of it. */
interface Example {
  readonly id: string;
  readonly probability: number;
  readonly evidence: readonly { readonly name: string; readonly text: string; readonly line: string | null }[];
  readonly remedy: Remedy | null;
  /** Users and addresses that its texts may name. */
  readonly users: readonly string[];
}

export interface CauseGroup {
  readonly label: Exclude<CauseLabel, 'none'>;
  readonly scope: string | null;
  readonly owner: string | null;
  failed: number;
  probability: number; // sum
  firstMs: number;
  lastMs: number;
  readonly perDay: number[];
  readonly users: DistinctCounter;
  readonly networks: DistinctCounter;
  readonly topUsers: TopCounter;
  example: Example;
}

/** The failures of a week by cause and place. */
export class RootCauses {
  readonly #days: readonly Span[];
  readonly #groups = new Map<string, CauseGroup>();
  readonly #users = new Map<FailureLabel, DistinctCounter>();

  constructor(days: readonly Span[]) {
    this.#days = days;
  }

  /** A failed attempt of a legitimate user. */
  add(profile: Profile): void {
    const { cause } = profile.imapwhy;
    const label = cause.label === 'none' ? 'unexplained' : cause.label;
    const user = profile.user.name ?? profile.client.ip ?? profile.source.ip;
    if (user !== null) this.#usersOf(label).add(user);
    const key = causeKey(profile);
    if (key === undefined || label === 'unexplained') return;
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (this.#groups.size >= GROUPS_MAX) return;
      group = this.#newGroup(profile, label);
      this.#groups.set(ownText(key), group);
    }
    this.#addTo(group, profile);
  }

  groups(): ReadonlyMap<string, CauseGroup> {
    return this.#groups;
  }

  /** Users of a cause; addresses stand for those who did not come as far as to say who they are. */
  users(label: FailureLabel): ReturnType<DistinctCounter['distinct']> {
    return this.#users.get(label)?.distinct() ?? { count: 0, at_least: false };
  }

  #usersOf(label: FailureLabel): DistinctCounter {
    let users = this.#users.get(label);
    if (users === undefined) {
      users = new DistinctCounter(DISTINCT_MAX);
      this.#users.set(label, users);
    }
    return users;
  }

  #newGroup(profile: Profile, label: Exclude<CauseLabel, 'none'>): CauseGroup {
    const scope = placeOf(profile);
    return {
      label,
      scope: scope === null ? null : ownText(scope),
      owner: profile.imapwhy.cause.owner,
      failed: 0,
      probability: 0,
      firstMs: Number.POSITIVE_INFINITY,
      lastMs: Number.NEGATIVE_INFINITY,
      perDay: this.#days.map(() => 0),
      users: new DistinctCounter(DISTINCT_MAX),
      networks: new DistinctCounter(DISTINCT_MAX),
      topUsers: new TopCounter(64),
      example: exampleOf(profile),
    };
  }

  #addTo(group: CauseGroup, profile: Profile): void {
    const startMs = Date.parse(profile.event.start);
    const { cause, session } = profile.imapwhy;
    group.failed++;
    group.probability += cause.probability;
    group.firstMs = Math.min(group.firstMs, startMs);
    group.lastMs = Math.max(group.lastMs, startMs);
    const day = spanAt(this.#days, startMs);
    if (day >= 0) group.perDay[day] = (group.perDay[day] ?? 0) + 1;
    const user = profile.user.name;
    const address = profile.client.ip ?? profile.source.ip;
    if (user !== null && user !== '') {
      group.users.add(user);
      group.topUsers.count(user);
    } else if (address !== null) group.users.add(address);
    if (address !== null) group.networks.add(networkOf(address));
    const { example } = group;
    const isBetter =
      cause.probability > example.probability ||
      (cause.probability === example.probability && compareText(session.id, example.id) < 0);
    if (isBetter) group.example = exampleOf(profile);
  }
}

function exampleOf(profile: Profile): Example {
  const { cause, session } = profile.imapwhy;
  const weightOf = (e: Evidence): number => e.value * (e.weights[cause.label] ?? 0);
  const evidence = cause.evidence
    .filter((e) => e.name !== 'base' && weightOf(e) > 0)
    .sort((a, b) => weightOf(b) - weightOf(a) || compareText(a.name, b.name))
    .slice(0, EVIDENCE_SHOWN)
    .map((e) => ({ name: e.name, text: e.text, line: e.lines.at(-1)?.original ?? null }));
  const addresses = [...profile.related.user, profile.user.name ?? '', profile.imapwhy.path.vpn?.name ?? ''];
  return {
    id: session.id,
    probability: cause.probability,
    evidence,
    remedy: cause.remedy,
    users: addresses.filter((name) => name !== ''),
  };
}
