const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const SECONDS = Array.from({ length: 60 }, (_, n) => `${String(n).padStart(2, '0')}.`);
const MILLISECONDS = Array.from({ length: 1000 }, (_, n) => `${String(n).padStart(3, '0')}Z`);

/** What was asked for last: lines of a log mostly share their day, and often their minute. The calendar is what costs. */
let day = Number.NaN;
let dayText = '';
let minute = Number.NaN;
let minuteText = '';

/** Epoch ms as ISO 8601 UTC with milliseconds. Out-of-range times give the ends of the range rather than an exception. */
export function isoTime(ms: number): string {
  const t = Number.isFinite(ms) ? Math.min(253_402_300_799_999, Math.max(-62_135_596_800_000, Math.round(ms))) : 0;
  const of = Math.floor(t / MINUTE_MS);
  if (of !== minute) {
    minute = of;
    minuteText = textOfMinute(of);
  }
  const inMinute = t - of * MINUTE_MS;
  const second = Math.floor(inMinute / 1000);
  // The short ones first: two strings are copied, a third would be linked.
  return minuteText + ((SECONDS[second] ?? '') + (MILLISECONDS[inMinute - second * 1000] ?? ''));
}

/** `2026-11-24T04:01:` */
function textOfMinute(of: number): string {
  const dayOf = Math.floor((of * MINUTE_MS) / DAY_MS);
  if (dayOf !== day) {
    day = dayOf;
    dayText = new Date(dayOf * DAY_MS).toISOString().slice(0, -'00:00:00.000Z'.length);
  }
  const inDay = of - dayOf * (DAY_MS / MINUTE_MS);
  const hours = Math.floor(inDay / 60);
  return `${dayText}${two(hours)}:${two(inDay - hours * 60)}:`;
}

function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}
