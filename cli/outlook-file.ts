import { readFileSync } from 'node:fs';
import { array, number, object, safeParse, string } from 'valibot';
import type { Outlook } from '../web/pages/now.ts';

const FILE = object({
  as_of: string(),
  likely: array(object({ client: string(), risk: number(), reasons: array(object({ what: string() })) })),
});

/** What `analyze --model` wrote about the next quarter of an hour; undefined if there is no such file, or one of another kind. */
export function readOutlook(file: string): Outlook | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
  const read = safeParse(FILE, value);
  if (!read.success) return undefined;
  const { as_of, likely } = read.output;
  return {
    asOf: as_of,
    likely: likely.map(({ client, risk, reasons }) => ({ client, risk, reasons: reasons.map((r) => r.what) })),
  };
}
