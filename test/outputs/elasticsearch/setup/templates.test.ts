import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { differences } from '../../../../outputs/elasticsearch/setup/differences.ts';
import { fieldTypes } from '../../../../outputs/elasticsearch/setup/mapping.ts';
import {
  componentTemplates,
  DOCUMENT_SETS,
  FULL_OFFER,
  indexTemplates,
  KEEP_ALL,
  lifecyclePolicies,
  mappingOf,
  type Offer,
} from '../../../../outputs/elasticsearch/setup/templates.ts';
import { sampleIncidents } from '../../../incidents.ts';
import { sampleSessions } from '../../../profiles.ts';
import { assertMapped } from './mapped.ts';

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
      JSON.stringify(
        indexTemplates(offer, { eventDays: 30, pipelineDays: undefined }).find((t) => t.name === 'imapwhy-events')?.body
          .template,
      );
    assert.match(settings(FULL_OFFER), /"index.lifecycle.name":"imapwhy-events"/);
    assert.match(settings({ ...FULL_OFFER, lifecycle: 'data-stream' }), /"lifecycle":\{"data_retention":"30d"\}/);
    assert.doesNotMatch(settings({ ...FULL_OFFER, lifecycle: 'none' }), /lifecycle/);
  });

  it('stay below the limit of fields that they set', () => {
    for (const set of DOCUMENT_SETS) assert.ok(fieldTypes(mappingOf(set, FULL_OFFER)).size < 400, set);
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
