import { DateTime } from 'luxon';
import { type CivilZone, parseZone, UTC } from '../processors/time.ts';
import type { ClockChoices } from './prepare.ts';
import { UseError } from './use-error.ts';

/** `--tz ZONE` for all sources, `--tz SOURCE=ZONE` for those whose name contains SOURCE; `--year`. */
export function clockChoices(
  tz: readonly string[],
  year: string | undefined,
  now: number,
): ClockChoices & { readonly zoneName: string | null } {
  let zone: CivilZone | undefined;
  const zoneBySource: { part: string; zone: CivilZone }[] = [];
  for (const text of tz) {
    const equals = text.indexOf('=');
    const name = text.slice(equals + 1);
    const parsed = parseZone(name);
    if (!parsed)
      throw new UseError(
        `--tz ${text}: "${name}" is no time zone. Write an IANA name (Europe/Warsaw), UTC, or an offset (+02:00).`,
      );
    if (equals < 0) zone = parsed;
    else zoneBySource.push({ part: text.slice(0, equals), zone: parsed });
  }
  let near: number | undefined;
  if (year !== undefined) {
    if (!/^(19|20|21)\d\d$/.test(year)) throw new UseError(`--year ${year}: write a year of four digits.`);
    near = Date.UTC(Number(year), 6, 1);
  }
  return { zone: zone ?? UTC, zoneBySource, near, now, zoneName: zone?.name ?? null };
}

/** For an option that may be given more than once: one value each time, so that it swallows no path that follows. */
export const repeated = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** `2026-11-24`, `2026-11-24T03:24`, `2026-11-24 03:24`; without an offset in the given zone. UTC ms. */
export function momentOption(option: string, text: string, zone: CivilZone): number {
  const time = DateTime.fromISO(text.trim().replace(' ', 'T'), { zone: 'utc', setZone: true });
  if (!time.isValid)
    throw new UseError(`${option} ${text}: write a date or time such as 2026-11-24 or 2026-11-24T03:24.`);
  return /([zZ]|[+-]\d\d:?\d\d)$/.test(text.trim()) ? time.toMillis() : zone.toUtc(time.toMillis());
}
