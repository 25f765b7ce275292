import { EcsFlat } from '@elastic/ecs';
import { ECS_FIELD_NAMES } from '../outputs/elasticsearch/setup/ecs-field-names.ts';
import type { FieldMapping } from '../outputs/elasticsearch/setup/mapping.ts';

interface EcsField {
  readonly type: string;
  readonly ignore_above?: number;
  readonly index?: boolean;
  readonly doc_values?: boolean;
  readonly multi_fields?: readonly { readonly name: string; readonly type: string }[];
}

const fields: ReadonlyMap<string, EcsField> = new Map(Object.entries(EcsFlat));

export const ECS_MAPPINGS_FILE = 'outputs/elasticsearch/setup/ecs-fields.json';

export const ecsMappingsText = (): string => `${JSON.stringify(ecsMappings(), undefined, 2)}\n`;

/** Mappings of the fields that we use, as ECS 9.4 has them. */
function ecsMappings(): Readonly<Record<string, FieldMapping>> {
  return Object.fromEntries(ECS_FIELD_NAMES.map((name) => [name, mappingOf(name)]));
}

function mappingOf(name: string): FieldMapping {
  const field = fields.get(name);
  if (field === undefined) throw new Error(`${name} is no field of ECS`);
  const { type, ignore_above, index, doc_values, multi_fields } = field;
  return {
    type,
    ...(ignore_above === undefined ? {} : { ignore_above }),
    ...(index === undefined ? {} : { index }),
    ...(doc_values === undefined ? {} : { doc_values }),
    ...(multi_fields === undefined
      ? {}
      : { fields: Object.fromEntries(multi_fields.map((m) => [m.name, { type: m.type }])) }),
  };
}
