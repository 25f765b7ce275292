/**
 * Every panel of every dashboard, as a search on a real Elasticsearch that holds the sample: each gives something, and its figures are those of the summary that `analyze` prints.
 * Then saved searches, drop-down lists and alert rules. Kibana itself does not run here (docs/kibana.md).
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { likelyDocuments } from '../../models/prediction/likely-document.ts';
import { pipelineDocument } from '../../outputs/elasticsearch/bulk-document.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { openElasticsearch } from '../../outputs/elasticsearch/elasticsearch.ts';
import { ALERT_RULES } from '../../outputs/kibana/alert-rules.ts';
import { viewPattern } from '../../outputs/kibana/data-views.ts';
import { DASHBOARDS, panelsOf } from '../../outputs/kibana/objects.ts';
import type { Panel } from '../../outputs/kibana/panel.ts';
import { SEARCHES } from '../../outputs/kibana/searches.ts';
import type { PipelineCounters, PipelineDocument } from '../../outputs/pipeline-document.ts';
import type { Summary } from '../../reports/summary-document.ts';
import { type ElasticsearchServer, startElasticsearch, uniqueNamespace } from './elasticsearch.ts';
import { configFor, installTemplates } from './elasticsearch-setup.ts';
import { kql, type Row, rowsOf, searchOf } from './panel-search.ts';
import { analyzedSample } from './sample.ts';

const panels = new Map(DASHBOARDS.flatMap(panelsOf).map((panel) => [panel.id, panel]));

/** The sample has no model of its own: what a trained one would say of one client. */
const likelySoon = likelyDocuments(
  [
    {
      client: 'anna@example.org',
      network: '198.51.100.0/24',
      server: 'mx1',
      tunnel: undefined,
      risk: 0.8,
      tries: 0.9,
      reasons: [{ what: '3 of its last 4 attempts failed', weight: 0.6 }],
    },
  ],
  Date.UTC(2026, 10, 24, 4),
  Date.UTC(2026, 10, 24, 4, 7),
  'ensemble 0123abcd',
);

describe('dashboards over the sample', () => {
  const namespace = uniqueNamespace();
  let server: ElasticsearchServer;
  let request: Request;
  let disconnect: () => Promise<void>;
  let summary: Summary;
  before(async () => {
    server = await startElasticsearch();
    const config = configFor(server.url, { namespace });
    ({ request, close: disconnect } = connect(config));
    await installTemplates(config);
    const sample = await analyzedSample();
    summary = sample.summary;
    const output = openElasticsearch(config);
    const { refused } = await output.deliver(sample.batch);
    assert.deepEqual(refused, []);
    const { findings } = sample;
    const more = { events: [unparsedEvent], profiles: [], incidents: [], findings, likely: likelySoon };
    assert.deepEqual((await output.deliver(more)).refused, []);
    const intervals = [pipelineInterval(0), pipelineInterval(1)].map((d) => pipelineDocument(d, namespace));
    assert.deepEqual(await output.deliverDocuments(intervals), { written: 2, present: 0, refused: [] });
    assert.deepEqual(await output.deliverDocuments(intervals), { written: 0, present: 2, refused: [] });
    await output.close();
    await request('POST', `/*-${namespace}*/_refresh`);
  });
  after(async () => {
    await disconnect?.();
    await server?.stop();
  });

  async function rows(panel: Panel): Promise<readonly Row[]> {
    const answer = await request('POST', `/${viewPattern(panel.view, namespace)}/_search`, searchOf(panel));
    assert.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 1000));
    return rowsOf(panel, answer.body);
  }
  const rowsById = (id: string): Promise<readonly Row[]> => rows(panels.get(id) ?? never(id));
  const value = async (id: string): Promise<number | null> => (await rowsById(id))[0]?.values[0] ?? null;

  /** What the sample cannot show: its handshakes have stamps of whole seconds. The summary says so too. */
  const empty = new Set(['tls-time']);

  for (const panel of panels.values())
    test(`${panel.title} (${panel.id}) shows something`, async () => {
      const found = await rows(panel);
      assert.ok(found.length > 0, 'no rows');
      if (!empty.has(panel.id))
        assert.ok(
          found.some((row) => row.values.some((v) => v !== null && v > 0)),
          'only nothing',
        );
    });

  test('the indicators are those of the summary', async () => {
    const { success_rate, setup_time, tls_time } = summary.indicators;
    assert.ok(Math.abs(((await value('success-rate')) ?? 0) - (success_rate.value ?? 1)) < 1e-9);
    assert.equal(Math.round((await value('setup-time')) ?? -1), setup_time.value);
    assert.equal(await value('tls-time'), tls_time.value);
    assert.equal(await value('failed-attempts'), summary.counts.failed);
    assert.equal(await value('waf-attacks'), summary.counts.attacks);
  });

  test('the causes are those of the summary, with their users', async () => {
    const found = new Map((await rowsById('causes')).map((row) => [row.keys[0] ?? '', row.values]));
    const expected = summary.causes.filter((row) => row.failed > 0 && row.kind !== 'attack');
    assert.deepEqual(new Set(found.keys()), new Set(expected.map((row) => row.label)));
    for (const row of expected) assert.equal(found.get(row.label)?.[0], row.failed, row.label);
  });

  test('causes over time add up to the failed attempts', async () => {
    const found = await rowsById('causes-over-time');
    assert.equal(sum(found.map((row) => row.values[0] ?? 0)), summary.counts.failed);
  });

  test('the owners are those of the summary', async () => {
    const found = Object.fromEntries((await rowsById('owners')).map((row) => [row.keys[0], row.values[0]]));
    const expected = Object.fromEntries(
      summary.owners.filter((o) => o.owner !== null).map((o) => [o.owner, o.sessions]),
    );
    assert.deepEqual(found, expected);
  });

  test('the WAF review has the sessions, users and rules of the summary', async () => {
    const row = summary.causes.find((cause) => cause.label === 'security.waf_false_positive');
    assert.equal(await value('waf-sessions-lost'), row?.sessions);
    assert.equal(await value('waf-users-hit'), row?.users.count);
    const byRule = await rowsById('waf-sessions-by-rule');
    assert.equal(sum(byRule.map((r) => r.values[0] ?? 0)), row?.sessions);
    assert.deepEqual(
      byRule.slice(0, 5).map((r) => r.values[0]),
      row?.top_scopes.map((scope) => scope.count),
    );
  });

  test('the incidents are those of the summary', async () => {
    assert.equal(sum((await rowsById('week-incidents')).map((row) => row.values[0] ?? 0)), summary.incidents.total);
  });

  test('pipeline counters add up over workers and time', async () => {
    assert.equal(await value('pipeline-records'), 300);
    assert.equal(await value('pipeline-dead-letters'), 4);
    const [worker] = await rowsById('pipeline-workers');
    assert.deepEqual([worker?.keys, worker?.values.slice(0, 2)], [['host-1'], [300, 12]]);
  });

  for (const search of SEARCHES)
    test(`the saved search ${search.title} finds documents with values in its columns`, async () => {
      const answer = await request('POST', `/${viewPattern(search.view, namespace)}/_search`, {
        size: 100,
        query: kql(search.filter),
        fields: search.columns,
        sort: [{ '@timestamp': 'desc' }],
        _source: false,
      });
      assert.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 1000));
      const { hits } = (answer.body as { hits: { hits: readonly { fields: Record<string, unknown> }[] } }).hits;
      assert.ok(hits.length > 0);
      const filled = new Set(hits.flatMap((hit) => Object.keys(hit.fields)));
      const missing = search.columns.filter((column) => !filled.has(column));
      assert.ok(missing.length <= 1, `columns without any value: ${missing}`); // users are not known to all sources
    });

  for (const dashboard of DASHBOARDS)
    test(`the drop-down lists of ${dashboard.title} have entries`, async () => {
      for (const { view, field } of dashboard.controls) {
        const answer = await request('POST', `/${viewPattern(view, namespace)}/_search`, {
          size: 0,
          aggs: { list: { terms: { field, size: 10 } } },
        });
        const { buckets } = (answer.body as { aggregations: { list: { buckets: readonly unknown[] } } }).aggregations
          .list;
        assert.ok(buckets.length > 0, field);
      }
    });

  test('one filter finds a session and its lines: the Dovecot id', async () => {
    const profile = await request('POST', `/${viewPattern('profiles', namespace)}/_search`, {
      size: 1,
      query: kql('dovecot.session_id: * and imapwhy.outcome: timeout'),
    });
    const [hit] = (
      profile.body as { hits: { hits: readonly { _source: { imapwhy: { session: { dovecot_id: string } } } }[] } }
    ).hits.hits;
    const id = hit?._source.imapwhy.session.dovecot_id;
    const both = `/${viewPattern('profiles', namespace)},${viewPattern('events', namespace)}/_search`;
    const answer = await request('POST', both, { size: 50, query: { term: { 'dovecot.session_id': id } } });
    const indices = (answer.body as { hits: { hits: readonly { _index: string }[] } }).hits.hits.map((h) => h._index);
    assert.ok(indices.some((name) => name.includes('profiles')) && indices.some((name) => name.includes('dovecot')));
  });

  test('a word of a line finds the line', async () => {
    const answer = await request('POST', `/${viewPattern('events', namespace)}/_count`, {
      query: { query_string: { query: 'IMAP-RATELIMIT-DROP' } },
    });
    assert.ok((answer.body as { count: number }).count > 0);
  });

  for (const rule of ALERT_RULES)
    test(`the alert rule ${rule.id} can be evaluated`, async () => {
      const { aggregation } = rule;
      const inner = 'field' in aggregation ? { value: { [aggregation.type]: { field: aggregation.field } } } : {};
      const aggs =
        rule.groupBy === undefined ? inner : { groups: { terms: { field: rule.groupBy, size: 50 }, aggs: inner } };
      const answer = await request('POST', `/${viewPattern(rule.view, namespace)}/_search`, {
        size: 0,
        track_total_hits: true,
        query: rule.query,
        aggs,
      });
      assert.equal(answer.status, 200, JSON.stringify(answer.body).slice(0, 1000));
      const { hits } = answer.body as { hits: { total: { value: number } } };
      assert.ok(hits.total.value > 0);
    });
});

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

function never(id: string): never {
  throw new Error(`no panel ${id}`);
}

const unparsedEvent = {
  id: 'unparsed-0',
  session: undefined,
  document: {
    '@timestamp': '2026-11-24T03:30:00.000Z',
    event: { id: 'unparsed-0', kind: 'pipeline_error', dataset: 'unparsed', action: 'parse-failure', original: '???' },
    host: { name: 'mx1' },
    log: { file: { path: 'mail.log' }, offset: 0 },
    error: { code: 'unknown_format', message: 'No format that we know takes this record.' },
    tags: ['_parse_failure'],
  },
};

function pipelineInterval(n: number): PipelineDocument {
  const start = new Date(Date.UTC(2026, 10, 24, 3, 30 + n)).toISOString();
  const end = new Date(Date.UTC(2026, 10, 24, 3, 31 + n)).toISOString();
  const written = { written: 100, present: 1, refused: 1 };
  const pipeline: PipelineCounters = {
    worker: 'host-1',
    roles: ['parse', 'correlate', 'index'],
    records: 150,
    parsed: 140,
    parse_failures: 10,
    redactions: 3,
    late_events: 1,
    evictions: 1,
    dead_letters: 2,
    events: written,
    profiles: written,
    incidents: written,
    repeated: 5,
    troubles: { overloaded: 5 },
    sessions_open: 12,
    pending_bytes: 1000,
    lag: 7,
    watermark_lag_ms: 1500,
    rss_bytes: 100_000_000,
    cpu_ms: 900,
  };
  return {
    '@timestamp': end,
    ecs: { version: '9.4.0' },
    event: { kind: 'metric', dataset: 'imapwhy.pipeline', start, end },
    host: { name: 'host-1' },
    imapwhy: { pipeline },
  };
}
