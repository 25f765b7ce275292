/** How many more than are kept may be there before any are forgotten. */
const SLACK = 0.1;

/**
 * Takes the entries that came first out of a map, until `kept` are left; waits until there are a tenth more. Many at once, because the first
 * key of a Map lies behind the gaps of all that were deleted before it: to delete one whenever one is added walks past them each time
 * (20 µs with 50,000 entries). `forget`, which must delete, is for maps whose entries stand elsewhere too.
 */
export function forgetOldest<K, V>(
  from: Map<K, V>,
  kept: number,
  forget: (key: K, value: V) => void = (key) => from.delete(key),
): void {
  if (from.size < kept + kept * SLACK) return;
  for (const [key, value] of from) {
    if (from.size <= kept) break;
    forget(key, value);
  }
}
