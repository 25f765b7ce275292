import * as v from 'valibot';
import { OutputError } from '../output-error.ts';
import type { Request } from './connection.ts';
import { demand } from './setup/cluster.ts';

/**
 * The answer of a search in all indices that begin so; there need not be any yet. Throws an OutputError if nobody answers well, or if what is found is none of
 * ours.
 */
export async function searchIn<T>(
  request: Request,
  indices: string,
  schema: v.GenericSchema<unknown, T>,
  body: object,
): Promise<T> {
  const query = { ignore_unavailable: 'true', allow_no_indices: 'true' };
  const answer = demand(await request('POST', `/${indices}-*/_search`, body, { query }), `searching ${indices}-*`);
  const read = v.safeParse(schema, answer.body);
  if (read.success) return read.output;
  throw new OutputError(
    'INDEX_REFUSED',
    `${indices}-* holds a document that is none of ours: ${read.issues[0].message}`,
  );
}
