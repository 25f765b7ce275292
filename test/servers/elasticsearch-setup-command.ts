/** `imapwhy setup` on a real Elasticsearch; Kibana's import is played by a double, because Kibana cannot run here. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect, type Request } from '../../outputs/elasticsearch/connection.ts';
import { command, type Finished } from './command.ts';
import { type ElasticsearchServer, startElasticsearch } from './elasticsearch.ts';
import { configFor } from './elasticsearch-setup.ts';

const repository = join(import.meta.dirname, '..', '..');

describe('imapwhy setup', () => {
  let server: ElasticsearchServer;
  let request: Request;
  let disconnect: () => Promise<void>;
  const setup = (...args: readonly string[]): Promise<Finished> =>
    command(process.execPath, ['cli/main.ts', 'setup', '--elasticsearch', server.url, ...args], { cwd: repository });
  before(async () => {
    server = await startElasticsearch({ own: true }); // its templates are changed on purpose
    ({ request, close: disconnect } = connect(configFor(server.url)));
  });
  after(async () => {
    await disconnect?.();
    await server?.stop();
  });

  test('--dry-run prints the requests and changes nothing', async () => {
    const { code, stdout } = await setup('--dry-run');
    assert.equal(code, 0);
    assert.match(stdout, /^PUT \/_component_template\/imapwhy-ecs%40mappings$/m);
    assert.match(stdout, /^PUT \/_index_template\/imapwhy-profiles$/m);
    assert.equal((await request('GET', '/_index_template/imapwhy-*')).status, 404);
    assert.equal((await request('GET', '/_component_template/imapwhy*')).status, 404);
  });

  test('says what it found and chose, and puts everything', async () => {
    const { code, stdout } = await setup();
    assert.equal(code, 0);
    assert.match(stdout, /^Elasticsearch 8\.\d+\.\d+: using no lifecycle.*; plain field types only$/m);
    assert.match(stdout, /^new {8}component template imapwhy@settings$/m);
    assert.match(stdout, /^Kibana {5}not named\. Import deploy\/kibana\/imapwhy\.ndjson/m);
    assert.doesNotMatch(stdout, /unchanged|renewed/);
  });

  test('a second time it finds everything there, and --diff shows nothing', async () => {
    const { stdout } = await setup();
    assert.match(stdout, /^unchanged {2}index template imapwhy-events$/m);
    assert.doesNotMatch(stdout, /^(new|renewed)/m);
    const diff = await setup('--diff');
    assert.equal(diff.code, 0);
    assert.doesNotMatch(diff.stdout, /^ {2}[+-]/m);
  });

  test('what somebody changed by hand is shown by --diff, and renewed', async () => {
    const path = '/_component_template/imapwhy%40settings';
    const there = (await request('GET', path)).body as {
      component_templates: { component_template: { template: { settings: { index: object } } } }[];
    };
    const body = there.component_templates[0]?.component_template;
    assert.ok(body);
    const { created_date, modified_date, created_date_millis, modified_date_millis, ...template } = body as Record<
      string,
      unknown
    >;
    const changed = {
      ...template,
      template: { settings: { index: { ...body.template.settings.index, refresh_interval: '30s' } } },
    };
    assert.equal((await request('PUT', path, changed)).status, 200);
    const diff = await setup('--diff');
    assert.match(
      diff.stdout,
      /^differs {4}component template imapwhy@settings\n {2}- template\.settings\.index\.refresh_interval: 30s\n {2}\+ template\.settings\.index\.refresh_interval: 2s$/m,
    );
    assert.match((await setup()).stdout, /^renewed {4}component template imapwhy@settings$/m);
    assert.doesNotMatch((await setup('--diff')).stdout, /^ {2}[+-]/m);
  });

  test('the site has a place for its own settings, which is left alone', async () => {
    const custom = { template: { settings: { index: { number_of_replicas: 0 } } } };
    assert.equal((await request('PUT', '/_component_template/imapwhy-events%40custom', custom)).status, 200);
    await setup();
    const simulated = await request('POST', '/_index_template/_simulate_index/logs-imapwhy.dovecot-default');
    assert.match(JSON.stringify(simulated.body), /"number_of_replicas":"0"/);
  });

  test('what a newer release put there is not undone', async () => {
    const path = '/_index_template/imapwhy-incidents';
    const body = {
      index_patterns: ['imapwhy-incidents-*'],
      priority: 300,
      _meta: { managed_by: 'imapwhy', version: 999 },
    };
    assert.equal((await request('PUT', path, body)).status, 200);
    const { code, stdout } = await setup();
    assert.equal(code, 0);
    assert.match(stdout, /^left {7}index template imapwhy-incidents$/m);
    assert.match(JSON.stringify((await request('GET', path)).body), /"version":999/);
  });

  test('a name that is taken by somebody else is left alone, and said', async () => {
    const path = '/_index_template/imapwhy-profiles';
    const body = { index_patterns: ['something-else-*'], priority: 1 };
    assert.equal((await request('PUT', path, body)).status, 200);
    const { code, stdout, stderr } = await setup();
    assert.equal(code, 1);
    assert.match(stdout, /^NOT OURS {3}index template imapwhy-profiles$/m);
    assert.match(stderr, /names are taken by templates that are not ours/);
    assert.match(JSON.stringify((await request('GET', path)).body), /something-else/);
  });

  test('indices that exist get new fields, and no document is touched', async () => {
    await request('DELETE', '/_index_template/imapwhy-profiles');
    await setup();
    const index = 'imapwhy-incidents-default-2026.01'; // its template is the one of the newer release above, without fields
    await request('PUT', `/${index}/_doc/1`, { '@timestamp': '2026-01-02T00:00:00.000Z', imapwhy: { revision: 1 } });
    await request('DELETE', '/_index_template/imapwhy-incidents');
    assert.equal((await setup()).code, 0);
    const mapping = JSON.stringify((await request('GET', `/${index}/_mapping`)).body);
    assert.match(mapping, /"incident":\{"properties":\{"cause":\{"type":"keyword"/);
    assert.equal((await request('GET', `/${index}/_doc/1`)).status, 200);
  });

  test('--keep-days takes whole days only', async () => {
    assert.equal((await setup('--keep-days', '0')).code, 2);
    assert.equal((await setup('--keep-days', 'ten')).code, 2);
  });

  describe('with Kibana (a double that checks what an import has to be)', () => {
    let kibana: Server;
    let url: string;
    let received: { path: string; headers: IncomingMessage['headers']; lines: readonly string[] } | undefined;
    let reply: { status: number; body: object };
    before(async () => {
      kibana = createServer((incoming, answer) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('end', () => {
          const body = text
            .split('\r\n\r\n')
            .slice(1)
            .join('\r\n\r\n')
            .replace(/\r\n--[\s\S]*$/, '');
          received = { path: incoming.url ?? '', headers: incoming.headers, lines: body.trim().split('\n') };
          answer.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body));
        });
      });
      await new Promise<void>((resolve) => kibana.listen(0, '127.0.0.1', resolve));
      const address = kibana.address();
      url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
    });
    after(() => kibana.close());

    test('imports all objects in one file, into the space', async () => {
      reply = { status: 200, body: { success: true, successCount: 56 } };
      const { code, stdout } = await setup(
        '--kibana',
        url,
        '--space',
        'mail',
        '--session-url',
        'https://why.example.org/s/{{value}}',
      );
      assert.equal(code, 0);
      assert.match(stdout, /^imported {3}56 saved objects into Kibana at http/m);
      assert.equal(received?.path, '/s/mail/api/saved_objects/_import?overwrite=true');
      assert.ok(received?.headers['kbn-xsrf']);
      const objects = received.lines.map((line) => JSON.parse(line));
      assert.ok(objects.filter((o) => o.type === 'dashboard').length >= 6);
      assert.match(received.lines.join('\n'), /https:\/\/why\.example\.org\/s\//);
    });

    test('says which objects Kibana did not take', async () => {
      const errors = [{ type: 'lens', id: 'imapwhy-causes', error: { type: 'unsupported_type' } }];
      reply = { status: 200, body: { success: false, successCount: 55, errors } };
      const { code, stderr } = await setup('--kibana', url);
      assert.equal(code, 1);
      assert.match(stderr, /did not take all objects: lens imapwhy-causes: unsupported_type/);
    });

    test('says what is wrong when it may not', async () => {
      reply = { status: 403, body: { statusCode: 403, message: 'Forbidden' } };
      const { code, stderr } = await setup('--kibana', url);
      assert.equal(code, 1);
      assert.match(stderr, /answered 403: Forbidden\. Its user needs the right to manage saved objects/);
    });
  });

  test('says what to do when nobody answers', async () => {
    const args = ['cli/main.ts', 'setup', '--elasticsearch', 'http://127.0.0.1:1'];
    const { code, stderr } = await command(process.execPath, args, { cwd: repository });
    assert.equal(code, 1);
    assert.match(stderr, /Elasticsearch cannot be reached: .*ECONNREFUSED.*Check the address/);
  });
});
