export interface Difference {
  readonly path: string;
  readonly there: string | undefined;
  readonly wanted: string | undefined;
}

/**
 * Where two bodies differ, leaf by leaf. Elasticsearch gives back numbers and booleans of settings as texts, nests dotted names and leaves out what is its default; so leaves
 * are compared as texts under their full name, and what only the server has (`modified_date`) is no difference.
 */
export function differences(there: unknown, wanted: unknown): readonly Difference[] {
  const before = leavesOf(there);
  const after = leavesOf(wanted);
  const found: Difference[] = [];
  for (const [path, value] of after)
    if (before.get(path) !== value && !(value === EMPTY && hasBelow(before, path)))
      found.push({ path, there: before.get(path), wanted: value });
  for (const [path, value] of before)
    if (!after.has(path) && !isServers(path)) found.push({ path, there: value, wanted: undefined });
  return found;
}

const EMPTY = '{}';

function hasBelow(leaves: ReadonlyMap<string, string>, path: string): boolean {
  for (const leaf of leaves.keys()) if (leaf.startsWith(`${path}.`)) return true;
  return false;
}

/** Written by the server itself, or what it makes of an empty object. */
const isServers = (path: string): boolean =>
  /^(modified_date|created_date|version|in_use_by|deprecated|data_stream\.(hidden|allow_custom_routing))\b|\.(modified_date_millis|created_date_millis)$/.test(
    path,
  );

function leavesOf(value: unknown, prefix = '', into = new Map<string, string>()): Map<string, string> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const entries = Object.entries(value);
    if (entries.length === 0 && prefix !== '') into.set(prefix, EMPTY);
    for (const [key, child] of entries) leavesOf(child, prefix === '' ? key : `${prefix}.${key}`, into);
    return into;
  }
  into.set(prefix, Array.isArray(value) ? JSON.stringify(value) : String(value));
  return into;
}
