import { ClientHistory } from '../../models/waf/client-history.ts';
import { countedMatches } from '../../models/waf/counted-matches.ts';
import { type HttpMessage, messageOf } from '../../models/waf/http-message.ts';
import { type Place, placeKey } from '../../models/waf/place.ts';
import { requestsOf, type WafMatch, type WafRequest } from '../../models/waf/request.ts';
import type { StoreReader } from '../../outputs/sqlite.ts';
import { knownOf } from './read-queue.ts';

/** One blocked request of a place, with what the log holds of it. */
export interface LoggedRequest {
  readonly request: WafRequest;
  readonly match: WafMatch;
  readonly message: HttpMessage | undefined;
}

/** What was blocked at a place. */
export interface LoggedPlace {
  readonly requests: readonly LoggedRequest[];
  /** Requests of scanners and of clients that probe: no false positives, so they are not to be freed. */
  readonly setAside: number;
}

/** The blocked requests of each place, by placeKey; of very many those that lie evenly over the time. */
export function loggedRequests(
  store: StoreReader,
  places: readonly Place[],
  max: number,
): ReadonlyMap<string, LoggedPlace> {
  const clients = new ClientHistory(knownOf(store));
  const found = new Map<string, { readonly request: WafRequest; readonly match: WafMatch }[]>(
    places.map((p) => [placeKey(p), []]),
  );
  for (const request of requestsOf(store.waf.events())) {
    if (!request.blocked) continue;
    clients.add(request);
    for (const match of countedMatches(request))
      found
        .get(placeKey({ rule: match.rule, path: request.path ?? '', target: match.target ?? '' }))
        ?.push({ request, match });
  }
  return new Map(
    [...found].map(([key, all]) => {
      const list = all.filter(({ request }) => request.client === null || !clients.isProbing(request.client));
      const requests = evenly(list, max).map(({ request, match }) => ({
        request,
        match,
        message: loggedMessage(store, request),
      }));
      return [key, { requests, setAside: all.length - list.length }];
    }),
  );
}

/** From the event that tells most: an audit log's. */
function loggedMessage(store: StoreReader, request: WafRequest): HttpMessage | undefined {
  let best: HttpMessage | undefined;
  for (const id of request.events) {
    const event = store.waf.event(id)?.document.event;
    if (typeof event !== 'object' || event === null || !('original' in event) || typeof event.original !== 'string')
      continue;
    const message = messageOf(event.original, request);
    if (message !== undefined && (best === undefined || sizeOf(message) > sizeOf(best))) best = message;
  }
  return best;
}

const sizeOf = (m: HttpMessage): number => m.headers.length + m.body.length;

function evenly<T>(list: readonly T[], max: number): readonly T[] {
  if (list.length <= max) return list;
  return Array.from({ length: max }, (_, i) => list[Math.floor((i * list.length) / max)]).filter(
    (x) => x !== undefined,
  );
}
