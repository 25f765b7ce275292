import { OWNERS } from '../../processors/profile/owners.ts';
import { CAUSE_LABELS, type Remedy } from '../../processors/profile/profile.ts';
import { compareText } from '../counting/top-counter.ts';
import type { Names } from './names.ts';
import { layerOfLabel, type RateTally } from './rate-tally.ts';
import type { CauseGroup, RootCauses } from './root-causes.ts';
import { localIso, type Week } from './week.ts';
import type { IncidentPlace } from './weekly.ts';
import type { GoneCause, RootCause, Status } from './weekly-report.ts';

const SHOWN = 5;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Below this a silence is no chance. */
const CHANCE = 0.05;
const MOSTLY_FROM = 10;
/** A cause of fewer failures has no pace that could be missed. */
const PACE_FROM = 5;

export interface TopCauseSources {
  readonly week: Week;
  readonly names: Names;
  readonly causes: RootCauses;
  readonly rates: RateTally;
  /** The weeks before, the oldest first. */
  readonly tallies: readonly RateTally[];
  readonly lostMs: ReadonlyMap<string, number>;
  readonly incidents: readonly IncidentPlace[];
  /** The last moment of the data. */
  readonly endMs: number;
}

/** The five root causes that cost the most time, then the most attempts. */
export function topCauses(from: TopCauseSources): readonly RootCause[] {
  const lostOf = (key: string): number => from.lostMs.get(key) ?? 0;
  return [...from.causes.groups()]
    .sort(([a, x], [b, y]) => lostOf(b) - lostOf(a) || y.failed - x.failed || compareText(a, b))
    .slice(0, SHOWN)
    .map(([key, group]) => rootCause(key, group, from));
}

function rootCause(key: string, group: CauseGroup, from: TopCauseSources): RootCause {
  const { week, names, rates, tallies, incidents } = from;
  const { example } = group;
  const failedInAll = rates.sum.failed;
  const [first] = group.topUsers.top(1);
  const isMostly = first !== undefined && group.failed >= MOSTLY_FROM && first.count > group.failed / 2;
  return {
    label: group.label,
    layer: layerOfLabel(group.label),
    owner: group.owner,
    scope: group.scope === null ? null : names.scope(group.scope),
    failed: group.failed,
    share: failedInAll === 0 ? 0 : group.failed / failedInAll,
    lost_minutes: (from.lostMs.get(key) ?? 0) / MINUTE_MS,
    users: group.users.distinct(),
    networks: group.networks.distinct(),
    mostly: isMostly ? { user: names.user(first.key), failed: first.count } : null,
    first: localIso(group.firstMs, week.zone),
    last: localIso(group.lastMs, week.zone),
    days: group.perDay.filter((n) => n > 0).length,
    incidents: incidents.filter((i) => i.label === group.label && (group.scope === null || i.scope === group.scope))
      .length,
    probability: group.probability / group.failed,
    status: statusOf(key, tallies),
    failed_last_week: tallies.at(-1)?.places.get(key)?.failed ?? 0,
    over_since: overSince(group, from),
    evidence: example.evidence.map((e) => ({
      name: e.name,
      text: names.text(e.text, example.users),
      line: names.line(e.line),
    })),
    remedy: example.remedy === null ? null : hidden(example.remedy, names, example.users),
    example: example.id,
  };
}

function hidden(remedy: Remedy, names: Names, users: readonly string[]): Remedy {
  const hide = (text: string | null): string | null => (text === null ? null : names.text(text, users));
  return {
    summary: names.text(remedy.summary, users),
    setting: hide(remedy.setting),
    value: hide(remedy.value),
    file: remedy.file,
    link: remedy.link,
  };
}

function statusOf(key: string, tallies: readonly RateTally[]): Status {
  if (tallies.every((t) => t.sum.attempts === 0)) return 'first_report';
  if (tallies.at(-1)?.places.has(key)) return 'recurring';
  return tallies.some((t) => t.places.has(key)) ? 'returned' : 'new';
}

/** The moment of its last failure, if it has been silent since for longer than its own pace lets expect (a day at least). */
function overSince(group: CauseGroup, { week, endMs }: TopCauseSources): string | null {
  const silentMs = endMs - group.lastMs;
  if (group.failed < PACE_FROM || silentMs < 24 * HOUR_MS) return null;
  const activeMs = Math.max(group.lastMs - group.firstMs, HOUR_MS);
  // A memoryless pace: failures come in bursts, so a burst counts as one with what follows within the hour.
  const bursts = Math.max(1, Math.min(group.failed, activeMs / HOUR_MS));
  return Math.exp((-bursts * silentMs) / activeMs) < CHANCE ? localIso(group.lastMs, week.zone) : null;
}

/** Of last week's five with the most failures those that did not fail once. */
export function goneCauses(last: RateTally, now: RateTally, names: Names): readonly GoneCause[] {
  const attempts = { last: last.sum.attempts, now: now.sum.attempts };
  if (attempts.now === 0) return [];
  return [...last.places]
    .sort(([a, x], [b, y]) => y.failed - x.failed || compareText(a, b))
    .slice(0, SHOWN)
    .flatMap(([key, { failed, blocks }]) => {
      if (now.places.has(key)) return [];
      const space = key.indexOf(' ');
      const label = CAUSE_LABELS.find((l) => l === key.slice(0, space));
      if (label === undefined || label === 'none') return [];
      const scope = key.slice(space + 1);
      // Failures come in bursts: each day on which it was seen could as well have lain in this week, by its share of the attempts.
      const chance = (attempts.last / (attempts.last + attempts.now)) ** blocks;
      return [
        {
          label,
          scope: scope === '' ? null : names.scope(scope),
          owner: OWNERS[label],
          failed_last_week: failed,
          chance,
          fixed: chance < CHANCE,
        },
      ];
    });
}
