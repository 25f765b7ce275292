import { OWNERS } from '../../processors/profile/owners.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { BLOCKS_MIN, changeOf, heldTogether } from './change.ts';
import { LostTime } from './lost-time.ts';
import { layerOfLabel, RateTally } from './rate-tally.ts';
import { localIso, type Span } from './week.ts';
import type { BeforeAfter, FailureLabel, Side } from './weekly-report.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const LONGEST_MS = 7 * DAY_MS;
const SHORTEST_MS = 15 * MINUTE_MS;

/**
 * The time before a moment against as much time after it: up to a week on each side, as far as the data reach, and whole days where there is one,
 * so that nights stand against nights. Null if there are less than 15 minutes of data on either side.
 */
export function beforeAfter(
  moment: number,
  zone: string,
  walk: (span: Span) => Iterable<Profile>,
  period: { readonly first: number; readonly last: number } | undefined,
): BeforeAfter | null {
  if (period === undefined) return null;
  const reach = Math.min(LONGEST_MS, moment - period.first, period.last - moment);
  if (reach < SHORTEST_MS) return null;
  const blockMs = blockOf(reach);
  const length = Math.floor(reach / (reach >= DAY_MS ? DAY_MS : blockMs)) * (reach >= DAY_MS ? DAY_MS : blockMs);
  const before = side({ startMs: moment - length, endMs: moment }, blockMs, walk);
  const after = side({ startMs: moment, endMs: moment + length }, blockMs, walk);
  const labels = [...new Set([...before.rates.labels, ...after.rates.labels])].sort();
  const changes = heldTogether(
    new Map<FailureLabel, ReturnType<typeof changeOf>>(
      labels.map((label) => [label, changeOf(after.rates.blocksOf(label), before.rates.blocksOf(label))]),
    ),
  );
  return {
    moment: localIso(moment, zone),
    from: localIso(moment - length, zone),
    to: localIso(moment + length, zone),
    hours: length / HOUR_MS,
    block_minutes: blockMs / MINUTE_MS,
    same_time_of_day: length % DAY_MS === 0,
    before: before.figures,
    after: after.figures,
    change: changeOf(after.rates.blocks, before.rates.blocks),
    causes: [...changes]
      .map(([label, change]) => ({
        label,
        owner: label === 'unexplained' ? null : OWNERS[label],
        layer: layerOfLabel(label),
        change,
      }))
      .sort((a, b) => b.change.before.failed + b.change.now.failed - (a.change.before.failed + a.change.now.failed)),
  };
}

/** As long as there are enough of them: a burst of failures should fall into one. */
function blockOf(reachMs: number): number {
  const lengths = [DAY_MS, 6 * HOUR_MS, 2 * HOUR_MS, HOUR_MS, 15 * MINUTE_MS, 5 * MINUTE_MS];
  return lengths.find((ms) => reachMs >= 2 * BLOCKS_MIN * ms) ?? 5 * MINUTE_MS;
}

function side(
  span: Span,
  blockMs: number,
  walk: (span: Span) => Iterable<Profile>,
): { readonly rates: RateTally; readonly figures: Side } {
  const blocks = Array.from({ length: Math.ceil((span.endMs - span.startMs) / blockMs) }, (_, i) => ({
    startMs: span.startMs + i * blockMs,
    endMs: Math.min(span.endMs, span.startMs + (i + 1) * blockMs),
  }));
  const rates = new RateTally(blocks);
  const lost = new LostTime();
  for (const profile of walk(span)) {
    rates.add(profile);
    lost.add(profile);
  }
  const { attempts, failed } = rates.sum;
  const lostMs = [...lost.finish(span.endMs).values()].reduce((a, b) => a + b, 0);
  return {
    rates,
    figures: {
      attempts,
      failed,
      rate: attempts === 0 ? null : (attempts - failed) / attempts,
      lost_minutes: lostMs / MINUTE_MS,
    },
  };
}
