import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type TargetOptions, targetsFrom } from '../../cli/elasticsearch-options.ts';
import { temporaryFolder } from '../outputs/small-disk.ts';

const es = 'https://es:9200';

describe('which clusters a command speaks to', () => {
  test('from options, with the same credentials for Kibana', () => {
    const { elasticsearch, kibana } = targetsFrom({
      elasticsearch: `${es},https://es2:9200`,
      kibana: 'https://kibana:5601',
      apiKey: 'env:KEY',
      ca: 'ca.pem',
      namespace: 'prod',
    });
    assert.deepEqual(elasticsearch.nodes, [es, 'https://es2:9200']);
    assert.equal(elasticsearch.namespace, 'prod');
    assert.deepEqual([elasticsearch.auth, kibana?.auth], [{ apiKey: { env: 'KEY' } }, { apiKey: { env: 'KEY' } }]);
    assert.deepEqual([elasticsearch.tls?.ca, kibana?.tls?.ca], ['ca.pem', 'ca.pem']);
  });

  test('from a file, where options say more', (t) => {
    const file = join(temporaryFolder(t), 'run.yml');
    writeFileSync(
      file,
      `kafka: {}\nelasticsearch: { nodes: ['${es}'] }\nkibana: { url: 'http://a:5601', space: mail }\n`,
    );
    assert.equal(targetsFrom({ config: file }).kibana?.url, 'http://a:5601');
    const { kibana, elasticsearch } = targetsFrom({ config: file, kibana: 'http://b:5601' });
    assert.deepEqual([kibana?.url, kibana?.space, elasticsearch.nodes], ['http://b:5601', 'mail', [es]]);
  });

  test('wrong use is told in a sentence', (t) => {
    const folder = temporaryFolder(t);
    const file = (text: string): string => {
      const path = join(folder, `${text.length}.yml`);
      writeFileSync(path, text);
      return path;
    };
    const cases: readonly (readonly [TargetOptions, RegExp])[] = [
      [{}, /say where/],
      [{ elasticsearch: es, cloudId: 'x' }, /say where/],
      [{ elasticsearch: es, user: 'u' }, /--user and --password belong together/],
      [{ elasticsearch: es, user: 'u', password: 'p' }, /env:NAME or file:PATH/],
      [{ elasticsearch: es, space: 'mail' }, /--kibana URL/],
      [{ elasticsearch: es, kibana: 'kibana' }, /kibana\.url: an address like/],
      [{ elasticsearch: es, kibana: 'http://k', sessionUrl: 'http://w' }, /session_url: .*\{\{value\}\}/],
      [{ config: file('just text') }, /has no sections/],
      [{ config: file('a: [1') }, /is no YAML/],
      [{ config: file('kafka:   {}') }, /elasticsearch: /],
    ];
    for (const [options, message] of cases) assert.throws(() => targetsFrom(options), message);
  });
});
