/** The last day that was asked for: lines of a log mostly share theirs, and the calendar is what costs. */
let day = Number.NaN;
let dayText = '';

const DAY_MS = 86_400_000;

/** Epoch ms as ISO 8601 UTC with milliseconds. Out-of-range times give the ends of the range rather than an exception. */
export function isoTime(ms: number): string {
  const t = Number.isFinite(ms) ? Math.min(253_402_300_799_999, Math.max(-62_135_596_800_000, Math.round(ms))) : 0;
  const of = Math.floor(t / DAY_MS);
  if (of !== day) {
    day = of;
    dayText = new Date(of * DAY_MS).toISOString().slice(0, -'00:00:00.000Z'.length);
  }
  const inDay = t - of * DAY_MS;
  const seconds = Math.floor(inDay / 1000);
  const minutes = Math.floor(seconds / 60);
  return `${dayText}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}.${three(inDay % 1000)}Z`;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}

function three(n: number): string {
  return n < 10 ? `00${n}` : n < 100 ? `0${n}` : `${n}`;
}
