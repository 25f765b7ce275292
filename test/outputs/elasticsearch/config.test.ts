import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as v from 'valibot';
import { elasticsearchConfig } from '../../../outputs/elasticsearch/config.ts';
import { readSecret } from '../../../outputs/elasticsearch/connection.ts';

const problem = (input: unknown): string => {
  const result = v.safeParse(elasticsearchConfig, input);
  return result.success ? 'fine' : result.issues.map((i) => `${v.getDotPath(i) ?? ''}: ${i.message}`).join('; ');
};

describe('the section elasticsearch of a configuration', () => {
  it('needs only an address or a cloud id', () => {
    assert.equal(problem({ nodes: ['https://es:9200'] }), 'fine');
    assert.equal(problem({ cloudId: 'name:abc' }), 'fine');
    assert.match(problem({}), /either `nodes` or `cloudId`/);
    assert.match(problem({ nodes: ['https://es:9200'], cloudId: 'x' }), /either `nodes` or `cloudId`/);
  });

  it('says what is wrong where', () => {
    const nodes = ['https://es:9200'];
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ nodes: ['es:9200'] }, /nodes\.0: an address like/],
      [{ nodes: ['https://u:p@es:9200'] }, /nodes\.0: no password in the address/],
      [{ nodes, namespace: 'a-b' }, /namespace: small letters/],
      [{ nodes, namespace: 'Prod' }, /namespace: small letters/],
      [{ nodes, auth: { apiKey: 'secret' } }, /auth: write `\{ api_key/],
      [{ nodes, bodyBytes: 10 }, /bodyBytes/],
      [{ nodes, requestMax: 3 }, /requestMax/],
    ];
    for (const [input, message] of cases) assert.match(problem(input), message);
  });

  it('takes secrets from the environment or a file only', () => {
    assert.equal(problem({ nodes: ['https://es:9200'], auth: { username: 'u', password: { env: 'X' } } }), 'fine');
    process.env.IMAPWHY_TEST_SECRET = 's3cret';
    assert.equal(readSecret({ env: 'IMAPWHY_TEST_SECRET' }, 'auth.apiKey'), 's3cret');
    assert.throws(
      () => readSecret({ env: 'IMAPWHY_NOT_SET' }, 'auth.apiKey'),
      /auth\.apiKey.*IMAPWHY_NOT_SET is not set/,
    );
    assert.throws(
      () => readSecret({ file: '/nonexistent/key' }, 'auth.apiKey'),
      /auth\.apiKey: \/nonexistent\/key cannot be read/,
    );
  });
});
