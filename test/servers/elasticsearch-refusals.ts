/**
 * Every way in which Elasticsearch turns documents down, provoked for real: afterwards each document is there, or was given back as refused, and nothing is there twice. What only a
 * broken network does (hang, cut answers, wrong counts, 413 and 429 with Retry-After of a proxy) is done by a small proxy in front of the same server.
 */
import assert from 'node:assert/strict';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Trouble } from '../../outputs/elasticsearch/bulk-answer.ts';
import type { ElasticsearchConfig, ElasticsearchConfigInput } from '../../outputs/elasticsearch/config.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { type ElasticsearchOutput, openElasticsearch } from '../../outputs/elasticsearch/elasticsearch.ts';
import type { Delivery, EventDocument } from '../../outputs/output.ts';
import { smallDisk } from '../outputs/small-disk.ts';
import { healthySession } from '../profiles.ts';
import {
  type ElasticsearchOptions,
  type ElasticsearchServer,
  startElasticsearch,
  uniqueNamespace,
} from './elasticsearch.ts';
import { allDocuments, configFor, installTemplates } from './elasticsearch-setup.ts';
import { type Fault, startFaultProxy } from './fault-proxy.ts';

interface Bench {
  readonly server: ElasticsearchServer;
  readonly request: Request;
  readonly config: ElasticsearchConfig;
  readonly stream: string;
}

async function withServer(options: ElasticsearchOptions, use: (bench: Bench) => Promise<void>): Promise<void> {
  const server = await startElasticsearch({ ...options, own: true });
  const namespace = uniqueNamespace();
  const config = configFor(server.url, { namespace });
  const connection = connect(config);
  try {
    await installTemplates(config);
    await use({ server, request: connection.request, config, stream: `logs-imapwhy.dovecot-${namespace}` });
  } finally {
    await connection.close();
    await server.stop();
  }
}

const event = (n: number, more: object = {}): EventDocument => ({
  id: `numbered-${n}`,
  session: undefined,
  document: {
    '@timestamp': new Date(Date.UTC(2026, 2, 1, 0, 0, n)).toISOString(),
    event: { id: `numbered-${n}`, dataset: 'dovecot.login', original: `line ${n} ${'x'.repeat(n % 500)}` },
    ...more,
  },
  origin: `imapwhy.events/0/${n}`,
});
const events = (from: number, count: number): readonly EventDocument[] =>
  Array.from({ length: count }, (_, i) => event(from + i));

const deliver = (output: ElasticsearchOutput, documents: readonly EventDocument[]): Promise<Delivery> =>
  output.deliver({ events: documents, profiles: [], incidents: [] });

/** As many deliveries at once as there are parts. */
async function deliverParts(output: ElasticsearchOutput, total: number, parts: number): Promise<void> {
  const size = total / parts;
  const results = await Promise.all(Array.from({ length: parts }, (_, i) => deliver(output, events(i * size, size))));
  assert.deepEqual(
    results.flatMap((r) => r.refused),
    [],
  );
  assert.equal(
    results.reduce((sum, r) => sum + r.written + r.present, 0),
    total,
  );
}

async function assertStored({ request, stream }: Pick<Bench, 'request' | 'stream'>, total: number): Promise<void> {
  const ids = (await allDocuments(request, stream)).map((d) => d.id);
  assert.equal(ids.length, total);
  assert.equal(new Set(ids).size, total);
}

function assertMet(output: ElasticsearchOutput, trouble: Trouble): void {
  const met = [...output.counters.troubles].map(([name, n]) => `${name} ${n}`).join(', ');
  assert.ok((output.counters.troubles.get(trouble) ?? 0) > 0, `${trouble} was not provoked (${met})`);
}

const settle = (request: Request, settings: object) => request('PUT', '/_cluster/settings', { persistent: settings });

describe('Elasticsearch refuses for a time', () => {
  test('429 of items and of whole requests: a write queue of one', async () => {
    const settings = { 'node.processors': 1, 'thread_pool.write.size': 1, 'thread_pool.write.queue_size': 1 };
    await withServer({ settings }, async (bench) => {
      const config = { ...bench.config, requestsMax: 16, bodyBytes: 65_536 };
      const outputs = Array.from({ length: 8 }, () => openElasticsearch(config)); // eight workers on one cluster
      await Promise.all(outputs.map((output, i) => deliver(output, events(i * 4000, 4000))));
      const met = outputs.reduce((sum, output) => sum + (output.counters.troubles.get('overloaded') ?? 0), 0);
      for (const output of outputs) await output.close();
      await assertStored(bench, 32_000);
      assert.ok(met > 0, 'nothing was rejected');
    });
  });

  test('429 as a whole: indexing pressure', async () => {
    await withServer({ settings: { 'indexing_pressure.memory.limit': '100kb' } }, async (bench) => {
      const output = openElasticsearch({ ...bench.config, bodyBytes: 70_000 });
      await deliverParts(output, 3000, 10);
      await output.close();
      assertMet(output, 'overloaded');
      await assertStored(bench, 3000);
    });
  });

  test('413: what a request may be long, and one document that is longer', async () => {
    await withServer({ settings: { 'http.max_content_length': '1mb' } }, async (bench) => {
      const output = openElasticsearch(bench.config);
      const long = event(9999, { message: 'x'.repeat(1_200_000) });
      const { written, refused } = await deliver(output, [...events(0, 6000), long]);
      await output.close();
      assert.equal(written, 6000);
      assert.deepEqual(
        refused.map((r) => [r.id, r.code, r.origin]),
        [['numbered-9999', 'too_large', 'imapwhy.events/0/9999']],
      );
      await assertStored(bench, 6000);
    });
  });

  test('404: no index may be made until somebody allows it', async () => {
    await withServer({ settings: { 'action.auto_create_index': false } }, async (bench) => {
      const output = openElasticsearch(bench.config);
      const { profile } = healthySession();
      const delivery = output.deliver({ events: [], profiles: [profile], incidents: [] });
      await until(() => (output.counters.troubles.get('missing') ?? 0) > 0);
      await settle(bench.request, { 'action.auto_create_index': true });
      assert.equal((await delivery).written, 1);
      await output.close();
      assert.equal((await allDocuments(bench.request, `imapwhy-profiles-${bench.config.namespace}-*`)).length, 1);
    });
  });

  test('503 as a whole: no master answers', async () => {
    const settings = {
      'discovery.type': 'multi-node',
      'cluster.initial_master_nodes': 'nobody',
      'node.name': 'alone',
      'discovery.initial_state_timeout': '1s',
    };
    const server = await startElasticsearch({ settings, own: true, healthy: false });
    const output = openElasticsearch(configFor(server.url, { requestTimeoutMs: 15_000 }), { closeDeadlineMs: 500 });
    try {
      const delivery = deliver(output, events(0, 10));
      const outcome = Promise.allSettled([delivery]);
      await until(() => (output.counters.troubles.get('overloaded') ?? 0) > 0);
      await assert.rejects(output.close(), { code: 'INDEX_UNAVAILABLE' });
      assert.equal((await outcome)[0]?.status, 'rejected');
    } finally {
      await output.close().catch(() => {}); // after a failure above it would try for ever
      await server.stop();
    }
  });

  test('500 i_o_exception of items, then 503: a full disk, which is emptied', async (t) => {
    const disk = smallDisk(t, 60_000_000);
    if (disk === undefined) return;
    await withServer({ data: join(disk, 'data') }, async (bench) => {
      const output = openElasticsearch({ ...bench.config, bodyBytes: 262_144 });
      await deliver(output, events(0, 100));
      const ballast = join(disk, 'ballast');
      await fill(ballast);
      const delivery = deliverParts(output, 20_000, 20);
      await until(() => output.counters.troubles.size > 0, 60_000);
      await rm(ballast);
      await delivery;
      await output.close();
      const { troubles } = output.counters;
      assert.ok((troubles.get('failing') ?? 0) + (troubles.get('overloaded') ?? 0) > 0);
      await assertStored(bench, 20_000);
    });
  });
});

describe('one Elasticsearch that refuses', () => {
  let bench: Bench;
  let stop: () => void;
  let running: Promise<void>;
  before(async () => {
    await new Promise<void>((ready, fail) => {
      running = withServer({}, (b) => {
        bench = b;
        ready();
        return new Promise<void>((end) => {
          stop = end;
        });
      });
      running.catch(fail);
    });
  });
  after(async () => {
    stop?.();
    await running;
  });

  const fresh = (more: Partial<ElasticsearchConfigInput> = {}) => {
    const namespace = uniqueNamespace();
    const config = configFor(bench.server.url, { namespace, ...more });
    return { config, stream: `logs-imapwhy.dovecot-${namespace}`, request: bench.request };
  };

  test('429 of a circuit breaker, which opens', async () => {
    const place = fresh();
    const output = openElasticsearch(place.config);
    await deliver(output, events(0, 10));
    await settle(bench.request, { 'network.breaker.inflight_requests.limit': '50kb' });
    const delivery = deliverParts(output, 3000, 3);
    await until(() => (output.counters.troubles.get('overloaded') ?? 0) > 0).finally(() =>
      settle(bench.request, { 'network.breaker.inflight_requests.limit': null }),
    );
    await delivery;
    await output.close();
    await assertStored(place, 3000);
  });

  test('403: a write block, which is lifted; other indices go on meanwhile', async () => {
    const place = fresh();
    const output = openElasticsearch(place.config);
    await deliver(output, events(0, 10));
    await bench.request('PUT', `/${place.stream}/_settings`, { 'index.blocks.write': true });
    const delivery = deliver(output, events(0, 500));
    await until(() => (output.counters.troubles.get('denied') ?? 0) > 0);
    const other = { ...event(1), document: { ...event(1).document, event: { id: 'o', dataset: 'haproxy.tcp' } } };
    assert.equal((await deliver(output, [other])).written, 1);
    await bench.request('PUT', `/${place.stream}/_settings`, { 'index.blocks.write': null });
    assert.deepEqual(await delivery, { written: 490, present: 10, refused: [] });
    await output.close();
    await assertStored(place, 500);
  });

  test('503 of items: a primary that is nowhere, until it may be somewhere', async () => {
    const place = fresh({ requestTimeoutMs: 6000 });
    await settle(bench.request, { 'cluster.routing.allocation.enable': 'none' });
    const output = openElasticsearch(place.config);
    const delivery = deliver(output, events(0, 100));
    try {
      await until(() => (output.counters.troubles.get('overloaded') ?? 0) > 0, 100_000);
    } finally {
      await settle(bench.request, { 'cluster.routing.allocation.enable': null });
    }
    const { written, present } = await delivery;
    assert.equal(written + present, 100);
    await output.close();
    await assertStored(place, 100);
  });

  test('400 of items: what does not fit the mapping comes back with the reason, the rest is written', async () => {
    const place = fresh();
    const output = openElasticsearch(place.config);
    const bad = [
      event(1000, { source: 'not an object' }),
      event(1001, { '@timestamp': 'yesterday' }),
      event(1002, { tls: { established: 'perhaps' } }),
      event(1003, { modsecurity: { rules: 'no objects' } }),
    ];
    const { written, refused } = await deliver(output, [...events(0, 500), ...bad, ...events(500, 500)]);
    await output.close();
    const left = refused.map((r) => [r.id, r.code, r.origin]);
    assert.deepEqual(left.slice(0, 2), [
      ['numbered-1000', 'bad_document', 'imapwhy.events/0/1000'],
      ['numbered-1001', 'bad_document', 'imapwhy.events/0/1001'],
    ]);
    assert.match(refused[0]?.reason ?? '', /400 document_parsing_exception: .*source/);
    assert.equal(written + refused.length, 1004);
    await assertStored(place, written);
  });

  test('what is only odd is taken: long texts, strange numbers and addresses, lone surrogates, unknown fields, prototype names', async () => {
    const place = fresh();
    const output = openElasticsearch(place.config);
    const odd = [
      event(1, { user: { name: 'u'.repeat(200_000) } }),
      event(2, { source: { ip: 'not an address', port: 'eighty' } }),
      event(3, { user: { name: '\ud800 alone', domain: '\udfff' } }),
      event(4, { unknown: { deep: { field: [1, 'two', { three: 3 }] } } }),
      event(5, JSON.parse('{"__proto__": {"x": 1}, "constructor": {"prototype": 2}}')),
      event(6, { modsecurity: { rules: [{ id: '1', 'a.b..c': 'x', '': 'empty', long: 'y'.repeat(50_000) }] } }),
      event(7, { event: { dataset: 'dovecot.login', original: 'z'.repeat(100_000), duration: 1e300 } }),
      event(8, { message: 'a "quoted"}}\n{"delete":{"_index":"x","_id":"1"}}\n\u2028' }),
    ];
    const { refused } = await deliver(output, odd);
    await output.close();
    assert.deepEqual(
      refused.map((r) => [r.id, r.reason]),
      [],
    );
    await assertStored(place, odd.length);
  });

  test('400 of a whole request: an id that is too long costs only its own document', async () => {
    const place = fresh();
    const output = openElasticsearch(place.config);
    const { written, refused } = await deliver(output, [...events(0, 50), { ...event(1), id: 'x'.repeat(513) }]);
    await output.close();
    assert.deepEqual([written, refused.map((r) => r.code)], [50, ['bad_id']]);
    await assertStored(place, 50);
  });

  describe('through a broken network', () => {
    const faults: readonly Fault[] = [
      'refuse',
      'reset-before',
      'reset-after',
      'cut-answer',
      'wrong-count',
      'hang',
      'hang-in-answer',
      'login-page',
      'busy-429',
      'gateway-502',
    ];
    for (const fault of faults)
      test(`${fault}: all documents once`, async () => {
        const proxy = await startFaultProxy(bench.server.url);
        const place = fresh({ nodes: [proxy.url], requestTimeoutMs: 1500, bodyBytes: 65_536 });
        const output = openElasticsearch(place.config);
        try {
          await deliver(output, events(0, 10));
          proxy.fail(fault, 4);
          await deliverParts(output, 2000, 4);
          assert.equal(proxy.failed, 4, 'each fault met a request');
          assert.ok(output.counters.repeated > 0);
          await assertStored(place, 2000);
        } finally {
          await output.close();
          await proxy.close();
        }
      });
  });

  test('an outage of the sink: memory stays where it is, and all comes in afterwards', async () => {
    const proxy = await startFaultProxy(bench.server.url);
    const place = fresh({ nodes: [proxy.url], bodyBytes: 65_536, pendingBytesMax: 1_000_000 });
    const output = openElasticsearch(place.config, { closeDeadlineMs: 60_000 });
    try {
      proxy.fail('refuse', Number.POSITIVE_INFINITY);
      let most = 0;
      const deliveries = Array.from({ length: 100 }, (_, i) => deliver(output, events(i * 200, 200)));
      for (let i = 0; i < 20; i++) {
        await sleep(100);
        most = Math.max(most, output.pendingBytes);
      }
      assert.ok(output.saturated);
      assert.ok(most < 1_010_000, `${most} bytes`);
      proxy.fail('none', 0);
      await Promise.all(deliveries);
      await assertStored(place, 20_000);
    } finally {
      await output.close();
      await proxy.close();
    }
  });
});

async function until(condition: () => boolean, limitMs = 30_000): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > limit) throw new Error('it did not come about');
    await sleep(20);
  }
}

/** Writes until the disk is full. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'a');
  try {
    for (let size = 65_536; size >= 4096; ) {
      try {
        await file.write(Buffer.alloc(size));
      } catch {
        size /= 2; // the rest of it in smaller pieces
      }
    }
  } finally {
    await file.close();
  }
}
