/** The web page's questions to a real cluster: the same answers as the embedded store gives, and the pages over it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { serve } from '../../cli/serve.ts';
import { addressRange } from '../../outputs/elasticsearch/address-range.ts';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { openElasticsearch } from '../../outputs/elasticsearch/elasticsearch.ts';
import { clusterSearch } from '../../outputs/elasticsearch/search.ts';
import { demand } from '../../outputs/elasticsearch/setup/cluster.ts';
import type { SearchPosition } from '../../outputs/search.ts';
import { openStore, type Store } from '../../outputs/sqlite.ts';
import { parseQuery } from '../../web/query.ts';
import { sampleIncidents } from '../incidents.ts';
import { hostileSession, idleTimeoutSession, sampleDay, sampleSessions } from '../profiles.ts';
import { type ElasticsearchServer, startElasticsearch, uniqueNamespace } from './elasticsearch.ts';
import { configFor, installTemplates } from './elasticsearch-setup.ts';

const sessions = [
  ...new Map([...sampleDay(), ...sampleSessions()].map((s) => [s.profile.imapwhy.session.id, s])).values(),
];
const idle = idleTimeoutSession();

const QUESTIONS = [
  '',
  'is:failed',
  'cause:network.*',
  '-layer:network is:failed',
  `user:${idle.profile.user.name}`,
  `user:${(idle.profile.user.name ?? '').split('@')[0]?.toUpperCase()}`,
  'user:a*',
  `client:${idle.profile.client.ip}`,
  `client:${(idle.profile.client.ip ?? '').replace(/\d+$/, '')}*`,
  'client:nonsense',
  'client:nonsense*',
  `server:${idle.profile.host.name}`,
  'phase:tls',
  `dovecot:<${idle.profile.imapwhy.session.dovecot_id}>`,
  `id:${idle.profile.imapwhy.session.id.slice(0, 6)}*`,
  'owner:operations outcome:timeout',
  'since:1h',
  'since:6h until:1h',
  '"Disconnected"',
  '"no such words in any line"',
  `user:"${hostileSession().profile.user.name?.replace(/["\\]/g, '\\$&')}"`,
];

describe('search in Elasticsearch', () => {
  const namespace = uniqueNamespace();
  let server: ElasticsearchServer;
  let request: Request;
  let disconnect: () => Promise<void>;
  let folder: string;
  let store: Store;

  before(async () => {
    server = await startElasticsearch();
    const config = configFor(server.url, { namespace });
    ({ request, close: disconnect } = connect(config));
    await installTemplates(configFor(server.url));
    folder = await mkdtemp(join(tmpdir(), 'imapwhy-search-'));
    store = openStore(join(folder, 'imapwhy.db'));
    const batch = {
      profiles: sessions.map((s) => s.profile),
      events: sessions.flatMap((s) => s.events),
      incidents: sampleIncidents(),
    };
    await store.write(batch);
    while (store.indexLines(1000) > 0);
    const output = openElasticsearch(config);
    const { refused } = await output.deliver(batch);
    assert.deepEqual(refused, []);
    await output.close();
    demand(await request('POST', `/*-${namespace}*/_refresh`), 'refreshing');
  });
  after(async () => {
    await store?.close();
    await disconnect?.();
    await server?.stop();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  const parsed = (text: string) => parseQuery(text, { now: store.search.period()?.last ?? 0, zone: 'UTC' }).query;

  for (const question of QUESTIONS)
    it(`answers ${question === '' ? '(all)' : question} as the embedded store does`, async () => {
      const cluster = clusterSearch(request, namespace);
      const query = parsed(question);
      const ids: string[] = [];
      let after: SearchPosition | undefined;
      do {
        const page = await cluster.page(query, 100, after);
        ids.push(...page.profiles.map((p) => p.imapwhy.session.id));
        after = page.next;
      } while (after);
      const expected = store.search.page(query, 10_000).profiles.map((p) => p.imapwhy.session.id);
      assert.deepEqual(ids, expected);
      const [here, there] = [store.search.counts(query), await cluster.counts(query)];
      assert.equal(there.sessions, here.sessions);
      assert.deepEqual(there.histogram, here.histogram);
      // The embedded store counts users by the name without domain, and takes the server's address where it has no name.
      const compared = (counts: typeof here) =>
        counts.facets
          .filter((f) => ['outcome', 'cause', 'owner', 'phase'].includes(f.field))
          .map((f) => [f.field, ...f.values.map((v) => `${v.value} ${v.sessions}`).sort()]);
      assert.deepEqual(compared(there), compared(here));
    });

  it('says the same of a namespace that nothing was written to', async () => {
    const nothing = clusterSearch(request, uniqueNamespace());
    assert.equal(await nothing.period(), undefined);
    assert.deepEqual((await nothing.page(parsed('is:failed'), 10)).profiles, []);
    assert.equal((await nothing.counts(parsed(''))).sessions, 0);
  });

  it('shows it as pages, and keeps there what a person says', async () => {
    const config = join(folder, 'imapwhy.yaml');
    await writeFile(config, `elasticsearch:\n  nodes: [${server.url}]\n  namespace: ${namespace}\n`);
    const service = await serve({
      config,
      listen: '127.0.0.1:0',
      store: join(folder, 'desk.db'),
      accounts: join(folder, 'none.json'),
    });
    try {
      const get = async (path: string): Promise<string> => {
        const response = await fetch(`${service.url}${path}`);
        assert.equal(response.status, 200, path);
        return response.text();
      };
      const id = idle.profile.imapwhy.session.id;
      assert.match(await get('/?hours=168'), /Connection success rate/);
      assert.match(await get('/search?q=is%3Afailed'), new RegExp(`/session/${id}`));
      assert.match(await get(`/incident/${sampleIncidents()[0]?.imapwhy.incident.id}`), /Evidence in common/);
      const line = String((idle.events[0]?.document.event as { original?: string } | undefined)?.original).slice(0, 15);
      assert.ok((await get(`/session/${id}`)).includes(line), line);
      const said = await fetch(`${service.url}/session/${id}/feedback`, {
        method: 'POST',
        redirect: 'manual',
        headers: { Origin: service.url },
        body: new URLSearchParams({ label: 'client.no_auth', by: 'Ola' }),
      });
      assert.equal(said.status, 302);
      assert.match(await get(`/session/${id}`), /as a person said/);
      assert.equal((await fetch(`${service.url}/waf`)).status, 404);
    } finally {
      await service.close();
    }
  });
});

describe('addressRange', () => {
  it('makes networks of beginnings, and nothing of other text', () => {
    for (const [text, isPrefix, range] of [
      ['198.51.100.7', false, '198.51.100.7'],
      ['198.51.100.', true, '198.51.100.0/24'],
      ['198.', true, '198.0.0.0/8'],
      ['2001:db8:0:1:', true, '2001:db8:0:1::/64'],
      ['2001:db8::5', true, '2001:db8::5'],
      ['198.51.100', true, undefined],
      ['999.', true, undefined],
      ['x', false, undefined],
      [':', true, undefined],
      ['::', true, '::'],
    ] as const)
      assert.equal(addressRange(text, isPrefix), range, text);
  });
});
