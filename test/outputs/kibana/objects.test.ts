/**
 * Kibana itself cannot run in these tests. What can be known without it: each object has the form that Kibana 8.9 and later write, every reference leads to an object of the file,
 * every field is in the mapping of its data view, and every KQL is of fields that exist. test/servers/elasticsearch-kibana.ts runs the queries.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { fieldTypes } from '../../../outputs/elasticsearch/setup/mapping.ts';
import { DOCUMENT_SETS, FULL_OFFER, mappingOf } from '../../../outputs/elasticsearch/setup/templates.ts';
import { ALERT_RULES } from '../../../outputs/kibana/alert-rules.ts';
import { setupTime, successRate, tlsTime } from '../../../outputs/kibana/dashboards/indicators.ts';
import { KIBANA_DEFAULTS, type ViewName, viewId } from '../../../outputs/kibana/data-views.ts';
import { bucketsOf, metricsOf } from '../../../outputs/kibana/lens.ts';
import { DASHBOARDS, panelsOf, savedObjects } from '../../../outputs/kibana/objects.ts';
import type { Panel } from '../../../outputs/kibana/panel.ts';
import { ndjsonOf, type SavedObject } from '../../../outputs/kibana/saved-object.ts';
import { SEARCHES } from '../../../outputs/kibana/searches.ts';
import { SETUP_LIMITS_MS, SUCCESS_LIMITS, TLS_LIMITS_MS } from '../../../processors/profile/limits.ts';

const objects = savedObjects(KIBANA_DEFAULTS);
const fields = new Map<ViewName, ReadonlyMap<string, string>>(
  DOCUMENT_SETS.map((name) => [name, fieldTypes(mappingOf(name, FULL_OFFER))]),
);
const panels = DASHBOARDS.flatMap(panelsOf);

const json = v.pipe(v.string(), v.parseJson());
const searchSource = v.object({
  searchSourceJSON: v.pipe(
    json,
    v.object({ query: v.object({ language: v.literal('kuery'), query: v.string() }), filter: v.array(v.unknown()) }),
  ),
});
const schemas: Readonly<Record<SavedObject['type'], v.GenericSchema>> = {
  'index-pattern': v.strictObject({
    title: v.string(),
    name: v.string(),
    timeFieldName: v.literal('@timestamp'),
    allowNoIndex: v.boolean(),
    fieldFormatMap: v.pipe(json, v.record(v.string(), v.object({ id: v.string() }))),
  }),
  search: v.strictObject({
    title: v.string(),
    description: v.string(),
    columns: v.array(v.string()),
    sort: v.array(v.tuple([v.string(), v.picklist(['asc', 'desc'])])),
    grid: v.object({}),
    hideChart: v.boolean(),
    isTextBasedQuery: v.literal(false),
    timeRestore: v.boolean(),
    kibanaSavedObjectMeta: searchSource,
  }),
  lens: v.strictObject({
    title: v.string(),
    description: v.string(),
    visualizationType: v.picklist(['lnsMetric', 'lnsXY', 'lnsDatatable']),
    state: v.strictObject({
      adHocDataViews: v.object({}),
      internalReferences: v.array(v.unknown()),
      datasourceStates: v.object({
        formBased: v.object({
          layers: v.object({
            layer: v.object({
              columnOrder: v.array(v.string()),
              columns: v.record(
                v.string(),
                v.looseObject({ operationType: v.string(), isBucketed: v.boolean(), label: v.string() }),
              ),
            }),
          }),
        }),
      }),
      filters: v.array(v.unknown()),
      query: v.object({ language: v.literal('kuery'), query: v.string() }),
      visualization: v.looseObject({}),
    }),
  }),
  dashboard: v.strictObject({
    title: v.string(),
    description: v.string(),
    version: v.literal(1),
    timeRestore: v.literal(true),
    timeFrom: v.string(),
    timeTo: v.literal('now'),
    refreshInterval: v.object({ pause: v.boolean(), value: v.number() }),
    optionsJSON: json,
    panelsJSON: v.pipe(
      json,
      v.array(
        v.looseObject({
          type: v.picklist(['lens', 'search', 'visualization']),
          panelIndex: v.string(),
          gridData: v.object({ x: v.number(), y: v.number(), w: v.number(), h: v.number(), i: v.string() }),
          embeddableConfig: v.looseObject({}),
        }),
      ),
    ),
    controlGroupInput: v.object({
      controlStyle: v.string(),
      chainingSystem: v.string(),
      panelsJSON: json,
      ignoreParentSettingsJSON: json,
    }),
    kibanaSavedObjectMeta: searchSource,
  }),
};

describe('saved objects of Kibana', () => {
  for (const object of objects)
    it(`${object.type} ${object.id} has the form of its type`, () => {
      const result = v.safeParse(schemas[object.type], object.attributes);
      const problems = (result.issues ?? []).map((i) => `${v.getDotPath(i)}: ${i.message}`);
      assert.deepEqual(problems, []);
    });

  it('have ids of their own', () => {
    assert.equal(new Set(objects.map((o) => o.id)).size, objects.length);
    assert.ok(objects.every((o) => o.id.startsWith('imapwhy-')));
  });

  it('refer only to each other', () => {
    const known = new Map(objects.map((o) => [o.id, o.type]));
    for (const { id, references } of objects)
      for (const r of references) assert.equal(known.get(r.id), r.type, `${id} refers to ${r.type} ${r.id}`);
  });

  it('have a reference for each name that they use', () => {
    for (const { id, type, attributes, references } of objects) {
      const names = new Set(references.map((r) => r.name));
      const used = new Set<string>();
      if (type === 'search') used.add('kibanaSavedObjectMeta.searchSourceJSON.index');
      if (type === 'lens') used.add('indexpattern-datasource-layer-layer');
      if (type === 'dashboard') {
        for (const p of JSON.parse(String(attributes.panelsJSON))) {
          if (p.panelRefName !== undefined) used.add(`${p.panelIndex}:${p.panelRefName}`);
          for (const e of p.embeddableConfig.enhancements?.dynamicActions?.events ?? [])
            used.add(`${p.panelIndex}:drilldown:${e.action.factoryId}:${e.eventId}:dashboardId`);
        }
        const group = attributes.controlGroupInput as { panelsJSON: string };
        for (const control of Object.keys(JSON.parse(group.panelsJSON)))
          used.add(`controlGroup_${control}:optionsListDataView`);
      }
      assert.deepEqual(names, used, id);
    }
  });

  it('use only fields that the mapping has', () => {
    for (const object of objects) {
      if (object.type === 'index-pattern') {
        const view = DOCUMENT_SETS.find((name) => viewId(name) === object.id);
        assert.ok(view !== undefined);
        for (const field of Object.keys(JSON.parse(String(object.attributes.fieldFormatMap))))
          assertField(view, field, object.id);
      }
    }
    for (const panel of panels) for (const field of fieldsOf(panel)) assertField(panel.view, field, panel.id);
    for (const search of SEARCHES) {
      for (const field of [...search.columns, ...kqlFields(search.filter)]) assertField(search.view, field, search.id);
    }
    for (const { name, controls } of DASHBOARDS) for (const { view, field } of controls) assertField(view, field, name);
  });

  it('group only by fields that have values to group by, and calculate only with numbers', () => {
    for (const panel of panels) {
      const types = fields.get(panel.view);
      for (const bucket of bucketsOf(panel))
        if (bucket.kind === 'terms')
          assert.match(
            types?.get(bucket.field) ?? '',
            /^(keyword|constant_keyword|ip|boolean|alias|wildcard)$/,
            bucket.field,
          );
      for (const { op, field } of metricsOf(panel))
        if (op !== 'count' && op !== 'unique_count')
          assert.match(types?.get(field ?? '') ?? '', /^(long|double|float)$/, String(field));
    }
  });

  it('fill rows of 48 columns at most, without overlaps', () => {
    for (const { name, rows } of DASHBOARDS)
      for (const row of rows) assert.ok(row.reduce((sum, tile) => sum + tile.width, 0) <= 48, name);
  });

  it('lead from each dashboard that shows sessions to the sessions', () => {
    for (const { name } of DASHBOARDS.filter((d) => !['session', 'pipeline-health'].includes(d.name)))
      assert.ok(
        panelsOf(DASHBOARDS.find((d) => d.name === name) ?? never()).some((p) => p.drilldown === 'session'),
        name,
      );
  });

  it('colour the indicators by the limits that the reports have', () => {
    const stops = (panel: Panel) => (panel.kind === 'metric' ? panel.thresholds?.map((t) => t.from) : undefined);
    assert.deepEqual(stops(successRate), [0, SUCCESS_LIMITS.alarm, SUCCESS_LIMITS.warning, SUCCESS_LIMITS.normal]);
    assert.deepEqual(stops(setupTime), [0, SETUP_LIMITS_MS.normal, SETUP_LIMITS_MS.warning, SETUP_LIMITS_MS.alarm]);
    assert.deepEqual(stops(tlsTime), [0, TLS_LIMITS_MS.normal, TLS_LIMITS_MS.warning, TLS_LIMITS_MS.alarm]);
  });

  it('are one line each, with nothing that changes from one writing to the next', () => {
    const text = ndjsonOf(objects);
    assert.equal(text, ndjsonOf(savedObjects(KIBANA_DEFAULTS)));
    const lines = text.trimEnd().split('\n');
    assert.equal(lines.length, objects.length + 1);
    assert.equal(JSON.parse(lines.at(-1) ?? '').exportedCount, objects.length);
    for (const line of lines.slice(0, -1)) {
      const { updated_at, version, coreMigrationVersion, typeMigrationVersion } = JSON.parse(line);
      assert.deepEqual([updated_at, version], [undefined, undefined]);
      assert.ok(
        coreMigrationVersion <= '8.9.0' && typeMigrationVersion <= '8.9.0',
        'no newer than the oldest Kibana that we name',
      );
    }
  });
});

describe('alert rules', () => {
  it('use fields of the mapping', () => {
    for (const { id, view, query, aggregation, groupBy } of ALERT_RULES) {
      const used = [...JSON.stringify(query).matchAll(/"term":\{"([^"]+)"/g)].map((m) => m[1] ?? '');
      if ('field' in aggregation) used.push(aggregation.field);
      if (groupBy !== undefined) used.push(groupBy);
      for (const field of used) assertField(view, field, id);
    }
  });

  it('alarm at the limits of the indicators', () => {
    const threshold = (id: string) => ALERT_RULES.find((rule) => rule.id === id)?.threshold;
    assert.equal(threshold('imapwhy-success-rate'), SUCCESS_LIMITS.alarm);
    assert.equal(threshold('imapwhy-setup-time'), SETUP_LIMITS_MS.alarm);
    assert.equal(threshold('imapwhy-tls-time'), TLS_LIMITS_MS.alarm);
  });
});

function assertField(view: ViewName, field: string, where: string): void {
  assert.ok(fields.get(view)?.has(field), `${where}: ${field} is not in the mapping of ${view}`);
}

function fieldsOf(panel: Panel): readonly string[] {
  const used = kqlFields(panel.filter ?? '');
  for (const bucket of bucketsOf(panel)) {
    if (bucket.kind === 'terms') used.push(bucket.field);
    if (bucket.kind === 'filters') for (const f of bucket.filters) used.push(...kqlFields(f.query));
  }
  for (const { field, filter } of metricsOf(panel)) {
    if (field !== undefined) used.push(field);
    used.push(...kqlFields(filter ?? ''));
  }
  return used;
}

/** `a.b: value and c: (x or y)` names a.b and c. Our queries quote what holds a colon. */
function kqlFields(query: string): string[] {
  return [...query.replace(/"[^"]*"/g, '""').matchAll(/([\w@.]+)\s*:/g)].map((m) => m[1] ?? '');
}

function never(): never {
  throw new Error('no such dashboard');
}
