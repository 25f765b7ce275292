/** The mapping of one field, of the kinds that we use. */
export type FieldMapping =
  | {
      readonly type: string;
      readonly path?: string;
      readonly value?: string;
      readonly index?: boolean;
      readonly doc_values?: boolean;
      readonly ignore_above?: number;
      readonly ignore_malformed?: boolean;
      readonly depth_limit?: number;
      readonly norms?: boolean;
      readonly fields?: Readonly<Record<string, FieldMapping>>;
    }
  | ObjectMapping
  | { readonly type: 'object'; readonly enabled: false };

export interface ObjectMapping {
  readonly type?: 'nested';
  readonly dynamic?: false;
  readonly properties: Readonly<Record<string, FieldMapping>>;
}

/** Field types that not every cluster has. */
export const OPTIONAL_TYPES = ['constant_keyword', 'match_only_text', 'wildcard'] as const;
export type OptionalType = (typeof OPTIONAL_TYPES)[number];

/** `a.b.c` to a mapping, as a tree of `properties`. Names are our own, none comes from a log. */
export function treeOf(fields: ReadonlyMap<string, FieldMapping>): ObjectMapping {
  const children = new Map<string, Map<string, FieldMapping>>();
  const properties: Record<string, FieldMapping> = {};
  for (const [name, mapping] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const dot = name.indexOf('.');
    if (dot < 0) {
      properties[name] = mapping;
      continue;
    }
    const parent = name.slice(0, dot);
    let child = children.get(parent);
    if (child === undefined) {
      child = new Map();
      children.set(parent, child);
    }
    child.set(name.slice(dot + 1), mapping);
  }
  for (const [parent, child] of children) {
    const own = properties[parent];
    if (own !== undefined && !('properties' in own)) throw new Error(`${parent} is a field and cannot hold others`);
    const tree = treeOf(child);
    properties[parent] = own === undefined ? tree : { ...own, properties: { ...own.properties, ...tree.properties } };
  }
  return { properties };
}

/** The nearest plain type for each that the cluster does not have. */
export function plainMapping(mapping: FieldMapping, offered: ReadonlySet<OptionalType>): FieldMapping {
  if ('properties' in mapping) {
    const properties = Object.entries(mapping.properties).map(
      ([name, field]) => [name, plainMapping(field, offered)] as const,
    );
    return { ...mapping, properties: Object.fromEntries(properties) };
  }
  if (!('type' in mapping) || 'enabled' in mapping) return mapping;
  const fields =
    mapping.fields === undefined
      ? {}
      : {
          fields: Object.fromEntries(
            Object.entries(mapping.fields).map(([name, field]) => [name, plainMapping(field, offered)]),
          ),
        };
  const { value: _, ...rest } = mapping;
  if (mapping.type === 'constant_keyword' && !offered.has('constant_keyword'))
    return { ...rest, ...fields, type: 'keyword', ignore_above: 1024 };
  if (mapping.type === 'match_only_text' && !offered.has('match_only_text'))
    return { ...mapping, ...fields, type: 'text', norms: false };
  if (mapping.type === 'wildcard' && !offered.has('wildcard'))
    return { ...mapping, ...fields, type: 'keyword', ignore_above: 1024 };
  return { ...mapping, ...fields };
}

/** Every field that can be searched or shown, with its type: `imapwhy.phases.name`, `event.original.text`. */
export function fieldTypes(tree: ObjectMapping, prefix = ''): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const [name, mapping] of Object.entries(tree.properties)) {
    const path = `${prefix}${name}`;
    if ('properties' in mapping) for (const [n, type] of fieldTypes(mapping, `${path}.`)) types.set(n, type);
    else if (!('enabled' in mapping)) {
      types.set(path, mapping.type);
      for (const [sub, field] of Object.entries(mapping.fields ?? {}))
        if ('type' in field && !('properties' in field)) types.set(`${path}.${sub}`, field.type ?? '');
    }
  }
  return types;
}
