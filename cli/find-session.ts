import type { StoreReader } from '../outputs/sqlite.ts';
import type { Profile } from '../processors/profile/profile.ts';

/** The session that was asked for and others that also match; or the lines to say when there is none. */
export type Found =
  | { readonly profile: Profile; readonly others: readonly Profile[] }
  | { readonly notFound: readonly string[] };

export const OTHERS_MAX = 10;

/** By the id of the session, by Dovecot's id, or by the first characters of the id. */
export function findById(store: StoreReader, id: string): Found {
  const exact = store.profile(id);
  if (exact) return { profile: exact, others: [] };
  const [byDovecot, ...others] = store.findProfiles({ dovecotId: id, limit: OTHERS_MAX });
  if (byDovecot) return { profile: byDovecot, others };
  const ids = store.idsLike(id, OTHERS_MAX);
  const only = ids.length === 1 && ids[0] !== undefined ? store.profile(ids[0]) : undefined;
  if (only) return { profile: only, others: [] };
  if (ids.length > 1)
    return { notFound: [`Several sessions have an id that begins with ${id}:`, ...ids.map((i) => `  ${i}`)] };
  const near = nearestIds(store, id);
  return {
    notFound: [
      `No session has the id ${id}.`,
      ...(near.length > 0 ? [`Nearest ids: ${near.join(', ')}`] : []),
      'Nobody knows ids: try imapwhy explain --user NAME --at 09:13',
    ],
  };
}

/** Ids that share the longest beginning with what was typed. */
function nearestIds(store: StoreReader, id: string): readonly string[] {
  for (let length = Math.min(id.length - 1, 64); length > 0; length--) {
    const ids = store.idsLike(id.slice(0, length), 3);
    if (ids.length > 0) return ids;
  }
  return [];
}
