import type { Known } from '../../models/waf/known-clients.ts';
import { buildQueue, type WafQueue } from '../../models/waf/queue.ts';
import { requestsOf } from '../../models/waf/request.ts';
import type { StoreReader } from '../../outputs/sqlite.ts';

/** The queue of what a store holds. `now`: UTC epoch ms, for decisions that have expired. */
export function readQueue(
  store: StoreReader,
  range: { readonly since?: number; readonly until?: number },
  now: number,
): WafQueue {
  const { waf } = store;
  return buildQueue(requestsOf(waf.events(range)), knownOf(store), { decisions: waf.decisions(), now });
}

/** What a store knows of clients and sessions. */
export function knownOf({ waf }: StoreReader): Known {
  return { visitsOf: waf.visitsOf, session: waf.visit, anyLoginFrom: waf.anyLoginFrom, anyLogin: waf.anyLogin() };
}
