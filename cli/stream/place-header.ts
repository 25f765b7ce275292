/** The place of a document in a header of its record: who indexes it need not read the document to know it. */
import type { MonthlyKind, MonthlyPlace } from '../../outputs/elasticsearch/bulk-document.ts';

const HEADER = 'imapwhy.place';
const PLACE = /^(\d{4}\.\d\d) (\d{1,15}) ([0-9TZ:.+-]{1,40})$/;

/** The id is the record's key. */
export const placeHeaders = ({ month, version, at }: MonthlyPlace): readonly (readonly [string, Buffer])[] => [
  [HEADER, Buffer.from(`${month} ${version} ${at}`)],
];

/** Undefined where there is none that is sound: anybody may write into the topic. */
export function readPlace(
  kind: MonthlyKind,
  { key, headers }: { readonly key: Buffer | null; readonly headers: ReadonlyMap<string, Buffer> },
): MonthlyPlace | undefined {
  const [, month, version, at] = PLACE.exec(headers.get(HEADER)?.toString('latin1') ?? '') ?? [];
  const id = key?.toString('utf8');
  if (month === undefined || version === undefined || at === undefined || !id) return undefined;
  return { kind, month, id, at, version: Number(version) };
}
