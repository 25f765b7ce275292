import { DateTime } from 'luxon';

/** What a person means by a time: a point of the time line, or a time of any day. It lasts as long as it was said precisely. */
export type Moment =
  | { readonly kind: 'instant'; readonly at: number; readonly spanMs: number } // UTC epoch ms
  | {
      readonly kind: 'time-of-day';
      readonly hour: number;
      readonly minute: number;
      readonly second: number;
      readonly spanMs: number;
    };

const TIME_OF_DAY = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const DATE_AND_TIME = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(?:[.,]\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/;

/**
 * `09:13`, `09:13:20`, `2026-03-17 09:13`, `2026-03-17T09:13:20.5Z`, `…+01:00`. `zone` is a name that luxon knows, and holds where the text
 * names none. Undefined if it is no time.
 */
export function parseMoment(text: string, zone: string): Moment | undefined {
  const trimmed = text.trim();
  const clock = TIME_OF_DAY.exec(trimmed);
  if (clock) {
    const [hour, minute, second] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
    if (hour > 23 || minute > 59 || second > 59) return undefined;
    return { kind: 'time-of-day', hour, minute, second, spanMs: clock[3] === undefined ? 59_999 : 999 };
  }
  const full = DATE_AND_TIME.exec(trimmed);
  if (!full) return undefined;
  const [, date = '', minutes = '', seconds = '', offset = ''] = full;
  const time = DateTime.fromISO(`${date}T${minutes}${seconds}${offset}`, { zone });
  if (!time.isValid) return undefined;
  const spanMs = seconds === '' ? 59_999 : /[.,]/.test(seconds) ? 0 : 999;
  return { kind: 'instant', at: time.toMillis(), spanMs };
}
