import { DateTime } from 'luxon';

/** A stretch of time, UTC epoch ms, `end` exclusive. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** A day of the calendar in the zone of the report: 23 or 25 hours long when the clock is changed. */
export interface Day extends Span {
  readonly date: string; // 2026-11-24
}

/** An ISO 8601 week, Monday to Sunday in its zone: 167 or 169 hours long when the clock is changed. */
export interface Week extends Span {
  readonly name: string; // 2026-W48
  readonly zone: string;
  readonly days: readonly Day[];
}

/** `2026-W48` (also `2026W48`), in any case; undefined if it is none, or a 53rd week of a year that has none. `zone` is one that luxon knows. */
export function parseWeek(text: string, zone: string): Week | undefined {
  const m = /^(\d{4})-?W(\d{2})$/i.exec(text.trim());
  if (!m) return undefined;
  const weekYear = Number(m[1]);
  const weekNumber = Number(m[2]);
  const monday = DateTime.fromObject({ weekYear, weekNumber, weekday: 1 }, { zone });
  return monday.isValid ? weekFrom(monday) : undefined;
}

/** The week in which a moment lies. */
export function weekAt(atMs: number, zone: string): Week {
  return weekFrom(DateTime.fromMillis(atMs, { zone }).startOf('week'));
}

/** The week that many weeks before. */
export function weekBefore(week: Week, weeks: number): Week {
  return weekFrom(DateTime.fromMillis(week.startMs, { zone: week.zone }).minus({ weeks }).startOf('week'));
}

function weekFrom(monday: DateTime): Week {
  const starts = Array.from({ length: 8 }, (_, day) => monday.plus({ days: day }).startOf('day'));
  const days = starts.slice(0, 7).map((start, i) => ({
    date: start.toFormat('yyyy-MM-dd'),
    startMs: start.toMillis(),
    endMs: starts[i + 1]?.toMillis() ?? start.toMillis(),
  }));
  return {
    name: monday.toFormat("kkkk-'W'WW"),
    zone: monday.zoneName ?? 'UTC',
    startMs: days[0]?.startMs ?? 0,
    endMs: days.at(-1)?.endMs ?? 0,
    days,
  };
}

/** Index of the span that holds the moment, of spans that follow each other; -1 if none does. */
export function spanAt(spans: readonly Span[], atMs: number): number {
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i];
    if (span !== undefined && atMs >= span.startMs && atMs < span.endMs) return i;
  }
  return -1;
}

/** `ms` as an ISO 8601 time with the offset of the zone, to the minute: `2026-11-24T09:00+01:00`. */
export function localIso(ms: number, zone: string): string {
  const time = DateTime.fromMillis(ms, { zone });
  return time.toFormat("yyyy-MM-dd'T'HH:mm") + (time.offset === 0 ? 'Z' : time.toFormat('ZZ'));
}
