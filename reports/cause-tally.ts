import type { Profile, Remedy } from '../processors/profile/profile.ts';
import type { KnownAddresses } from '../processors/resolve/known-addresses.ts';
import { BestExamples } from './best-examples.ts';
import { DistinctCounter } from './counting/distinct-counter.ts';
import { ownText } from './counting/own-text.ts';
import { TimeBuckets } from './counting/time-buckets.ts';
import { TopCounter } from './counting/top-counter.ts';
import type { CauseRow, RestLabel } from './summary-document.ts';

const DISTINCT_MAX = 20_000;
const TOP_HELD = 256;
const REMEDIES_MAX = 32;
const PEAK_SHARE = 0.9;

/** What is the same for every row of a summary. */
export interface RowContext {
  readonly failedTotal: number;
  /** A cause last seen after this is ongoing. Epoch ms. */
  readonly ongoingFromMs: number;
  readonly incidents: number;
}

/** Counts of one cause, in bounded memory. */
export class CauseTally {
  readonly #known: KnownAddresses;
  #sessions = 0;
  #failed = 0;
  #probability = 0;
  #sinceMs = Number.POSITIVE_INFINITY;
  #untilMs = Number.NEGATIVE_INFINITY;
  readonly #starts = new TimeBuckets(1);
  readonly #users = new DistinctCounter(DISTINCT_MAX);
  readonly #networks = new DistinctCounter(DISTINCT_MAX);
  readonly #topUsers = new TopCounter(TOP_HELD);
  readonly #topNetworks = new TopCounter(TOP_HELD);
  readonly #topScopes = new TopCounter(TOP_HELD);
  readonly #owners = new TopCounter(8);
  readonly #remedies = new Map<string, { readonly remedy: Remedy; count: number }>();
  readonly #examples = new BestExamples();

  /** `known`: what the site says of addresses. */
  constructor(known: KnownAddresses) {
    this.#known = known;
  }

  get failed(): number {
    return this.#failed;
  }

  add(profile: Profile, failed: boolean, startMs: number, endMs: number): void {
    const { cause } = profile.imapwhy;
    this.#sessions++;
    if (failed) this.#failed++;
    this.#probability += cause.probability;
    if (startMs < this.#sinceMs) this.#sinceMs = startMs;
    if (endMs > this.#untilMs) this.#untilMs = endMs;
    this.#starts.add(startMs, 0);
    const user = profile.user.name;
    if (user !== null && user !== '') {
      this.#users.add(user);
      this.#topUsers.count(user);
    }
    const address = profile.client.ip ?? profile.source.ip;
    if (address !== null) {
      const network = this.#known.network(address);
      this.#networks.add(network);
      this.#topNetworks.count(network);
    }
    if (cause.scope !== null) this.#topScopes.count(cause.scope);
    if (cause.owner !== null) this.#owners.count(cause.owner);
    if (cause.remedy) this.#addRemedy(cause.remedy);
    this.#examples.add(profile);
  }

  build(label: CauseRow['label'], kind: CauseRow['kind'], context: RowContext): CauseRow {
    const counts = kind === 'cause' || label === 'unexplained';
    const seen = this.#sessions > 0;
    return {
      label,
      kind,
      layer: kind === 'rest' ? null : label.slice(0, label.indexOf('.')),
      owner: this.#owners.top(1)[0]?.key ?? null,
      sessions: this.#sessions,
      failed: this.#failed,
      share: counts && context.failedTotal > 0 ? this.#failed / context.failedTotal : 0,
      since: seen ? new Date(this.#sinceMs).toISOString() : null,
      until: seen ? new Date(this.#untilMs).toISOString() : null,
      peak: this.#peak(),
      ongoing: seen && this.#untilMs >= context.ongoingFromMs,
      users: this.#users.distinct(),
      networks: this.#networks.distinct(),
      top_users: this.#topUsers.top(5),
      top_networks: this.#topNetworks.top(5),
      top_scopes: this.#topScopes.top(5),
      incidents: context.incidents,
      mean_probability:
        kind === 'rest' || !seen ? null : Math.round((this.#probability / this.#sessions) * 1000) / 1000,
      remedies: this.#topRemedies(),
      example_sessions: this.#examples.ids(3),
    };
  }

  #peak(): CauseRow['peak'] {
    const range = this.#starts.densest(PEAK_SHARE);
    if (!range) return null;
    return {
      start: new Date(Math.max(range.startMs, this.#sinceMs)).toISOString(),
      end: new Date(range.endMs).toISOString(),
    };
  }

  #addRemedy(remedy: Remedy): void {
    const key = [remedy.summary, remedy.setting, remedy.value, remedy.file, remedy.link].join('\n');
    const held = this.#remedies.get(key);
    if (held) held.count++;
    else if (this.#remedies.size < REMEDIES_MAX) this.#remedies.set(key, { remedy: ownRemedy(remedy), count: 1 });
  }

  #topRemedies(): readonly Remedy[] {
    return [...this.#remedies.entries()]
      .sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1))
      .slice(0, 3)
      .map(([, held]) => held.remedy);
  }
}

function ownRemedy(remedy: Remedy): Remedy {
  return {
    summary: remedy.summary.slice(0, 1000),
    setting: remedy.setting === null ? null : ownText(remedy.setting),
    value: remedy.value === null ? null : ownText(remedy.value),
    file: remedy.file === null ? null : ownText(remedy.file),
    link: ownText(remedy.link),
  };
}

export const REST_LABELS: readonly RestLabel[] = ['unexplained', 'undetermined', 'wrong_password', 'healthy'];
