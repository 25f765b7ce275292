/** The output against a real Elasticsearch: the contract of outputs, the whole sample without a rejection and back again, replays, a rollover, kill -9. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { openElasticsearch } from '../../outputs/elasticsearch/elasticsearch.ts';
import type { EventDocument, OutputBatch } from '../../outputs/output.ts';
import type { Incident } from '../../processors/profile/incident.ts';
import type { Profile } from '../../processors/profile/profile.ts';
import { testOutput } from '../contract/output.ts';
import { type ElasticsearchServer, startElasticsearch, uniqueNamespace } from './elasticsearch.ts';
import { allDocuments, configFor, installTemplates, type Stored } from './elasticsearch-setup.ts';
import { analyzedSample } from './sample.ts';

describe('Elasticsearch', () => {
  let server: ElasticsearchServer;
  let request: Request;
  let disconnect: () => Promise<void>;
  before(async () => {
    server = await startElasticsearch();
    const connection = connect(configFor(server.url));
    request = connection.request;
    disconnect = connection.close;
    await installTemplates(configFor(server.url));
  });
  after(async () => {
    await disconnect?.();
    await server?.stop();
  });

  testOutput({
    name: 'the Elasticsearch output',
    async open() {
      const namespace = uniqueNamespace();
      return {
        output: openElasticsearch(configFor(server.url, { namespace })),
        read: async () => ({
          profiles: sources<Profile>(await allDocuments(request, `imapwhy-profiles-${namespace}-*`)),
          events: sources<EventDocument['document']>(await allDocuments(request, `logs-imapwhy.*-${namespace}`)),
          incidents: sources<Incident>(await allDocuments(request, `imapwhy-incidents-${namespace}-*`)),
        }),
      };
    },
  });

  test('takes every document of the sample, gives it back as it was, and a replay changes nothing', async () => {
    const namespace = uniqueNamespace();
    const { batch } = await analyzedSample();
    const total = batch.events.length + batch.profiles.length + batch.incidents.length;
    assert.ok(total > 60_000);
    for (const expected of [
      { written: total, present: 0, refused: [] },
      { written: 0, present: total, refused: [] },
    ]) {
      const output = openElasticsearch(configFor(server.url, { namespace }));
      assert.deepEqual(await output.deliver(batch), expected);
      await output.close();
    }
    const stored = new Map<string, Stored>();
    for (const pattern of [
      `logs-imapwhy.*-${namespace}`,
      `imapwhy-profiles-${namespace}-*`,
      `imapwhy-incidents-${namespace}-*`,
    ])
      for (const document of await allDocuments(request, pattern)) stored.set(document.id, document);
    assert.equal(stored.size, total);
    const wanted = [
      ...batch.events.map((e) => [e.id, e.document] as const),
      ...batch.profiles.map((p) => [p.imapwhy.session.id, p] as const),
      ...batch.incidents.map((i) => [i.imapwhy.incident.id, i] as const),
    ];
    for (const [id, document] of wanted) assert.deepEqual(stored.get(id)?.source, document);
    const ignored = await request('POST', `/logs-imapwhy.*-${namespace},imapwhy-*-${namespace}-*/_count`, {
      query: { exists: { field: '_ignored' } },
    });
    assert.equal((ignored.body as { count: number }).count, 0, 'no value was too long or malformed for its field');
  });

  test('a replay after a rollover finds the older copies, a lost answer leaves no second one', async () => {
    const namespace = uniqueNamespace();
    const stream = `logs-imapwhy.dovecot-${namespace}`;
    const events = (from: number, count: number): OutputBatch => ({
      events: Array.from({ length: count }, (_, i) => minuteEvent(from + i)),
      profiles: [],
      incidents: [],
    });
    const write = async (batch: OutputBatch) => {
      const output = openElasticsearch(configFor(server.url, { namespace }));
      const { written, present } = await output.deliver(batch);
      await output.close();
      return [written, present];
    };
    assert.deepEqual(await write(events(0, 500)), [500, 0]);
    assert.equal((await request('POST', `/${stream}/_rollover`)).status, 200);
    assert.deepEqual(await write(events(250, 500)), [250, 250]);
    const open = openElasticsearch(configFor(server.url, { namespace }));
    assert.equal((await open.deliver(events(1000, 100))).written, 100);
    assert.equal((await request('POST', `/${stream}/_rollover`)).status, 200);
    assert.deepEqual(await open.deliver(events(900, 200)), { written: 100, present: 100, refused: [] });
    await open.close();
    const all = await allDocuments(request, stream);
    assert.equal(all.length, 950);
    assert.equal(new Set(all.map((d) => d.id)).size, 950);
    assert.equal(new Set(all.map((d) => d.index)).size, 3);
  });

  test('kill -9 of the server in the middle of bulks, again and again: afterwards the set of documents is right', async () => {
    const own = await startElasticsearch({ own: true });
    try {
      const namespace = uniqueNamespace();
      const config = configFor(own.url, { namespace, bodyBytes: 65_536, requestTimeoutMs: 10_000 });
      await installTemplates(config);
      const output = openElasticsearch(config, { closeDeadlineMs: 120_000 });
      const total = 40_000;
      let killedInFlight = 0;
      let delivering = true;
      const deliveries = Promise.all(
        Array.from({ length: 40 }, (_, part) =>
          output.deliver({
            events: Array.from({ length: total / 40 }, (_, i) => minuteEvent(part * 1000 + i)),
            profiles: [],
            incidents: [],
          }),
        ),
      ).finally(() => {
        delivering = false;
      });
      for (let kill = 0; kill < 3 && delivering; kill++) {
        const before = output.counters.written;
        while (delivering && output.counters.written < before + 3000) await sleep(5);
        if (output.pendingBytes > 0) killedInFlight++;
        await own.kill();
        await own.restart();
      }
      const results = await deliveries;
      await output.close();
      assert.ok(killedInFlight >= 2, `killed ${killedInFlight} times while documents were on their way`);
      assert.equal(results.flatMap((r) => r.refused).length, 0);
      assert.equal(
        results.reduce((sum, r) => sum + r.written + r.present, 0),
        total,
      );
      const connection = connect(config);
      const ids = (await allDocuments(connection.request, `logs-imapwhy.*-${namespace}`)).map((d) => d.id);
      await connection.close();
      assert.equal(ids.length, total);
      assert.equal(new Set(ids).size, total);
    } finally {
      await own.stop();
    }
  });
});

const sources = <T>(documents: readonly Stored[]): readonly T[] => documents.map((d) => d.source as unknown as T);

function minuteEvent(n: number): EventDocument {
  const at = new Date(Date.UTC(2026, 2, 1, 0, n)).toISOString();
  const document = {
    '@timestamp': at,
    ecs: { version: '9.4.0' },
    event: { id: `numbered-${n}`, kind: 'event', dataset: 'dovecot.login', action: 'logged-in', original: `line ${n}` },
    source: { ip: `203.0.113.${n % 250}`, port: 1024 + (n % 60_000) },
  };
  return { id: `numbered-${n}`, session: undefined, document };
}
