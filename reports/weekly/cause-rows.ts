import { OWNERS } from '../../processors/profile/owners.ts';
import { compareText } from '../counting/top-counter.ts';
import { type Block, changeOf, heldTogether } from './change.ts';
import { layerOfLabel, type RateTally } from './rate-tally.ts';
import type { RootCauses } from './root-causes.ts';
import type { CauseRow, FailureLabel, ShareRow } from './weekly-report.ts';

const MINUTE_MS = 60_000;

/** Of the days of another week those that are compared with this one. */
export type SameDays = (blocks: readonly Block[]) => readonly Block[];

/**
 * Every cause of this week or the last, the most failures first, with how it changed. Lost time is counted by `label` or by `label place`.
 * Whether a change is more than noise is judged for all causes together.
 */
export function causeRows(
  now: RateTally,
  earlier: readonly RateTally[],
  causes: RootCauses,
  lostMs: ReadonlyMap<string, number>,
  sameDays: SameDays,
): readonly CauseRow[] {
  const last = earlier.at(-1);
  const labels = [...new Set([...now.labels, ...(last?.labels ?? [])])];
  const perLabel = <T>(make: (label: FailureLabel) => T): ReadonlyMap<FailureLabel, T> =>
    new Map(labels.map((label) => [label, make(label)]));
  const lastWeek = heldTogether(
    perLabel((label) => changeOf(now.blocksOf(label), sameDays(last?.blocksOf(label) ?? []))),
  );
  const fourWeeks = heldTogether(
    perLabel((label) => {
      const weeks = earlier.map((tally) => sameDays(tally.blocksOf(label)));
      return changeOf(now.blocksOf(label), weeks.flat(), weeks);
    }),
  );
  const failedInAll = now.sum.failed;
  const rows: CauseRow[] = [];
  for (const label of labels) {
    const changes = { last_week: lastWeek.get(label), four_weeks: fourWeeks.get(label) };
    if (changes.last_week === undefined || changes.four_weeks === undefined) continue;
    const failed = now.failedOf(label);
    rows.push({
      label,
      layer: layerOfLabel(label),
      owner: label === 'unexplained' ? null : OWNERS[label],
      failed,
      share: failedInAll === 0 ? 0 : failed / failedInAll,
      lost_minutes: lostOf(label, lostMs),
      users: causes.users(label),
      last_week: changes.last_week,
      four_weeks: changes.four_weeks,
    });
  }
  return rows.sort((a, b) => b.failed - a.failed || b.lost_minutes - a.lost_minutes || compareText(a.label, b.label));
}

function lostOf(label: FailureLabel, lostMs: ReadonlyMap<string, number>): number {
  let ms = 0;
  for (const [key, lost] of lostMs) if (key === label || key.startsWith(`${label} `)) ms += lost;
  return ms / MINUTE_MS;
}

/** Causes added up by layer or owner, the most failures first, the unexplained last. */
export function shareRows(
  rows: readonly CauseRow[],
  failedInAll: number,
  nameOf: (row: CauseRow) => string | null,
): readonly ShareRow[] {
  const sums = new Map<string | null, { failed: number; lost: number }>();
  for (const row of rows) {
    if (row.failed === 0) continue;
    const name = row.label === 'unexplained' ? null : nameOf(row);
    const sum = sums.get(name) ?? { failed: 0, lost: 0 };
    sums.set(name, { failed: sum.failed + row.failed, lost: sum.lost + row.lost_minutes });
  }
  return [...sums]
    .map(([name, { failed, lost }]) => ({
      name,
      failed,
      share: failedInAll === 0 ? 0 : failed / failedInAll,
      lost_minutes: lost,
    }))
    .sort(
      (a, b) =>
        Number(a.name === null) - Number(b.name === null) ||
        b.failed - a.failed ||
        compareText(a.name ?? '', b.name ?? ''),
    );
}
