import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { differences } from '../../../../outputs/elasticsearch/setup/differences.ts';
import { fieldTypes } from '../../../../outputs/elasticsearch/setup/mapping.ts';
import {
  componentTemplates,
  type DocumentSet,
  FULL_OFFER,
  indexTemplates,
  KEEP_ALL,
  lifecyclePolicies,
  mappingOf,
  type Offer,
} from '../../../../outputs/elasticsearch/setup/templates.ts';
import { sampleIncidents, sampleSessions } from '../../../profiles.ts';

const root = join(import.meta.dirname, '..', '..', '..', '..');
const plain: Offer = { types: new Set(), lifecycle: 'none' };

describe('every field that a document has is in the mapping', () => {
  for (const path of globSync('test/golden/*/*.expected.ndjson', { cwd: root }))
    it(path, () => {
      const lines = readFileSync(join(root, path), 'utf8').trim().split('\n');
      const documents = lines.map((line) => JSON.parse(line)).flatMap((golden) => (golden.ecs ? [golden.ecs] : []));
      assertMapped(documents, 'events');
    });

  it('events of the samples', () =>
    assertMapped(
      sampleSessions().flatMap((s) => s.events.map((e) => e.document)),
      'events',
    ));
  it('profiles', () =>
    assertMapped(
      sampleSessions().map((s) => s.profile),
      'profiles',
    ));
  it('incidents', () => assertMapped(sampleIncidents(), 'incidents'));
});

function assertMapped(documents: readonly object[], set: DocumentSet): void {
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

describe('templates', () => {
  it('take unknown fields into the source only, whatever happens', () => {
    for (const { name, body } of componentTemplates(FULL_OFFER))
      if (name.endsWith('@mappings')) assert.match(JSON.stringify(body), /"dynamic":false/, name);
  });

  it('use plain types where the cluster has no better ones', () => {
    const text = JSON.stringify(componentTemplates(plain));
    for (const type of ['constant_keyword', 'match_only_text', 'wildcard'])
      assert.doesNotMatch(text, new RegExp(`"${type}"`));
    assert.match(JSON.stringify(componentTemplates(FULL_OFFER)), /"constant_keyword".*"match_only_text"/);
  });

  it('refer to component templates that exist, or to the one that a site may add', () => {
    const names = new Set(componentTemplates(FULL_OFFER).map((t) => t.name));
    for (const { name, body } of indexTemplates(FULL_OFFER, KEEP_ALL)) {
      const composed = body.composed_of as readonly string[];
      assert.deepEqual(
        composed.filter((c) => !names.has(c)),
        [`${name}@custom`],
      );
    }
  });

  it('delete nothing unless somebody says after how many days', () => {
    assert.doesNotMatch(JSON.stringify(lifecyclePolicies(KEEP_ALL)), /delete/);
    const some = lifecyclePolicies({ eventDays: 90, pipelineDays: undefined });
    assert.match(JSON.stringify(some[0]), /"delete":\{"min_age":"90d"/);
    assert.doesNotMatch(JSON.stringify(some[1]), /delete/);
  });

  it('use the lifecycle that the cluster has', () => {
    const settings = (offer: Offer) =>
      JSON.stringify(indexTemplates(offer, { eventDays: 30, pipelineDays: undefined })[0]?.body.template);
    assert.match(settings(FULL_OFFER), /"index.lifecycle.name":"imapwhy-events"/);
    assert.match(settings({ ...FULL_OFFER, lifecycle: 'data-stream' }), /"lifecycle":\{"data_retention":"30d"\}/);
    assert.doesNotMatch(settings({ ...FULL_OFFER, lifecycle: 'none' }), /lifecycle/);
  });

  it('stay below the limit of fields that they set', () => {
    for (const set of ['events', 'profiles', 'incidents', 'pipeline'] as const)
      assert.ok(fieldTypes(mappingOf(set, FULL_OFFER)).size < 400, set);
  });
});

describe('differences of templates', () => {
  it('are none between what was put and how Elasticsearch gives it back', () => {
    const wanted = { template: { settings: { 'index.codec': 'best_compression', 'index.x': 5 } }, data_stream: {} };
    const there = {
      template: { settings: { index: { codec: 'best_compression', x: '5' } } },
      data_stream: { hidden: false, allow_custom_routing: false },
      modified_date: 7,
    };
    assert.deepEqual(differences(there, wanted), []);
  });

  it('name what differs, what is missing and what is there besides', () => {
    assert.deepEqual(differences({ a: { b: 1 }, c: [1] }, { a: { b: 2 }, d: true }), [
      { path: 'a.b', there: '1', wanted: '2' },
      { path: 'd', there: undefined, wanted: 'true' },
      { path: 'c', there: '[1]', wanted: undefined },
    ]);
  });
});
