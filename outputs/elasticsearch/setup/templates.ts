/** Component and index templates, as Elasticsearch takes them. Pure: what a cluster offers comes in, what it should hold comes out. */

import ecsFields from './ecs-fields.json' with { type: 'json' };
import { type FieldMapping, type ObjectMapping, type OptionalType, plainMapping, treeOf } from './mapping.ts';
import {
  ANOMALY_FIELDS,
  EVENT_FIELDS,
  FEEDBACK_FIELDS,
  INCIDENT_FIELDS,
  LIKELY_FIELDS,
  PIPELINE_FIELDS,
  PROFILE_FIELDS,
} from './own-fields.ts';

/** Grows with each change of what follows, so that an older release does not undo a newer one's set-up. */
export const SETUP_VERSION = 3;

export type Lifecycle = 'ilm' | 'data-stream' | 'none';

export interface Offer {
  readonly types: ReadonlySet<OptionalType>;
  readonly lifecycle: Lifecycle;
}

/** A cluster of the default distribution. */
export const FULL_OFFER: Offer = {
  types: new Set<OptionalType>(['constant_keyword', 'match_only_text', 'wildcard']),
  lifecycle: 'ilm',
};

export interface Retention {
  readonly eventDays: number | undefined; // undefined: nothing is ever deleted
  readonly pipelineDays: number | undefined;
}

export const KEEP_ALL: Retention = { eventDays: undefined, pipelineDays: undefined };

export interface Template {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export const META = { managed_by: 'imapwhy', version: SETUP_VERSION };
const FIELDS_MAX = 500; // a mapping grows only by us, so the limit only tells when something is wrong

export const DOCUMENT_SETS = [
  'events',
  'profiles',
  'incidents',
  'anomalies',
  'likely',
  'feedback',
  'pipeline',
] as const;
export type DocumentSet = (typeof DOCUMENT_SETS)[number];

/** Everything in the indices of one kind of document. */
export function mappingOf(set: DocumentSet, offer: Offer): ObjectMapping {
  const all = set === 'pipeline' ? new Map(PIPELINE_ECS.flatMap(ecsField)) : new Map(Object.entries(ECS_FIELDS));
  for (const [name, field] of Object.entries(OWN_FIELDS[set])) all.set(name, field);
  return plainTree(all, offer);
}

export function componentTemplates(offer: Offer): readonly Template[] {
  const component = (name: string, template: object): Template => ({
    name,
    body: { template, version: SETUP_VERSION, _meta: META },
  });
  const mappings = (fields: Readonly<Record<string, FieldMapping>>): object => ({
    mappings: { dynamic: false, ...plainTree(new Map(Object.entries(fields)), offer) },
  });
  return [
    component('imapwhy-anomalies@mappings', mappings(OWN_FIELDS.anomalies)),
    component('imapwhy-ecs@mappings', mappings(ECS_FIELDS)),
    component('imapwhy-events@mappings', mappings(OWN_FIELDS.events)),
    component('imapwhy-feedback@mappings', mappings(OWN_FIELDS.feedback)),
    component('imapwhy-incidents@mappings', mappings(OWN_FIELDS.incidents)),
    component('imapwhy-likely@mappings', mappings(OWN_FIELDS.likely)),
    component(
      'imapwhy-pipeline@mappings',
      mappings({ ...Object.fromEntries(PIPELINE_ECS.flatMap(ecsField)), ...OWN_FIELDS.pipeline }),
    ),
    component('imapwhy-profiles@mappings', mappings(OWN_FIELDS.profiles)),
    component('imapwhy@settings', { settings: SETTINGS }),
  ];
}

export function indexTemplates(offer: Offer, retention: Retention): readonly Template[] {
  return [
    indexTemplate('imapwhy-anomalies', ['imapwhy-anomalies-*'], ['imapwhy-ecs@mappings'], false, {}),
    indexTemplate(
      'imapwhy-events',
      ['logs-imapwhy.*-*'],
      ['imapwhy-ecs@mappings'],
      true,
      streamLifecycle('events', offer, retention),
    ),
    indexTemplate('imapwhy-feedback', ['imapwhy-feedback-*'], ['imapwhy-ecs@mappings'], false, {}),
    indexTemplate('imapwhy-incidents', ['imapwhy-incidents-*'], ['imapwhy-ecs@mappings'], false, {}),
    indexTemplate('imapwhy-likely', ['imapwhy-likely-*'], ['imapwhy-ecs@mappings'], false, {}),
    indexTemplate(
      'imapwhy-pipeline',
      ['metrics-imapwhy.pipeline-*'],
      [],
      true,
      streamLifecycle('pipeline', offer, retention),
    ),
    indexTemplate('imapwhy-profiles', ['imapwhy-profiles-*'], ['imapwhy-ecs@mappings'], false, {}),
  ];
}

/** Roll over in time, and delete only what somebody gave a number of days for. */
export function lifecyclePolicies(retention: Retention): readonly Template[] {
  const policy = (name: string, days: number | undefined): Template => ({
    name,
    body: {
      policy: {
        phases: {
          hot: {
            actions: { rollover: { max_age: '30d', max_primary_shard_size: '50gb' }, set_priority: { priority: 100 } },
          },
          ...(days === undefined ? {} : { delete: { min_age: `${days}d`, actions: { delete: {} } } }),
        },
        _meta: META,
      },
    },
  });
  return [policy('imapwhy-events', retention.eventDays), policy('imapwhy-pipeline', retention.pipelineDays)];
}

function indexTemplate(
  name: string,
  patterns: readonly string[],
  shared: readonly string[],
  isStream: boolean,
  lifecycle: StreamLifecycle,
): Template {
  const custom = `${name}@custom`; // the place for what a site wants to change; we never touch it
  return {
    name,
    body: {
      index_patterns: patterns,
      priority: 300, // above Elastic's own for logs-*-* and metrics-*-*
      composed_of: [...shared, `${name}@mappings`, 'imapwhy@settings', custom],
      ignore_missing_component_templates: [custom],
      ...(isStream ? { data_stream: {} } : {}),
      template: {
        settings: { 'index.query.default_field': DEFAULT_FIELDS, ...lifecycle.settings },
        ...(lifecycle.lifecycle === undefined ? {} : { lifecycle: lifecycle.lifecycle }),
      },
      version: SETUP_VERSION,
      _meta: META,
    },
  };
}

interface StreamLifecycle {
  readonly settings?: Readonly<Record<string, string>>;
  readonly lifecycle?: { readonly data_retention?: string };
}

function streamLifecycle(set: 'events' | 'pipeline', offer: Offer, retention: Retention): StreamLifecycle {
  if (offer.lifecycle === 'ilm') return { settings: { 'index.lifecycle.name': `imapwhy-${set}` } };
  if (offer.lifecycle === 'none') return {};
  const days = set === 'events' ? retention.eventDays : retention.pipelineDays;
  return { lifecycle: days === undefined ? {} : { data_retention: `${days}d` } };
}

const SETTINGS = {
  'index.codec': 'best_compression',
  'index.refresh_interval': '2s', // a line is to be found within five seconds; each refresh costs
  'index.mapping.total_fields.limit': FIELDS_MAX,
  'index.mapping.ignore_malformed': true, // one strange number or address must not cost the document
};

/** What a search without a field looks at. */
const DEFAULT_FIELDS = ['event.original.text', 'event.reason', 'user.name', 'host.name', 'error.message'];

const ECS_FIELDS: Readonly<Record<string, FieldMapping>> = {
  ...ecsFields,
  '@timestamp': { type: 'date', ignore_malformed: false }, // a data stream wants it strict
  // ECS keeps the text unsearchable; people search their lines.
  'event.original': { type: 'keyword', index: false, doc_values: false, fields: { text: { type: 'match_only_text' } } },
};

const PIPELINE_ECS = [
  '@timestamp',
  'ecs.version',
  'event.dataset',
  'event.end',
  'event.kind',
  'event.start',
  'host.name',
];

function ecsField(name: string): readonly (readonly [string, FieldMapping])[] {
  const field = ECS_FIELDS[name];
  return field === undefined ? [] : [[name, field]];
}

const constant = (value: string): FieldMapping => ({ type: 'constant_keyword', value });

const OWN_FIELDS: Readonly<Record<DocumentSet, Readonly<Record<string, FieldMapping>>>> = {
  events: EVENT_FIELDS,
  profiles: {
    ...PROFILE_FIELDS,
    'event.dataset': constant('imapwhy.profile'),
    'event.kind': constant('event'),
  },
  incidents: { ...INCIDENT_FIELDS, 'event.dataset': constant('imapwhy.incident'), 'event.kind': constant('alert') },
  anomalies: { ...ANOMALY_FIELDS, 'event.dataset': constant('imapwhy.anomaly'), 'event.kind': constant('alert') },
  feedback: { ...FEEDBACK_FIELDS, 'event.dataset': constant('imapwhy.feedback'), 'event.kind': constant('event') },
  likely: { ...LIKELY_FIELDS, 'event.dataset': constant('imapwhy.likely'), 'event.kind': constant('alert') },
  pipeline: {
    ...PIPELINE_FIELDS,
    'event.dataset': constant('imapwhy.pipeline'),
    'event.kind': constant('metric'),
  },
};

function plainTree(fields: ReadonlyMap<string, FieldMapping>, offer: Offer): ObjectMapping {
  const plain = new Map<string, FieldMapping>();
  for (const [name, field] of fields) plain.set(name, plainMapping(field, offer.types));
  return treeOf(plain);
}
