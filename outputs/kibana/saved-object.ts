/** A saved object as Kibana's import takes it. Written in the form of Kibana 8.9, which 8.19 and 9.x bring up to their own: an import never goes to an older version. */
export interface SavedObject {
  readonly id: string;
  readonly type: 'index-pattern' | 'search' | 'lens' | 'dashboard';
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly references: readonly Reference[];
}

export interface Reference {
  readonly id: string;
  readonly name: string;
  readonly type: SavedObject['type'];
}

const TYPE_VERSIONS: Readonly<Record<SavedObject['type'], string>> = {
  'index-pattern': '8.0.0',
  search: '8.0.0',
  lens: '8.9.0',
  dashboard: '8.9.0',
};

/** One object a line, keys in order, so that a change of a definition is a readable change of the file. */
export function ndjsonOf(objects: readonly SavedObject[]): string {
  const lines = objects.map((o) =>
    JSON.stringify(
      sorted({ ...o, coreMigrationVersion: '8.8.0', typeMigrationVersion: TYPE_VERSIONS[o.type], managed: false }),
    ),
  );
  const summary = {
    excludedObjects: [],
    excludedObjectsCount: 0,
    exportedCount: objects.length,
    missingRefCount: 0,
    missingReferences: [],
  };
  return `${[...lines, JSON.stringify(summary)].join('\n')}\n`;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, child]) => [key, sorted(child)]));
}
