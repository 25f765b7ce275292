import { parseMoment } from '../moment.ts';
import { UseError } from '../use-error.ts';

/** An option that names a point in time, UTC where it names no zone; a bare date is its beginning. UTC epoch ms. */
export function instantOption(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bare = /^\d{4}-\d{2}-\d{2}$/.test(text.trim());
  const moment = parseMoment(bare ? `${text.trim()} 00:00` : text, 'UTC');
  if (moment?.kind === 'instant') return moment.at;
  throw new UseError(
    `${option} ${text}: not a time. Write 2026-11-24, 2026-11-24T09:13Z or 2026-11-24T09:13:20+01:00.`,
  );
}
