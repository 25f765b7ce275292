import type { Profile } from '../../processors/profile/profile.ts';
import { isFailed, isLegitimate, type Standing, standingOf } from '../../processors/profile/standing.ts';
import { ownText } from '../counting/own-text.ts';
import { causeKey } from './cause-key.ts';
import { type Block, total } from './change.ts';
import { type Span, spanAt } from './week.ts';
import { type FailureLabel, LAYERS, type LayerName } from './weekly-report.ts';

/** Names of causes and places come from logs: beyond this many, further ones are counted with their cause alone. */
const KEYS_MAX = 5000;

interface BlockCounts extends Record<LayerName, number> {
  attempts: number;
  failed: number;
}

interface PlaceCount {
  failed: number;
  /** Blocks with a failure. */
  blocks: number;
  last: number;
}

/** Attempts and failures per block of time, in all, by cause and by place. Small: one for each week that is compared. */
export class RateTally {
  readonly #blocks: readonly Span[];
  readonly #counts: readonly BlockCounts[];
  readonly #standings = new Map<Standing, number>();
  readonly #causes = new Map<FailureLabel, Float64Array>();
  readonly #places = new Map<string, PlaceCount>();

  constructor(blocks: readonly Span[]) {
    this.#blocks = blocks;
    this.#counts = blocks.map(() => ({
      attempts: 0,
      failed: 0,
      network: 0,
      server: 0,
      client: 0,
      security: 0,
      unexplained: 0,
    }));
  }

  add(profile: Profile): void {
    const standing = standingOf(profile);
    const index = spanAt(this.#blocks, Date.parse(profile.event.start));
    const counts = this.#counts[index];
    if (counts === undefined) return;
    this.#standings.set(standing, (this.#standings.get(standing) ?? 0) + 1);
    if (!isLegitimate(standing)) return;
    counts.attempts++;
    if (!isFailed(standing)) return;
    counts.failed++;
    const label = labelOf(profile);
    counts[layerOfLabel(label)]++;
    let perBlock = this.#causes.get(label);
    if (perBlock === undefined) {
      perBlock = new Float64Array(this.#blocks.length);
      this.#causes.set(label, perBlock);
    }
    perBlock[index] = (perBlock[index] ?? 0) + 1;
    const key = causeKey(profile);
    if (key !== undefined) this.#addPlace(key, index);
  }

  #addPlace(key: string, block: number): void {
    const place = this.#places.get(key);
    if (place === undefined) {
      if (this.#places.size < KEYS_MAX) this.#places.set(ownText(key), { failed: 1, blocks: 1, last: block });
      return;
    }
    place.failed++;
    if (place.last !== block) place.blocks++; // profiles come by start
    place.last = block;
  }

  count(standing: Standing): number {
    return this.#standings.get(standing) ?? 0;
  }

  get sum(): Block {
    return total(this.#counts);
  }

  get blocks(): readonly BlockCounts[] {
    return this.#counts;
  }

  get labels(): readonly FailureLabel[] {
    return [...this.#causes.keys()];
  }

  /** Failures of one cause among all attempts. */
  blocksOf(label: FailureLabel): readonly Block[] {
    const failed = this.#causes.get(label);
    return this.#counts.map(({ attempts }, i) => ({ attempts, failed: failed?.[i] ?? 0 }));
  }

  failedOf(label: FailureLabel): number {
    return this.#causes.get(label)?.reduce((a, b) => a + b, 0) ?? 0;
  }

  /** Failures by cause and place. */
  get places(): ReadonlyMap<string, Readonly<PlaceCount>> {
    return this.#places;
  }
}

export function labelOf(profile: Profile): FailureLabel {
  const { label } = profile.imapwhy.cause;
  return label === 'none' ? 'unexplained' : label;
}

export function layerOfLabel(label: FailureLabel): LayerName {
  return LAYERS.find((layer) => label === layer || label.startsWith(`${layer}.`)) ?? 'unexplained';
}
