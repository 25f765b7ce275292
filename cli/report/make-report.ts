import type { StoredPeriod } from '../../outputs/search.ts';
import type { ReadStore } from '../../outputs/sqlite.ts';
import { parseZone, UTC } from '../../processors/time.ts';
import { PLAIN_NAMES, pseudonyms } from '../../reports/weekly/names.ts';
import { localIso, parseWeek, type Week, weekAt } from '../../reports/weekly/week.ts';
import { weeklyReport } from '../../reports/weekly/weekly.ts';
import type { WeeklyReport } from '../../reports/weekly/weekly-report.ts';
import { momentOption } from '../clock-options.ts';
import { luxonZone } from '../explain.ts';
import { UseError } from '../use-error.ts';
import { readQueue } from '../waf/read-queue.ts';

export interface ReportChoice {
  /** `2026-W47`; the last week with sessions without it. */
  readonly week?: string;
  readonly tz?: string;
  readonly moment?: string;
  /** The key of the site, if names are to be hidden by it. */
  readonly hiddenBy?: string;
  readonly onProgress?: (profiles: number) => void;
}

/** The report of a store, or a sentence that says why there is none. Wrong use throws a UseError, a store that cannot be read an OutputError. */
export function makeReport(store: ReadStore, choice: ReportChoice, now: number): WeeklyReport | string {
  const [lastRun] = store.runs();
  const asked = choice.tz ?? lastRun?.zone ?? 'UTC';
  const civil = parseZone(asked);
  if (civil === undefined && choice.tz !== undefined)
    throw new UseError(
      `--tz ${choice.tz}: unknown zone. Use a name such as Europe/Warsaw, or an offset such as +02:00.`,
    );
  const zone = luxonZone(asked);
  const moment = choice.moment === undefined ? undefined : momentOption('--moment', choice.moment, civil ?? UTC);
  const period = store.search.period();
  const week = chosenWeek(choice.week, moment ?? (period && lastUntil(period, now)), zone);
  if (period === undefined || week === undefined)
    return 'the store holds no sessions yet. Run `imapwhy analyze` first.';
  // What has expired by the end of the week, not by now: the same store gives the same report.
  const waf = readQueue(store, { since: week.startMs, until: week.endMs }, week.endMs);
  const made = weeklyReport(
    {
      profiles: (range) => store.profiles(range),
      incidents: () => store.incidents(),
      coverage: (range) => store.coverage(range),
      period: () => period,
    },
    {
      week,
      names: choice.hiddenBy === undefined ? PLAIN_NAMES : pseudonyms(choice.hiddenBy),
      engine: lastRun?.engine ?? null,
      ...(moment !== undefined && { moment }),
      ...(waf.requests.judged > 0 && { waf }),
      ...(choice.onProgress && { onProgress: choice.onProgress }),
    },
  );
  if (made.gaps.data_start === null) {
    if (week.startMs > now)
      throw new UseError(`--week ${week.name} begins on ${made.week.start}, which is still to come.`);
    const [first, last] = [weekAt(period.first, zone).name, weekAt(period.last, zone).name];
    const held = first === last ? first : `${first} to ${last}`;
    return `the store has no sessions of ${week.name} (${made.week.start} to ${made.week.end}). It holds ${held}: imapwhy report --week ${last}`;
  }
  if (moment !== undefined && made.before_after === null)
    return `--moment ${choice.moment}: fewer than 15 minutes of data lie before or after it; the store holds ${localIso(period.first, zone)} to ${localIso(period.last, zone)}.`;
  return made;
}

/** The last session: one that a wrong clock has put into the future is not meant. */
function lastUntil({ first, last }: StoredPeriod, now: number): number {
  return first <= now ? Math.min(last, now) : last;
}

function chosenWeek(name: string | undefined, at: number | undefined, zone: string): Week | undefined {
  if (name === undefined) return at === undefined ? undefined : weekAt(at, zone);
  const week = parseWeek(name, zone);
  if (week === undefined)
    throw new UseError(`--week ${name}: not an ISO week. Write a year and a week of it, such as 2026-W47.`);
  return week;
}
