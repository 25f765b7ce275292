import assert from 'node:assert/strict';
import { fieldTypes } from '../../../../outputs/elasticsearch/setup/mapping.ts';
import { type DocumentSet, FULL_OFFER, mappingOf } from '../../../../outputs/elasticsearch/setup/templates.ts';

/** Every field that the documents have can be searched or is left out on purpose. */
export function assertMapped(documents: readonly object[], set: DocumentSet): void {
  const mapped = fieldTypes(mappingOf(set, FULL_OFFER));
  const missing = new Set<string>();
  for (const document of documents)
    for (const path of pathsOf(document)) if (!isMapped(path, mapped)) missing.add(path);
  assert.deepEqual(
    [...missing],
    [],
    'add it to outputs/elasticsearch/setup/ecs-field-names.ts or own-fields.ts, then npm run deploy:generate',
  );
}

/** Mapped itself, or below a field that takes any object. */
function isMapped(path: string, mapped: ReadonlyMap<string, string>): boolean {
  if (mapped.has(path) || path.startsWith('imapwhy.cause.evidence.weights.')) return true;
  for (let at = path.lastIndexOf('.'); at > 0; at = path.lastIndexOf('.', at - 1))
    if (mapped.get(path.slice(0, at)) === 'flattened') return true;
  return false;
}

function* pathsOf(value: unknown, prefix = ''): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* pathsOf(item, prefix);
  else if (typeof value === 'object' && value !== null)
    for (const [key, child] of Object.entries(value)) yield* pathsOf(child, prefix === '' ? key : `${prefix}.${key}`);
  else if (value !== null && value !== undefined) yield prefix;
}
