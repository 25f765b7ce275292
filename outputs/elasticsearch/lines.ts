/** Log lines of a cluster: which hold words, and which belong to a session. */
import * as v from 'valibot';
import type { Profile } from '../../processors/profile/profile.ts';
import type { EventDocument } from '../output.ts';
import type { Request } from './connection.ts';
import { demand } from './setup/cluster.ts';

const found = v.object({ hits: v.object({ hits: v.array(v.object({ _id: v.string() })) }) });
const stored = v.object({
  hits: v.object({ hits: v.array(v.object({ _id: v.string(), _source: v.record(v.string(), v.unknown()) })) }),
});
const QUERY = { ignore_unavailable: 'true', allow_no_indices: 'true' };
const streams = (namespace: string): string => `/logs-imapwhy.*-${namespace}/_search`;

/** Ids of the newest lines that hold the words in this order, at most `max`. */
export async function linesWith(
  request: Request,
  namespace: string,
  words: string,
  max: number,
): Promise<readonly string[]> {
  const body = {
    size: max,
    _source: false,
    query: { match_phrase: { 'event.original.text': words } },
    sort: [{ '@timestamp': 'desc' }],
  };
  const answer = demand(await request('POST', streams(namespace), body, { query: QUERY }), 'searching log lines');
  return v.parse(found, answer.body).hits.hits.map((h) => h._id);
}

/** The lines that a profile names. */
export async function linesOf(
  request: Request,
  namespace: string,
  profile: Profile,
): Promise<readonly EventDocument[]> {
  const values = profile.imapwhy.events.map((e) => e.id);
  if (values.length === 0) return [];
  const body = { size: 1000, query: { ids: { values } } };
  const answer = demand(await request('POST', streams(namespace), body, { query: QUERY }), 'reading log lines');
  return v
    .parse(stored, answer.body)
    .hits.hits.map(({ _id, _source }) => ({ id: _id, session: profile.imapwhy.session.id, document: _source }));
}
