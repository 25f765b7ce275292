import * as v from 'valibot';
import type { Incident } from '../../processors/profile/incident.ts';
import { incidentIndices } from './bulk-document.ts';
import type { Request } from './connection.ts';
import { searchIn } from './search-in.ts';

const incident = v.custom<Incident>(
  (x) =>
    v.is(
      v.looseObject({
        event: v.looseObject({ start: v.string(), end: v.string() }),
        imapwhy: v.looseObject({
          incident: v.looseObject({ id: v.string(), cause: v.string() }),
          revision: v.number(),
        }),
      }),
      x,
    ),
  'is no incident',
);
const hits = v.object({ hits: v.object({ hits: v.array(v.object({ _source: incident })) }) });

export async function incidentOf(request: Request, namespace: string, id: string): Promise<Incident | undefined> {
  const query = { term: { 'imapwhy.incident.id': id } };
  const { hits: found } = await searchIn(request, incidentIndices(namespace), hits, { query, size: 1 });
  return found.hits[0]?._source;
}

/** Those that lasted until then or longer, the largest first, at most 1000. */
export async function incidentsUntil(request: Request, namespace: string, ms: number): Promise<readonly Incident[]> {
  const query = { range: { 'event.end': { gte: ms, format: 'epoch_millis' } } };
  const sort = [{ 'imapwhy.incident.sessions': 'desc' }, { 'imapwhy.incident.id': 'asc' }];
  const { hits: found } = await searchIn(request, incidentIndices(namespace), hits, { query, sort, size: 1000 });
  return found.hits.map((h) => h._source);
}
